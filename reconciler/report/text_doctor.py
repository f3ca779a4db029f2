"""What `reconcile doctor` found, a line for each check."""

from __future__ import annotations

from collections import Counter

from reconciler.documents.diagnosis import DoctorDoc
from reconciler.report.options import DEFAULTS, RenderOptions
from reconciler.util.sanitize import clean


def render(document: DoctorDoc, options: RenderOptions = DEFAULTS) -> str:
    """Each check with its advice; with `quiet` only what is not ok. Then the counts."""
    shown = [item for item in document.checks if item.status != "ok" or not options.quiet]
    width = max((len(item.check) for item in shown), default=0)
    lines = []
    for item in shown:
        lines.append(f"{item.status:<7}  {clean(item.check):<{width}}  {clean(item.message)}")
        if item.advice:
            lines.append(f"{'':<{11 + width}}{clean(item.advice)}")
    counts = Counter(item.status for item in document.checks)
    lines += ["", f"{counts['ok']} ok, {counts['warning']} warnings, {counts['failed']} failed."]
    return "\n".join(lines).lstrip("\n") + "\n"
