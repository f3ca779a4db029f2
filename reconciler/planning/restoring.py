"""The way back to a cover that was none of its asset's snapshots: the picture that was saved, uploaded again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from reconciler.decide.equality import not_visible_yet
from reconciler.decide.verdict import unknown
from reconciler.errors import StateError
from reconciler.model import SNAPSHOTS_IN_PROGRESS, Content, Cover, Desired, NoAnswer, Observed, Verdict
from reconciler.observe.picture_answers import MOST_BYTES
from reconciler.planning.planner import Planner
from reconciler.planning.shown_cover import shown_cover
from reconciler.vod.uploads import Kind, kind_of

_BY_HAND = "upload it in the console"
_OTHER_WAYS = "bring that file back and run this again, or upload the picture in the console."


class SavedCovers(Protocol):
    """Where covers are saved before they are replaced."""

    async def saved_cover(self, asset_id: str, sha256: str) -> Path | None:
        """A file with a cover that was saved; raises StateError where the shared state does not answer."""

    def changed_cover(self, asset_id: str, sha256: str) -> Path | None:
        """A file that it was saved in, and that has other bytes now."""


@dataclass(frozen=True, slots=True)
class SavedPicture:
    """A cover that was saved, and can be uploaded."""

    file: str
    kind: Kind
    data: bytes = field(repr=False)


async def find(saved: SavedCovers, asset_id: str, cover: Cover, noted: str | None = None) -> SavedPicture | str:
    """The saved picture of a cover whose bytes are known, or why there is none that could be uploaded, and what to
    do, in a sentence.

    Args:
        noted: where it was saved, as the journal says.
    """
    sha256 = cover.content.sha256 if cover.content is not None else ""
    try:
        file = await saved.saved_cover(asset_id, sha256)
    except StateError as error:
        return f"Where it was saved cannot be read: {error.text}"
    if file is not None:
        return read(str(file), cover.content)
    changed = saved.changed_cover(asset_id, sha256)
    if changed is not None:
        return f"It was saved in {changed}, but that file has other bytes now (another SHA-256): {_OTHER_WAYS}"
    return "It was not saved." if noted is None else f"It was saved in {noted}, but that file is gone: {_OTHER_WAYS}"


def read(file: str, content: Content | None) -> SavedPicture | str:
    """What a saved file holds, or why it cannot be uploaded.

    Args:
        content: what it has to hold.
    """
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        return f"It was saved in {file}, which cannot be read ({error.strerror}): {_OTHER_WAYS}"
    if content is None or hashlib.sha256(data).hexdigest() != content.sha256:
        return f"It was saved in {file}, but that file has other bytes now (another SHA-256): {_OTHER_WAYS}"
    kind = kind_of(data)
    if kind is None:
        return f"It is saved in {file}, and is neither a JPEG nor a PNG picture: {_BY_HAND}."
    return SavedPicture(file, kind, data)


async def check(
    planner: Planner, desired: Desired, wanted: Cover, observed: Observed | NoAnswer | None = None
) -> Verdict:
    """Whether the cover has the wanted bytes: in_sync, update or unknown. The `before` of an update is what it is
    now: a snapshot, or none of them.

    Args:
        desired: an entry without a number.
        observed: the asset, where it was read already; otherwise this costs one details call.

    Raises:
        AuthenticationError, UnreachableError: no other asset would fare better.
    """
    if observed is None:
        observed = await planner.observe(desired.asset_id)
    if isinstance(observed, NoAnswer):
        return unknown(desired, observed)
    # The URL of an uploaded cover says nothing, whatever `--compare` says.
    shown = await shown_cover(planner, observed)
    if isinstance(shown, NoAnswer):
        return unknown(desired, shown, observed.title)
    recent = planner.recent.get(observed.asset_id)
    coming = recent is not None and not_visible_yet(recent.old_covers, recent.after, shown)
    now = recent.after if recent is not None and coming else shown
    if now.content is not None and now.content == wanted.content:
        return Verdict(desired, "in_sync", observed.title, before=now, after=wanted)
    if observed.thumbnail_status == SNAPSHOTS_IN_PROGRESS:
        message = "Its snapshots are being taken, which may change the cover. Run again when that is done."
        return unknown(desired, NoAnswer("snapshots_in_progress", message), observed.title)
    return Verdict(
        desired,
        "update",
        observed.title,
        before=now,
        after=wanted,
        cover_url=observed.cover_url,
        shown=shown if coming else None,
        snapshots=observed.snapshots if planner.keep_snapshots else (),
    )
