"""Reports for a terminal, in Terraform's manner, file by file. What the API or a file said is made inert first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reconciler.documents.schemas import (
    ApplyDoc,
    AuditDoc,
    ChangeDoc,
    EntryDoc,
    Findings,
    ResultDoc,
    SinceDoc,
    UnknownDoc,
    Unmanaged,
)
from reconciler.model import Rate
from reconciler.report import phrases as words
from reconciler.report.terminal import COLUMNS, Ink, pad, place, width, wrapped
from reconciler.util.sanitize import clean

_COLOURS = {
    "~": "yellow",
    "?": "red",
    "applied": "green",
    "unchanged": "green",
    "failed": "red",
    "stale": "red",
    "not_attempted": "yellow",
}
_SEEN = {True: ", seen in place", False: ", not seen in time", None: ""}
_OUTCOME = 9
"""Columns that leave room for the change beside it: all outcomes but "not attempted", as long as nobody waited."""
_MOST_LISTED = 20
_FEW = 3
_ENTRY = " " * 4
_DETAIL = " " * 6


class Text:
    """Renders documents.

    Args:
        colour: the result may hold ANSI colours.
        links: it may hold hyperlinks (OSC 8), to the desired files.
        base: the URI of the folder that their paths start from, such as "file:///srv/repo/"; without it, no links.
    """

    def __init__(self, *, colour: bool = False, links: bool = False, base: str = "") -> None:
        self._ink = Ink(colour=colour, base=base if links else "")

    def findings(
        self,
        document: Findings,
        rate: Rate,
        *,
        quiet: bool = False,
        blocked: bool = False,
        nothing: str = words.NO_CHANGES,
    ) -> str:
        """A plan or an audit; see `words.findings`."""
        lines: list[str] = []
        if not quiet:
            for file, (changes, unknown) in _by_file(document).items():
                lines.append(self._ink.file(file) if file else self._ink.bold("In several files"))
                for change in changes:
                    lines += [*self._change(change), ""]
                for alike in unknown:
                    lines += [*self._unknown(alike), ""]
            if document.pending:
                lines += [*self._pending(document.pending), ""]
            if isinstance(document, AuditDoc) and document.unmanaged.count:
                lines += [*_unmanaged(document.unmanaged), ""]
            if isinstance(document, AuditDoc) and document.since is not None:
                lines += _since(document.since)
        lines += self._summary(words.findings(document, rate, blocked=blocked, nothing=nothing))
        return "\n".join(lines) + "\n"

    def applied(self, document: ApplyDoc, *, waited: bool = False, quiet: bool = False, blocked: bool = False) -> str:
        """What an apply did; see `words.applied`."""
        lines: list[str] = []
        if not quiet:
            files: dict[str, list[ResultDoc]] = {}
            for result in document.results:
                files.setdefault(result.source.file, []).append(result)
            told = {len(_outcome(result)) for result in document.results}
            column = max((length for length in told if length <= _OUTCOME), default=0)
            for file, results in files.items():
                lines.append(self._ink.file(file))
                for result in results:
                    lines += self._result(result, column)
                lines.append("")
        lines += self._summary(words.applied(document, waited=waited, blocked=blocked))
        return "\n".join(lines) + "\n"

    def _change(self, change: ChangeDoc) -> Iterator[str]:
        yield f"  {self._sign('~')} {self._named(change.asset_id, change.title)}"
        before, after = words.cover(change.before), words.cover(change.after)
        column = width(before)
        fits = 13 + column + 4 + width(after) <= COLUMNS
        yield f"{_DETAIL}cover: {before} -> {after}" if fits else f"{_DETAIL}cover: {before}"
        if not fits:
            yield f"{_DETAIL}    -> {after}"
        old, new = change.before.content, change.after.content
        if old is not None and new is not None and old.length != new.length:
            yield f"{_DETAIL}bytes: {pad(f'{old.length:,}', column if fits else 0)} -> {new.length:,}"
        if change.note is not None:
            yield from wrapped(f"{_DETAIL}note:  ", clean(change.note))
        yield _DETAIL + self._ink.place(change.source.file, change.source.line)

    def _unknown(self, alike: Sequence[UnknownDoc]) -> Iterator[str]:
        """One asset, or several that are unknown for the same reason in the same words."""
        first = alike[0]
        if len(alike) == 1:
            yield f"  {self._sign('?')} {self._named(first.asset_id, first.title or '')} {first.reason}"
            yield from wrapped(_DETAIL, clean(first.message))
            yield _DETAIL + self._ink.place(first.source.file, first.source.line)
            return
        yield f"  {self._sign('?')} {self._ink.bold(f'{len(alike):,} assets')} {first.reason}"
        yield from wrapped(_DETAIL, clean(first.message))
        yield from self._listed(alike, _DETAIL)

    def _pending(self, pending: Sequence[EntryDoc]) -> Iterator[str]:
        yield "Applied in the last five minutes, not visible yet:"
        yield from self._listed(pending, _ENTRY)

    def _listed(self, entries: Sequence[EntryDoc | UnknownDoc], indent: str) -> Iterator[str]:
        """The first entries with their places, and their titles in a column behind those, or else below."""
        shown = entries[:_MOST_LISTED]
        titles = [f'"{clean(item.title)}"' if isinstance(item, UnknownDoc) and item.title else "" for item in shown]
        column = max(width(place(item.source.file, item.source.line)) for item in shown)
        before = len(indent) + 33 + column + 2
        beside = before + max(map(width, titles)) <= COLUMNS
        for item, title in zip(shown, titles, strict=True):
            file, line = item.source.file, item.source.line
            row = f"{indent}{item.asset_id} {self._ink.place(file, line)}"
            if beside and title:
                row += " " * (column - width(place(file, line))) + f"  {title}"
            yield row
            if title and not beside:
                yield f"{indent}  {title}"
        if len(entries) > _MOST_LISTED:
            yield _more(len(entries), indent)

    def _result(self, result: ResultDoc, column: int) -> Iterator[str]:
        """A row of the table; what doesn't fit into 80 columns stands below."""
        change = f"{words.cover(result.before)} -> {words.cover(result.after)}"
        if result.outcome == "unchanged":
            change = f"already {words.cover(result.after)}"
        told = _outcome(result)
        row = f"  {result.asset_id}  {self._ink.fg(told, _COLOURS[result.outcome])}"
        column = max(column, len(told))
        if 36 + column + 2 + width(change) <= COLUMNS:
            yield f"{row}{' ' * (column - len(told))}  {change}"
        else:
            yield row
            yield _DETAIL + change
        if result.saved_cover is not None:
            yield f"{_DETAIL}the old cover is saved in {clean(result.saved_cover)}"
        if result.error is not None:
            request = f" (request {result.error.request_id})" if result.error.request_id else ""
            yield from wrapped(_DETAIL, clean(result.error.message + request))
            yield _DETAIL + self._ink.place(result.source.file, result.source.line)

    def _summary(self, lines: Iterable[str]) -> Iterator[str]:
        headline, *others = lines
        yield self._ink.bold(headline)
        yield from others

    def _named(self, asset_id: str, title: str) -> str:
        return f'{self._ink.bold(asset_id)} "{clean(title)}"' if title else self._ink.bold(asset_id)

    def _sign(self, sign: str) -> str:
        return self._ink.fg(sign, _COLOURS[sign])


