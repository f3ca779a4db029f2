"""One run at a time among machines, by claims in the store.

A run writes a claim, lists the claims, and holds the lock only if its own is the only one; otherwise it withdraws and
tries again. Of two runs the one that lists later sees the other's claim, so no condition is needed, which a store may
ignore in silence. A holder writes its claim again each minute; one that was not written for ten minutes, by the
store's clock, is of a run that died.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

from reconciler.errors import StateError
from reconciler.state.store import LOCKS, Entry, Store, StoreError
from reconciler.util.clock import Clock
from reconciler.util.rate import duration
from reconciler.util.sanitize import shorten

LEASE = timedelta(minutes=10)
_RENEWAL = 60.0
# A holder that could not renew its claim for so long makes sure of it first: well before others may think it dead.
_SAFE = 0.8 * LEASE.total_seconds()
# Of several that start at once one shall run, although none may wait for one that holds the lock.
_CONTENTION = 10.0
_PAUSE, _LONGEST_PAUSE = 0.05, 5.0
_MOST_CLAIMS = 1000


class LeaseLostError(StateError):
    """Another run has the lock, or someone removed this run's claim: nothing more may be changed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants the lock, or holds it. What a foreign claim does not say is "". No text in it is trusted."""

    run: str
    user: str = ""
    host: str = ""
    since: str = ""
    job: str = ""
    """URL of the CI job."""
    held: bool = False

    @property
    def holder(self) -> str:
        """How messages name it."""
        where = " on ".join(shorten(part, 60) for part in (self.user, self.host) if part)
        since = f"since {shorten(self.since, 40)}" if self.since else ""
        return ", ".join(
            part for part in (f"run {shorten(self.run, 80)}", where, since, shorten(self.job, 200)) if part
        )


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of others: of runs that live, and of those that died."""

    living: tuple[Claim, ...]
    dead: tuple[Claim, ...]

    @property
    def holder(self) -> Claim | None:
        return next((claim for claim in self.living if claim.held), None)


def key(run: str) -> str:
    return f"{LOCKS}{run}"


def _bytes(claim: Claim) -> bytes:
    return json.dumps({"format_version": "1.0", "kind": "claim", **asdict(claim)}, separators=(",", ":")).encode()


def _claim(run: str, data: bytes | None) -> Claim | None:
    """A claim as it was read; None where it is gone. What cannot be read may be held."""
    if data is None:
        return None
    try:
        given = json.loads(data)
        said = {name: given.get(name) for name in ("user", "host", "since", "job")}
        texts = {name: value for name, value in said.items() if isinstance(value, str)}
        return Claim(run, **texts, held=given.get("held") is not False)
    except (ValueError, AttributeError, RecursionError):
        return Claim(run, held=True)


async def entries(store: Store) -> list[Entry]:
    """The claims that there are.

    Raises:
        StoreError: the store does not answer, or holds what are no claims of ours.
    """
    found: list[Entry] = []
    async for entry in store.list(LOCKS):
        if len(found) >= _MOST_CLAIMS:
            raise StoreError(f"{store.name}/{LOCKS} holds more than {_MOST_CLAIMS:,} objects: they are no claims")
        found.append(entry)
    return found


async def claims(store: Store, now: datetime, but: str = "", listed: list[Entry] | None = None) -> Claims:
    """The claims of all runs but one.

    Args:
        now: by the store's clock.
    """
    living: list[Claim] = []
    dead: list[Claim] = []
    for entry in await entries(store) if listed is None else listed:
        run = entry.key.removeprefix(LOCKS)
        claim = _claim(run, await store.get(entry.key)) if run != but else None
        if claim is not None:
            (dead if now - entry.modified > LEASE else living).append(claim)
    return Claims(tuple(living), tuple(dead))


class Lease:
    """The lock, held. `confirm` before each change."""

    def __init__(self, store: Store, claim: Claim, clock: Clock, renewed: float) -> None:
        self._store = store
        self._claim = claim
        self._clock = clock
        self._renewed = (renewed, clock.now())
        """When the last renewal that succeeded was sent."""
        self._lost = ""

    async def confirm(self) -> None:
        """
        Raises:
            LeaseLostError: the lock is not held any more.
            StoreError: the store does not tell.
        """
        if self._age() > _SAFE:
            await self._renew()  # still ours, unless another took it
        else:
            await self._look()

    async def keep(self) -> None:
        """Renews the claim each minute, until cancelled. What fails is tried again a minute later."""
        while True:
            await self._clock.sleep(_RENEWAL)
            with suppress(StateError):
                await self._renew()

    async def _renew(self) -> None:
        """Another run that thinks this one dead has written its claim before it removes this one's: so a claim that
        stands alone, before it is written again and after, was not taken over."""
        sent = (self._clock.monotonic(), self._clock.now())
        late = self._age() > _SAFE
        await self._look(alone=late)
        await self._store.put(key(self._claim.run), _bytes(self._claim))
        if late:
            await self._look(alone=True)
        self._renewed = sent

    async def _look(self, *, alone: bool = False) -> None:
        """
        Args:
            alone: also the claim of a run that only wants the lock ends this one.
        """
        if not self._lost:
            self._lost = await self._taken_by(alone=alone)
        if self._lost:
            raise LeaseLostError(
                f"The lock of {self._store.name} is not held any more: {self._lost}",
                hint="Nothing more was changed. Run again.",
            )

    async def _taken_by(self, *, alone: bool) -> str:
        """Why the lock is lost; "" if it is held."""
        listed = await entries(self._store)
        if all(entry.key != key(self._claim.run) for entry in listed):
            return "its claim was removed"
        if len(listed) == 1:
            return ""
        newest = max(entry.modified for entry in listed)
        others = await claims(self._store, newest, self._claim.run, listed)
        if alone and others.living:
            return f"it was not renewed for {duration(self._age())}, and {others.living[0].holder} wants it"
        return f"it is held by {others.holder.holder}" if others.holder is not None else ""

    def _age(self) -> float:
        """Seconds since the claim was written. A machine that sleeps may stop one of its clocks."""
        monotonic, wall = self._renewed
        return max(self._clock.monotonic() - monotonic, (self._clock.now() - wall).total_seconds())


@asynccontextmanager
async def held(
    store: Store, claim: Claim, clock: Clock, patience: float, bury: Callable[[str], Awaitable[None]]
) -> AsyncIterator[Lease]:
    """Holds the lock while the block runs.

    Args:
        patience: seconds to wait for a run that holds it.
        bury: called with each run that died, before its claim is removed.

    Raises:
        StateError: another run holds it.
        StoreError: the store does not answer.
    """
    try:
        renewed = await _Contender(store, claim, clock, bury).acquire(patience)
        lease = Lease(store, replace(claim, held=True), clock, renewed)
        keeping = asyncio.ensure_future(lease.keep())
        try:
            yield lease
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
    finally:
        await _withdraw(store, claim.run)


class _Contender:
    """A run that wants the lock."""

    def __init__(self, store: Store, claim: Claim, clock: Clock, bury: Callable[[str], Awaitable[None]]) -> None:
        self._store = store
        self._claim = claim
        self._clock = clock
        self._bury = bury
        self._written = False
        self._written_at: tuple[datetime, float] | None = None
        """When the claim was written last, by the store's clock and by ours."""

    async def acquire(self, patience: float) -> float:
        """Returns when the claim was last written, on the monotonic clock."""
        started, pause = self._clock.monotonic(), _PAUSE
        while True:
            others = await self._others()
            if not others:
                sent = self._clock.monotonic()
                await self._store.put(key(self._claim.run), _bytes(replace(self._claim, held=True)))
                return sent
            holder = next((other for other in others if other.held), None)
            # Of those that only want it the first stays, so that one of them gets it.
            if self._written and (holder is not None or self._claim.run > min(other.run for other in others)):
                await _withdraw(self._store, self._claim.run)
                self._written = False
            waited = self._clock.monotonic() - started
            if waited >= (patience if holder else max(patience, _CONTENTION)):
                raise _taken(self._store, holder or others[0])
            await self._clock.sleep(random.uniform(pause / 2, pause))  # noqa: S311 no secret
            pause = min(2 * pause, _LONGEST_PAUSE if holder else 8 * _PAUSE)

    async def _others(self) -> tuple[Claim, ...]:
        """The claims of others that live. There are none only while our own is written."""
        if not self._written and self._written_at is not None:
            stored, ours = self._written_at
            living = (await self._claims(stored + timedelta(seconds=self._clock.monotonic() - ours))).living
            if living:  # another claim of ours would only be in their way
                return living
        sent = self._clock.monotonic()
        await self._store.put(key(self._claim.run), _bytes(self._claim))
        self._written = True
        listed = await entries(self._store)
        mine = next((entry for entry in listed if entry.key == key(self._claim.run)), None)
        if mine is None:
            raise StoreError(
                f"{self._store.name} does not list what was just written there",
                hint="Shared state needs a store that does.",
            )
        self._written_at = (mine.modified, sent)
        others = await self._claims(mine.modified, listed)
        for dead in () if others.living else others.dead:
            await self._bury(dead.run)
            await self._store.delete(key(dead.run))
        return others.living

    async def _claims(self, now: datetime, listed: list[Entry] | None = None) -> Claims:
        return await claims(self._store, now, self._claim.run, listed)


async def _withdraw(store: Store, run: str) -> None:
    with suppress(StoreError):  # then it ends with its lease
        await store.delete(key(run))


def _taken(store: Store, other: Claim) -> StateError:
    return StateError(
        f"Another apply is running on {store.name}: {other.holder}",
        hint="Wait until it is done, or pass --lock-timeout 5m. If it died, its claim ends "
        f"{duration(LEASE.total_seconds())} after its last sign of life; to end it now: "
        f"`reconcile unlock {shorten(other.run, 80)}`.",
    )


def own_claim(run: str, user: str | None, host: str | None, since: datetime, job: str) -> Claim:
    return Claim(run, user or "", host or "", since.astimezone(UTC).isoformat(timespec="seconds"), job)
