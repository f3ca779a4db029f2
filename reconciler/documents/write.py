"""Make documents of the model's values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, get_args

from reconciler import __version__
from reconciler.decide.outcome import Outcome
from reconciler.documents.schemas import (
    ApplyDoc,
    ApplySummary,
    AuditDoc,
    ChangeDoc,
    EntryDoc,
    EvidenceDoc,
    PlanDoc,
    PlanSummary,
    TrafficDoc,
    UnknownDoc,
    Unmanaged,
    WarningDoc,
)
from reconciler.model import NO_COVER, Cover, Evidence, Plan, Verdict


def moment(at: datetime) -> str:
    """A time as documents write it: RFC 3339, UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Origin:
    """The service and project of a document."""

    endpoint: str
    region: str | None
    project_id: str
    created_at: datetime

    def head(self) -> dict[str, Any]:
        """The keys that documents begin with."""
        return {**asdict(self), "created_at": moment(self.created_at), "tool_version": __version__}


def plan_document(plan: Plan, origin: Origin, *, takes: bool = False) -> PlanDoc:
    """
    Args:
        takes: snapshots may be taken for it.
    """
    document = PlanDoc(**origin.head(), **_findings(plan))
    return replace(document, summary=summary_of(plan, plan.in_sync, takes=True)) if takes else document


def audit_document(
    plan: Plan,
    origin: Origin,
    unmanaged: Sequence[str],
    *,
    targets: tuple[str, ...] = (),
    excludes: tuple[str, ...] = (),
    pictures: TrafficDoc | None = None,
    warnings: tuple[WarningDoc, ...] = (),
) -> AuditDoc:
    """
    Args:
        unmanaged: the IDs of the assets that no desired file manages.
        targets, excludes: the globs that the audit was limited to.
        pictures: what was read of pictures.
    """
    return AuditDoc(
        **origin.head(),
        **_findings(plan),
        unmanaged=Unmanaged(count=len(unmanaged), asset_ids=tuple(unmanaged)),
        targets=targets,
        excludes=excludes,
        evidence=_evidence(plan),
        pictures=pictures,
        warnings=warnings,
    )


def _evidence(plan: Plan) -> EvidenceDoc:
    by = plan.evidence
    counts = {name: by.get(name, 0) for name in get_args(Evidence)}
    return EvidenceDoc(**counts)


def apply_document(
    outcomes: Sequence[Outcome],
    unknown: Sequence[UnknownDoc],
    origin: Origin,
    plan: PlanDoc | None = None,
    *,
    warnings: tuple[WarningDoc, ...] = (),
    takes: bool = False,
) -> ApplyDoc:
    """The result of each planned change.

    Args:
        plan: if it may have been limited to entries that changed.
        takes: snapshots may have been taken.
    """
    counts = Counter[str](outcome.outcome for outcome in outcomes)
    taken = sum(outcome.billed is not None and _is_there(outcome.after) for outcome in outcomes) if takes else None
    return ApplyDoc(
        **origin.head(),
        summary=ApplySummary(**counts, unknown=len(unknown), take=taken),
        results=tuple(outcomes),
        unknown=tuple(unknown),
        changed_since=plan.changed_since if plan is not None else None,
        removed=plan.removed if plan is not None else None,
        warnings=warnings,
    )


def _is_there(cover: Cover) -> bool:
    """Whether the snapshot was taken: only then it has an index."""
    return cover.snapshot is not None and cover.snapshot.index is not None


def _findings(plan: Plan) -> dict[str, Any]:
    return {
        "summary": summary_of(plan, plan.in_sync),
        "changes": tuple(map(_change, plan.changes)),
        "pending": tuple(map(_entry, plan.pending)),
        "unknown": tuple(map(_unknown, plan.unknown)),
        "ignored": tuple(map(_entry, plan.ignored)),
    }


def summary_of(plan: Plan | PlanDoc, in_sync: int, *, takes: bool = False) -> PlanSummary:
    """The counts of a plan's lists, and of all of them with those in sync.

    Args:
        takes: also count the snapshots to be taken.
    """
    update, pending, unknown, ignored = map(len, (plan.changes, plan.pending, plan.unknown, plan.ignored))
    managed = in_sync + update + pending + unknown + ignored
    return PlanSummary(
        managed=managed,
        in_sync=in_sync,
        update=update,
        pending=pending,
        unknown=unknown,
        ignored=ignored,
        take=sum(change.take is not None for change in plan.changes) if takes else None,
    )


def _change(verdict: Verdict) -> ChangeDoc:
    desired = verdict.desired
    return ChangeDoc(
        asset_id=desired.asset_id,
        title=verdict.title,
        action="update",
        source=desired.source,
        note=desired.note,
        before=verdict.before or NO_COVER,
        after=verdict.after or NO_COVER,
        take=verdict.take,
        restored_from=verdict.restored_from,
    )


def _entry(verdict: Verdict) -> EntryDoc:
    return EntryDoc(asset_id=verdict.desired.asset_id, source=verdict.desired.source)


def _unknown(verdict: Verdict) -> UnknownDoc:
    return UnknownDoc(
        asset_id=verdict.desired.asset_id,
        title=verdict.title or None,
        source=verdict.desired.source,
        reason=verdict.reason or "api_error",
        message=verdict.message,
        request_id=verdict.request_id or None,
    )
