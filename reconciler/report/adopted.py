"""What an adopt did, as text. What the API or a file said is made inert first."""

from __future__ import annotations

from collections.abc import Iterator

import click

from reconciler.documents.adopted import AdoptDoc
from reconciler.report import phrases as words
from reconciler.report.blocks import not_done
from reconciler.util.sanitize import clean

_COLOURS = {"-": "red", "+": "green", "@": "cyan"}


def text(document: AdoptDoc, *, colour: bool = False, quiet: bool = False) -> str:
    """The diff, what was refused and why, and the summary; the last alone if `quiet`."""
    lines: list[str] = []
    if not quiet:
        if document.diff:
            lines += [*_diff(document.diff, colour=colour), ""]
        for item in document.refused:
            lines += [*not_done(item, colour=colour), ""]
    return "\n".join([*lines, *_summary(document, colour=colour)]) + "\n"


def _diff(diff: str, *, colour: bool) -> Iterator[str]:
    for line in diff.removesuffix("\n").split("\n"):
        shown = clean(line.removesuffix("\r"))  # of CRLF
        if not colour:
            yield shown
        elif line.startswith(("--- ", "+++ ")):
            yield click.style(shown, bold=True)
        else:
            yield click.style(shown, fg=_COLOURS[line[0]]) if line[0] in _COLOURS else shown


def _summary(document: AdoptDoc, *, colour: bool) -> Iterator[str]:
    counts = document.summary
    if counts.adopted:
        files = len({item.source.file for item in document.adopted})
        told = f"Adopted {words.counted(counts.adopted, 'cover')} in {words.counted(files, 'file')}."
    elif counts.refused:
        told = "Nothing adopted."
    else:
        told = "Nothing to adopt. The desired files say what the covers are."
    yield click.style(told, bold=True) if colour else told
    yield f"{counts.in_sync:,} in sync, {counts.refused:,} refused, {counts.ignored:,} ignored."
