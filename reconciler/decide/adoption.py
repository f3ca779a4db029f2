"""Decides whether an entry can take over the cover that its asset has now, by changing its number alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from reconciler.decide.equality import not_visible_yet, same_cover
from reconciler.decide.verdict import choose, identify, name
from reconciler.model import (
    NOT_IN_DOCUMENTS,
    Cover,
    Desired,
    LockLine,
    NoAnswer,
    NotDone,
    NumberKey,
    Observed,
    Reason,
    SnapshotRef,
    Source,
)
from reconciler.util.field_types import AssetId, Count, Foreign

WhyRefused = Literal[
    "no_cover", "not_a_snapshot", "other_set", "same_offset", "not_writable", "changed_meanwhile", "pending"
]
_LARGEST = 999_999
"""The largest number that a desired file may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """An entry with its new number: seconds at the key `offset`, otherwise an index counted from 0; and its lock
    line, if its folder has a lock file."""

    asset_id: AssetId
    title: Foreign
    source: Source
    key: NumberKey = field(
        default="index",
        metadata={"description": "The key that holds the number; index: it is the whole entry."},
    )
    old: int
    new: Count
    cover: Cover
    line: LockLine | None = field(default=None, metadata=NOT_IN_DOCUMENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotAdopted(NotDone):
    """An entry that is not changed: for a reason that only adopt has, or one of those of unknown assets."""

    reason: WhyRefused | Reason


def refusal(desired: Desired, title: str, reason: WhyRefused | Reason, message: str) -> NotAdopted:
    return NotAdopted(
        asset_id=desired.asset_id, title=title or None, source=desired.source, reason=reason, message=message
    )


def accept(
    desired: Desired,
    observed: Observed,
    cover: Cover,
    first: Cover | None,
    recent: tuple[Sequence[Cover], Cover] | None,
) -> Adoption | NotAdopted:
    """
    Args:
        observed: the asset.
        cover: its cover, identified after that.
        first: the cover as the plan found it drifted, if it did.
        recent: the old covers, and the new one, of a change so recent that it need not be visible yet.
    """

    def refused(reason: WhyRefused, message: str) -> NotAdopted:
        return refusal(desired, observed.title, reason, message)

    if recent is not None and not_visible_yet(*recent, cover):
        return refused("pending", pending_message())
    if first is not None and not _unchanged(first, cover, observed):
        return refused("changed_meanwhile", "Its cover changed while it was read: run again.")
    if not cover.cover_url:
        return refused("no_cover", "It has no cover to adopt: apply sets the wanted one.")
    shown = cover.snapshot
    if shown is None:
        return refused(
            "not_a_snapshot",
            "Its cover is none of its snapshots, as far as could be determined: "
            "set `ignore: true` to keep it, or let apply replace it.",
        )
    if shown.set != desired.set:
        number = f"snapshot: {shown.index}" if desired.offset is None else f"offset: {shown.offset}"
        return refused(
            "other_set",
            f"Its cover is {shown.set}[{shown.index}], but the entry takes from {desired.set}: "
            f"write `{number}` and `from: {shown.set}` by hand.",
        )
    return _numbered(desired, observed, cover, shown)


def _unchanged(first: Cover, cover: Cover, observed: Observed) -> bool:
    if identify(observed) is not None and same_cover(Cover(first.cover_url), Cover(cover.cover_url)):
        return True  # a snapshot's own URL: by its bytes it may also be another one, of the same picture
    return same_cover(first, cover)


def _numbered(desired: Desired, observed: Observed, cover: Cover, shown: SnapshotRef) -> Adoption | NotAdopted:
    by_offset = desired.offset is not None
    number = shown.offset if by_offset else shown.index
    if number is None or not 0 <= number <= _LARGEST:
        message = f"Its cover is at {number}, which a desired file cannot hold."
        return refusal(desired, observed.title, "not_writable", message)
    wanted = choose(replace(desired, offset=number) if by_offset else replace(desired, index=number), observed)
    if isinstance(wanted, NoAnswer):
        return refusal(desired, observed.title, wanted.reason, wanted.message)
    if wanted.ref == shown and choose(desired, observed) != wanted:
        return Adoption(
            asset_id=desired.asset_id,
            title=observed.title,
            source=desired.source,
            old=(desired.offset if by_offset else desired.index) or 0,
            new=number,
            cover=cover,
        )
    if wanted.ref != shown and wanted.offset == shown.offset:
        message = (
            f"Its cover is {shown.set}[{shown.index}], but {number} s is also where {name(wanted)} was taken: "
            f"write `snapshot: {shown.index}` instead of `offset` by hand."
        )
        return refusal(desired, observed.title, "same_offset", message)
    message = "Its snapshots or its cover changed while they were read: run again."
    return refusal(desired, observed.title, "changed_meanwhile", message)


def pending_message() -> str:
    return "Another cover was applied to it less than five minutes ago and is not visible yet: run again later."
