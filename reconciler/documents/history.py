"""The runs of a project, as a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from reconciler.documents.schemas import FormatVersion, Head, Moment
from reconciler.documents.write import Origin, moment
from reconciler.model import OPTIONAL
from reconciler.state.runs import PastRun
from reconciler.util.field_types import Count, Foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """The number of changes with each outcome."""

    applied: Count
    restored: Count
    failed: Count
    stale: Count
    unchanged: Count
    not_finished: Annotated[Count, Field(description="It is not known whether these were made.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDoc:
    """One run. What the journal does not contain is null."""

    run: Foreign
    at: Moment | None
    user: Foreign | None
    host: Foreign | None
    revision: Annotated[Foreign | None, Field(description="The git revision of the working folder.")]
    tool_version: Foreign | None
    files: tuple[Foreign, ...]
    rollback_of: Foreign | None = field(default=None, metadata=OPTIONAL)
    summary: RunSummary
    finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryDoc(Head):
    """The output of `reconcile history`, newest run first."""

    format_version: FormatVersion = "1.1"
    kind: Literal["history"] = "history"
    runs: tuple[RunDoc, ...]


def history_document(runs: Sequence[PastRun], origin: Origin) -> HistoryDoc:
    """`runs` from the oldest to the newest."""
    return HistoryDoc(**origin.head(), runs=tuple(_run(run) for run in reversed(runs)))


def _run(run: PastRun) -> RunDoc:
    return RunDoc(
        run=run.run,
        at=moment(run.at) if run.at else None,
        user=run.user or None,
        host=run.host or None,
        revision=run.revision or None,
        tool_version=run.tool_version or None,
        files=run.files,
        rollback_of=run.rollback_of or None,
        summary=RunSummary(
            applied=run.outcomes["applied"],
            restored=run.outcomes["restored"],
            failed=run.outcomes["failed"],
            stale=run.outcomes["stale"],
            unchanged=run.outcomes["unchanged"],
            not_finished=run.unfinished,
        ),
        finished=not run.unfinished,
    )
