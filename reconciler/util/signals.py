"""SIGINT and SIGTERM: the first does what suits the moment, the second ends the process at once.

The first is noted in any case, so that a run that got one exits with 130 even if the signal had no effect: while
modules are imported, while a report is written, or where the exception that it raised was swallowed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")
EXIT_CODE = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# A progress bar may have hidden the cursor.
_SHOW_CURSOR = b"\x1b[?25h"


def _nothing() -> None:
    """What the first does by default."""


class _State:
    received = False
    first: Callable[[], object] = staticmethod(_nothing)


def handle() -> None:
    """Takes both over."""
    for number in _SIGNALS:
        signal.signal(number, _received)


def received() -> bool:
    """Whether one came."""
    return _State.received


def check() -> None:
    """
    Raises:
        KeyboardInterrupt: one came.
    """
    if _State.received:
        raise KeyboardInterrupt


def leave(code: int) -> NoReturn:
    """Ends the process, whose output is flushed. What arrives from now on must not change the exit code."""
    if _State.received:
        os._exit(EXIT_CODE)  # without waiting for threads that nobody needs any more
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if "obstore" in sys.modules:
        # Its threads may still let go of Python's objects, and abort a process whose interpreter has ended.
        os._exit(code)
    sys.exit(code)


@contextmanager
def first(act: Callable[[], object]) -> Iterator[None]:
    """The first one calls `act` while the block runs; if it came before, `act` is called now."""
    previous, _State.first = _State.first, act
    try:
        if _State.received:
            act()
        yield
    finally:
        _State.first = previous


def only_noted() -> None:
    """From now on, until the block of `first` around it ends, the first one is only noted."""
    _State.first = _nothing


def raising() -> AbstractContextManager[None]:
    """A block in which the first one raises KeyboardInterrupt, also out of a call that waits."""
    return first(_interrupt)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs `work` in an event loop; the first one cancels it.

    Raises:
        KeyboardInterrupt: it was cancelled.
    """
    import asyncio  # not for --version and --help

    async def cancellable() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
        with first(lambda: loop.call_soon_threadsafe(task.cancel)):
            return await task

    try:
        return asyncio.run(cancellable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def _interrupt() -> NoReturn:
    raise KeyboardInterrupt


def _received(*_: object) -> None:
    if _State.received:
        try:
            if sys.stderr.isatty():
                os.write(sys.stderr.fileno(), _SHOW_CURSOR)
        finally:
            os._exit(EXIT_CODE)
    _State.received = True
    _State.first()
