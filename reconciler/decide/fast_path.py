"""What the asset list alone can decide: that an entry is in sync. Everything else takes the details."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from reconciler.decide.picture_id import PictureId, picture
from reconciler.model import Desired, SetName

Evidence = Literal["url", "memory"]
Snapshots = Mapping[SetName, Sequence[tuple[int, str]]]
"""For each set (offset, path) in order of index."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One asset as the asset list shows it. `cover_url` is "" where there is no cover."""

    title: str
    cover_url: str = field(repr=False)
    thumbnail_status: str


def evidence_of_sync(desired: Desired, listed: Listed, remembered: Snapshots | None) -> Evidence | None:
    """What shows that an entry is in sync: the cover's URL alone, or that and the remembered snapshots.

    An entry by offset is decided by the URL, since snapshot files are named after their offset; memory can
    only contradict it. None: the list cannot decide.
    """
    shown = picture(listed.cover_url)
    if shown is None or shown.asset_id != desired.asset_id:
        return None
    if listed.thumbnail_status not in ("", "THUMBNAIL_SUCCEED"):
        return None
    wanted = _remembered(desired, remembered) if remembered is not None else None
    if desired.offset is None:
        return "memory" if wanted == shown else None
    named = re.fullmatch(rf"snapshot/{desired.set}/{desired.offset}\.[A-Za-z0-9]+", shown.path)
    return "url" if named and (remembered is None or wanted == shown) else None


def _remembered(desired: Desired, remembered: Snapshots) -> PictureId | None:
    """The picture that an entry wanted when the snapshots were read."""
    found = remembered.get(desired.set, ())
    if desired.offset is not None:
        path = next((path for offset, path in found if offset == desired.offset), "")
    else:
        index = desired.index if desired.index is not None else 0
        path = found[index][1] if -len(found) <= index < len(found) else ""
    return picture(f"https://any/asset/{desired.asset_id}/{path}") if path else None
