"""The entry that import writes for an asset: what it shows now."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from reconciler.decide.equality import not_visible_yet
from reconciler.decide.picture_id import picture
from reconciler.decide.verdict import choose
from reconciler.desired.render import NewEntry
from reconciler.documents.imported import FailedDoc
from reconciler.model import SNAPSHOTS_IN_PROGRESS, Cover, Desired, NoAnswer, Observed, Reason, Snapshot
from reconciler.planning import content as compare
from reconciler.planning.planner import Planner
from reconciler.util.sanitize import hide

_NONE = (
    "its cover is none of its snapshots, byte for byte "
    "(one that the service re-encoded is recognised only after `apply --wait`)"
)
_FOREIGN = "the service gives it snapshots of another asset; its cover is none of its own"
_PENDING = "A cover was applied to it less than five minutes ago and is not visible yet: add it later with --update."


async def entry_for(planner: Planner, observed: Observed) -> NewEntry | FailedDoc:
    """The entry that is in sync with what the asset shows, or `ignore: true` with the reason where it is certain that
    there is none."""
    applied = planner.recent.get(observed.asset_id)
    nothing = _nothing_to_compare(observed)
    if nothing and applied is None:
        return _ignored(observed, nothing)
    found = await _identified(planner, observed, applied.after if applied is not None else None)
    if applied is not None and not_visible_yet(applied.old_covers, applied.after, found.cover):
        return _failed(observed, "pending", _PENDING)
    return _ignored(observed, nothing) if nothing else _entry(observed, found)


async def _identified(planner: Planner, observed: Observed, coming: Cover | None) -> compare.IdentifiedCover:
    """Its cover. Where several snapshots are the same picture: the one that was applied a moment ago."""
    if coming is not None:
        applied_first = sorted(observed.snapshots, key=lambda snapshot: snapshot.ref != coming.snapshot)
        observed = replace(observed, snapshots=tuple(applied_first))
    return await compare.identify_cover(observed, planner.pictures, planner.memory)


def _nothing_to_compare(observed: Observed) -> str:
    if not observed.cover_url:
        return "it has no cover"
    if observed.thumbnail_status == SNAPSHOTS_IN_PROGRESS:
        return "its snapshots are being taken"
    return "" if observed.snapshots else "it has no snapshots"


def _entry(observed: Observed, found: compare.IdentifiedCover) -> NewEntry | FailedDoc:
    ref = found.cover.snapshot
    shown = next((snapshot for snapshot in observed.snapshots if snapshot.ref == ref), None)
    if shown is not None:
        unusable = choose(_wanting(observed, shown), observed)
        if isinstance(unusable, NoAnswer):
            return _ignored(observed, hide(unusable.message))
        return NewEntry(observed.asset_id, shown.index, shown.set, hide(observed.title))
    if found.unread is not None:
        return _failed(observed, found.unread.reason, found.unread.message)
    return _ignored(
        observed, _NONE if all(_is_own(observed, snapshot) for snapshot in observed.snapshots) else _FOREIGN
    )


def _is_own(observed: Observed, snapshot: Snapshot) -> bool:
    named = picture(snapshot.url)
    return named is not None and named.asset_id == observed.asset_id


def _ignored(observed: Observed, reason: str) -> NewEntry:
    return NewEntry(observed.asset_id, None, title=hide(observed.title), reason=reason)


def _failed(observed: Observed, reason: Reason | Literal["pending"], message: str) -> FailedDoc:
    return FailedDoc(asset_id=observed.asset_id, title=observed.title, reason=reason, message=message)


def _wanting(observed: Observed, snapshot: Snapshot) -> Desired:
    return Desired(observed.asset_id, "", 0, 0, snapshot.set, snapshot.index)
