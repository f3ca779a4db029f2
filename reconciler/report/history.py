"""The runs of a project for a terminal, within 80 columns. What the journal says is made inert first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from reconciler.documents.history import HistoryDoc, RunDoc
from reconciler.report import phrases as words
from reconciler.util.sanitize import clean, shorten

_WIDTH = 80
_MOST_NAMED = 3
_REVISION = 7
_HEAD = ("RUN", "WHEN (UTC)", "GIT", "WHO")
_NONE = "No runs yet. What apply and rollback change is kept in the journal of the state folder.\n"


def history_text(document: HistoryDoc, *, quiet: bool = False) -> str:
    """Two lines or more for each run; with `quiet` only the first."""
    if not document.runs:
        return _NONE
    rows = [_HEAD, *map(_row, document.runs)]
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(_HEAD) - 1)]
    lines = [_line(_HEAD, widths)]
    counts = _columns(document.runs)
    for run, row, told in zip(document.runs, rows[1:], counts, strict=True):
        lines.append(_line(row, widths))
        if not quiet:
            lines += [f"  {told}", *_details(run)]
    return "\n".join(lines) + "\n"


def _row(run: RunDoc) -> tuple[str, str, str, str]:
    when = run.at.replace("T", " ").removesuffix("Z") if run.at else "-"
    git = shorten(run.revision, _REVISION + 1).removesuffix("…")[:_REVISION] if run.revision else "-"
    who = f"{clean(run.user or '?')}@{clean(run.host or '?')}"
    return _fitted(run.run, 40), when, git, who


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell + " " * (width - cell_len(cell)) for cell, width in zip(row[:-1], widths, strict=True)]
    left = _WIDTH - sum(widths) - 2 * len(widths)
    return "  ".join([*cells, _fitted(row[-1], max(12, left))])


def _fitted(text: str, width: int) -> str:
    """`text`, cut to `width` columns: a Chinese character fills two."""
    text = shorten(text, width)
    while cell_len(text) > width:
        text = f"{text.removesuffix('…')[:-1]}…"
    return text


def _columns(runs: Sequence[RunDoc]) -> Iterator[str]:
    """The counts of each run, each kind below the other."""
    names = ("applied", "failed", "stale", "unchanged")
    widths = {name: max(len(f"{getattr(run.summary, name):,}") for run in runs) for name in names}
    for run in runs:
        yield "  ".join(f"{getattr(run.summary, name):>{widths[name]},} {name}" for name in names)


def _details(run: RunDoc) -> Iterator[str]:
    unfinished = run.summary.not_finished
    if unfinished:
        they = "it" if unfinished == 1 else "they"
        yield f"  {unfinished:,} not finished: {they} may have been carried out"
    if run.rollback_of is not None:
        yield f"  rollback of {_fitted(run.rollback_of, 60)}"
    if run.files:
        more = len(run.files) - _MOST_NAMED
        ending = f" and {words.counted(more, 'more file')}" if more > 0 else ""
        named = ", ".join(map(clean, run.files[:_MOST_NAMED]))
        yield f"  {_fitted(named, _WIDTH - 2 - len(ending))}{ending}"
