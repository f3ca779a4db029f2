"""Quotas as sliding windows: never more than `amount` calls in any `seconds` seconds.

The server counts a call when it arrives. We only know when it was sent and when its answer came. A slot is
therefore held until the answer and a whole window longer: whenever the call arrived, no window of the server holds
more than the quota.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from reconciler.errors import UnreachableError
from reconciler.util.clock import Clock
from reconciler.util.rate import Rate
from reconciler.vod.redis_rate_limit import RedisWindow
from reconciler.vod.waits import LongWaits, Tell, discard

_PATIENCE = 30 * 60
_USED_UP = "the service, which answers that its quota is used up (HTTP 429)"
_SHARED = "a share of the quota in RECONCILE_QUOTA_STORE"


@dataclass(slots=True)
class Slot:
    """Room for one call. Set `unused` if the call turns out not to be needed: the slot is then free at once."""

    unused: bool = False


class RateLimiter:
    """Hands out the slots of one class of calls, first come first served. Reports long waits."""

    def __init__(self, rate: Rate, clock: Clock, shared: RedisWindow | None = None, tell: Tell = discard) -> None:
        self._rates = {rate.seconds: rate}
        self.seconds = rate.seconds
        self._clock = clock
        self._shared = shared
        self._giving_back: set[asyncio.Task[None]] = set()
        self._refused_since: float | None = None
        self._turn = asyncio.Lock()
        self._in_flight = 0
        self._answered: deque[float] = deque()
        self._answer_came = asyncio.Event()
        self._held_until = float("-inf")
        self._tell = tell
        self._waits = LongWaits(clock, tell)
        self._reported_speed: float | None = None

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """Waits for a slot; it counts until the block ends, and a window longer."""
        async with self._turn:
            while (pause := self._pause()) != 0:
                await self._wait(pause)
            ticket = await self._ticket()
            self._in_flight += 1
        slot = Slot()
        renewing = asyncio.ensure_future(self._renew(self._shared, ticket)) if self._shared is not None else None
        try:
            yield slot
        finally:
            self._in_flight -= 1
            if renewing is not None:
                renewing.cancel()
            if not slot.unused:
                self._answered.append(self._clock.monotonic())
            self._answer_came.set()
            if self._shared is not None:
                # Not awaited: the call is over, and its result must not be lost to a cancellation here.
                task = asyncio.ensure_future(self._give_back(self._shared, ticket, slot))
                self._giving_back.add(task)
                task.add_done_callback(self._giving_back.discard)

    async def aclose(self) -> None:
        """Waits until the shared store knows of the last answers."""
        await asyncio.gather(*self._giving_back)

    def on_success(self) -> None:
        """A call of this class succeeded."""
        self._refused_since = None

    def exhausted(self, pause: float) -> bool:
        """A call was refused: whether half an hour will have passed without one success after another pause."""
        now = self._clock.monotonic()
        if self._refused_since is None:
            self._refused_since = now
        return now + pause - self._refused_since > _PATIENCE

    async def _ticket(self) -> str:
        """A slot in the window that is shared with other runners, where there is one."""
        if self._shared is None:
            return ""
        while True:
            ticket, pause = await self._shared.acquire()
            if pause == 0:
                return ticket
            with self._waits.waiting(pause, _SHARED):
                await self._clock.sleep(pause)

    def hold(self, seconds: float, learned: Rate | None = None) -> None:
        """Grants no slot for that long. A rate that the server named is kept from now on, beside the others."""
        self._held_until = max(self._held_until, self._clock.monotonic() + seconds)
        if learned is not None:
            self._tell_if_slower(learned)
            known = self._rates.get(learned.seconds, learned)
            self._rates[learned.seconds] = min(known, learned, key=lambda rate: rate.amount)

    def _tell_if_slower(self, learned: Rate) -> None:
        """Says that the run slows down, and after that only if it slows down to half of what was said."""
        slowest = min(rate.speed for rate in self._rates.values())
        if learned.speed < slowest and (self._reported_speed is None or learned.speed <= self._reported_speed / 2):
            self._reported_speed = learned.speed
            self._tell(f"From now on at most {learned.per('call')}: the service names that limit (HTTP 429).")

    async def _renew(self, shared: RedisWindow, ticket: str) -> None:
        """Keeps the ticket while its call lasts: the look before a PUT may take longer than a lease."""
        while True:
            await self._clock.sleep(shared.lease / 3)
            with suppress(UnreachableError):
                await shared.renew(ticket)

    async def _give_back(self, shared: RedisWindow, ticket: str, slot: Slot) -> None:
        # If the store does not answer, the ticket's lease only counts the call for longer.
        with suppress(UnreachableError):
            await (shared.unused(ticket) if slot.unused else shared.answered(ticket))

    async def _wait(self, pause: float | None) -> None:
        """Until the pause is over, or an answer comes before: a slot given back is free at once."""
        self._answer_came.clear()
        if pause is None:
            await self._answer_came.wait()
            return
        with self._waits.waiting(pause, self._reason(pause)):
            waits = [asyncio.create_task(self._clock.sleep(pause)), asyncio.create_task(self._answer_came.wait())]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    def _reason(self, pause: float) -> str:
        if self._held_until - self._clock.monotonic() >= pause:
            return _USED_UP
        slowest = min(self._rates.values(), key=lambda rate: rate.speed)
        return f"the quota of {slowest.per('call')}"

    def _pause(self) -> float | None:
        """Seconds to wait before a slot may be free; 0 when one is, None when only an answer can free one."""
        now = self._clock.monotonic()
        self._forget(now)
        pauses: list[float] = [self._held_until - now]
        for rate in self._rates.values():
            over = self._in_flight + len(self._answered) + 1 - rate.amount
            recent = [at for at in self._answered if now - at < rate.seconds] if over > 0 else []
            over = self._in_flight + len(recent) + 1 - rate.amount
            if over > len(recent):
                return None
            if over > 0:
                pauses.append(recent[over - 1] + rate.seconds - now)
        return max(0.0, *pauses)

    def _forget(self, now: float) -> None:
        longest = max(self._rates)
        while self._answered and now - self._answered[0] >= longest:
            self._answered.popleft()
