"""What the HTML report says as a whole: head, numbers, groups and lists. The template only lays it out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from reconciler.documents.images import ImagesByAsset
from reconciler.documents.schemas import (
    ApplyDoc,
    AuditDoc,
    ChangedDoc,
    EntryDoc,
    Findings,
    Head,
    PlanDoc,
    SinceDoc,
    UnknownDoc,
)
from reconciler.documents.shown import ShowDoc, ShownAsset
from reconciler.model import Rate
from reconciler.report import phrases as words
from reconciler.report.html_cards import Card, Choice, by, change, choices, place, result, text
from reconciler.util.sanitize import json_text

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)Z")
_NONE_TAKEN = "This report was made without pictures."


class Number(NamedTuple):
    """One of the counts; `target` is the section that lists them, or ""."""

    amount: int
    told: str
    colour: str
    target: str = ""


class Fact(NamedTuple):
    """Something about the whole run; a `moment` is machine-readable, too."""

    name: str
    value: str
    moment: str = ""


class Group(NamedTuple):
    """The cards of one desired file."""

    file: str
    told: str
    cards: tuple[Card, ...]


class Entry(NamedTuple):
    asset_id: str
    title: str = ""
    message: str = ""
    place: str = ""


class Entries(NamedTuple):
    """Assets of which the same is to be said; folded away where `told` is a summary to be opened."""

    told: str
    entries: tuple[Entry, ...]
    lead: str = ""
    advice: str = ""
    many: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Everything the template shows, inert; sections without content are left out."""

    kind: str
    name: str
    facts: tuple[Fact, ...]
    summary: tuple[str, ...]
    numbers: tuple[Number, ...]
    remark: str
    version: str
    groups: tuple[Group, ...] = ()
    choices: tuple[Choice, ...] = ()
    unknown: tuple[Entries, ...] = ()
    pending: tuple[Entry, ...] = ()
    since: tuple[Entries, ...] = ()
    since_when: str = ""
    unmanaged: Entries | None = None
    folded: tuple[Entries, ...] = ()

    @property
    def pictured(self) -> bool:
        """Whether there are pictures of anything."""
        return self.remark != _NONE_TAKEN


def page(document: PlanDoc | AuditDoc | ApplyDoc | ShowDoc, images: ImagesByAsset, rate: Rate) -> Page:
    """The view of a document; `rate` is the one at which covers may be set."""
    if isinstance(document, ShowDoc):
        return _shown(document, images)
    return _applied(document, images) if isinstance(document, ApplyDoc) else _found(document, images, rate)


def _found(document: PlanDoc | AuditDoc, images: ImagesByAsset, rate: Rate) -> Page:
    audit = document if isinstance(document, AuditDoc) else None
    facts = list(_facts(document))
    if audit and (audit.targets or audit.excludes):
        limits = [*audit.targets, *(f"not {glob}" for glob in audit.excludes)]
        facts.append(Fact("Limited to", text(", ".join(limits))))
    since = audit.since if audit else None
    return Page(
        document.kind,
        "Audit" if audit else "Plan",
        tuple(facts),
        tuple(words.findings(document, rate)),
        tuple(_numbers(document)),
        _remark([item.asset_id for item in document.changes], images, "change"),
        text(document.tool_version),
        tuple(_groups([change(item, images) for item in document.changes])),
        unknown=tuple(_unknown(document.unknown)),
        pending=_entries(document.pending),
        since=tuple(_since(since)) if since else (),
        since_when=_moment(since.created_at) if since else "",
        unmanaged=_unmanaged(audit) if audit and audit.unmanaged.count else None,
        folded=tuple(_folded(document)),
    )


def _applied(document: ApplyDoc, images: ImagesByAsset) -> Page:
    waited = any(item.verified is not None for item in document.results)
    counts = document.summary
    return Page(
        "apply",
        "Apply",
        tuple(_facts(document)),
        tuple(words.applied(document, waited=waited)),
        (
            Number(counts.applied, "applied", "good", "changes"),
            Number(counts.failed, "failed", "bad", "changes"),
            Number(counts.stale, "stale", "bad", "changes"),
            Number(counts.unchanged, "unchanged", "good", "changes"),
            Number(counts.not_attempted, "not attempted", "change", "changes"),
            Number(counts.unknown, "unknown", "bad", "unknown"),
        ),
        _remark([item.asset_id for item in document.results], images, "change"),
        text(document.tool_version),
        tuple(_groups([result(item, images) for item in document.results])),
        unknown=tuple(_unknown(document.unknown)),
    )


