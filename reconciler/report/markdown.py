"""Markdown for pull and merge request comments.

What the API or a file said is in fenced code only: there, and nowhere else, mentions, references, links, HTML and
quick actions are inert on every code host (entities don't help: hosts decode them before they look for mentions).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from urllib.parse import quote, urlsplit

from reconciler.decide.outcome import CHANGED, Outcome, OutcomeName
from reconciler.documents.locked import LockChangeDoc, LockDoc
from reconciler.documents.rollback import NotUndoneDoc, RollbackDoc
from reconciler.documents.schemas import ApplyDoc, AuditDoc, ChangeDoc, Findings, SinceDoc, UnknownDoc
from reconciler.report import phrases
from reconciler.report.facts import MOST_TEXT, MOST_TITLE, cover, failure, label, place
from reconciler.report.options import DEFAULTS, RenderOptions
from reconciler.util.sanitize import clean, shorten

_MOST_URL = 2_000
_TROUBLE_FIRST: tuple[OutcomeName, ...] = ("failed", "stale", "not_attempted", "applied", "restored", "unchanged")


@dataclass(frozen=True, slots=True)
class _Section:
    """A heading in our words, and items in fenced code, of which only whole ones are left out."""

    heading: str
    language: str
    items: list[str]
    what: str
    """What one item is."""


def utf16(text: str) -> int:
    """How many characters JavaScript and Java count, which is never less than others count."""
    return len(text.encode("utf-16-le")) // 2


def render(
    document: Findings | ApplyDoc | LockDoc,
    options: RenderOptions = DEFAULTS,
    *,
    limit: int = 65_536,
    size: Callable[[str], int] = utf16,
) -> str:
    """A comment whose first line is a marker, the same for every run of a kind on a project, so that a bot can find
    the comment and replace it.

    It takes at most `limit` by `size` (a limit under 8,000 may be too little for the parts that are never left out):
    as many changes, unknowns and outcomes as necessary are left out, and it says how many. The report's URL is linked
    if it is an http or https URL.
    """
    link = target(options.report_url)
    head = "\n\n".join(_head(document, options, link)) + "\n"
    sections = list(_sections(document))
    needs = [size(_whole(section)) for section in sections]
    shares = _shares(needs, limit - size(head))
    return head + "".join(
        _whole(section) if need <= share else _cut(section, share, size, linked=bool(link))
        for section, need, share in zip(sections, needs, shares, strict=True)
    )


def _sections(document: Findings | ApplyDoc | LockDoc) -> Iterator[_Section]:
    if isinstance(document, LockDoc):
        return _locked(document)
    return _applied(document) if isinstance(document, ApplyDoc) else _found(document)


def _head(document: Findings | ApplyDoc | LockDoc, options: RenderOptions, link: str) -> Iterator[str]:
    project = hashlib.sha256((document.project_id or "").encode()).hexdigest()[:8]
    where = f" ({document.region})" if document.region else ""
    kind = "rollback" if isinstance(document, RollbackDoc) else document.kind
    yield f"<!-- reconcile:{kind}:{project} -->\n### Video covers: {kind}{where}"
    headline, *counts = _summary(document, options)
    yield headline
    yield " ".join(counts)
    if link:
        yield f"[The report with pictures]({link})"


def _summary(document: Findings | ApplyDoc | LockDoc, options: RenderOptions) -> Iterator[str]:
    if isinstance(document, AuditDoc):  # these quote what others said: that goes into a fence
        document = replace(document, since=None, warnings=())
    return phrases.summary(document, options)


def _found(document: Findings) -> Iterator[_Section]:
    if document.changes:
        heading = f"**{phrases.counted(len(document.changes), 'change')}**"
        yield _Section(heading, "diff", [_change(change) for change in document.changes], "change")
    yield from _unknown(document.unknown)
    if isinstance(document, AuditDoc):
        yield from _warnings(document)
    if isinstance(document, AuditDoc) and document.since is not None:
        yield _Section("**Since the baseline**", "text", list(_since(document.since)), "difference")


def _warnings(document: AuditDoc | ApplyDoc) -> Iterator[_Section]:
    if document.warnings:
        yield _Section("**Warnings**", "text", [clean(one.message) for one in document.warnings], "warning")


def _applied(document: ApplyDoc) -> Iterator[_Section]:
    yield from _warnings(document)
    if document.results:
        results = sorted(document.results, key=lambda result: _TROUBLE_FIRST.index(result.outcome))
        heading = f"**{phrases.counted(len(results), 'planned change')}**"
        yield _Section(heading, "diff", [_result(result) for result in results], "outcome")
    if isinstance(document, RollbackDoc):
        yield from _not_undone(document)
    yield from _unknown(document.unknown)


def _not_undone(document: RollbackDoc) -> Iterator[_Section]:
    """What cannot be undone, but for the assets that are listed as unknown."""
    unknown = {item.asset_id for item in document.unknown}
    items = [_problem(item) for item in document.not_undone if item.asset_id not in unknown]
    if items:
        yield _Section(f"**{len(items):,} not undone**", "text", items, "problem")


def _locked(document: LockDoc) -> Iterator[_Section]:
    upgrades = [_upgrade(change) for change in document.changes if change.action == "upgraded"]
    others = [_line(change) for change in document.changes if change.action != "upgraded"]
    if upgrades:
        yield _Section(f"**{phrases.counted(len(upgrades), 'upgraded picture')}**", "diff", upgrades, "picture")
    if others:
        yield _Section(f"**{phrases.counted(len(others), 'other line')}**", "text", others, "line")
    yield from _unknown(document.not_locked, "not locked")


def _line(change: LockChangeDoc) -> str:
    what = f" {phrases.snapshot(change.snapshot)}" if change.snapshot is not None else ""
    moved = f" from {shorten(change.moved_from, MOST_TITLE)}" if change.moved_from is not None else ""
    return f"{change.action}: {label(change.asset_id, change.title)}{what}{moved}"


def _upgrade(change: LockChangeDoc) -> str:
    pictures = (("-", change.before, change.before_picture), ("+", change.after, change.after_picture))
    return "\n".join(
        [
            f"  {label(change.asset_id, change.title)}",
            *(
                f"{sign} {phrases.locked_picture(content)}, {shorten(seen or phrases.NOT_SEEN, MOST_TEXT)}"
                for sign, content, seen in pictures
            ),
            *([f"  {place(change.source)}"] if change.source is not None else ()),
            "",
        ]
    )


def _change(change: ChangeDoc) -> str:
    return "\n".join(
        [
            f"  {label(change.asset_id, change.title)}",
            f"- cover: {cover(change.before)}",
            f"+ cover: {cover(change.after)}",
            *(" ".join(one) for one in phrases.take(change.take)),
            *_restoring(change.restored_from),
            *_note(change.note),
            f"  {place(change.source)}\n",
        ]
    )


def _result(result: Outcome) -> str:
    before, after = cover(result.before), cover(result.after)
    sign = " " if result.outcome in (*CHANGED, "unchanged") else "!"
    lines = [f"{sign} {label(result.asset_id, result.title)}: {phrases.outcome(result)}"]
    if result.outcome in CHANGED:
        lines += [f"- cover: {before}", f"+ cover: {after}"]
    else:
        lines.append(
            f"  cover: already {after}" if result.outcome == "unchanged" else f"  cover: {before} -> {after}"
        )
    lines += [" ".join(one) for one in phrases.take(result.take if result.billed else None)]
    if result.outcome == "restored" and result.restored_from is not None:
        lines.append(f"  uploaded again from {shorten(result.restored_from, MOST_TITLE)}")
    if result.saved_cover is not None:
        lines.append(f"  the old cover is saved in {shorten(result.saved_cover, MOST_TITLE)}")
    if result.error is not None:
        lines.append(f"  error: {failure(result)}")
    return "\n".join([*lines, *_note(result.note), f"  {place(result.source)}\n"])


def _restoring(file: str | None) -> list[str]:
    return [] if file is None else [f"  file: {phrases.restoring(shorten(file, MOST_TITLE))}"]


def _note(note: str | None) -> list[str]:
    return [] if note is None else [f"  note: {shorten(note, MOST_TEXT)}"]


def _unknown(unknown: Sequence[UnknownDoc], what: str = "unknown") -> Iterator[_Section]:
    if not unknown:
        return
    reasons = dict.fromkeys(item.reason for item in unknown)
    advice = "\n".join(f"- `{reason}`: {phrases.advice(reason)}" for reason in reasons)
    yield _Section(f"**{len(unknown):,} {what}**\n\n{advice}", "text", [_problem(item) for item in unknown], what)


def _problem(item: UnknownDoc | NotUndoneDoc) -> str:
    return (
        f"{item.reason}: {label(item.asset_id, item.title)}\n"
        f"  {shorten(item.message, MOST_TEXT)}\n"
        f"  {place(item.source)}\n"
    )


def _since(since: SinceDoc) -> Iterator[str]:
    yield clean(phrases.since(since))
    for what, asset_ids in phrases.since_kinds(since):
        yield from (f"{shorten(asset_id)} {what}" for asset_id in asset_ids)


def fence(items: Sequence[str]) -> str:
    """Longer than any run of backticks inside."""
    longest = max((len(run) for item in items for run in re.findall("`+", item)), default=0)
    return "`" * max(3, longest + 1)


def _whole(section: _Section) -> str:
    ticks, body = fence(section.items), "\n".join(section.items).rstrip("\n")
    return f"\n{section.heading}\n\n{ticks}{section.language}\n{body}\n{ticks}\n"


def _cut(section: _Section, share: int, size: Callable[[str], int], *, linked: bool) -> str:
    """As many of the items as fit into the share."""
    where = "the report linked above" if linked else "`--json`"

    def left_out(count: int) -> str:
        return f"\n{phrases.counted(count, section.what)} left out here: {where} has all.\n"

    count, line_feeds = len(section.items), 6
    frame = size(section.heading + section.language) + 2 * len(fence(section.items)) + line_feeds
    room = share - frame - size(left_out(count))
    fitting = sum(taken <= room for taken in accumulate(size(item) + 1 for item in section.items))
    if not fitting:
        return f"\n{section.heading}\n{left_out(count)}"
    shown = _Section(section.heading, section.language, section.items[:fitting], section.what)
    return _whole(shown) + left_out(count - fitting)


def _shares(needs: Sequence[int], room: int) -> list[int]:
    """What each may take: all it needs if that is little; the rest is for those that need much."""
    shares = [0] * len(needs)
    for left, index in zip(range(len(needs), 0, -1), sorted(range(len(needs)), key=needs.__getitem__), strict=True):
        shares[index] = min(needs[index], room // left)
        room -= shares[index]
    return shares


def target(url: str) -> str:
    """The target of a link, which cannot end early; "" unless it is an http or https URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return ""
    target = quote(url, safe="/:?#@!$&'*+,;=%~", errors="replace").replace("::", ":%3A").replace("&", "&amp;")
    return target if len(target) <= _MOST_URL else ""
