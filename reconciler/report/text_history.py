"""The runs of a project, as text within 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reconciler.documents.history import HistoryDoc, RunDoc
from reconciler.report import phrases
from reconciler.report.options import DEFAULTS, RenderOptions
from reconciler.report.terminal import COLUMNS, fitted, pad, width
from reconciler.util.sanitize import clean

_MOST_FILES = 3
_REVISION = 7
_HEAD = ("RUN", "WHEN (UTC)", "GIT", "WHO")
_NO_RUNS = "No runs yet. The journal in the state folder records what apply and rollback change.\n"


def render(document: HistoryDoc, options: RenderOptions = DEFAULTS) -> str:
    """Two lines or more for each run; with `quiet` only the first."""
    if not document.runs:
        return _NO_RUNS
    rows = [_HEAD, *map(_row, document.runs)]
    widths = [max(width(row[column]) for row in rows) for column in range(len(_HEAD) - 1)]
    lines = [_line(_HEAD, widths)]
    for run, row, counts in zip(document.runs, rows[1:], _counts(document.runs), strict=True):
        lines.append(_line(row, widths))
        if not options.quiet:
            lines += [f"  {counts}", *_details(run)]
    return "\n".join(lines) + "\n"


def _row(run: RunDoc) -> tuple[str, str, str, str]:
    when = run.at.replace("T", " ").removesuffix("Z") if run.at else "-"
    git = clean(run.revision)[:_REVISION] if run.revision else "-"
    who = f"{clean(run.user or '?')}@{clean(run.host or '?')}"
    return fitted(run.run, 40), when, git, who


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [pad(cell, columns) for cell, columns in zip(row[:-1], widths, strict=True)]
    left = COLUMNS - sum(widths) - 2 * len(widths)
    return "  ".join([*cells, fitted(row[-1], max(12, left))])


def _counts(runs: Sequence[RunDoc]) -> Iterator[str]:
    """The counts of each run, each kind in a column of its own."""
    restored = ("restored",) if any(run.summary.restored for run in runs) else ()
    names = ("applied", *restored, "failed", "stale", "unchanged")
    widths = {name: max(len(f"{getattr(run.summary, name):,}") for run in runs) for name in names}
    for run in runs:
        yield "  ".join(f"{getattr(run.summary, name):>{widths[name]},} {name}" for name in names)


def _details(run: RunDoc) -> Iterator[str]:
    unfinished = run.summary.not_finished
    if unfinished:
        they = "it" if unfinished == 1 else "they"
        yield f"  {unfinished:,} not finished: {they} may have been applied"
    if run.rollback_of is not None:
        yield f"  rollback of {fitted(run.rollback_of, 60)}"
    if run.files:
        more = len(run.files) - _MOST_FILES
        ending = f" and {phrases.counted(more, 'more file')}" if more > 0 else ""
        files = ", ".join(map(clean, run.files[:_MOST_FILES]))
        yield f"  {fitted(files, COLUMNS - 2 - len(ending))}{ending}"
