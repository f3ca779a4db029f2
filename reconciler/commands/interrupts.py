"""Ctrl-C and SIGTERM during an apply: the first ends it in order, the second at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXIT_CODE = 130


class Interrupts:
    """Whether somebody asked to stop, and who is to be told."""

    def __init__(self) -> None:
        self.requested = False
        self._stop: Callable[[], object] = lambda: None

    def tell(self, stop: Callable[[], object]) -> None:
        """`stop` is what a request calls from now on; at once, if it came already."""
        self._stop = stop
        if self.requested:
            stop()

    def request(self) -> None:
        if self.requested:
            os._exit(EXIT_CODE)
        self.requested = True
        self._stop()


@contextmanager
def caught(note: Callable[[str], None]) -> Iterator[Interrupts]:
    """Catches both signals while the block runs in the event loop."""
    interrupts = Interrupts()
    loop = asyncio.get_running_loop()

    def received() -> None:
        if not interrupts.requested:
            note("Interrupted: finishing what is on its way. Once more to stop at once.\n")
        interrupts.request()

    previous = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        loop.add_signal_handler(number, received)
    try:
        yield interrupts
    finally:
        for number, handler in previous.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
