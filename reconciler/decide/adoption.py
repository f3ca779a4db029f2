"""Decides whether an entry can take over the cover that its asset has now, by changing its number alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reconciler.decide.equality import not_visible_yet, same_cover
from reconciler.decide.verdict import choose, identify, name
from reconciler.model import Cover, Desired, NoAnswer, Observed, Reason, SnapshotRef

WhyRefused = Literal[
    "no_cover", "not_a_snapshot", "other_set", "same_offset", "not_writable", "changed_meanwhile", "pending"
]
_LARGEST = 999_999
"""The largest number that a desired file may hold."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """The entry's new number: an index counted from 0, or its offset in seconds."""

    desired: Desired
    title: str
    number: int
    cover: Cover

    @property
    def old(self) -> int:
        """The number that it replaces."""
        old = self.desired.index if self.desired.offset is None else self.desired.offset
        return 0 if old is None else old


@dataclass(frozen=True, slots=True)
class NotAdopted:
    """Why an entry stays as it is, and what to do."""

    desired: Desired
    title: str
    reason: WhyRefused | Reason
    message: str


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
        return NotAdopted(desired, observed.title, reason, message)

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
    if not 0 <= number <= _LARGEST:
        message = f"Its cover is at {number:,}, which a desired file cannot hold."
        return NotAdopted(desired, observed.title, "not_writable", message)
    wanted = choose(replace(desired, offset=number) if by_offset else replace(desired, index=number), observed)
    if isinstance(wanted, NoAnswer):
        return NotAdopted(desired, observed.title, wanted.reason, wanted.message)
    if wanted.ref == shown and choose(desired, observed) != wanted:
        return Adoption(desired, observed.title, number, cover)
    if wanted.ref != shown and wanted.offset == shown.offset:
        message = (
            f"Its cover is {shown.set}[{shown.index}], but {number} s is also where {name(wanted)} was taken: "
            f"write `snapshot: {shown.index}` instead of `offset` by hand."
        )
        return NotAdopted(desired, observed.title, "same_offset", message)
    message = "Its snapshots or its cover changed while they were read: run again."
    return NotAdopted(desired, observed.title, "changed_meanwhile", message)


def pending_message() -> str:
    return "Another cover was applied to it less than five minutes ago and is not visible yet: run again later."
