"""The entry that says of an asset what it shows; for import."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from reconciler.decide.equality import same_cover
from reconciler.decide.picture_id import picture
from reconciler.decide.verdict import choose
from reconciler.desired.render import NewEntry
from reconciler.model import SNAPSHOTS_IN_PROGRESS, Cover, Desired, NoAnswer, Observed, Reason, Snapshot
from reconciler.planning import content as compare
from reconciler.planning.planner import Planner
from reconciler.state.runs import PastChange
from reconciler.util.sanitize import hide

_NONE = (
    "its cover is none of its snapshots, byte for byte "
    "(one that the service re-encoded is recognised only after `apply --wait`)"
)
_FOREIGN = "the service gives it snapshots of another asset; its cover is none of its own"
_PENDING = "A cover was applied to it less than five minutes ago and is not visible yet: add it later with --update."


@dataclass(frozen=True, slots=True)
class Later:
    """Why there can't be an entry today."""

    reason: Reason | Literal["pending"]
    message: str


async def entry_for(planner: Planner, seen: Observed) -> NewEntry | Later:
    """The entry that is in sync with what the asset shows, or `ignore: true` with the reason where it is certain that
    there is none."""
    applied = planner.recent.get(seen.asset_id)
    nothing = _nothing_to_compare(seen)
    if nothing and applied is None:
        return _ignored(seen, nothing)
    found = await _identified(planner, seen, applied.after if applied is not None else None)
    if applied is not None and _unsettled(found.cover, applied):
        return Later("pending", _PENDING)
    return _ignored(seen, nothing) if nothing else _entry(seen, found)


async def _identified(planner: Planner, seen: Observed, coming: Cover | None) -> compare.Identified:
    """Its cover: of snapshots that are the same picture, the one that was applied a moment ago."""
    if coming is not None:
        applied_first = sorted(seen.snapshots, key=lambda snapshot: snapshot.ref != coming.snapshot)
        seen = replace(seen, snapshots=tuple(applied_first))
    return await compare.identify_cover(seen, planner.pictures, planner.memory)


def _unsettled(shown: Cover, applied: PastChange) -> bool:
    """Whether the service still shows what it showed before a change of a moment ago."""
    return same_cover(applied.before, shown) and not same_cover(applied.after, shown)


def _nothing_to_compare(seen: Observed) -> str:
    if not seen.cover_url:
        return "it has no cover"
    if seen.thumbnail_status == SNAPSHOTS_IN_PROGRESS:
        return "its snapshots are being taken"
    return "" if seen.snapshots else "it has no snapshots"


def _entry(seen: Observed, found: compare.Identified) -> NewEntry | Later:
    ref = found.cover.snapshot
    shown = next((snapshot for snapshot in seen.snapshots if snapshot.ref == ref), None)
    if shown is not None:
        unusable = choose(_wanting(seen, shown), seen)
        if isinstance(unusable, NoAnswer):
            return _ignored(seen, hide(unusable.message))
        return NewEntry(seen.asset_id, shown.index, shown.set, hide(seen.title))
    if found.unread_cover is not None and found.unread_cover.lasting:
        return _ignored(seen, f"its cover can't be read: {found.unread_cover.lasting}")
    if found.unread is not None:
        return Later(found.unread.reason, found.unread.message)
    return _ignored(seen, _NONE if all(_is_own(seen, snapshot) for snapshot in seen.snapshots) else _FOREIGN)


def _is_own(seen: Observed, snapshot: Snapshot) -> bool:
    named = picture(snapshot.url)
    return named is not None and named.asset_id == seen.asset_id


def _ignored(seen: Observed, reason: str) -> NewEntry:
    return NewEntry(seen.asset_id, None, title=hide(seen.title), reason=reason)


def _wanting(seen: Observed, snapshot: Snapshot) -> Desired:
    return Desired(seen.asset_id, "", 0, 0, snapshot.set, snapshot.index)
