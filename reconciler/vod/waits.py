"""Reports that calls wait for minutes: a run that says nothing looks as if it hung."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reconciler.util.clock import Clock
from reconciler.util.rate import duration

Tell = Callable[[str], None]
_MINUTE = 60.0


def discard(_: str) -> None:
    """For callers without a terminal."""


class LongWaits:
    """The pauses of one class of calls. Reports them once, when they come to a minute; after that only a pause that
    is at least twice as long as the one that was reported.

    Args:
        tell: takes one sentence.
    """

    def __init__(self, clock: Clock, tell: Tell) -> None:
        self._clock = clock
        self._tell = tell
        self._waited = 0.0
        self._reported: float | None = None

    @contextmanager
    def waiting(self, seconds: float, why: str) -> Iterator[None]:
        """Around a pause of so many seconds, which may end early. `why` completes "Waiting for ..."."""
        if self._is_news(seconds):
            self._reported = seconds
            before = f" now, after {duration(self._waited)}" if self._waited >= 1 else ""
            self._tell(f"Waiting for {why}: {duration(seconds)}{before}.")
        began = self._clock.monotonic()
        try:
            yield
        finally:
            self._waited += self._clock.monotonic() - began

    def _is_news(self, seconds: float) -> bool:
        if self._reported is None:
            return self._waited + seconds >= _MINUTE
        return seconds >= max(_MINUTE, 2 * self._reported)
