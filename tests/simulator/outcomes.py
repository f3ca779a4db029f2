"""Judges what apply did: each PUT, each outcome, each saved cover, what was verified."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simulator.catalogue import Entry
from simulator.facts import Book, Facts, Put, Verb, changes_of, in_doubt, puts_of, seen_before, sha256
from simulator.rules import Violation
from simulator.saved import judge_saved
from simulator.service import names
from simulator.verdicts import judge_state
from simulator.weather import COVERS, SNAPSHOTS
from simulator.world import COVER, Asked

_UNKNOWN = re.compile(r"may have|perhaps|unknown|not known", re.IGNORECASE)
_OUTCOMES = ("applied", "restored", "failed", "stale", "unchanged", "not_attempted")
Result = dict[str, Any]


def judge_apply(book: Book, verb: Verb, state: Path) -> Iterator[Violation]:
    """apply, of desired files or of a saved plan."""
    results = {item["asset_id"]: item for item in verb.document["results"]}
    yield from _results(verb)
    if verb.plan is None:
        yield from _states(book, verb, results)
    for put in puts_of(book, verb):
        yield from judge_put(book, verb, put, results.get(put.asset_id))
    for entry in verb.entries:
        if entry.asset_id in results:
            yield from judge_outcome(book, verb, entry, results[entry.asset_id])
    yield from judge_saved(book, verb, state)


def _results(verb: Verb) -> Iterator[Violation]:
    document = verb.document
    order = [entry.asset_id for entry in verb.entries]
    if verb.plan is not None:
        order = [item["asset_id"] for item in verb.plan["changes"]]
    found = [item["asset_id"] for item in document["results"]]
    if found != [one for one in order if one in found] or (verb.plan is not None and found != order):
        yield Violation("results", verb.number, "", f"results are {found}, planned in the order {order}")
    counts = {name: sum(item["outcome"] == name for item in document["results"]) for name in _OUTCOMES}
    counts["unknown"] = len(document["unknown"])
    if not counts["restored"]:
        del counts["restored"]
    if document["summary"] != counts:
        yield Violation("counts", verb.number, "", f"summary {document['summary']}, but listed are {counts}")


def _states(book: Book, verb: Verb, results: dict[str, Result]) -> Iterator[Violation]:
    """What its own plan must have said, as far as the document tells."""
    unknown = {item["asset_id"]: item["reason"] for item in verb.document["unknown"]}
    for entry in verb.entries:
        asset_id = entry.asset_id
        puts = puts_of(book, verb, asset_id)
        end = puts[0].at - 1e-6 if puts else verb.ran.ended
        if asset_id in results:
            yield from judge_state(book, verb, entry, "update", results[asset_id], end)
        elif asset_id in unknown:
            yield from judge_state(book, verb, entry, unknown[asset_id], None, end)
        else:
            true = Facts(book, verb, entry, verb.ran.began, end).states()
            state = next((one for one in ("in_sync", "pending", "ignored") if one in true), "in_sync")
            yield from judge_state(book, verb, entry, state, None, end)


def judge_put(book: Book, verb: Verb, put: Asked, result: Result | None) -> Iterator[Violation]:
    """One PUT, with what was true when it arrived."""
    asset = book.world.assets.get(put.asset_id)

    def broken(rule: str, text: str) -> Violation:
        return Violation(rule, verb.number, put.asset_id, f"PUT of {put.path} at {put.at:.2f}: {text}")

    if asset is None or asset.given.get(put.url, put.at) >= put.at:
        yield broken("put_own_url", "no details of that asset returned this URL")
        return
    entry = next((one for one in verb.entries if one.asset_id == put.asset_id), None)
    if result is None or entry is None:
        yield broken("put_planned", "it was not planned")
        return
    last = _last_details(book, verb, put)
    facts = Facts(book, verb, entry, last, put.at - 1e-6)
    sha = _planned_sha(result)
    snapshot = asset.by_path(put.path, put.at)
    bodies = snapshot.body.during(last, put.at) if snapshot else []
    planned = Facts(book, verb, entry, verb.began, put.at)
    meant = put.path in {one.path for one in planned.wanted}
    if not meant and sha not in {sha256(body) for body in planned.bodies}:
        yield broken("put_planned", "the entry does not mean this snapshot")
    if sha not in {sha256(body) for body in bodies}:
        yield broken("put_seen_bytes", f"planned {str(sha)[:6]}, PUT {', '.join(sha256(one)[:6] for one in bodies)}")
    before = str((result["before"].get("content") or {}).get("sha256", ""))
    known = before and facts.urls == {COVER} and facts.recent is None and not _retry(book, verb, put)
    if known and before not in {sha256(body) for body in facts.shown if body is not None}:
        yield broken("put_as_planned", f"the plan replaces {before[:6]}, which is not shown any more")
    in_sync = facts.states() == {"in_sync"} if verb.plan is None else _shows(facts, put)
    if in_sync and not _retry(book, verb, put):
        yield broken("put_in_sync", "the cover is the wanted snapshot")
    asked_for = verb.replace_unreadable and not (verb.plan is not None and before)
    if facts.urls == {COVER} and not facts.served(COVER, put.at) and facts.recent is None and not asked_for:
        yield broken("put_unread_cover", "the cover was never read in this run")


def _shows(facts: Facts, put: Asked) -> bool:
    """Whether the cover is what a saved plan sets: the picture that its entry meant when it was planned, whatever the
    entry's number means by now."""
    if facts.recent is not None and facts.recent.body != put.body:
        return False
    if facts.urls != {COVER}:
        return facts.urls == {put.path}
    known = (facts.verb.machine, put.asset_id, put.body) in facts.book.learned
    return all(one == put.body or (known and facts.equal(one, put.body or b"")) for one in facts.shown)


