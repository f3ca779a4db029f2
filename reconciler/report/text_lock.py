"""What `lock` did, as text."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.documents.locked import LockChangeDoc, LockDoc
from reconciler.model import Content
from reconciler.report import phrases
from reconciler.report.lists import DETAIL, grouped, listed, problem
from reconciler.report.options import DEFAULTS, RenderOptions
from reconciler.report.terminal import TerminalStyle
from reconciler.util.sanitize import clean

_SIGNS = {"added": ("+", "green"), "dropped": ("-", "red")}


def render(document: LockDoc, options: RenderOptions = DEFAULTS) -> str:
    """The lines that changed, by lock file, what could not be locked and why, and the summary."""
    style = TerminalStyle(options)
    lines: list[str] = []
    if not options.quiet:
        for file, changes in grouped(document.changes, lambda change: change.file).items():
            lines += [style.bold(clean(file)), *listed(changes, lambda change: _change(style, change), "  "), ""]
        if document.not_locked:
            lines += [*listed(document.not_locked, lambda item: problem(style, "?", item), "  "), ""]
    return "\n".join([*lines, *_summary(document, style)]) + "\n"


def _change(style: TerminalStyle, change: LockChangeDoc) -> Iterator[str]:
    sign, colour = _SIGNS.get(change.action, ("~", "yellow"))
    named = change.snapshot
    what = f" {named.set}[{named.index}] {phrases.clock(named.offset)}" if named is not None else ""
    yield f"  {style.fg(sign, colour)} {style.asset(change.asset_id, change.title or None)} {change.action}{what}"
    if change.moved_from is not None:
        yield f"{DETAIL}from {clean(change.moved_from)}"
    if change.action == "upgraded" and change.before is not None and change.after is not None:
        yield f"{DETAIL}{_bytes(change.before)} -> {_bytes(change.after)}"


def _bytes(content: Content) -> str:
    return f"{content.sha256[:12]} ({phrases.counted(content.length, 'byte')})"


def _summary(document: LockDoc, style: TerminalStyle) -> Iterator[str]:
    counts = document.summary
    if not document.files and not counts.not_locked:
        yield style.bold("Nothing to lock. Every entry has a current line.")
        return
    parts = [f"{counts.added:,} added", f"{counts.updated:,} updated"]
    parts += [f"{counts.upgraded:,} upgraded"] if counts.upgraded else []
    parts += [f"{counts.moved:,} moved"] if counts.moved else []
    parts += [f"{counts.dropped:,} dropped", f"{counts.kept:,} kept"]
    headline = "Lock incomplete." if counts.not_locked else "Lock complete!"
    yield style.bold(f"{headline} {', '.join(parts)}.")
    if counts.not_locked:
        yield f"{counts.not_locked:,} not locked."
