"""What `lock` did, as text."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.documents.locked import LockChangeDoc, LockDoc
from reconciler.report import phrases
from reconciler.report.lists import DETAIL, grouped, listed, problem
from reconciler.report.options import DEFAULTS, RenderOptions
from reconciler.report.terminal import TerminalStyle
from reconciler.util.sanitize import clean

_SIGNS = {"added": ("+", "green"), "dropped": ("-", "red")}


def render(document: LockDoc, options: RenderOptions = DEFAULTS) -> str:
    """The lines that changed, by lock file and all upgrades first, what could not be locked and why, the summary."""
    style = TerminalStyle(options)
    lines: list[str] = []
    if not options.quiet:
        for file, changes in grouped(document.changes, lambda change: change.file).items():
            lines.append(style.bold(clean(file)))
            for change in changes:
                lines += _upgrade(style, change) if change.action == "upgraded" else ()
            others = [change for change in changes if change.action != "upgraded"]
            lines += [*listed(others, lambda change: _change(style, change), "  "), ""]
        if document.not_locked:
            lines += [*listed(document.not_locked, lambda item: problem(style, "?", item), "  "), ""]
    headline, *counts = phrases.summary(document, options)
    return "\n".join([*lines, style.bold(headline), *counts]) + "\n"


def _change(style: TerminalStyle, change: LockChangeDoc) -> Iterator[str]:
    sign, colour = _SIGNS.get(change.action, ("~", "yellow"))
    what = f" {phrases.snapshot(change.snapshot)}" if change.snapshot is not None else ""
    yield f"  {style.fg(sign, colour)} {style.asset(change.asset_id, change.title or None)} {change.action}{what}"
    if change.moved_from is not None:
        yield f"{DETAIL}from {clean(change.moved_from)}"


def _upgrade(style: TerminalStyle, change: LockChangeDoc) -> Iterator[str]:
    """Which picture is accepted instead of which, and where both can be looked at."""
    yield from _change(style, change)
    for name, content, picture in (
        ("old", change.before, change.before_picture),
        ("new", change.after, change.after_picture),
    ):
        where = clean(picture) if picture is not None else phrases.NOT_SEEN
        yield f"{DETAIL}{name}: {phrases.locked_picture(content)}, {where}"
