"""Check the desired files, without network or credentials.

PATH is a desired file, or a folder with desired files; default: desired. All problems are reported at once.
"""

from __future__ import annotations

from reconciler.commands.context import Run
from reconciler.commands.options import OUTPUT, SELECTION
from reconciler.commands.result import Report
from reconciler.commands.verb import Verb
from reconciler.planning.selection import Selection


def validate(run: Run) -> Report:
    """
    Raises:
        DesiredError: with all problems.
        UsageError: a target matches no asset ID.
    """
    targets, excludes = run.options.targets, run.options.excludes
    state = run.load()
    selection = Selection(targets, excludes)
    covers = state.covers
    if targets or excludes:
        covers = tuple(desired for desired in covers if selection.by_id(desired.asset_id))
    selection.check_all_matched()
    document = {"format_version": "1.0", "kind": "validate", "files": len(state.files), "covers": len(covers)}
    counts = f"{_counted(len(state.files), 'file')}, {_counted(len(covers), 'cover')}"
    return Report(lambda: document, lambda: f"Success! The desired state is valid: {counts}.\n", 0)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun if count == 1 else noun + 's'}"


command = Verb("validate", __doc__, validate, SELECTION, OUTPUT)
