"""The text of a plan, an audit and an apply for a terminal, file by file, in the form that Terraform users know.

What the API or a file said is made inert first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reconciler.decide.outcome import Outcome
from reconciler.documents.schemas import (
    ApplyDoc,
    AuditDoc,
    ChangeDoc,
    EntryDoc,
    Findings,
    SinceDoc,
    UnknownDoc,
)
from reconciler.model import Take
from reconciler.report import phrases
from reconciler.report.lists import DETAIL, MOST_LISTED, grouped, listed, problem
from reconciler.report.options import DEFAULTS, RenderOptions
from reconciler.report.terminal import COLUMNS, TerminalStyle, pad, width, wrapped
from reconciler.util.sanitize import clean

_COLOURS = {
    "applied": "green",
    "restored": "green",
    "unchanged": "green",
    "failed": "red",
    "stale": "red",
    "not_attempted": "yellow",
}
_OUTCOME = 9
"""Columns that leave room for the change beside it: all outcomes but "not attempted", unless covers were verified."""
_FEW = 3
_ENTRY = " " * 4


def render(document: Findings | ApplyDoc, options: RenderOptions = DEFAULTS) -> str:
    """Every asset that is to change, did change or is unknown, and the summary; with `quiet` the summary alone."""
    style = TerminalStyle(options)
    lines: list[str] = []
    if not options.quiet:
        lines += _applied(document, style) if isinstance(document, ApplyDoc) else _found(document, style)
    headline, *counts = phrases.summary(document, options)
    return "\n".join([*lines, style.bold(headline), *counts]) + "\n"


def _found(document: Findings, style: TerminalStyle) -> Iterator[str]:
    changes = grouped(document.changes, lambda change: change.source.file)
    unknown = grouped(_alike(document.unknown), _common_file)
    for file in sorted(changes | unknown, key=lambda file: not file):
        yield style.file(file) if file else style.bold("In several files")
        for change in changes.get(file, ()):
            yield from (*_change(change, style), "")
        for alike in unknown.get(file, ()):
            yield from (*_unknown(alike, style), "")
    if document.pending:
        yield "Applied in the last five minutes, not visible yet:"
        yield from (*_places(document.pending, _ENTRY, style), "")
    if isinstance(document, AuditDoc):
        if document.unmanaged.count:
            yield "Managed by no file:"
            yield from (*listed(document.unmanaged.asset_ids, lambda one: [_ENTRY + clean(one)], _ENTRY), "")
        if document.since is not None:
            yield from _since(document.since)


def _applied(document: ApplyDoc, style: TerminalStyle) -> Iterator[str]:
    lengths = {len(phrases.outcome(result)) for result in document.results}
    column = max((length for length in lengths if length <= _OUTCOME), default=0)
    for file, results in grouped(document.results, lambda result: result.source.file).items():
        yield style.file(file)
        for result in results:
            yield from _result(result, column, style)
        yield ""


def _change(change: ChangeDoc, style: TerminalStyle) -> Iterator[str]:
    yield f"  {style.fg('~', 'yellow')} {style.asset(change.asset_id, change.title)}"
    before, after = phrases.cover(change.before), phrases.cover(change.after)
    column = width(before)
    fits = 13 + column + 4 + width(after) <= COLUMNS
    yield f"{DETAIL}cover: {before}" + (" -> " if fits else f"\n{DETAIL}    -> ") + after
    old, new = change.before.content, change.after.content
    if old is not None and new is not None and old.length != new.length:
        yield f"{DETAIL}bytes: {pad(f'{old.length:,}', column if fits else 0)} -> {new.length:,}"
    yield from _take(change.take, style)
    if change.restored_from is not None:
        yield from wrapped(f"{DETAIL}file:  ", clean(phrases.restoring(change.restored_from)))
    if change.note is not None:
        yield from wrapped(f"{DETAIL}note:  ", clean(change.note))
    yield DETAIL + style.place(change.source)


def _take(take: Take | None, style: TerminalStyle) -> Iterator[str]:
    for sign, what in phrases.take(take):
        head, coloured = f"{DETAIL}{sign} ", style.fg(sign, "green" if sign == "+" else "red")
        for line in wrapped(head, what):
            yield line.replace(head, f"{DETAIL}{coloured} ", 1)


def _unknown(alike: Sequence[UnknownDoc], style: TerminalStyle) -> Iterator[str]:
    """One asset, or several that are unknown for the same reason with the same message."""
    first = alike[0]
    if len(alike) == 1:
        yield from problem(style, "?", first)
        return
    yield f"  {style.fg('?', 'red')} {style.bold(f'{len(alike):,} assets')} {first.reason}"
    yield from wrapped(DETAIL, clean(first.message))
    yield from _places(alike, DETAIL, style)


def _places(entries: Sequence[EntryDoc | UnknownDoc], indent: str, style: TerminalStyle) -> Iterator[str]:
    """The first entries with their places, and their titles in a column behind those, or else below."""
    column = max(width(phrases.place(item.source)) for item in entries[:MOST_LISTED])
    widest = max(width(_title(item)) for item in entries[:MOST_LISTED])
    beside = len(indent) + 33 + column + 2 + widest <= COLUMNS

    def lines(item: EntryDoc | UnknownDoc) -> Iterator[str]:
        title = _title(item)
        gap = " " * (column - width(phrases.place(item.source))) if beside else f"\n{indent}"
        yield f"{indent}{item.asset_id} {style.place(item.source)}" + (f"{gap}  {title}" if title else "")

    return listed(entries, lines, indent)


def _title(item: EntryDoc | UnknownDoc) -> str:
    return f'"{clean(item.title)}"' if isinstance(item, UnknownDoc) and item.title else ""


def _result(result: Outcome, column: int, style: TerminalStyle) -> Iterator[str]:
    """A row of the table; what doesn't fit into 80 columns goes below."""
    change = f"{phrases.cover(result.before)} -> {phrases.cover(result.after)}"
    if result.outcome == "unchanged":
        change = f"already {phrases.cover(result.after)}"
    outcome = phrases.outcome(result)
    row = f"  {result.asset_id}  {style.fg(outcome, _COLOURS[result.outcome])}"
    column = max(column, len(outcome))
    fits = 36 + column + 2 + width(change) <= COLUMNS
    yield row + (" " * (column - len(outcome) + 2) if fits else f"\n{DETAIL}") + change
    yield from _take(result.take if result.billed else None, style)
    if result.outcome == "restored" and result.restored_from is not None:
        yield f"{DETAIL}uploaded again from {clean(result.restored_from)}"
    if result.saved_cover is not None:
        yield f"{DETAIL}the old cover is saved in {clean(result.saved_cover)}"
    if result.error is not None:
        yield from wrapped(DETAIL, clean(phrases.failure(result)))
        yield DETAIL + style.place(result.source)


def _common_file(alike: Sequence[UnknownDoc]) -> str:
    """The file of them all; "" where they are in several, which sorts last."""
    files = {item.source.file for item in alike}
    return files.pop() if len(files) == 1 else ""


def _alike(unknown: Iterable[UnknownDoc]) -> Iterator[list[UnknownDoc]]:
    """Those with the same reason and message, whatever the request, where they are more than a few."""
    for group in grouped(unknown, lambda item: f"{item.reason} {phrases.without_request(item)}").values():
        if len(group) > _FEW:
            yield group
        else:
            yield from ([item] for item in group)


def _since(since: SinceDoc) -> Iterator[str]:
    """What became different since the baseline, if anything did."""
    kinds = phrases.since_kinds(since)
    if not any(asset_ids for _, asset_ids in kinds):
        return
    yield f"Since the audit of {clean(since.created_at)}:"
    for what, asset_ids in kinds:
        rows = [f"{_ENTRY}{clean(asset_id)} {what}" for asset_id in asset_ids]
        yield from listed(rows, lambda row: [row], _ENTRY, f" {what}")
    yield ""
