"""Locks the snapshots that an apply had taken, or says that they are to be locked."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.commands.execute import ApplyResult, ApplyRun
from reconciler.commands.result import INTERRUPTED
from reconciler.decide.outcome import Outcome
from reconciler.decide.verdict import snapshot_at
from reconciler.desired.load import load_with_locks
from reconciler.desired.lock_plan import with_lines
from reconciler.desired.lock_writing import check_file, merge_notes, write_locks
from reconciler.errors import ReconcileError
from reconciler.model import LockLine, NoAnswer
from reconciler.planning.locker import read_line
from reconciler.report.phrases import counted
from reconciler.util.sanitize import clean


def check_locks(paths: Sequence[str]) -> None:
    """Checked before anything is billed.

    Raises:
        DesiredError: the files are invalid.
        UsageError: a lock file cannot be written.
    """
    for file in load_with_locks(paths)[1].by_folder.values():
        check_file(file)


async def lock_taken(run: ApplyRun, result: ApplyResult) -> tuple[tuple[str, ...], bool]:
    """Writes the lock lines of the covers that were set to snapshots taken for them, with --update-lock.

    Returns:
        sentences for the user, and whether something could not be locked.
    """
    taken = [one for one in result.outcomes if one.outcome == "applied" and one.take is not None]
    if not taken or result.exit_code == INTERRUPTED:
        return (), False
    count = counted(len(taken), "snapshot was", "snapshots were")
    if not run.options.changes.update_lock:
        return (f"{count} taken. To lock what was set: reconcile lock\n",), False
    try:
        locks = load_with_locks(run.options.desired_paths)[1]
        lines = [(one.source.file, line) for one in taken if (line := await _line(run, one)) is not None]
        written = write_locks(with_lines(locks, lines))
    except ReconcileError as error:
        return (f"Error: The lock lines were not written: {error.text} Run `reconcile lock`.\n",), True
    notes = [f"Locked {counted(len(lines), 'snapshot')} in {', '.join(map(clean, written))}.\n"] if lines else []
    if len(lines) < len(taken):
        notes.append(f"{len(taken) - len(lines)} of them were not what was set any more. Run `reconcile lock`.\n")
    return (*notes, *merge_notes(written)), len(lines) < len(taken)


async def _line(run: ApplyRun, outcome: Outcome) -> LockLine | None:
    """The line of the picture that was set; None where it is another one by now."""
    observed = await run.planner.observe(outcome.asset_id)
    if isinstance(observed, NoAnswer) or outcome.after.snapshot is None or outcome.after.content is None:
        return None
    dot = snapshot_at(observed, "dots", outcome.after.snapshot.offset)
    line = await read_line(run.planner, observed, dot) if dot is not None else None
    return line if isinstance(line, LockLine) and line.sha256 == outcome.after.content.sha256 else None
