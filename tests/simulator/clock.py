"""Virtual time: an event loop whose clock jumps to the next timer, so that waiting costs nothing."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")
_START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_LONGEST = 8 * 3600.0


class EndlessWait(RuntimeError):
    """A verb waits for something that never comes, or for hours."""


class VirtualClock:
    """Seconds since the simulation began."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> datetime:
        return self.moment(self.time)

    def moment(self, seconds: float) -> datetime:
        """A virtual time as the wall clock tells it."""
        return _START + timedelta(seconds=seconds)

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine on a loop of its own that lives by this clock.

        Raises:
            EndlessWait: it takes more than eight hours of virtual time, or waits without a timer.
        """
        end = self.time + _LONGEST
        with asyncio.Runner(loop_factory=lambda: _Loop(self, end)) as runner:
            return runner.run(main)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: VirtualClock, end: float) -> None:
        super().__init__(_Jumping(clock, end))
        self._virtual = clock

    def time(self) -> float:
        return self._virtual.time

    def run_in_executor(  # type: ignore[override]  # its own form differs between versions
        self, _: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """At once: the virtual time would jump ahead of a thread."""
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 whoever awaits it gets it
            future.set_exception(error)
        return future


class _Jumping(selectors.DefaultSelector):
    """Where the loop would wait, the time moves on instead."""

    def __init__(self, clock: VirtualClock, end: float) -> None:
        super().__init__()
        self._clock = clock
        self._end = end

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise EndlessWait("every task waits, and no timer is set")
        self._clock.time += timeout
        if self._clock.time > self._end:
            raise EndlessWait(f"more than {_LONGEST / 3600:g} hours")
        return ready
