"""The state that a team shares: what any machine may read of it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.decide.outcome import CHANGED
from reconciler.errors import StateError
from reconciler.state import claims, segments
from reconciler.state.claims import Claims
from reconciler.state.journal import OutcomeRecord, Record, line_of, parsed
from reconciler.state.store import (
    COVERS,
    LIMIT,
    MEMORY,
    RUNS,
    Entry,
    Store,
    StoreError,
    entries,
    few_entries,
    is_memory,
    keys,
    too_large,
)
from reconciler.util.clock import Clock

PENDING = timedelta(minutes=5)
""""A new cover takes effect within 3 to 5 minutes" (user guide)."""
# Between the clocks of two machines; the service itself refuses a clock that is more off.
CLOCKS = timedelta(minutes=15)
_A_MOMENT = timedelta(minutes=2)
_LOOKS = 5
MOST_NAMED = 20
_FIRST_SPAN, _LONGEST_SPAN = timedelta(days=1), timedelta(days=4000)

Numbered = tuple[int, Record]


@dataclass(frozen=True, slots=True)
class Recalled:
    """What a plan needs of the store.

    Attributes:
        lines: the remembered covers, see `settled_covers`.
        records: what was applied a moment ago, perhaps more than once.
        memory: the keys that `lines` came from.
        problems: a sentence for each segment that cannot be used.
    """

    lines: bytes = b""
    records: tuple[Numbered, ...] = ()
    memory: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """Records of the newest runs. `more`: there are older ones."""

    records: tuple[Numbered, ...] = ()
    problems: tuple[str, ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class SharedState:
    """The shared state of one project. Every method raises StoreError where the store does not answer.

    Attributes:
        cache: holds what was read before and does not change.
    """

    store: Store
    clock: Clock
    cache: Store

    @property
    def cached(self) -> SharedState:
        """What of it is known while the store does not answer."""
        return replace(self, store=self.cache)

    async def recall(self) -> Recalled:
        """What is remembered of covers, and what was applied a moment ago: four requests where no run applied any."""
        now = self.clock.now()
        young = f"{RUNS}{now - PENDING - CLOCKS:%Y%m%dT%H%M%SZ}"
        claimed, started = await asyncio.gather(claims.entries(self.store), entries(self.store, RUNS, young))
        # After the claims: what a run applied is in the memory before it gives up its claim.
        names, lines = await self._memory()
        found = [await self._recent(run, stored) for run, stored in (await self._by_run(claimed, started)).items()]
        records = [*recent_in(lines), *(item for one in found for item in one.records)]
        problems = tuple(problem for one in found for problem in one.problems)
        return Recalled(lines, tuple(records), tuple(names), problems)

    async def last_runs(self, limit: int) -> History:
        """The records of the newest runs, at most so many."""
        span, found = _FIRST_SPAN, list[str]()
        while True:
            after = f"{RUNS}{self.clock.now() - span:%Y%m%dT%H%M%SZ}" if span < _LONGEST_SPAN else ""
            runs: dict[str, None] = {}
            for entry in await entries(self.store, RUNS, after):
                if run := segments.run_of(entry.key):
                    runs[run] = None
            found = list(runs)
            if len(found) > limit or not after:
                break
            span *= 8
        return await self._read(found[-limit:], more=len(found) > limit)

    async def runs_named(self, start: str) -> History:
        """The records of the runs whose IDs start so, at most MOST_NAMED."""
        runs: dict[str, None] = {}
        async for entry in self.store.list(RUNS, RUNS + start):
            if not entry.key.startswith(RUNS + start):
                break
            if run := segments.run_of(entry.key):
                runs[run] = None
            if len(runs) > MOST_NAMED:
                break
        return await self._read(list(runs)[:MOST_NAMED], more=len(runs) > MOST_NAMED)

    async def claims(self) -> Claims:
        """Who holds the lock, or wants it; all as if they lived."""
        return await claims.living_and_dead(self.store, datetime.min.replace(tzinfo=self.clock.now().tzinfo))

    async def saved_cover(self, sha256: str) -> bytes | None:
        return await self.store.get(COVERS + sha256)

    async def bury(self, run: str) -> None:
        """Keeps what a run that died applied a moment ago where every plan looks."""
        name = f"{MEMORY}{run}.jsonl"
        if await self.store.get(name) is not None:  # it came to its end
            return
        recent = (await self._recent(run, await entries(self.store, f"{RUNS}{run}/"))).records
        if lines := as_lines(record for _, record in recent if is_applied(record)):
            await self.store.claim(name, lines)

    async def unlock(self, run: str) -> None:
        await self.bury(run)
        await self.store.delete(claims.key(run))

    async def _memory(self) -> tuple[list[str], bytes]:
        """The keys and lines of all that is remembered. Where a run put its own in the place of what was listed, once
        more."""
        for _ in range(_LOOKS):
            names = await self._memory_keys()
            await self._forget(names)
            bodies = await asyncio.gather(*map(self._remembered, names))
            if None not in bodies:
                break
        return names, b"".join(body.rstrip(b"\n") + b"\n" for body in bodies if body)

    async def _memory_keys(self) -> list[str]:
        """The older ones first. What else lies there is neither read nor, after it is merged, removed."""
        found = [entry for entry in await few_entries(self.store, MEMORY) if is_memory(entry.key)]
        if too_large(found):
            raise StoreError(f"{self.store.name}/{MEMORY} holds more than {LIMIT}: not all of it is ours")
        return [entry.key for entry in sorted(found, key=lambda entry: entry.modified)]

    async def _remembered(self, name: str) -> bytes | None:
        """What a run learned: it is written once."""
        with suppress(StateError):
            if (known := await self.cache.get(name)) is not None:
                return known
        data = await self.store.get(name)
        if data is not None:
            with suppress(StateError):
                await self.cache.put(name, data)
        return data

    async def _forget(self, kept: Collection[str]) -> None:
        """Removes from the cache what was merged into a later object."""
        with suppress(StateError):
            for name in await keys(self.cache, MEMORY):
                if name not in kept:
                    await self.cache.delete(name)

    async def _by_run(self, claimed: Sequence[Entry], started: Sequence[Entry]) -> dict[str, list[Entry]]:
        """The segments of the runs that started a moment ago, and of those that are going on or died."""
        found: dict[str, list[Entry]] = {}
        for entry in started:
            if run := segments.run_of(entry.key):
                found.setdefault(run, []).append(entry)
        for entry in claimed:
            run = claims.run_of(entry.key)
            if run not in found:
                found[run] = await entries(self.store, f"{RUNS}{run}/")
        return found

    async def _recent(self, run: str, stored: Sequence[Entry]) -> segments.Segments:
        since = self.clock.now() - PENDING - _A_MOMENT
        recent = [entry for entry in stored if entry.modified >= since]
        return await segments.read(self.store, run, recent, self.cache) if recent else segments.Segments()

    async def _read(self, runs: Sequence[str], *, more: bool) -> History:
        records: list[Numbered] = []
        problems: list[str] = []
        for run in runs:
            found = await segments.read(self.store, run, None, self.cache)
            records += found.records
            problems += found.problems
        return History(tuple(records), tuple(problems), more)


def recent_in(lines: bytes) -> list[Numbered]:
    """The applied changes among the lines of a memory."""
    found = ((0, parsed(line)) for line in lines.splitlines() if line.startswith(b'{"v":'))
    return [(number, record) for number, record in found if record is not None]


def is_applied(record: Record) -> bool:
    return isinstance(record, OutcomeRecord) and record.outcome in CHANGED


def as_lines(records: Iterable[Record]) -> bytes:
    return b"".join(map(line_of, records))
