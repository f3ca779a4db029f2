"""Judges what was saved: covers that were replaced and exist nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from simulator.facts import Book, Verb, changes_of, sha256
from simulator.rules import Violation
from simulator.service import names
from simulator.world import COVER, Asset


def judge_saved(book: Book, verb: Verb, state: Path) -> Iterator[Violation]:
    """Covers that were replaced and exist nowhere else."""
    covers = state / "covers"
    kept = {sha256(file.read_bytes()) for file in covers.iterdir()} if covers.is_dir() else set()
    for put in changes_of(book, verb):
        asset = book.world.assets.get(put.asset_id)
        if asset is None or not put.effect:
            continue
        served = [
            event.body
            for event in book.world.asked(verb.number, put.asset_id, "picture")
            if event.path == COVER and event.body is not None and event.at < put.at
        ]
        if not served or asset.url.at(put.at) != COVER or sha256(served[-1]) in kept:
            continue
        if _only_one(book, verb, asset, served[-1], put.at):
            text = f"{names(asset, served[-1], put.at)} was replaced at {put.at:.2f} and not saved"
            yield Violation("saved", verb.number, put.asset_id, text)


def _only_one(book: Book, verb: Verb, asset: Asset, body: bytes, at: float) -> bool:
    """Whether no snapshot has this picture, nor did one whose cover it was. A snapshot counts as it was when the verb
    last asked for it: nobody can tell that it was taken again between that and the PUT."""
    if any(put.body == body for put in book.puts.get(asset.asset_id, ())):
        return False
    pictures = book.world.asked(verb.number, asset.asset_id, "picture")
    looked = {event.path: event.at for event in pictures if event.at < at and event.path != COVER}
    snapshots = {path: asset.by_path(path, then) for path, then in looked.items()}
    if any(one is not None and one.body.at(looked[path]) == body for path, one in snapshots.items()):
        return False
    return names(asset, body, at).endswith("none of its snapshots")
