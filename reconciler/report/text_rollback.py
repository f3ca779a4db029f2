"""What a rollback adds to the text of its plan and its apply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.documents.rollback import NotUndoneDoc, RollbackDoc
from reconciler.report import text
from reconciler.report.lists import problem
from reconciler.report.options import DEFAULTS, RenderOptions
from reconciler.report.terminal import TerminalStyle

NOTHING_TO_UNDO = "Nothing to undo."
DESIRED_FILES_UNCHANGED = (
    "The desired files may still ask for the covers that were undone: change them (or run `reconcile adopt`), "
    "or the next apply sets those covers again.\n"
)


def render(document: RollbackDoc, options: RenderOptions = DEFAULTS) -> str:
    """The text of an apply, and how many covers are not as they were before the run."""
    counts = document.summary
    left = len(document.not_undone) + counts.failed + counts.stale + counts.not_attempted
    return text.render(document, replace(options, blocked=bool(document.not_undone))) + f"{left:,} not undone.\n"


def render_not_undone(items: Sequence[NotUndoneDoc], options: RenderOptions = DEFAULTS) -> str:
    """A block for each, between empty lines."""
    style = TerminalStyle(options)
    blocks = ["\n".join(problem(style, "!", item)) for item in items]
    return "\n" + "\n\n".join(blocks) + "\n\n" if blocks else ""
