"""Check the desired files, without network or credentials.

PATH is a desired file, or a folder with desired files; default: desired. All problems are reported at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.commands.context import Run
from reconciler.commands.options import OUTPUT, SELECTION
from reconciler.commands.result import Report
from reconciler.commands.verb import Verb
from reconciler.desired.load import load_with_locks
from reconciler.desired.lock_files import LockFiles
from reconciler.model import Desired
from reconciler.planning.selection import Selection


def validate(run: Run) -> Report:
    """
    Raises:
        DesiredError: with all problems.
        UsageError: a target matches no asset ID.
    """
    targets, excludes = run.options.targets, run.options.excludes
    state, locks = load_with_locks(run.options.desired_paths)
    selection = Selection(targets, excludes)
    covers = state.covers
    if targets or excludes:
        covers = tuple(desired for desired in covers if selection.by_id(desired.asset_id))
    selection.check_all_matched()
    document = {"format_version": "1.0", "kind": "validate", "files": len(state.files), "covers": len(covers)}
    counts = f"{_counted(len(state.files), 'file', 'files')}, {_counted(len(covers), 'cover', 'covers')}"
    return Report(
        lambda: document, lambda: f"Success! The desired state is valid: {counts}.\n", 0, _notes(covers, locks)
    )


def _notes(covers: Sequence[Desired], locks: LockFiles) -> tuple[str, ...]:
    """How many entries the lock files miss. Folders without one do without."""
    entries = [one for one in covers if not one.ignore and locks.beside(one.file).text is not None]
    missing = sum(locks.of(one) is None for one in entries)
    if not missing:
        return ()
    count = _counted(missing, "entry has", "entries have")
    return (f"{count} no current line in covers.lock. Run `reconcile lock`.\n",)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


command = Verb("validate", __doc__, validate, SELECTION, OUTPUT)
