"""One run at a time among machines, by claims in the store.

A run writes a claim, lists the claims, and holds the lock only if its own is the only one; otherwise it withdraws and
tries again. Of two runs the one that lists later sees the other's claim, so no condition is needed, which a store may
ignore in silence. A holder writes its claim again each minute; one that was not written for ten minutes, by the
store's clock, is of a run that died.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.errors import StateError
from reconciler.state import claims
from reconciler.state.claims import LEASE, Claim, Claims
from reconciler.state.store import Entry, Store, StoreError
from reconciler.util.clock import Clock, ShiftedClock
from reconciler.util.rate import duration
from reconciler.util.sanitize import shorten
from reconciler.vod.waits import Tell, discard

_RENEWAL = 60.0
# A holder that could not renew its claim for so long makes sure of it first: well before others may think it dead.
_SAFE = 0.8 * LEASE.total_seconds()
# Of several that start at once one shall run, although none may wait for one that holds the lock.
_CONTENTION = 10.0
_PAUSE, _LONGEST_PAUSE = 0.05, 5.0


class LeaseLostError(StateError):
    """Another run has the lock, or someone removed this run's claim: nothing more may be changed."""


class Lease:
    """The lock, held. `confirm` before each change.

    Attributes:
        stores_clock: this machine's clock, put right by the store's: all that share it agree on the time.
    """

    def __init__(self, store: Store, claim: Claim, clock: Clock, renewed: float, ahead: timedelta) -> None:
        self._store = store
        self._claim = claim
        self._clock = clock
        self.stores_clock = ShiftedClock(clock, ahead)
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
        """Renews the claim each minute, until cancelled. What fails is tried again a minute later. A renewal that was
        sent is waited for: it could arrive after the claim was removed, and block all others."""
        while True:
            await self._clock.sleep(_RENEWAL)
            renewal = asyncio.ensure_future(self._renew())
            with suppress(StateError):
                try:
                    await asyncio.shield(renewal)
                except asyncio.CancelledError:
                    with suppress(StateError):
                        await renewal
                    raise

    async def _renew(self) -> None:
        """Another run that thinks this one dead has written its claim before it removes this one's: so a claim that
        stands alone, before it is written again and after, was not taken over."""
        sent = (self._clock.monotonic(), self._clock.now())
        late = self._age() > _SAFE
        await self._look(alone=late)
        await self._store.put(claims.key(self._claim.run), claims.as_bytes(self._claim))
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
        listed = await claims.entries(self._store)
        if all(entry.key != claims.key(self._claim.run) for entry in listed):
            return "its claim was removed"
        if len(listed) == 1:
            return ""
        newest = max(entry.modified for entry in listed)
        others = await claims.living_and_dead(self._store, newest, self._claim.run, listed)
        if alone and others.living:
            return f"it was not renewed for {duration(self._age())}, and {others.living[0].holder} wants it"
        return f"it is held by {others.holder.holder}" if others.holder is not None else ""

    def _age(self) -> float:
        """Seconds since the claim was written. A machine that sleeps may stop one of its clocks."""
        monotonic, wall = self._renewed
        return max(self._clock.monotonic() - monotonic, (self._clock.now() - wall).total_seconds())


@asynccontextmanager
async def held(
    store: Store,
    claim: Claim,
    clock: Clock,
    patience: float,
    bury: Callable[[str], Awaitable[None]],
    tell: Tell = discard,
) -> AsyncIterator[Lease]:
    """Holds the lock while the block runs.

    Args:
        patience: seconds to wait for a run that holds it.
        bury: called with each run that died, before its claim is removed.
        tell: takes a sentence about waiting.

    Raises:
        StateError: another run holds it.
        StoreError: the store does not answer.
    """
    try:
        contender = _Contender(store, claim, clock, bury, tell)
        renewed = await contender.acquire(patience)
        lease = Lease(store, replace(claim, held=True), clock, renewed, contender.ahead)
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

    def __init__(
        self, store: Store, claim: Claim, clock: Clock, bury: Callable[[str], Awaitable[None]], tell: Tell
    ) -> None:
        self._store = store
        self._claim = claim
        self._clock = clock
        self._bury = bury
        self._tell: Tell | None = tell
        self._written = False
        self.ahead = timedelta()
        """How much later the store's clock is than this machine's."""
        self._written_at: tuple[datetime, float] | None = None
        """When the claim was written last, by the store's clock and by ours."""

    async def acquire(self, patience: float) -> float:
        """Returns when the claim was last written, on the monotonic clock."""
        started, pause = self._clock.monotonic(), _PAUSE
        while True:
            others = await self._others()
            if not others:
                sent = self._clock.monotonic()
                await self._store.put(claims.key(self._claim.run), claims.as_bytes(replace(self._claim, held=True)))
                return sent
            holder = next((other for other in others if other.held), None)
            # Of those that only want it the first stays, so that one of them gets it.
            if self._written and (holder is not None or self._claim.run > min(other.run for other in others)):
                await _withdraw(self._store, self._claim.run)
                self._written = False
            waited = self._clock.monotonic() - started
            if waited >= (patience if holder else max(patience, _CONTENTION)):
                raise _taken(self._store, holder or others[0])
            if holder is not None and self._tell is not None:
                self._tell(f"{_named(self._store, holder)}. Waiting for it, at most {duration(patience)}.")
                self._tell = None
            await self._clock.sleep(random.uniform(pause / 2, pause))  # noqa: S311 no secret
            pause = min(2 * pause, _LONGEST_PAUSE if holder else 8 * _PAUSE)

    async def _others(self) -> tuple[Claim, ...]:
        """The claims of others that live. There are none only while our own is written."""
        if not self._written and self._written_at is not None:
            stored, ours = self._written_at
            living = (await self._claims(stored + timedelta(seconds=self._clock.monotonic() - ours))).living
            if living:  # another claim of ours would only be in their way
                return living
        sent, now = self._clock.monotonic(), self._clock.now()
        await self._store.put(claims.key(self._claim.run), claims.as_bytes(self._claim))
        self._written = True
        listed = await claims.entries(self._store)
        mine = next((entry for entry in listed if entry.key == claims.key(self._claim.run)), None)
        if mine is None:
            raise StoreError(
                f"{self._store.name} does not list what was just written there",
                hint="Shared state needs a store that does.",
            )
        self._written_at, self.ahead = (mine.modified, sent), mine.modified - now
        others = await self._claims(mine.modified, listed)
        for dead in () if others.living else others.dead:
            await self._bury(dead.run)
            await self._store.delete(claims.key(dead.run))
        return others.living

    async def _claims(self, now: datetime, listed: list[Entry] | None = None) -> Claims:
        return await claims.living_and_dead(self._store, now, self._claim.run, listed)


async def _withdraw(store: Store, run: str) -> None:
    with suppress(StoreError):  # then it ends with its lease
        await store.delete(claims.key(run))


def _named(store: Store, other: Claim) -> str:
    return f"Another apply is running on {store.name}: {other.holder}"


def _taken(store: Store, other: Claim) -> StateError:
    return StateError(
        _named(store, other),
        hint="Wait until it is done, or pass --lock-timeout 5m. If it died, its claim ends "
        f"{duration(LEASE.total_seconds())} after its last sign of life; to end it now: "
        f"`reconcile unlock {shorten(other.run, 80)}`.",
    )
