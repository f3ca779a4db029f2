"""How covers, times and durations are put into words, the same in every format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar
from urllib.parse import urlsplit

from reconciler.documents.schemas import (
    ApplyDoc,
    AuditDoc,
    CoverDoc,
    FastDoc,
    Findings,
    ResultDoc,
    SinceDoc,
    SnapshotDoc,
    SourceDoc,
)
from reconciler.documents.shown import ShownSnapshot
from reconciler.model import Rate, Reason
from reconciler.util.sanitize import clean

T = TypeVar("T")


def grouped(items: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    """The items by key, in order of first mention."""
    groups: dict[str, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def clock(seconds: int) -> str:
    """A time in a video: 0:15, 12:03, 1:02:03."""
    hours, rest = divmod(seconds, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"


def snapshot(ref: SnapshotDoc | ShownSnapshot) -> str:
    return f"{ref.set}[{ref.index}] {clock(ref.offset)}"


def position(ref: SnapshotDoc | ShownSnapshot) -> str:
    """A snapshot as it is read aloud."""
    return f"{ref.set}[{ref.index}] at {clock(ref.offset)}"


def place(source: SourceDoc) -> str:
    """`file:line`, as editors and CI find it."""
    return clean(f"{source.file}:{source.line}")


def failure(result: ResultDoc) -> str:
    """The error of a result and the request to name to the service's support; "" where there is no error."""
    if result.error is None:
        return ""
    request = f" (request {result.error.request_id})" if result.error.request_id else ""
    return result.error.message + request


def cover(doc: CoverDoc) -> str:
    if doc.snapshot is not None:
        return snapshot(doc.snapshot)
    if not doc.cover_url:
        return "none"
    looked = "none of its snapshots" if doc.content is not None else "not looked at"
    return f"{picture_path(doc.cover_url)} ({looked})"


def picture_path(url: str) -> str:
    """What follows `/asset/<id>/`, or the whole path where there is no such part."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return clean(url)
    _, found, rest = path.partition("/asset/")
    return clean(rest.partition("/")[2] if found else path)


def duration(seconds: float) -> str:
    """A time to wait, as precisely as anybody wants to know it: 1 s, 40 s, 14 min, 3 h 19 min."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def per(rate: Rate) -> str:
    """A rate of covers: "100 covers per minute", "10 covers per 2 seconds"."""
    named = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}
    unit = named.get(int(rate.seconds), f"{rate.seconds:g} seconds")
    return f"{rate.amount} covers per {unit}"


def counted(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def fast(doc: FastDoc) -> str:
    """How a fast audit decided, and how old the snapshots are that it relied on."""
    listed = f"{doc.by_url + doc.by_memory:,} decided by the asset list"
    if doc.oldest_reading is not None:
        listed += f" ({doc.by_memory:,} with remembered snapshots, the oldest read at {clean(doc.oldest_reading)})"
    return f"{listed}, {doc.by_details:,} by reading details."


def since(doc: SinceDoc) -> str:
    """What became different since a baseline, in numbers."""
    told = f"{len(doc.drifted):,} drifted, {len(doc.resolved):,} resolved, {len(doc.changed):,} changed"
    return f"Since {clean(doc.created_at)}: {told}, {len(doc.unknown):,} newly unknown."


def since_kinds(since: SinceDoc) -> tuple[tuple[str, Sequence[str]], ...]:
    """What became of assets since a baseline, in words, and the IDs of those it is true of."""
    return (
        ("drifted", since.drifted),
        ("resolved", since.resolved),
        ("no longer managed", since.no_longer_managed),
        ("newly unknown", since.unknown),
        ("changed", [item.asset_id for item in since.changed]),
        ("newly unmanaged", since.newly_unmanaged),
        ("no longer unmanaged", since.no_longer_unmanaged),
    )


def summary(document: Findings | ApplyDoc, rate: Rate) -> Iterator[str]:
    """The summary of any document, the headline first; `rate` is the one at which covers may be set."""
    if isinstance(document, ApplyDoc):
        return applied(document, waited=any(result.verified is not None for result in document.results))
    return findings(document, rate)


NO_CHANGES = "No changes. Your covers match the desired state."


def findings(document: Findings, rate: Rate, *, blocked: bool = False, nothing: str = NO_CHANGES) -> Iterator[str]:
    """The summary of a plan or an audit, the headline first.

    Args:
        rate: the one at which covers may be set.
        blocked: there is more to be done that can't be, so that nothing matches yet.
        nothing: what to say where there is nothing to be done.
    """
    counts = document.summary
    if counts.update or counts.unknown or blocked:
        yield f"Plan: 0 to add, {counts.update} to change, 0 to destroy."
    else:
        yield nothing
    yield f"{counts.in_sync} in sync, {counts.unknown} unknown, {counts.ignored} ignored."
    if counts.pending:
        yield f"{counts.pending} pending: applied in the last five minutes, not visible yet."
    if isinstance(document, AuditDoc):
        yield f"{counted(document.unmanaged.count, 'asset')} managed by no file."
        if document.fast is not None:
            yield fast(document.fast)
        if document.since is not None:
            yield since(document.since)
    if counts.update:
        yield f"About {duration(rate.seconds_for(counts.update))} at {per(rate)}."


def applied(document: ApplyDoc, *, waited: bool = False, blocked: bool = False) -> Iterator[str]:
    """The summary of an apply, the headline first.

    Args:
        waited: it was looked whether the new covers are in place.
        blocked: there was more to be done that can't be.
    """
    counts = document.summary
    whole = not (counts.failed or counts.stale or counts.not_attempted or blocked)
    done = f"Resources: 0 added, {counts.applied} changed, 0 destroyed."
    yield f"Apply complete! {done}" if whole else f"Apply incomplete. {done}"
    yield (
        f"{counts.failed} failed, {counts.stale} stale, {counts.unchanged} unchanged, "
        f"{counts.not_attempted} not attempted, {counts.unknown} unknown."
    )
    if waited and counts.applied:
        seen = sum(result.verified is True for result in document.results)
        yield f"{seen} of {counts.applied} seen in place."
    elif counts.applied:
        yield "New covers take effect within 3 to 5 minutes."


_ADVICE: dict[Reason, str] = {
    "asset_not_found": "Remove the entry, or fix its ID, the region or the project.",
    "no_snapshots": "Take snapshots, set `from`, or `ignore: true`.",
    "snapshots_in_progress": "Run again when they are taken.",
    "snapshot_out_of_range": "Choose another; `reconcile show ID` lists them.",
    "no_snapshot_at_offset": "Choose another; `reconcile show ID` lists them.",
    "foreign_snapshot": "The service's answer names another asset: report it to the service.",
    "content_unavailable": "The picture can't be read; `apply --force` replaces the cover all the same.",
    "api_error": "The message tells; often it passes.",
}


def advice(reason: Reason) -> str:
    """What to do about an asset that is unknown: the README's words."""
    return _ADVICE[reason]
