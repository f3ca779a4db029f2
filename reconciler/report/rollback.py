"""What a rollback adds to an apply's report, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.documents.rollback import NotUndoneDoc, RollbackDoc
from reconciler.report.blocks import not_done

NOTHING = "Nothing to undo."
DESIRED_STAYS = (
    "The desired files may still want the covers that were undone: change them (or `reconcile adopt`), "
    "or the next apply sets them again.\n"
)


def not_undone_text(not_undone: Sequence[NotUndoneDoc], *, colour: bool = False) -> str:
    """A block for each, between empty lines."""
    blocks = ["\n".join(not_done(item, colour=colour)) for item in not_undone]
    return "\n" + "\n\n".join(blocks) + "\n\n" if blocks else ""


def not_undone_count(document: RollbackDoc) -> str:
    """All that is not as it was before the run: without a way back, failed on it, or not come to."""
    counts = document.summary
    left = len(document.not_undone) + counts.failed + counts.stale + counts.not_attempted
    return f"{left:,} not undone.\n"
