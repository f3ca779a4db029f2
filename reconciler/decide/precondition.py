"""Decides just before a PUT whether the plan still holds, by the verdict on the same entry now."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.decide.equality import same_cover, same_picture
from reconciler.decide.outcome import Failure, OutcomeName
from reconciler.decide.plan import differences
from reconciler.model import Cover, Desired, Verdict

_UNREAD = "The plan knows the cover's bytes, and now it was not read. It was not touched: plan again."


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One change of the plan: the entry, to be checked again, and the covers that the plan showed."""

    desired: Desired
    title: str
    before: Cover
    after: Cover


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
        return ChangeResult("unchanged")
    if change.before.content is not None and _unread(now.before):
        return ChangeResult("failed", Failure("content_unavailable", _UNREAD))
    if not same_cover(change.before, now.before):
        return _stale("the cover", change.before, now.before)
    return now.put_url


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
