"""The runs of a project, as a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from reconciler.documents.schemas import Count, Doc, Head, is_none
from reconciler.documents.write import Origin, moment
from reconciler.state.runs import Run
from reconciler.util.sanitize import hide


class RunSummary(Doc):
    applied: Count
    failed: Count
    stale: Count
    unchanged: Count
    not_finished: Annotated[Count, Field(description="Of these it is not known whether they were carried out.")]


class RunDoc(Doc):
    """One run. What its journal does not say is null."""

    run: str
    at: Annotated[str | None, Field(description="RFC 3339, UTC.")]
    user: str | None
    host: str | None
    revision: Annotated[str | None, Field(description="The git revision of the working folder.")]
    tool_version: str | None
    files: tuple[str, ...]
    rollback_of: str | None = Field(default=None, exclude_if=is_none)
    summary: RunSummary
    finished: bool


class HistoryDoc(Head):
    """What `reconcile history` lists, newest first."""

    kind: Literal["history"] = "history"
    runs: tuple[RunDoc, ...]


def history_document(runs: Sequence[Run], origin: Origin) -> HistoryDoc:
    """`runs` from the oldest to the newest."""
    return HistoryDoc(**origin.head(), runs=tuple(_run(run) for run in reversed(runs)))


def _run(run: Run) -> RunDoc:
    return RunDoc(
        run=hide(run.run),
        at=moment(run.at) if run.at else None,
        user=hide(run.user) or None,
        host=hide(run.host) or None,
        revision=hide(run.revision) or None,
        tool_version=hide(run.tool_version) or None,
        files=tuple(map(hide, run.files)),
        rollback_of=hide(run.rollback_of) or None,
        summary=RunSummary(
            applied=run.applied,
            failed=run.failed,
            stale=run.stale,
            unchanged=run.unchanged,
            not_finished=run.unfinished,
        ),
        finished=not run.unfinished,
    )
