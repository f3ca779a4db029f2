"""How often, and after which pauses, a fault is met with another attempt."""

from __future__ import annotations

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_random

from reconciler.clock import Clock

ATTEMPTS = 5


def retrying(clock: Clock, *faults: type[Exception]) -> AsyncRetrying:
    """Calls a coroutine function up to ATTEMPTS times, with growing pauses, while it raises one of `faults`."""
    return AsyncRetrying(
        sleep=clock.sleep,
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=0.25, max=8) + wait_random(0, 0.25),
        retry=retry_if_exception_type(faults),
        reraise=True,
    )
