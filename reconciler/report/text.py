"""Reports for a terminal, in Terraform's manner. What the API or a file said is made inert first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from reconciler.documents.shapes import (
    ApplyDoc,
    AuditDoc,
    ChangeDoc,
    EntryDoc,
    Findings,
    ResultDoc,
    SinceDoc,
    SourceDoc,
    UnknownDoc,
    Unmanaged,
)
from reconciler.model import Rate
from reconciler.report import words
from reconciler.safe import clean

_COLOURS = {
    "~": "yellow",
    "?": "red",
    "applied": "green",
    "unchanged": "green",
    "failed": "red",
    "stale": "red",
    "not_attempted": "yellow",
}
NO_CHANGES = "No changes. Your covers match the desired state."
_MOST_LISTED = 20
_FEW = 3


class Text:
    """Renders documents; `colour` says whether the result may hold ANSI colours."""

    def __init__(self, *, colour: bool = False) -> None:
        self._colour = colour

    def findings(
        self,
        document: Findings,
        rate: Rate,
        *,
        quiet: bool = False,
        blocked: bool = False,
        nothing: str = NO_CHANGES,
    ) -> str:
        """A plan or an audit.

        Args:
            rate: the one at which covers may be set.
            blocked: there is more to be done that can't be, so that nothing matches yet.
            nothing: what to say where there is nothing to be done.
        """
        lines: list[str] = []
        if not quiet:
            for change in document.changes:
                lines += [*self._change(change), ""]
            for alike in _alike(document.unknown):
                lines += [*self._unknown(alike), ""]
            if document.pending:
                lines += [*_listed("Applied in the last five minutes, not visible yet:", document.pending), ""]
            if isinstance(document, AuditDoc) and document.unmanaged.count:
                lines += [*_unmanaged(document.unmanaged), ""]
            if isinstance(document, AuditDoc) and document.since is not None:
                lines += [*_since(document.since), ""]
        idle = not (document.summary.update or document.summary.unknown or blocked)
        lines += self._summary(document, rate, nothing if idle else "")
        return "\n".join(lines) + "\n"

    def applied(self, document: ApplyDoc, *, waited: bool = False, quiet: bool = False, blocked: bool = False) -> str:
        """What an apply did. `blocked`: there was more to be done that can't be."""
        lines: list[str] = []
        if not quiet:
            for result in document.results:
                lines += self._result(result)
            lines += [""] if lines else []
        counts = document.summary
        whole = not (counts.failed or counts.stale or counts.not_attempted or blocked)
        done = f"Resources: 0 added, {counts.applied} changed, 0 destroyed."
        lines.append(self._bold(f"Apply complete! {done}" if whole else f"Apply incomplete. {done}"))
        others = (
            f"{counts.failed} failed, {counts.stale} stale, {counts.unchanged} unchanged, "
            f"{counts.not_attempted} not attempted, {counts.unknown} unknown."
        )
        lines.append(others)
        if waited and counts.applied:
            seen = sum(result.verified is True for result in document.results)
            lines.append(f"{seen} of {counts.applied} seen in place.")
        elif counts.applied:
            lines.append("New covers take effect within 3 to 5 minutes.")
        return "\n".join(lines) + "\n"

    def _change(self, change: ChangeDoc) -> Iterator[str]:
        yield f"  {self._sign('~')} {self._named(change.asset_id, change.title)}"
        yield f"      cover: {words.cover(change.before)} -> {words.cover(change.after)}"
        old, new = change.before.content, change.after.content
        if old is not None and new is not None and old.length != new.length:
            yield f"      bytes: {old.length:,} -> {new.length:,}"
        if change.note is not None:
            yield f"      note:  {clean(change.note)}"
        yield f"      {_place(change.source)}"

    def _unknown(self, alike: Sequence[UnknownDoc]) -> Iterator[str]:
        """One asset, or several that are unknown for the same reason in the same words."""
        first = alike[0]
        if len(alike) == 1:
            yield f"  {self._sign('?')} {self._named(first.asset_id, first.title or '')} {first.reason}"
            yield f"      {clean(first.message)}"
            yield f"      {_place(first.source)}"
            return
        yield f"  {self._sign('?')} {self._bold(f'{len(alike):,} assets')} {first.reason}"
        yield f"      {clean(first.message)}"
        yield from _listed("", alike)

    def _result(self, result: ResultDoc) -> Iterator[str]:
        outcome = self._style(result.outcome.replace("_", " "), _COLOURS[result.outcome])
        change = f"{words.cover(result.before)} -> {words.cover(result.after)}"
        if result.outcome == "unchanged":
            change = f"already {words.cover(result.after)}"
        seen = {True: ", seen in place", False: ", not seen in time", None: ""}[result.verified]
        yield f"  {result.asset_id}: {outcome}{seen} ({change})"
        if result.saved_cover is not None:
            yield f"      the old cover is saved in {clean(result.saved_cover)}"
        if result.error is not None:
            request = f" (request {result.error.request_id})" if result.error.request_id else ""
            yield f"      {clean(result.error.message + request)}"
            yield f"      {_place(result.source)}"

    def _summary(self, document: Findings, rate: Rate, nothing: str) -> Iterator[str]:
        counts = document.summary
        yield self._bold(nothing or f"Plan: 0 to add, {counts.update} to change, 0 to destroy.")
        yield f"{counts.in_sync} in sync, {counts.unknown} unknown, {counts.ignored} ignored."
        if counts.pending:
            yield f"{counts.pending} pending: applied in the last five minutes, not visible yet."
        if isinstance(document, AuditDoc):
            yield f"{words.counted(document.unmanaged.count, 'asset')} managed by no file."
            if document.fast is not None:
                yield words.fast(document.fast)
            if document.since is not None:
                yield words.since(document.since)
        if counts.update:
            yield f"About {words.duration(rate.seconds_for(counts.update))} at {words.per(rate)}."

    def _named(self, asset_id: str, title: str) -> str:
        return f'{self._bold(asset_id)} "{clean(title)}"' if title else self._bold(asset_id)

    def _sign(self, sign: str) -> str:
        return self._style(sign, _COLOURS[sign])

    def _style(self, text: str, colour: str) -> str:
        return click.style(text, fg=colour) if self._colour else text

    def _bold(self, text: str) -> str:
        return click.style(text, bold=True) if self._colour else text