def _shown(document: ShowDoc, images: ImagesByAsset) -> Page:
    read = [asset for asset in document.assets if isinstance(asset, ShownAsset)]
    snapshots = sum(len(asset.snapshots) for asset in read)
    return Page(
        "show",
        "Snapshots",
        (),
        (f"{words.counted(len(document.assets), 'asset')}, {words.counted(snapshots, 'snapshot')}.",),
        (),
        _remark([asset.asset_id for asset in read], images, "asset"),
        "",
        choices=tuple(choices(document, images)),
    )


def _facts(document: Head) -> Iterator[Fact]:
    if document.region is not None:
        yield Fact("Region", text(document.region))
    yield Fact("Project", text(document.project_id))
    yield Fact("Endpoint", text(document.endpoint))
    machine = document.created_at if _MOMENT.fullmatch(document.created_at) else ""
    yield Fact("Created", _moment(document.created_at), machine)


def _moment(at: str) -> str:
    """2026-11-22 08:30 UTC; whatever else a file may say instead as it is."""
    found = _MOMENT.fullmatch(at)
    return f"{found[1]} {found[2]} UTC" if found else text(at)


def _numbers(document: PlanDoc | AuditDoc) -> Iterator[Number]:
    counts = document.summary
    yield Number(counts.update, "to change", "change", "changes")
    yield Number(counts.unknown, "unknown", "bad", "unknown")
    yield Number(counts.pending, "pending", "wait", "pending")
    yield Number(counts.in_sync, "in sync", "good", "rest")
    yield Number(counts.ignored, "ignored", "calm", "rest")
    if isinstance(document, AuditDoc):
        yield Number(document.unmanaged.count, "unmanaged", "calm", "unmanaged")


def _remark(asset_ids: Sequence[str], images: ImagesByAsset, what: str) -> str:
    """How much stands without pictures, said once."""
    without = sum(asset_id not in images for asset_id in asset_ids)
    if not without:
        return ""
    if without == len(asset_ids):
        return _NONE_TAKEN
    stand = "stands" if without == 1 else "stand"
    return f"{without:,} of {words.counted(len(asset_ids), what)} {stand} without pictures."


def _groups(cards: Sequence[Card]) -> Iterator[Group]:
    for file, alike in by(lambda card: card.place.rpartition(":")[0], cards):
        yield Group(file, words.counted(len(alike), "change"), tuple(alike))


def _unknown(unknown: Sequence[UnknownDoc]) -> Iterator[Entries]:
    for _, alike in by(lambda item: item.reason, unknown):
        entries = [Entry(x.asset_id, text(x.title or ""), text(x.message), place(x.source)) for x in alike]
        reason, many = alike[0].reason, words.counted(len(alike), "asset")
        yield Entries(reason, tuple(entries), advice=words.advice(reason), many=many)


def _entries(docs: Sequence[EntryDoc]) -> tuple[Entry, ...]:
    return tuple(Entry(doc.asset_id, place=place(doc.source)) for doc in docs)


def _unmanaged(audit: AuditDoc) -> Entries:
    entries = tuple(Entry(text(asset_id)) for asset_id in audit.unmanaged.asset_ids)
    return Entries(words.counted(audit.unmanaged.count, "asset"), entries)


def _folded(document: Findings) -> Iterator[Entries]:
    counts = document.summary
    if counts.in_sync:
        lead = f"They are only counted: {'an audit' if document.kind == 'audit' else 'a plan'} does not name them."
        yield Entries(f"{counts.in_sync:,} in sync", (), lead=lead)
    if counts.ignored:
        entries = _entries(document.ignored)
        yield Entries(f"{counts.ignored:,} ignored", entries, lead="Managed elsewhere: the desired files say so.")


def _since(since: SinceDoc) -> Iterator[Entries]:
    for told, asset_ids in (
        ("drifted", since.drifted),
        ("resolved", since.resolved),
        ("no longer managed", since.no_longer_managed),
        ("newly unknown", since.unknown),
        ("newly unmanaged", since.newly_unmanaged),
        ("no longer unmanaged", since.no_longer_unmanaged),
    ):
        if asset_ids:
            yield Entries(f"{len(asset_ids):,} {told}", tuple(Entry(text(asset_id)) for asset_id in asset_ids))
    if since.changed:
        yield Entries(f"{len(since.changed):,} changed", tuple(map(_changed, since.changed)))


def _changed(doc: ChangedDoc) -> Entry:
    told = [f"{item.field}: {json_text(item.before)} → {json_text(item.after)}" for item in doc.fields]
    return Entry(doc.asset_id, message=text("; ".join(told)))
