"""What an import did, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from reconciler.documents.imported import ImportDoc
from reconciler.report import phrases as words
from reconciler.util.sanitize import clean

_MOST_LISTED = 20


def text(document: ImportDoc, *, quiet: bool) -> str:
    """The summary, why assets are ignored, and (unless `quiet`) which could not be read."""
    counts = document.summary
    file = clean(document.file)
    lines: list[str] = []
    if document.failed and not quiet:
        lines += [*_failed(document), ""]
    written = counts.imported + counts.ignored
    if written:
        lines.append(
            f"Wrote {words.counted(written, 'cover')} to {file}: {counts.imported:,} by snapshot, "
            f"{counts.ignored:,} with ignore: true."
        )
    elif counts.failed:
        lines.append("Nothing imported.")
    elif counts.managed:
        lines.append("Nothing to import: what there is, is managed already.")
    else:
        lines.append("Nothing to import: no asset matches.")
    if not quiet:
        reasons = Counter(item.reason for item in document.ignored)
        lines += [f"  {count:,} ignored: {clean(reason)}" for reason, count in sorted(reasons.items())]
    if counts.managed:
        lines.append(f"{words.counted(counts.managed, 'asset')} managed already.")
    pending = sum(item.reason == "pending" for item in document.failed)
    if counts.failed > pending:
        lines.append(f"{words.counted(counts.failed - pending, 'asset')} left out: they could not be read.")
    if pending:
        lines.append(f"{words.counted(pending, 'asset')} left out: applied a moment ago, and not visible yet.")
    if written and not quiet:
        lines.append(f"Compare with: reconcile plan {file}")
    return "\n".join(lines) + "\n"


def _failed(document: ImportDoc) -> Iterator[str]:
    for item in document.failed[:_MOST_LISTED]:
        title = f' "{clean(item.title)}"' if item.title else ""
        yield f"  ? {clean(item.asset_id)}{title} {item.reason}"
        yield f"      {clean(item.message)}"
    if len(document.failed) > _MOST_LISTED:
        yield f"  and {len(document.failed) - _MOST_LISTED:,} more (--json lists all)"
    yield f"  Add them later: reconcile import --update {clean(document.file)}"
