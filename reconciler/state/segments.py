"""A run's journal in the store: segments, each with the digest of its lines. They never change.

The first line of a segment is `{"v": 1, "kind": "segment", "run", "number", "sha256"}`; the lines after it are the
journal's, and the digest is theirs.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from reconciler.errors import StateError
from reconciler.state.journal import Record, parsed
from reconciler.state.store import LIMIT, RUN_ID, RUNS, Entry, Store, entries, too_large
from reconciler.util.concurrency import for_each

_KEY = re.compile(rf"{RUNS}(?P<run>{RUN_ID})/(?P<number>[0-9]{{6}})\.jsonl")
_AT_ONCE = 16
_MOST_GAPS = 3


@dataclass(frozen=True, slots=True)
class Segments:
    """What the store holds of one run.

    Attributes:
        records: each with its line, counted through the run.
        problems: a sentence for each segment that is missing, torn or forged.
    """

    records: tuple[tuple[int, Record], ...] = ()
    problems: tuple[str, ...] = ()


def key(run: str, number: int) -> str:
    return f"{RUNS}{run}/{number:06}.jsonl"


def run_of(name: str) -> str | None:
    """The run that a key belongs to; None for another key."""
    match = _KEY.fullmatch(name)
    return match["run"] if match else None


def sealed(run: str, number: int, lines: bytes) -> bytes:
    """The segment with these lines."""
    header = {"v": 1, "kind": "segment", "run": run, "number": number, "sha256": hashlib.sha256(lines).hexdigest()}
    return json.dumps(header, separators=(",", ":")).encode() + b"\n" + lines


async def read(store: Store, run: str, stored: Sequence[Entry] | None, cache: Store) -> Segments:
    """
    Args:
        stored: the segments to read; None: all.
        cache: holds segments that were read before.

    Raises:
        StoreError: the store does not answer.
    """
    whole = stored is None
    if stored is None:
        stored = await entries(store, f"{RUNS}{run}/")
    if too_large(stored):
        return Segments(problems=(f"{store.name}/{RUNS}{run}/ is left out: it holds more than {LIMIT}",))
    numbers = {int(match["number"]) for entry in stored if (match := _KEY.fullmatch(entry.key))}
    opened: dict[int, list[bytes] | str] = {}

    async def fetch(number: int) -> None:
        opened[number] = await _fetched(store, run, number, cache)

    await for_each(numbers, fetch, _AT_ONCE)
    problems = [f"{store.name}/{key(run, gap)} is missing" for gap in _gaps(numbers)] if whole else []
    records: list[tuple[int, Record]] = []
    line = 0
    for _, lines in sorted(opened.items()):
        if isinstance(lines, str):
            problems.append(lines)
            continue
        for text in lines:
            line += 1
            record = parsed(text)
            if record is not None and record.run == run:
                records.append((line, record))
    return Segments(tuple(records), tuple(problems))


def _gaps(numbers: Collection[int]) -> list[int]:
    """The numbers that are missing, at most a few."""
    wanted = range(1, max(numbers, default=0) + 1)
    return list(islice((number for number in wanted if number not in numbers), _MOST_GAPS))


async def _fetched(store: Store, run: str, number: int, cache: Store) -> list[bytes] | str:
    """A segment's lines; or why it is left out."""
    name = key(run, number)
    with suppress(StateError, ValueError):
        return _opened(await cache.get(name), run, number)
    data = await store.get(name)
    try:
        lines = _opened(data, run, number)
    except ValueError as error:
        return f"{store.name}/{name} is left out: {error}"
    with suppress(StateError):
        await cache.put(name, data or b"")
    return lines


def _opened(data: bytes | None, run: str, number: int) -> list[bytes]:
    """The lines of a segment.

    Raises:
        ValueError: it is not what was written.
    """
    first, _, lines = (data or b"").partition(b"\n")
    try:
        header = json.loads(first)
        said = (header["kind"], header["run"], header["number"], header["sha256"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError("it is not a segment of a journal") from None
    if said[:3] != ("segment", run, number):
        raise ValueError("it is another run's segment")
    if said[3] != hashlib.sha256(lines).hexdigest():
        raise ValueError("its lines are not those that were written")
    return lines.splitlines()