def _place(source: SourceDoc) -> str:
    return f"{clean(source.file)}:{source.line}"


def _alike(unknown: Sequence[UnknownDoc]) -> list[list[UnknownDoc]]:
    """Grouped by what is said of them, but for the request it was said to; in order of first mention."""
    groups: dict[tuple[str, str], list[UnknownDoc]] = {}
    for item in unknown:
        groups.setdefault((item.reason, item.message.partition(" (request ")[0]), []).append(item)
    return [
        part for group in groups.values() for part in ([group] if len(group) > _FEW else [[one] for one in group])
    ]


def _listed(what: str, entries: Sequence[EntryDoc | UnknownDoc]) -> Iterator[str]:
    if what:
        yield f"  {what}"
    for entry in entries[:_MOST_LISTED]:
        yield f"      {entry.asset_id} {_place(entry.source)}"
    if len(entries) > _MOST_LISTED:
        yield f"      and {len(entries) - _MOST_LISTED:,} more (--json lists all)"


def _unmanaged(strangers: Unmanaged) -> Iterator[str]:
    yield "  Managed by no file:"
    for asset_id in strangers.asset_ids[:_MOST_LISTED]:
        yield f"      {clean(asset_id)}"
    if strangers.count > _MOST_LISTED:
        yield f"      and {strangers.count - _MOST_LISTED:,} more (--json lists all)"


def _since(since: SinceDoc) -> Iterator[str]:
    yield f"  Since the audit of {clean(since.created_at)}:"
    for what, asset_ids in (
        ("drifted", since.drifted),
        ("resolved", since.resolved),
        ("no longer managed", since.no_longer_managed),
        ("unknown now", since.unknown),
        ("changed", [item.asset_id for item in since.changed]),
        ("newly unmanaged", since.newly_unmanaged),
        ("no longer unmanaged", since.no_longer_unmanaged),
    ):
        for asset_id in asset_ids[:_MOST_LISTED]:
            yield f"      {asset_id} {what}"
        if len(asset_ids) > _MOST_LISTED:
            yield f"      and {len(asset_ids) - _MOST_LISTED:,} more {what} (--json lists all)"
