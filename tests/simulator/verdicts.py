"""Judges what plan and audit say, and what apply says before its PUTs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator.catalogue import Entry
from simulator.facts import Book, Facts, Verb, puts_of, sha256
from simulator.rules import Violation
from simulator.service import names
from simulator.world import COVER


def judge_findings(book: Book, verb: Verb) -> Iterator[Violation]:
    """plan and audit: every entry's state, the counts, the order."""
    document = verb.document
    listed = _listed(document)
    for entry in verb.entries:
        change = _of(document["changes"], entry.asset_id)
        state = listed.get(entry.asset_id, "in_sync")
        yield from judge_state(book, verb, entry, state, change, verb.ran.ended)
    yield from _counts(verb, document)
    if puts_of(book, verb):
        yield Violation("plan_changes_nothing", verb.number, "", f"{len(puts_of(book, verb))} PUTs")
    if verb.name == "audit":
        yield from _unmanaged(book, verb)


def _listed(document: dict[str, Any]) -> dict[str, str]:
    listed = {item["asset_id"]: "update" for item in document["changes"]}
    listed |= {item["asset_id"]: "pending" for item in document["pending"]}
    listed |= {item["asset_id"]: "ignored" for item in document["ignored"]}
    return listed | {item["asset_id"]: item["reason"] for item in document["unknown"]}


def _of(items: list[dict[str, Any]], asset_id: str) -> dict[str, Any] | None:
    return next((item for item in items if item["asset_id"] == asset_id), None)


_RULES = {"in_sync": "in_sync_is_true", "update": "update_is_true", "pending": "pending", "ignored": "ignored"}


def judge_state(
    book: Book, verb: Verb, entry: Entry, state: str, change: dict[str, Any] | None, end: float
) -> Iterator[Violation]:
    """One entry's state, or reason; `change` is its change or result."""
    facts = Facts(book, verb, entry, verb.ran.began, end)
    true = facts.states()
    if state not in true:
        rule = _RULES.get(state, "unknown_reason")
        if state == "update" and true & {"pending"}:
            rule = "pending"
        if state == "update" and "content_unavailable" in true and "update" not in true:
            rule = "unread_is_unknown"
        yield Violation(rule, verb.number, entry.asset_id, f"{state}, but true is {_or(true)}. {_told(facts)}")
        return
    if state == "update" and change is not None:
        yield from _change(facts, change)


def _or(states: set[str]) -> str:
    return " or ".join(sorted(states)) or "nothing"


def _told(facts: Facts) -> str:
    asset = facts.asset
    if asset is None:
        return "There is no such asset."
    shown = ", ".join(names(asset, body, facts.end) for body in facts.shown)
    wanted = ", ".join(one if isinstance(one, str) else one.path for one in facts.wants)
    last = f" Applied at {facts.recent.at:.2f}: {facts.recent.path}." if facts.recent else ""
    return f"Shown: {shown}. Wanted: {wanted} = {', '.join(sha256(body)[:6] for body in facts.bodies)}.{last}"


def _change(facts: Facts, change: dict[str, Any]) -> Iterator[Violation]:
    verb, asset_id = facts.verb.number, facts.entry.asset_id

    def broken(rule: str, text: str) -> Violation:
        return Violation(rule, verb, asset_id, f"{text} {_told(facts)}")

    before, after = change["before"], change["after"]
    wanted_read = {sha256(body) for one in facts.wanted for body in facts.served(one.path)}
    content = after.get("content")
    if not wanted_read:
        yield broken("unread_is_unknown", "update, but the wanted snapshot was never read.")
    elif content is None:
        yield broken("after_content", "update without after.content.")
    if content is not None and content["sha256"] not in wanted_read | {sha256(body) for body in facts.bodies}:
        yield broken("after_content", f"after.content is {content['sha256'][:6]}, which was not read.")
    if after["snapshot"] not in _refs(facts):
        yield broken("after_snapshot", f"after.snapshot is {after['snapshot']}.")
    asked_for = facts.verb.replace_unreadable
    if facts.urls == {COVER} and facts.recent is None and not facts.served(COVER) and not asked_for:
        yield broken("unread_is_unknown", "update, but the cover was never read.")
    yield from _before(facts, before)


