"""validate: everything that can be checked without network and credentials, in one pass."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.commands.result import Report
from reconciler.desired.load import load
from reconciler.planning.selection import Selection


def run(paths: Sequence[str], targets: Sequence[str], excludes: Sequence[str]) -> Report:
    """
    Raises:
        DesiredError: with all that is wrong.
        UsageError: a target matches no asset ID.
    """
    state = load(paths)
    selection = Selection(targets, excludes)
    covers = state.covers
    if targets or excludes:
        covers = tuple(desired for desired in covers if selection.by_id(desired.asset_id))
    selection.check_all_matched()
    document = {"format_version": "1.0", "kind": "validate", "files": len(state.files), "covers": len(covers)}
    told = f"{_counted(len(state.files), 'file')}, {_counted(len(covers), 'cover')}"
    return Report(lambda: document, lambda: f"Success! The desired state is valid: {told}.\n", 0)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what if count == 1 else what + 's'}"
