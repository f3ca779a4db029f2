"""Judges rollback: it restores what its run changed, exactly that, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from simulator.facts import FIVE_MINUTES, Book, Put, Verb, changes_of, in_doubt, puts_of, sha256, uploads_of
from simulator.rules import Violation
from simulator.service import names
from simulator.world import COVER, Asked, Asset, Cover


def judge_rollback(book: Book, verb: Verb, undone: Verb | None) -> Iterator[Violation]:
    """`undone` is the apply that it undoes, None where the run it names is none of ours."""
    if undone is None:
        text = f"it undoes {verb.document.get('rollback_of')}, no known run"
        yield Violation("rollback_own", verb.number, "", text)
        return
    tried = {put.asset_id for put in changes_of(book, undone)}
    for put in uploads_of(book, verb):
        if put.asset_id not in tried:
            text = f"an upload, and verb {undone.number} never touched it"
            yield Violation("rollback_own", verb.number, put.asset_id, text)
            continue
        yield from _upload(book, verb, undone, put)
    for put in puts_of(book, verb):
        if put.asset_id not in tried:
            text = f"PUT of {put.path}, which verb {undone.number} never touched"
            yield Violation("rollback_own", verb.number, put.asset_id, text)
            continue
        yield from _put(book, verb, undone, put)
    for asset_id in tried:
        yield from _forgotten(book, verb, undone, asset_id)


def _first(book: Book, undone: Verb, asset_id: str) -> Put | None:
    """The run's first PUT of an asset that came about."""
    return next((put for put in book.puts.get(asset_id, ()) if put.verb == undone.number), None)


def _last(book: Book, undone: Verb, asset_id: str) -> Put | None:
    found = [put for put in book.puts.get(asset_id, ()) if put.verb == undone.number]
    return found[-1] if found else None


def _put(book: Book, verb: Verb, undone: Verb, put: Asked) -> Iterator[Violation]:
    asset = book.world.assets[put.asset_id]
    first, last = _first(book, undone, put.asset_id), _last(book, undone, put.asset_id)

    def broken(rule: str, text: str) -> Violation:
        return Violation(rule, verb.number, put.asset_id, f"PUT of {put.path} at {put.at:.2f}: {text}")

    if asset.given.get(put.url, put.at) >= put.at:
        yield broken("put_own_url", "no details of that asset returned this URL")
    if first is None or last is None:
        tried = any(one.at < put.at for one in puts_of(book, verb, put.asset_id))
        if not tried and not _in_doubt(book, undone, put):
            yield broken("rollback_own", f"no PUT of verb {undone.number} came about")
        return
    before: Cover = first.set_before
    yield from _not_theirs(book, verb, put, last, {first.body, last.body, before.source_body}, broken)
    seen_before = first.seen_before
    exact = put.body in (before.source_body, first.on_its_way, *seen_before)
    if not exact and not any(_is(book, one, put.body) for one in seen_before):
        was = names(asset, before.body, put.at)
        yield broken("rollback_exact", f"it sets {sha256(put.body or b'')[:6]}, but before was {was}")


def _upload(book: Book, verb: Verb, undone: Verb, put: Asked) -> Iterator[Violation]:
    """A cover that is uploaded again: the very bytes from before, in the place of what the run set."""
    first, last = _first(book, undone, put.asset_id), _last(book, undone, put.asset_id)

    def broken(rule: str, text: str) -> Violation:
        return Violation(rule, verb.number, put.asset_id, f"upload at {put.at:.2f}: {text}")

    if not any(event.at < put.at for event in book.world.asked(verb.number, put.asset_id, "asset")):
        yield broken("put_own_url", "no call for that asset named the URL")
    if first is None or last is None:
        if not _in_doubt(book, undone, put):
            yield broken("rollback_own", f"no PUT of verb {undone.number} came about")
        return
    yield from _not_theirs(book, verb, put, last, {first.body, last.body}, broken)
    if put.body not in (first.set_before.body, *first.seen_before):
        was = names(book.world.assets[put.asset_id], first.set_before.body, put.at)
        yield broken("rollback_exact", f"it uploads {sha256(put.body or b'')[:6]}, but before was {was}")


