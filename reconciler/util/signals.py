"""What SIGINT and SIGTERM do, apart from the time in which covers are set (see `act/interrupts`)."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def treat_sigterm_as_ctrl_c() -> None:
    """Makes SIGTERM raise KeyboardInterrupt, as SIGINT does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def ignore_signals() -> None:
    """Ignores both from now on."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def raising_at_once() -> Iterator[None]:
    """Makes both raise KeyboardInterrupt inside the block, even in an event loop.

    asyncio's own handlers only note a signal, and would go on waiting for a line of input.
    """
    previous = {number: signal.signal(number, signal.default_int_handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


async def cancelled_by_sigterm(work: Awaitable[T]) -> T:
    """Awaits `work`, which SIGTERM cancels as asyncio does on SIGINT.

    Raises:
        KeyboardInterrupt: it was cancelled.
    """
    import asyncio  # not for --version and --help

    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
