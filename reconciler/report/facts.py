"""One fact for each asset of a document: what pipelines report, whatever their format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from reconciler.decide.outcome import CHANGED, Outcome, OutcomeName
from reconciler.documents.schemas import ApplyDoc, ChangeDoc, Findings, UnknownDoc
from reconciler.model import Cover, Reason, SnapshotRef, Source
from reconciler.report import phrases
from reconciler.report.options import RenderOptions
from reconciler.util.sanitize import clean, shorten

Kind = Literal["drift", "unknown", "pending", "ignored", "not_seen"] | OutcomeName
"""`not_seen`: applied or restored, but not seen in place in time."""

MOST_TITLE = 200
MOST_TEXT = 1000
"""Characters of a note or a message: authors may write more than a comment or a log has room for."""
_WITH_ADVICE: tuple[Reason, ...] = ("api_error", "asset_not_found")
"""Their messages say what to do."""


@dataclass(frozen=True, slots=True)
class Fact:
    kind: Kind
    asset_id: str
    label: str
    """The asset's ID, with its title if that is known; one line, inert, like `message`."""
    message: str
    source: Source
    about: str
    """The wanted snapshot, or the reason: with kind and ID it identifies the fact from run to run."""
    allowed: bool = False
    """Unknown for a reason that the user accepts: reported, but not as an error."""


def facts(document: Findings | ApplyDoc, options: RenderOptions) -> Iterator[Fact]:
    """In the document's order. Assets in sync are only counted in documents, so there are none for them."""
    if isinstance(document, ApplyDoc):
        yield from map(_result, document.results)
    else:
        yield from map(_drift, document.changes)
    for item in document.unknown:
        yield _unknown(item, options.allowed)
    if isinstance(document, ApplyDoc):
        return
    for entry in document.pending:
        message = "Applied in the last five minutes, not visible yet."
        yield Fact("pending", entry.asset_id, entry.asset_id, message, entry.source, "")
    for entry in document.ignored:
        yield Fact("ignored", entry.asset_id, entry.asset_id, "Ignored: managed elsewhere.", entry.source, "")


def label(asset_id: str, title: str | None) -> str:
    return f'{asset_id} "{shorten(title, MOST_TITLE)}"' if title else asset_id


def place(source: Source) -> str:
    return clean(f"{shorten(source.file, MOST_TITLE)}:{source.line}")


def cover(doc: Cover) -> str:
    return shorten(phrases.cover(doc), MOST_TITLE)


def failure(result: Outcome) -> str:
    return shorten(result.error.message, MOST_TEXT) + phrases.request(result.error) if result.error else ""


def _drift(change: ChangeDoc) -> Fact:
    message = f"The cover is {cover(change.before)}, wanted is {cover(change.after)}."
    if change.take is not None:
        message += f" {'; '.join(' '.join(one) for one in phrases.take(change.take))}."
    if change.note is not None:
        message += f" Note: {shorten(change.note, MOST_TEXT)}"
    about = _wanted(change.after.snapshot)
    return Fact("drift", change.asset_id, label(change.asset_id, change.title), message, change.source, about)


def _unknown(item: UnknownDoc, allowed: frozenset[str]) -> Fact:
    message, asset = shorten(item.message, MOST_TEXT), label(item.asset_id, item.title)
    if not _says_what_to_do(item):
        message += f" {phrases.advice(item.reason)}"
    return Fact("unknown", item.asset_id, asset, message, item.source, item.reason, item.reason in allowed)


def _says_what_to_do(item: UnknownDoc) -> bool:
    """It does if it has a second sentence, or names a setting between backticks."""
    return item.reason in _WITH_ADVICE or ". " in item.message or "`" in item.message


def _result(result: Outcome) -> Fact:
    kind: Kind = "not_seen" if result.outcome in CHANGED and result.verified is False else result.outcome
    outcome = result.outcome.replace("_", " ").capitalize() + (", but not seen in time" if kind == "not_seen" else "")
    message = failure(result) or f"{outcome}: {cover(result.before)} -> {cover(result.after)}."
    about = _wanted(result.after.snapshot)
    return Fact(kind, result.asset_id, label(result.asset_id, result.title), message, result.source, about)


def _wanted(ref: SnapshotRef | None) -> str:
    return f"{ref.set}[{'' if ref.index is None else ref.index}]@{ref.offset}" if ref else ""