def _by_file(document: Findings) -> dict[str, tuple[list[ChangeDoc], list[list[UnknownDoc]]]]:
    """Changes and unknown assets of each file, in order of mention; last, under "", what several files share."""
    files: dict[str, tuple[list[ChangeDoc], list[list[UnknownDoc]]]] = {}
    for change in document.changes:
        files.setdefault(change.source.file, ([], []))[0].append(change)
    shared = []
    for alike in _alike(document.unknown):
        if len({item.source.file for item in alike}) > 1:
            shared.append(alike)
        else:
            files.setdefault(alike[0].source.file, ([], []))[1].append(alike)
    if shared:
        files.setdefault("", ([], []))[1].extend(shared)
    return files


def _alike(unknown: Sequence[UnknownDoc]) -> list[list[UnknownDoc]]:
    """Grouped by what is said of them, but for the request it was said to; in order of first mention."""
    groups: dict[tuple[str, str], list[UnknownDoc]] = {}
    for item in unknown:
        groups.setdefault((item.reason, item.message.partition(" (request ")[0]), []).append(item)
    return [
        part for group in groups.values() for part in ([group] if len(group) > _FEW else [[one] for one in group])
    ]


def _outcome(result: ResultDoc) -> str:
    return result.outcome.replace("_", " ") + _SEEN[result.verified]


def _unmanaged(strangers: Unmanaged) -> Iterator[str]:
    yield "Managed by no file:"
    for asset_id in strangers.asset_ids[:_MOST_LISTED]:
        yield _ENTRY + clean(asset_id)
    if strangers.count > _MOST_LISTED:
        yield _more(strangers.count, _ENTRY)


def _more(count: int, indent: str, what: str = "") -> str:
    return f"{indent}and {count - _MOST_LISTED:,} more{what} (--json lists all)"


def _since(since: SinceDoc) -> Iterator[str]:
    """What became different since the baseline, if anything did."""
    kinds = words.since_kinds(since)
    if not any(asset_ids for _, asset_ids in kinds):
        return
    yield f"Since the audit of {clean(since.created_at)}:"
    for what, asset_ids in kinds:
        for asset_id in asset_ids[:_MOST_LISTED]:
            yield f"{_ENTRY}{asset_id} {what}"
        if len(asset_ids) > _MOST_LISTED:
            yield _more(len(asset_ids), _ENTRY, f" {what}")
    yield ""
