"""What `adopt` did, as text."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.documents.adopted import AdoptDoc
from reconciler.report import phrases
from reconciler.report.lists import problem
from reconciler.report.options import DEFAULTS, RenderOptions
from reconciler.report.terminal import TerminalStyle
from reconciler.util.sanitize import clean

_COLOURS = {"-": "red", "+": "green", "@": "cyan"}


def render(document: AdoptDoc, options: RenderOptions = DEFAULTS) -> str:
    """The diff, what was refused and why, and the summary."""
    style = TerminalStyle(options)
    lines: list[str] = []
    if not options.quiet:
        if document.diff:
            lines += [*(_diff_line(style, line) for line in document.diff.removesuffix("\n").split("\n")), ""]
        for item in document.refused:
            lines += [*problem(style, "!", item), ""]
    return "\n".join([*lines, *_summary(document, style)]) + "\n"


def _diff_line(style: TerminalStyle, line: str) -> str:
    text = clean(line.removesuffix("\r"))  # of CRLF
    if line.startswith(("--- ", "+++ ")):
        return style.bold(text)
    return style.fg(text, _COLOURS[line[0]]) if line[0] in _COLOURS else text


def _summary(document: AdoptDoc, style: TerminalStyle) -> Iterator[str]:
    counts = document.summary
    if counts.adopted:
        files = len({item.source.file for item in document.adopted})
        headline = f"Adopted {phrases.counted(counts.adopted, 'cover')} in {phrases.counted(files, 'file')}."
    elif counts.refused:
        headline = "Nothing adopted."
    else:
        headline = "Nothing to adopt. The desired files match the covers."
    yield style.bold(headline)
    yield f"{counts.in_sync:,} in sync, {counts.refused:,} refused, {counts.ignored:,} ignored."
