"""A change that was sent is finished, whatever is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from reconciler.vod.responses import Throttled, TransientFault

T = TypeVar("T")


async def finish(sending: Coroutine[Any, Any, T]) -> T:
    """Waits for the answer to a change also when cancelled, because its outcome must be known.

    Raises:
        ApiError: it was cancelled, and no usable answer came; there is no further attempt.
    """
    task = asyncio.ensure_future(sending)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            return await task
        except TransientFault as fault:
            raise fault.error(1, fatal=False) from fault
        except Throttled:  # no effect
            raise asyncio.CancelledError from None
