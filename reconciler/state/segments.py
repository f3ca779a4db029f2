"""A run's journal in the store: segments, each with the digest of its lines. They never change.

The first line of a segment is `{"v": 1, "kind": "segment", "run", "number", "sha256"}`; the lines after it are the
journal's, and the digest is theirs.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.state.journal import Record, parsed
from reconciler.state.store import RUNS, Store, StoreError, keys
from reconciler.util.concurrency import for_each

_KEY = re.compile(rf"{RUNS}(?P<run>[A-Za-z0-9-]{{1,80}})/(?P<number>[0-9]{{6}})\.jsonl")
_AT_ONCE = 16


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


async def next_number(store: Store, run: str) -> int:
    """The number after the last segment that the store holds of a run."""
    names = await keys(store, f"{RUNS}{run}/")
    return max((int(match["number"]) for name in names if (match := _KEY.fullmatch(name))), default=0) + 1


async def read(store: Store, run: str, names: Sequence[str] | None = None) -> Segments:
    """
    Args:
        names: the keys of the segments to read; None: all.

    Raises:
        StoreError: the store does not answer.
    """
    whole = names is None
    names = await keys(store, f"{RUNS}{run}/") if names is None else names
    bodies: dict[str, bytes | None] = {}

    async def fetch(name: str) -> None:
        bodies[name] = await store.get(name)

    await for_each(names, fetch, _AT_ONCE)
    records: list[tuple[int, Record]] = []
    problems, line, expected = [], 0, 1
    for name in sorted(bodies):
        match = _KEY.fullmatch(name)
        if match is None:
            continue
        number = int(match["number"])
        if whole and number != expected:
            problems.append(f"{store.name}/{key(run, expected)} is missing")
        expected = number + 1
        try:
            lines = _opened(bodies[name] or b"", run, number)
        except ValueError as error:
            problems.append(f"{store.name}/{name} is left out: {error}")
            continue
        for text in lines:
            line += 1
            record = parsed(text)
            if record is not None and record.run == run:
                records.append((line, record))
    return Segments(tuple(records), tuple(problems))


def _opened(data: bytes, run: str, number: int) -> list[bytes]:
    """The lines of a segment.

    Raises:
        ValueError: it is not what was written.
    """
    first, _, lines = data.partition(b"\n")
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


def check_whole(found: Segments) -> None:
    """
    Raises:
        StoreError: a segment is missing, torn or forged.
    """
    if found.problems:
        raise StoreError(f"The journal of this run is damaged: {found.problems[0]}", hint="Restore that object.")
