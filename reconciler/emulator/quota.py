"""Moving windows as a gateway counts them: calls count when they arrive, refused calls do not count."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from reconciler.emulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from reconciler.emulator.options import QuotaRate


class Quota:
    """The quota of one class of calls. `clock` returns seconds from any start."""

    def __init__(self, rate: QuotaRate, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._taken: deque[float] = deque()

    def take(self) -> None:
        """Counts a call; raises Refusal (429 APIGW.0308) if the window is full."""
        if self._rate.limit == 0:
            return
        now = self._clock()
        while self._taken and self._taken[0] <= now - self._rate.seconds:
            self._taken.popleft()
        if len(self._taken) >= self._rate.limit:
            raise Refusal(429, "APIGW.0308", self._message())
        self._taken.append(now)

    def _message(self) -> str:
        seconds = self._rate.seconds
        window = f"{seconds / 60:g} minute" if seconds % 60 == 0 else f"{seconds:g} second"
        return (
            "The throttling threshold has been reached: policy user over ratelimit,"
            f"limit:{self._rate.limit},time:{window}"
        )
