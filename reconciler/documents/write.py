"""Values to documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from reconciler import __version__
from reconciler.documents.read import digest
from reconciler.documents.schemas import (
    ApplyDoc,
    ApplySummary,
    AuditDoc,
    ChangeDoc,
    ContentDoc,
    CoverDoc,
    Doc,
    EntryDoc,
    ErrorOfResult,
    FastDoc,
    PlanDoc,
    PlanSummary,
    ResultDoc,
    SnapshotDoc,
    SourceDoc,
    UnknownDoc,
    Unmanaged,
)
from reconciler.model import Cover, Failure, Outcome, Plan, SnapshotRef, Source, Verdict
from reconciler.util.sanitize import hide

F = TypeVar("F", PlanDoc, AuditDoc)


def moment(at: datetime) -> str:
    """A time as documents write it: RFC 3339, UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Origin:
    """Which service and project a document is about."""

    endpoint: str
    region: str | None
    project_id: str
    created_at: datetime

    def head(self) -> dict[str, Any]:
        return {
            "tool_version": __version__,
            "created_at": moment(self.created_at),
            "endpoint": self.endpoint,
            "region": self.region,
            "project_id": self.project_id,
        }


def plan_document(plan: Plan, origin: Origin) -> PlanDoc:
    """The plan as a document, with its digest."""
    return sealed(PlanDoc(**origin.head(), **_findings(plan)))


class Selected(NamedTuple):
    """What an audit was limited to."""

    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()


EVERYTHING = Selected()


def audit_document(
    plan: Plan,
    origin: Origin,
    unmanaged: Sequence[str],
    selected: Selected = EVERYTHING,
    fast: FastDoc | None = None,
) -> AuditDoc:
    """The plan of an audit, the assets that no file manages, and how a fast one decided."""
    strangers = Unmanaged(count=len(unmanaged), asset_ids=tuple(unmanaged))
    found = _findings(plan)
    return sealed(AuditDoc(**origin.head(), **found, unmanaged=strangers, **selected._asdict(), fast=fast))


def sealed(document: F) -> F:
    """The document with the digest of what it holds now."""
    shapes = type(document).model_fields
    left_out = {
        name for name, shape in shapes.items() if shape.exclude_if and shape.exclude_if(getattr(document, name))
    }
    shown = {name: value for name, value in document if name not in left_out}
    return document.model_copy(update={"digest": digest(shown)})


def apply_document(outcomes: Sequence[Outcome], unknown: Sequence[UnknownDoc], origin: Origin) -> ApplyDoc:
    """What became of each planned change."""
    counts = dict.fromkeys(("applied", "failed", "stale", "unchanged", "not_attempted"), 0)
    for outcome in outcomes:
        counts[outcome.outcome] += 1
    return ApplyDoc(
        **origin.head(),
        summary=ApplySummary(**counts, unknown=len(unknown)),
        results=tuple(map(_result, outcomes)),
        unknown=tuple(unknown),
    )


def as_json(document: Doc) -> dict[str, Any]:
    """The document as JSON's own types, optional keys left out where they have no value."""
    return document.model_dump(mode="json")


def _findings(plan: Plan) -> dict[str, Any]:
    return {
        "summary": PlanSummary(
            managed=plan.managed,
            in_sync=plan.in_sync,
            update=len(plan.changes),
            pending=len(plan.pending),
            unknown=len(plan.unknown),
            ignored=len(plan.ignored),
        ),
        "changes": tuple(map(_change, plan.changes)),
        "pending": tuple(map(_entry, plan.pending)),
        "unknown": tuple(map(_unknown, plan.unknown)),
        "ignored": tuple(map(_entry, plan.ignored)),
    }


def _source(source: Source) -> SourceDoc:
    return SourceDoc(file=source.file, line=source.line, column=source.column)


def cover_document(cover: Cover | None) -> CoverDoc:
    """A cover as documents show it."""
    cover = cover or Cover("")
    ref, content = cover.snapshot, cover.content
    return CoverDoc(
        cover_url=cover.url or None,
        snapshot=_snapshot(ref) if ref else None,
        content=ContentDoc(sha256=content.sha256, length=content.length) if content else None,
    )


@lru_cache(maxsize=10_000)
def _snapshot(ref: SnapshotRef) -> SnapshotDoc:
    """Shared: a catalogue has few of them that differ, and many covers."""
    return SnapshotDoc(set=ref.set, index=ref.index, offset=ref.offset)


def _change(verdict: Verdict) -> ChangeDoc:
    return ChangeDoc(
        asset_id=verdict.desired.asset_id,
        title=hide(verdict.title),
        action="update",
        source=_source(verdict.desired.source),
        note=hide(verdict.desired.note) if verdict.desired.note is not None else None,
        before=cover_document(verdict.before),
        after=cover_document(verdict.after),
    )


def _entry(verdict: Verdict) -> EntryDoc:
    return EntryDoc(asset_id=verdict.desired.asset_id, source=_source(verdict.desired.source))


def _unknown(verdict: Verdict) -> UnknownDoc:
    return UnknownDoc(
        asset_id=verdict.desired.asset_id,
        title=hide(verdict.title) or None,
        source=_source(verdict.desired.source),
        reason=verdict.reason or "api_error",
        message=hide(verdict.message),
    )


def _result(outcome: Outcome) -> ResultDoc:
    failure = outcome.error
    return ResultDoc(
        asset_id=outcome.asset_id,
        title=outcome.title,
        outcome=outcome.outcome,
        note=hide(outcome.note) if outcome.note is not None else None,
        source=_source(outcome.source),
        before=cover_document(outcome.before),
        after=cover_document(outcome.after),
        verified=outcome.verified,
        saved_cover=outcome.saved_cover,
        error=_error(failure) if failure else None,
    )


def _error(failure: Failure) -> ErrorOfResult:
    return ErrorOfResult(
        type=failure.type,
        code=failure.code,
        message=failure.message,
        status=failure.status,
        request_id=failure.request_id,
    )