def _refs(facts: Facts) -> list[dict[str, Any]]:
    found = []
    for at, one in zip(facts.moments, facts.wants, strict=True):
        if not isinstance(one, str) and facts.asset is not None:
            index = facts.asset.in_set(one.set, at).index(one)
            found.append({"set": one.set, "index": index, "offset": one.offset})
    return found


def _before(facts: Facts, before: dict[str, Any]) -> Iterator[Violation]:
    """Where nothing changed meanwhile: the cover's bytes, and the snapshot that it is."""
    asset = facts.asset
    if asset is None or not facts.steady or facts.recent is not None:
        return
    told = _told(facts)
    shown = {sha256(body) for body in facts.shown if body is not None}
    content = before.get("content")
    if content is not None and content["sha256"] not in shown:
        text = f"before.content is {content['sha256'][:6]}. {told}"
        yield Violation("before", facts.verb.number, asset.asset_id, text)
    ref = before["snapshot"]
    is_it = [
        one for one in asset.snapshots.at(facts.start)
        if facts.urls == {one.path} or any(facts.equal(body, one.body.at(facts.start)) for body in facts.shown)
    ]  # fmt: skip
    exact = [one for one in is_it if facts.shown == {one.body.at(facts.start)}]
    if ref is not None and not any((one.set, one.offset) == (ref["set"], ref["offset"]) for one in is_it):
        yield Violation("before", facts.verb.number, asset.asset_id, f"before.snapshot is {ref}. {told}")
    unread = facts.verb.weather.touches(asset.asset_id, "snapshot pictures")
    # With --replace-unreadable a cover may be replaced that nobody could read: what it was is not known then.
    unread = unread or (facts.urls == {COVER} and not facts.served(COVER, facts.end))
    if ref is None and exact and not unread:
        text = f"before.snapshot is null, but it is {exact[0].path}. {told}"
        yield Violation("before", facts.verb.number, asset.asset_id, text)


def _counts(verb: Verb, document: dict[str, Any]) -> Iterator[Violation]:
    summary = document["summary"]
    listed = {
        "update": len(document["changes"]),
        "pending": len(document["pending"]),
        "unknown": len(document["unknown"]),
        "ignored": len(document["ignored"]),
        "managed": len(verb.entries),
    }
    listed["in_sync"] = len(verb.entries) - sum(listed[one] for one in ("update", "pending", "unknown", "ignored"))
    if summary != listed:
        yield Violation("counts", verb.number, "", f"summary {summary}, but listed are {listed}")
    order = [entry.asset_id for entry in verb.entries]
    for key in ("changes", "pending", "unknown", "ignored"):
        found = [item["asset_id"] for item in document[key]]
        if found != [one for one in order if one in found]:
            yield Violation("counts", verb.number, "", f"{key} is not in the order of the desired files: {found}")


def _unmanaged(book: Book, verb: Verb) -> Iterator[Violation]:
    managed = {entry.asset_id for entry in verb.entries}
    found = set(verb.document["unmanaged"]["asset_ids"])
    start, end = verb.ran.began, verb.ran.ended
    for asset in book.world.assets.values():
        there = set(asset.exists.during(start, end))
        if there == {True} and (asset.asset_id in found) == (asset.asset_id in managed):
            text = f"unmanaged lists {sorted(found)}, managed are {sorted(managed)}"
            yield Violation("unmanaged", verb.number, asset.asset_id, text)
    if len(found) != verb.document["unmanaged"]["count"]:
        yield Violation("counts", verb.number, "", f"unmanaged.count is {verb.document['unmanaged']['count']}")
