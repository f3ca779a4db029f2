"""What a document says of each asset, one fact each: what pipelines are told, whatever their format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from reconciler.documents.schemas import (
    ApplyDoc,
    ChangeDoc,
    CoverDoc,
    Findings,
    ResultDoc,
    SnapshotDoc,
    SourceDoc,
    UnknownDoc,
)
from reconciler.model import OutcomeName, Reason
from reconciler.report import phrases as words
from reconciler.util.sanitize import clean, shorten

Kind = Literal["drift", "unknown", "pending", "ignored", "not_seen"] | OutcomeName
"""`not_seen`: applied, and looked for in vain."""

MOST_TITLE = 200
MOST_TEXT = 1000
"""Characters of a note or a message: a catalogue's author may write more, a comment or a log has no room for it."""
_HINTED: tuple[Reason, ...] = ("api_error", "asset_not_found")
"""Their messages come with what to do."""


@dataclass(frozen=True, slots=True)
class Fact:
    kind: Kind
    asset_id: str
    named: str
    """The asset's ID with its title, where that is known; one line, inert, as is `message`."""
    message: str
    source: SourceDoc
    about: str
    """The wanted snapshot, or the reason: with kind and ID what stays the same as long as the fact does."""
    allowed: bool = False
    """Unknown for a reason that the user accepts: to be told, but as no error."""


def facts(document: Findings | ApplyDoc, *, allowed: frozenset[str] = frozenset()) -> Iterator[Fact]:
    """In the document's order. Assets in sync are only counted in documents, so there are none for them.

    Args:
        allowed: the reasons for which assets may be unknown.
    """
    if isinstance(document, ApplyDoc):
        yield from map(_result, document.results)
    else:
        yield from map(_drift, document.changes)
    for item in document.unknown:
        yield _unknown(item, allowed)
    if isinstance(document, ApplyDoc):
        return
    for entry in document.pending:
        told = "Applied in the last five minutes, not visible yet."
        yield Fact("pending", entry.asset_id, entry.asset_id, told, entry.source, "")
    for entry in document.ignored:
        yield Fact("ignored", entry.asset_id, entry.asset_id, "Ignored: managed elsewhere.", entry.source, "")


def named(asset_id: str, title: str | None) -> str:
    return f'{asset_id} "{shorten(title, MOST_TITLE)}"' if title else asset_id


def place(source: SourceDoc) -> str:
    return clean(f"{shorten(source.file, MOST_TITLE)}:{source.line}")


def cover(doc: CoverDoc) -> str:
    return shorten(words.cover(doc), MOST_TITLE)


def failure(result: ResultDoc) -> str:
    """The error of a result and the request to name to the service's support; "" where there is no error."""
    if result.error is None:
        return ""
    request = f" (request {shorten(result.error.request_id)})" if result.error.request_id else ""
    return shorten(result.error.message, MOST_TEXT) + request


def _drift(change: ChangeDoc) -> Fact:
    told = f"The cover is {cover(change.before)}, wanted is {cover(change.after)}."
    if change.note is not None:
        told += f" Note: {shorten(change.note, MOST_TEXT)}"
    about = _wanted(change.after.snapshot)
    return Fact("drift", change.asset_id, named(change.asset_id, change.title), told, change.source, about)


def _unknown(item: UnknownDoc, allowed: frozenset[str]) -> Fact:
    told, who = shorten(item.message, MOST_TEXT), named(item.asset_id, item.title)
    if not _says_what_to_do(item):
        told += f" {words.advice(item.reason)}"
    return Fact("unknown", item.asset_id, who, told, item.source, item.reason, item.reason in allowed)


def _says_what_to_do(item: UnknownDoc) -> bool:
    """By a second sentence, or by naming a setting, which stands between backticks."""
    return item.reason in _HINTED or ". " in item.message or "`" in item.message


def _result(result: ResultDoc) -> Fact:
    kind: Kind = "not_seen" if result.outcome == "applied" and result.verified is False else result.outcome
    outcome = "Applied, but not seen in time" if kind == "not_seen" else kind.replace("_", " ").capitalize()
    told = failure(result) or f"{outcome}: {cover(result.before)} -> {cover(result.after)}."
    about = _wanted(result.after.snapshot)
    return Fact(kind, result.asset_id, named(result.asset_id, result.title), told, result.source, about)


def _wanted(ref: SnapshotDoc | None) -> str:
    return f"{ref.set}[{ref.index}]@{ref.offset}" if ref else ""
