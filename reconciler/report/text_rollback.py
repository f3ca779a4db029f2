"""What a rollback adds to the text of its plan."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.documents.rollback import NotUndoneDoc
from reconciler.report.lists import problem
from reconciler.report.options import DEFAULTS, RenderOptions
from reconciler.report.terminal import TerminalStyle

NOTHING_TO_UNDO = "Nothing to undo."
DESIRED_FILES_UNCHANGED = (
    "The desired files may still ask for the covers that were undone: change them (or run `reconcile adopt`), "
    "or the next apply sets those covers again.\n"
)


def render_not_undone(items: Sequence[NotUndoneDoc], options: RenderOptions = DEFAULTS) -> str:
    """A block for each, between empty lines."""
    style = TerminalStyle(options)
    blocks = ["\n".join(problem(style, "!", item)) for item in items]
    return "\n" + "\n\n".join(blocks) + "\n\n" if blocks else ""
