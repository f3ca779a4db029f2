"""What `import` did, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from shlex import quote

from reconciler.documents.imported import ImportDoc
from reconciler.report.lists import listed, problem
from reconciler.report.options import DEFAULTS, RenderOptions
from reconciler.report.phrases import counted
from reconciler.report.terminal import TerminalStyle
from reconciler.util.sanitize import clean


def render(document: ImportDoc, options: RenderOptions = DEFAULTS) -> str:
    """Which assets could not be read, the summary, and why assets are ignored; with `quiet` the summary alone."""
    lines: list[str] = []
    if document.failed and not options.quiet:
        style = TerminalStyle(options)
        lines += listed(document.failed, lambda item: problem(style, "?", item), "  ")
        lines += [f"  Add them later: reconcile import --update {clean(quote(document.file))}", ""]
    lines += _summary(document, quiet=options.quiet)
    return "\n".join(lines) + "\n"


def _summary(document: ImportDoc, *, quiet: bool) -> Iterator[str]:
    counts, file = document.summary, clean(document.file)
    written = counts.imported + counts.ignored
    if written:
        kinds = f"{counts.imported:,} by snapshot, {counts.ignored:,} with ignore: true"
        yield f"Wrote {counted(written, 'cover')} to {file}: {kinds}."
    elif counts.failed:
        yield "Nothing imported."
    elif counts.managed:
        yield "Nothing to import: all assets are managed already."
    else:
        yield "Nothing to import: no asset matches."
    if not quiet:
        reasons = Counter(item.reason for item in document.ignored)
        yield from (f"  {count:,} ignored: {clean(reason)}" for reason, count in sorted(reasons.items()))
    if counts.managed:
        yield f"{counted(counts.managed, 'asset')} managed already."
    pending = sum(item.reason == "pending" for item in document.failed)
    if counts.failed > pending:
        yield f"{counted(counts.failed - pending, 'asset')} left out: could not be read."
    if pending:
        yield f"{counted(pending, 'asset')} left out: applied a moment ago and not visible yet."
    if written and not quiet:
        yield f"Compare with: reconcile plan {clean(quote(document.file))}"