def _not_theirs(
    book: Book, verb: Verb, put: Asked, last: Put, mine: set[bytes | None], broken: Callable[[str, str], Violation]
) -> Iterator[Violation]:
    """What somebody set since is not replaced, where it could be seen."""
    asset = book.world.assets[put.asset_id]
    since = [cover for cover in asset.cover.during(last.at, put.at - 1e-6) if cover.by != f"machine {verb.machine}"]
    shown = asset.shown(verb.ran.began, put.at - 1e-6)
    recent = put.at - last.at < 301  # an older cover may still be seen
    coming = book.last(put.asset_id, verb.machine, put.at)
    recent = recent or (coming is not None and coming.body in mine)  # set again by a later run, and on its way
    if since and not recent and not any(_is(book, one, body) for one in shown for body in mine):
        yield broken("rollback_own", f"{since[-1].by} changed it since to {names(asset, since[-1].body, put.at)}")


def _in_doubt(book: Book, undone: Verb, put: Asked) -> bool:
    """Whether a PUT of the run that got no usable answer may still become visible, for all that anybody can tell;
    then only setting again what is shown makes sure that it does not."""
    asset = book.world.assets[put.asset_id]
    tries = changes_of(book, undone, put.asset_id)
    again = {one.body for one in book.puts.get(put.asset_id, ()) if one.verb != undone.number}
    if any(in_doubt(one) and one.body in again for one in tries):
        return True  # another run set just that
    recent = any(in_doubt(one) and put.at - one.at < FIVE_MINUTES for one in tries)
    return recent and asset.shown(put.at - 1e-6, put.at - 1e-6) == {put.body}


def _is(book: Book, shown: bytes | None, body: bytes | None) -> bool:
    return shown is not None and body is not None and shown in (body, book.world.becomes(body))


def _forgotten(book: Book, verb: Verb, undone: Verb, asset_id: str) -> Iterator[Violation]:
    """What could be restored, and was neither restored nor named."""
    asset, first, last = book.world.assets[asset_id], _first(book, undone, asset_id), _last(book, undone, asset_id)
    if first is None or last is None or changes_of(book, verb, asset_id):
        return
    end = verb.ran.ended
    if any(cover.by != f"machine {verb.machine}" for cover in asset.cover.during(last.at, end)[1:]):
        return
    if asset.cover.at(end).source_body != last.body or asset.cover.at(end).source != last.path:
        return  # a later run of ours set another one
    document = verb.document
    named = {item["asset_id"]: item for key in ("results", "not_undone", "unknown") for item in document[key]}
    if asset_id not in named:
        text = f"its run set {last.path} at {last.at:.2f}; that cover stays, and not a word is said"
        if not _same_as_before(book, first, last):
            yield Violation("rollback_restores", verb.number, asset_id, text)
    elif _restorable(verb, asset, first) and _could_know(book, asset, first) and not _excused(named[asset_id]):
        text = f"it could set {first.set_before.source} again: {_why(named[asset_id])}"
        yield Violation("rollback_restores", verb.number, asset_id, text)


def _same_as_before(book: Book, first: Put, last: Put) -> bool:
    return any(_is(book, one, last.body) for one in (first.set_before.body, *first.seen_before))


def _restorable(verb: Verb, asset: Asset, first: Put) -> bool:
    """The cover before was plainly a snapshot, whose bytes are unchanged, in calm weather."""
    before: Cover = first.set_before
    at = verb.ran.began
    snapshot = asset.by_path(before.source, at) if before.source else None
    if snapshot is None or snapshot.body.during(at, verb.ran.ended) != [before.source_body]:
        return False
    if before.body != before.source_body or first.seen_before != {before.body}:
        return False  # re-encoded, or seen differently: perhaps never known as a snapshot
    steady = not asset.moments(at, verb.ran.ended)
    stopped = verb.interrupted or verb.weather.revoked < verb.ran.ended
    return steady and not stopped and not verb.weather.faults and asset.exists.at(at)


def _could_know(book: Book, asset: Asset, first: Put) -> bool:
    """Whether the run was able to see what it replaced: with --replace-unreadable it need not have been."""
    if asset.url.at(first.at - 1e-6) != COVER:
        return True
    pictures = book.world.asked(first.verb, asset.asset_id, "picture")
    return any(event.path == COVER and event.body is not None and event.at < first.at for event in pictures)


def _excused(item: dict[str, Any]) -> bool:
    return item.get("reason") in ("asset_not_found", "snapshots_in_progress", "foreign_snapshot")


def _why(item: dict[str, Any]) -> str:
    return f"{item.get('outcome', item.get('reason'))}: {item.get('message') or item.get('error')}"
