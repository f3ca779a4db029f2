"""Judges import: each entry is what its asset shows, and `ignore` is for what is known."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from simulator.catalogue import Entry
from simulator.facts import Book, Facts, Verb
from simulator.rules import Violation
from simulator.service import names
from simulator.weather import COVERS, SNAPSHOTS
from simulator.world import COVER, TAKING

_ENTRY = re.compile(r"^  ([0-9a-f]{32}):(?: (-?\d+))?", re.MULTILINE)


def read(text: str) -> dict[str, Entry]:
    """The entries of a file that import wrote, by asset ID."""
    found = {}
    parts = _ENTRY.split(text)[1:]
    for asset_id, short, rest in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        index = re.search(r"snapshot: (-?\d+)", rest)
        name = re.search(r"from: (\w+)", rest)
        number = short if short is not None else index[1] if index else None
        found[asset_id] = Entry(
            asset_id, name[1] if name else "sample", None if number is None else int(number), ignore=number is None
        )
    return found


def judge_import(book: Book, verb: Verb, file: Path) -> Iterator[Violation]:
    """Every asset that is there is written or named, and rightly."""
    written = read(file.read_text(encoding="utf-8")) if file.exists() else {}
    failed = {item["asset_id"] for item in verb.document["failed"]}
    for asset in book.world.assets.values():
        asset_id, entry = asset.asset_id, written.get(asset.asset_id)
        there = set(asset.exists.during(verb.ran.began, verb.ran.ended)) == {True}
        if there and (entry is None) != (asset_id in failed):
            text = "it is written and named as left out" if entry else "it is neither written nor named"
            yield Violation("import_complete", verb.number, asset_id, text)
        if entry is not None and there:
            yield from _entry(Facts(book, verb, entry, verb.ran.began, verb.ran.ended))
    summary = verb.document["summary"]
    ignored = sum(entry.ignore for entry in written.values())
    listed = (len(written) - ignored, ignored, len(verb.document["failed"]))
    if (summary["imported"], summary["ignored"], summary["failed"]) != listed:
        yield Violation("counts", verb.number, "", f"summary {summary}, but written and left out are {listed}")


def _entry(facts: Facts) -> Iterator[Violation]:
    asset, verb = facts.asset, facts.verb
    assert asset is not None
    shown = ", ".join(names(asset, body, facts.end) for body in facts.shown)
    if not facts.entry.ignore:
        if "in_sync" not in facts.states() and facts.recent is None:
            text = f"{facts.entry.as_yaml()} is not in sync. Shown: {shown}"
            yield Violation("import_true", verb.number, asset.asset_id, text)
        return
    nothing = None in facts.shown or TAKING in asset.status.during(facts.start, facts.end)
    if (
        nothing
        or not all(asset.snapshots.during(facts.start, facts.end))
        or asset.asset_id in facts.book.service.foreign
    ):
        return
    unread = verb.weather.lasting(asset.asset_id, "details", COVERS, SNAPSHOTS)
    if facts.urls == {COVER} and not facts.served(COVER) and unread:
        yield Violation("import_ignore", verb.number, asset.asset_id, f"ignored, but never read. Shown: {shown}")
    elif facts.steady and len(facts.shown) == 1 and not unread:
        body = next(iter(facts.shown))
        if any(one.body.at(facts.start) == body for one in asset.snapshots.at(facts.start)):
            yield Violation("import_ignore", verb.number, asset.asset_id, f"ignored, but shown is {shown}")
