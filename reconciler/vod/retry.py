"""How often, and after which pauses, a failed call is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_random

from reconciler.util.clock import Clock

ATTEMPTS = 5
T = TypeVar("T")


class CancelledInDoubt(asyncio.CancelledError):
    """Cancelled after a request that may have been carried out although no usable answer came."""


async def with_retries(clock: Clock, work: Callable[[], Awaitable[T]], *faults: type[Exception]) -> T:
    """Returns what `work` returns. Calls it up to ATTEMPTS times, with growing pauses, while it raises one of
    `faults`."""
    try:
        # Nearly every call succeeds at once, and tenacity's machinery would cost a tenth of a read.
        return await work()
    except faults as fault:
        failed = [fault]
    retrying = AsyncRetrying(
        sleep=clock.sleep,
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=0.25, max=8) + wait_random(0, 0.25),
        retry=retry_if_exception_type(faults),
        reraise=True,
    )

    async def attempt() -> T:
        if failed:
            raise failed.pop()
        return await work()

    result: T = await retrying(attempt)
    return result