def _last_details(book: Book, verb: Verb, put: Asked) -> float:
    asked = book.world.asked(verb.number, put.asset_id, "details")
    return max((event.at for event in asked if event.at < put.at and not event.fault), default=verb.ran.began)


def _retry(book: Book, verb: Verb, put: Asked) -> bool:
    return any(other.at < put.at for other in puts_of(book, verb, put.asset_id))


def judge_outcome(book: Book, verb: Verb, entry: Entry, result: Result) -> Iterator[Violation]:
    """One result, against the PUTs and what others did."""
    asset_id, outcome = entry.asset_id, result["outcome"]
    puts = puts_of(book, verb, asset_id)
    effect = [put for put in puts if put.effect]
    accepted = [put for put in puts if put.accepted]
    error = (result.get("error") or {}).get("message", "")

    def broken(rule: str, text: str) -> Violation:
        return Violation(rule, verb.number, asset_id, f"{outcome}: {text}. {error}")

    facts = Facts(book, verb, entry, verb.began, verb.ran.ended)
    if outcome == "applied" and not effect and not _set_by_another(facts, puts):
        yield broken("applied_is_ours", f"{len(puts)} PUTs, and none came about")
    elif outcome != "applied" and accepted:
        yield broken("applied_is_ours", "a PUT was accepted")
    elif outcome != "applied" and effect and not (outcome == "failed" and _UNKNOWN.search(error)):
        yield broken("unknown_outcome", f"a PUT came about: {effect[0].text}")
    if not effect:
        yield from _without_effect(facts, outcome, broken)
    yield from _verified(facts, result, effect, broken)


def _set_by_another(facts: Facts, puts: list[Asked]) -> bool:
    """After a PUT without a usable answer the very picture was shown: nobody can tell that it was not that PUT."""
    asset = facts.asset
    if asset is None:
        return False
    doubtful = [put for put in puts if in_doubt(put) and put.body is not None]
    return any(facts.equal(one, put.body or b"") for put in doubtful for one in asset.shown(put.at, facts.end))


def _without_effect(facts: Facts, outcome: str, broken: Any) -> Iterator[Violation]:
    verb, asset_id = facts.verb, facts.entry.asset_id
    touched = verb.weather.touches(asset_id, "details", "cover", COVERS, SNAPSHOTS)
    revoked = verb.weather.revoked < verb.ran.ended or verb.interrupted
    if outcome == "failed" and facts.steady and not touched and not revoked:
        yield broken("failed_for_reason", "nothing failed, and nothing changed")
    elif outcome == "failed" and facts.steady and not revoked and _passing(verb, asset_id):
        yield broken("failed_for_reason", "each fault passed after two attempts at most")
    if outcome == "stale" and not _changed(facts):
        yield broken("stale_for_reason", "neither the cover nor the wanted picture changed since the plan")
    if outcome == "not_attempted" and not revoked:
        yield broken("failed_for_reason", "nothing stopped the run")
    if outcome == "unchanged" and not facts.states() & {"in_sync", "pending"}:
        yield broken("unchanged_for_reason", f"true is {sorted(facts.states())}")


