"""Decides just before a PUT whether the plan still holds, by the verdict on the same entry now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reconciler.decide.equality import same_cover, same_picture
from reconciler.decide.outcome import Failure, OutcomeName
from reconciler.decide.plan import differences
from reconciler.model import Cover, Desired, Take, Verdict

NextStep = Literal["start", "wait"]
_THERE_NOW = "There is a snapshot at that second now, which the plan did not show. It was not set: plan again."
_OTHER_DOTS = "The asset has other dots than when this was planned. None was taken: plan again."
_ENDED = (
    "The snapshot task that was under way when this was planned has ended without the snapshot. None was taken: plan "
    "again."
)
_UNREAD = "The plan knows the cover's bytes, and now it was not read. It was not touched: plan again."


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One change of the plan: the entry, to be checked again, and the covers that the plan showed; `restored_from`
    is a file whose picture is to be uploaded instead of setting a snapshot."""

    desired: Desired
    title: str
    before: Cover
    after: Cover
    take: Take | None = None
    """The wanted snapshot is taken first. Once it is there, the change is one without this."""
    taken: bool = False
    """This run had the wanted snapshot taken: it is PUT whatever cover the service made of it."""
    restored_from: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """What happened to a planned change, and why."""

    outcome: OutcomeName
    error: Failure | None = None


_SNAPSHOT_GONE = ("no_snapshots", "no_snapshot_at_offset", "snapshot_out_of_range")


def revisit(change: PlannedChange, now: Verdict) -> str | ChangeResult:
    """The URL to PUT, as the API gave it just now, or the result of a change that needs no PUT."""
    if now.state == "unknown" and now.reason in _SNAPSHOT_GONE:
        return ChangeResult(
            "stale", Failure("snapshot_changed", f"{now.message} It was there when this was planned.")
        )
    if now.reason == "snapshot_changed":
        return ChangeResult("stale", Failure("snapshot_changed", now.message))
    if now.state == "unknown":
        return ChangeResult("failed", Failure(now.reason or "api_error", now.message))
    if now.after is None or now.before is None:
        return ChangeResult("stale", Failure("stale", "The asset is not managed any more. Plan again."))
    if not same_picture(change.after, now.after):
        return _stale("the snapshot that the entry names", change.after, now.after, type_="snapshot_changed")
    if now.state in ("in_sync", "pending"):
        return now.put_url if change.taken and now.put_url else ChangeResult("unchanged")
    return _another_cover(change, now.before) or now.put_url


def revisit_take(change: PlannedChange, now: Verdict, *, ours: bool) -> NextStep | ChangeResult:
    """What to do about a change whose snapshot is to be taken, or its result where it needs nothing.

    Args:
        ours: a task of ours may be taking it already, or have taken it.
    """
    if now.reason == "snapshots_in_progress":
        return "wait"
    if now.state == "unknown":
        return ChangeResult("failed", Failure(now.reason or "api_error", now.message))
    if now.after is None or now.before is None:
        return ChangeResult("stale", Failure("stale", "The asset is not managed any more. Plan again."))
    if now.take is None:
        if ours:
            return "wait"
        if now.state in ("in_sync", "pending"):
            return ChangeResult("unchanged")
        return ChangeResult("stale", Failure("snapshot_changed", _THERE_NOW))
    if now.take.accepted:
        return "wait"
    if change.take is not None and change.take.accepted:
        return ChangeResult("stale", Failure("stale", _ENDED))  # it was not planned to be paid for
    if change.take is None or {*now.take.dots, *now.take.left_out} != {*change.take.dots, *change.take.left_out}:
        return ChangeResult("stale", Failure("stale", _OTHER_DOTS))
    return _another_cover(change, now.before) or "start"


def _another_cover(change: PlannedChange, now: Cover) -> ChangeResult | None:
    """The result where the cover is not the one that the plan replaces."""
    if change.before.content is not None and _unread(now):
        return ChangeResult("failed", Failure("content_unavailable", _UNREAD))
    if not same_cover(change.before, now):
        return _stale("the cover", change.before, now)
    return None


def _unread(cover: Cover) -> bool:
    return bool(cover.cover_url) and cover.snapshot is None and cover.content is None


def _stale(what: str, planned: Cover, now: Cover, *, type_: str = "stale") -> ChangeResult:
    # People cannot compare digests; where only they differ, it is another picture under the same name.
    fields = [item for item in differences(planned, now) if not item.field.startswith("content")]
    changed = "; ".join(f"{item.field}: {_value(item.before)} -> {_value(item.after)}" for item in fields)
    message = f"Since the plan {what} has changed ({changed or 'another picture'}). It was not touched: plan again."
    return ChangeResult("stale", Failure(type_, message))


def _value(value: object) -> str:
    return "none" if value in (None, "") else str(value)
