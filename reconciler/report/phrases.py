"""How covers, times, outcomes and summaries are put into words, the same in every format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from reconciler.decide.outcome import Failure, Outcome
from reconciler.documents.locked import LockDoc
from reconciler.documents.rollback import RollbackDoc
from reconciler.documents.schemas import ApplyDoc, AuditDoc, Findings, SinceDoc, UnknownDoc
from reconciler.documents.shown import ShownSnapshot
from reconciler.errors import named_request
from reconciler.model import Content, Cover, Reason, SnapshotRef, Source, Take
from reconciler.report.options import NO_DRIFT, RenderOptions
from reconciler.util.rate import duration
from reconciler.util.sanitize import clean

_VERIFIED = {True: ", seen in place", False: ", not seen in time", None: ""}
MOST_NAMED = 20
_MOST_SECONDS = 10
NOT_SEEN = "which neither the cover nor a saved file has"
"""Of a locked picture that can't be looked at any more."""


def clock(seconds: int) -> str:
    """A time in a video: 0:15, 12:03, 1:02:03."""
    hours, rest = divmod(seconds, 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"


def snapshot(ref: SnapshotRef | ShownSnapshot) -> str:
    return f"{_name(ref)} {clock(ref.offset)}"


def position(ref: SnapshotRef | ShownSnapshot) -> str:
    """A snapshot as it is read aloud."""
    return f"{_name(ref)} at {clock(ref.offset)}"


def _name(ref: SnapshotRef | ShownSnapshot) -> str:
    return f"{ref.set}[{ref.index}]" if ref.index is not None else ref.set


def take(doc: Take | None) -> Iterator[tuple[str, str]]:
    """What a snapshot task does, each with its sign; nothing where there is none."""
    if doc is None:
        return
    if doc.accepted:
        yield "+", f"snapshot {clock(doc.offset)} (being taken, nothing more is billed)"
        return
    yield "+", f"snapshot {clock(doc.offset)} (billed)"
    if doc.again:
        yield "+", f"{_seconds(doc.again)} again, to keep {'it' if len(doc.again) == 1 else 'them'} (billed)"
    if doc.left_out:
        yield "-", f"{_seconds(doc.left_out)} may be lost: a call takes 10 at most"


def _seconds(offsets: Sequence[int]) -> str:
    """The first of them; an asset may have thousands."""
    listed = ", ".join(map(clock, offsets[:_MOST_SECONDS]))
    more = f" and {len(offsets) - _MOST_SECONDS:,} more" if len(offsets) > _MOST_SECONDS else ""
    return f"{'snapshot' if len(offsets) == 1 else 'snapshots'} {listed}{more}"


def place(source: Source) -> str:
    """`file:line`, as editors and CI find it."""
    return clean(f"{source.file}:{source.line}")


def outcome(result: Outcome) -> str:
    return result.outcome.replace("_", " ") + _VERIFIED[result.verified]


def restoring(file: str) -> str:
    """What a rollback does about a cover that was none of the snapshots, but saved."""
    return f"{file}, the saved cover, is uploaded again"


def failure(result: Outcome) -> str:
    """The error of a result; "" where there is none."""
    return result.error.message + request(result.error) if result.error else ""


def request(error: Failure) -> str:
    """The request to name to the service's support, if it is known."""
    return named_request(clean(error.request_id))


def cover(doc: Cover) -> str:
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


def counted(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def evidence(document: AuditDoc) -> Iterator[str]:
    """By what an audit decided, and what it read of pictures."""
    by, pictures = document.evidence, document.pictures
    if by is not None:
        counts = f"{by.lock:,} by the lock, {by.url:,} by URL, {by.content:,} by content, {by.details:,} by details"
        read = f"; pictures: {pictures.head:,} HEAD, {pictures.get:,} GET, {size(pictures.bytes)}" if pictures else ""
        yield f"Decided: {counts}{read}."


def without_request(item: UnknownDoc) -> str:
    """Why an entry is unknown, without the ID that differs from request to request."""
    return item.message.removesuffix(named_request(item.request_id or ""))


def size(count: int) -> str:
    """A number of bytes: "512 bytes", "1.5 MB"."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return counted(count, "byte")


def since(doc: SinceDoc) -> str:
    """What became different since a baseline, in numbers."""
    counts = f"{len(doc.drifted):,} drifted, {len(doc.resolved):,} resolved, {len(doc.changed):,} changed"
    return f"Since {clean(doc.created_at)}: {counts}, {len(doc.unknown):,} newly unknown."


def since_kinds(doc: SinceDoc) -> tuple[tuple[str, Sequence[str]], ...]:
    """The ways in which assets differ from the baseline, in words, and the IDs of those assets."""
    return (
        ("drifted", doc.drifted),
        ("resolved", doc.resolved),
        ("no longer managed", doc.no_longer_managed),
        ("newly unknown", doc.unknown),
        ("changed", [item.asset_id for item in doc.changed]),
        ("newly unmanaged", doc.newly_unmanaged),
        ("no longer unmanaged", doc.no_longer_unmanaged),
    )


def summary(document: Findings | ApplyDoc | LockDoc, options: RenderOptions) -> Iterator[str]:
    """The summary of a document, the headline first."""
    if isinstance(document, LockDoc):
        return _locked(document)
    return _applied(document, options) if isinstance(document, ApplyDoc) else _found(document, options)


def _found(document: Findings, options: RenderOptions) -> Iterator[str]:
    counts = document.summary
    audit = isinstance(document, AuditDoc)
    if not (counts.update or counts.unknown or options.blocked):
        yield NO_DRIFT if audit else options.no_changes
    elif audit:
        differ = "1 cover differs" if counts.update == 1 else f"{counts.update} covers differ"
        yield f"Drift: {differ} from the desired state."
    else:
        yield f"Plan: {counts.take or 0} to add, {counts.update} to change, 0 to destroy."
    yield f"{counts.in_sync} in sync, {counts.unknown} unknown, {counts.ignored} ignored."
    if counts.pending:
        yield f"{counts.pending} pending: applied in the last five minutes, not visible yet."
    yield from _changed_since(document)
    if isinstance(document, AuditDoc):
        yield f"{counted(document.unmanaged.count, 'asset')} managed by no file."
        if document.since is not None:
            yield since(document.since)
        yield from (f"Warning: {clean(one.message)}" for one in document.warnings)
    if counts.update:
        calls = counts.update + sum(
            change.take is not None and not change.take.accepted for change in document.changes
        )
        yield f"About {duration(options.rate.seconds_for(calls))} at {options.rate.per('cover')}."
    if isinstance(document, AuditDoc):
        yield from evidence(document)


def _changed_since(document: Findings | ApplyDoc) -> Iterator[str]:
    about, removed = document.changed_since, document.removed or ()
    if about is None:
        return
    yield f"{counted(about.left_out, 'entry', 'entries')} left out: the same as at {about.commit[:12]}."
    if removed:
        more = f" and {len(removed) - MOST_NAMED:,} more" if len(removed) > MOST_NAMED else ""
        named = f"{', '.join(removed[:MOST_NAMED])}{more}"
        yield f"{counted(len(removed), 'entry', 'entries')} removed since then; the covers stay as they are: {named}."


def _applied(document: ApplyDoc, options: RenderOptions) -> Iterator[str]:
    counts = document.summary
    not_undone = document.not_undone if isinstance(document, RollbackDoc) else ()
    left = counts.failed + counts.stale + counts.not_attempted
    complete = not (left or not_undone or options.blocked)
    changed = counts.applied + counts.restored
    resources = f"Resources: {counts.take or 0} added, {changed} changed, 0 destroyed."
    verb = "Rollback" if isinstance(document, RollbackDoc) else "Apply"
    yield f"{verb} complete! {resources}" if complete else f"{verb} incomplete. {resources}"
    yield (
        f"{counts.failed} failed, {counts.stale} stale, {counts.unchanged} unchanged, "
        f"{counts.not_attempted} not attempted, {counts.unknown} unknown."
    )
    if counts.restored:
        yield f"{counts.restored} restored: saved covers were uploaded again."
    yield from _changed_since(document)
    verified = [result.verified for result in document.results if result.verified is not None]
    if verified:
        yield f"{sum(verified)} of {changed} seen in place."
    elif changed:
        yield "New covers take effect within 3 to 5 minutes."
    if isinstance(document, RollbackDoc):
        yield f"{len(not_undone) + left:,} not undone."


def _locked(document: LockDoc) -> Iterator[str]:
    counts = document.summary
    if not document.files and not counts.not_locked:
        yield "Nothing to lock. Every entry has a current line."
        return
    parts = [f"{counts.added:,} added", f"{counts.updated:,} updated"]
    parts += [f"{counts.upgraded:,} upgraded"] if counts.upgraded else []
    parts += [f"{counts.moved:,} moved"] if counts.moved else []
    parts += [f"{counts.dropped:,} dropped", f"{counts.kept:,} kept"]
    yield f"{'Lock incomplete.' if counts.not_locked else 'Lock complete!'} {', '.join(parts)}."
    if counts.not_locked:
        yield f"{counts.not_locked:,} not locked."


def locked_picture(content: Content | None) -> str:
    """A locked picture: the beginning of its SHA-256, and its length."""
    return f"{content.sha256[:12]} ({counted(content.length, 'byte')})" if content is not None else "none"


_ADVICE: dict[Reason, str] = {
    "asset_not_found": "Remove the entry, or correct its ID, the region or the project.",
    "no_snapshots": "Take snapshots, set `from`, or `ignore: true`.",
    "snapshots_in_progress": "Run again when the snapshots are taken.",
    "snapshot_out_of_range": "Choose another; `reconcile show ID` lists them.",
    "no_snapshot_at_offset": "Choose another; `reconcile show ID` lists them. With `from: dots`, `--take-snapshots` "
    "has it taken, which is billed.",
    "foreign_snapshot": "The service's answer names another asset: report it to the service.",
    "content_unavailable": "The picture cannot be read; `apply --replace-unreadable` replaces the cover anyway.",
    "snapshot_changed": "The snapshot is not the picture that was locked; look at both, then run "
    "`reconcile lock --upgrade --target ID`.",
    "api_error": "See the message; such errors are often temporary.",
}


def advice(reason: Reason) -> str:
    """What to do about an asset that is unknown, in the README's words."""
    return _ADVICE[reason]