def _passing(verb: Verb, asset_id: str) -> bool:
    """All faults are such that a retry meets them, and tell of no effect."""
    found = [fault for (_, one), fault in verb.weather.faults.items() if one == asset_id]
    return all(not fault.for_good and not any("done" in kind for kind in fault.kinds) for fault in found)


def _changed(facts: Facts) -> bool:
    """Whether what is shown, what is on its way or the wanted picture changed in value between plan and end."""
    if facts.book.last(facts.entry.asset_id, facts.verb.machine, facts.verb.ran.began) is not None:
        return True
    if _planned_what_was_on_its_way(facts):
        return True
    if len(facts.shown) != 1 or len(facts.bodies) != 1 or len(facts.urls) != 1:
        return True
    return any(isinstance(one, str) for one in facts.wants)


def _planned_what_was_on_its_way(facts: Facts) -> bool:
    """Whether the plan, perhaps another machine's, told a cover that was on its way as the one before, and it is not
    recognised: not visible yet, or re-encoded, which only --wait learns."""
    book, asset_id = facts.book, facts.entry.asset_id
    for machine in (0, 1):
        coming = book.last(asset_id, machine, facts.verb.began)
        if coming is None or coming.body in facts.shown:
            continue
        if not any((one, asset_id, coming.body) in book.learned for one in (0, 1)):
            return True
    return False


def _verified(facts: Facts, result: Result, effect: list[Asked], broken: Any) -> Iterator[Violation]:
    verb, asset, told = facts.verb, facts.asset, result["verified"]
    applied = result["outcome"] == "applied"
    if not verb.wait or not applied or asset is None:
        if told is not None:
            yield broken("verified", f"verified is {told}, without --wait or without being applied")
        return
    if not effect:
        return
    start, end = effect[-1].at, verb.ran.ended
    body = effect[-1].body or b""
    visible = {names(asset, one, end) for one in asset.shown(start, end) if facts.equal(one, body)}
    if told is True and not visible:
        shown = [names(asset, one, end) for one in asset.shown(start, end)]
        yield broken("verified", f"it was visible nowhere: {', '.join(shown)}")
    elif told is True and visible and _looks(facts, start, body) < verb.wait_looks:
        yield broken("two_looks", f"{_looks(facts, start, body)} look")
    if verb.weather.revoked < end or verb.interrupted:
        return
    if told is None:
        yield broken("verified", "verified is null with --wait")
    undisturbed = not asset.cover.moments(start, end) and not verb.weather.touches(asset.asset_id, *_READS)
    steady = not asset.exists.moments(start, end) and len(facts.bodies) == 1
    if told is False and undisturbed and steady:
        yield broken("verified_in_time", f"after {end - start:.0f} s")


_READS = ("details", COVERS, SNAPSHOTS)


def _looks(facts: Facts, start: float, body: bytes) -> int:
    """How often the tool saw the new cover: its picture, or its URL."""
    asked = list(facts.book.world.asked(facts.verb.number, facts.entry.asset_id))
    later = [event for event in asked if event.at > start and not event.fault]
    asset = facts.asset
    pictures = {
        round(event.at) for event in later
        if event.route == "picture" and event.path == COVER and asset is not None
        and (event.method == "HEAD" or facts.equal(event.body, body))
    }  # fmt: skip
    urls = [event for event in later if event.route == "details" and event.path.startswith("snapshot/")]
    return max(len(pictures), len(urls))


def _planned_sha(result: Result) -> str:
    """The SHA-256 of the picture that a result says was set; "" where it says none."""
    return str((result.get("after", {}).get("content") or {}).get("sha256", ""))


def record(book: Book, verb: Verb) -> None:
    """Takes the verb's PUTs into the book."""
    results = {item["asset_id"]: item for item in verb.document.get("results", [])}
    for put in changes_of(book, verb):
        asset = book.world.assets.get(put.asset_id)
        if asset is None or not put.effect or put.body is None:
            continue
        result = results.get(put.asset_id, {})
        before = put.at - 1e-6
        coming = book.last(put.asset_id, verb.machine, put.at)
        done = Put(
            put.at,
            verb.number,
            verb.machine,
            put.path,
            put.body,
            told=result.get("outcome", "failed"),
            verified=result.get("verified"),
            seen_before=seen_before(book, verb, put),
            set_before=asset.cover.at(before),
            as_read=_planned_sha(result) in ("", sha256(put.body)),
            on_its_way=coming.body if coming else None,
        )
        book.puts.setdefault(put.asset_id, []).append(done)
        if done.verified and done.path:  # of what it uploaded, it learns nothing
            book.learned.add((verb.machine, put.asset_id, put.body))
