"""Ctrl-C and SIGTERM during an apply: the first ends it in order, the second immediately."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXIT_CODE = 130
# A progress bar may have hidden the cursor.
_SHOW_CURSOR = b"\x1b[?25h"


class Interrupts:
    """Whether a stop was requested, and what to call then."""

    def __init__(self) -> None:
        self.requested = False
        self._stop: Callable[[], object] = lambda: None

    def tell(self, stop: Callable[[], object]) -> None:
        """A request calls `stop` from now on; if there was one already, it is called immediately."""
        self._stop = stop
        if self.requested:
            stop()

    def request(self) -> None:
        if self.requested:
            if sys.stderr.isatty():
                os.write(sys.stderr.fileno(), _SHOW_CURSOR)
            os._exit(EXIT_CODE)
        self.requested = True
        self._stop()


@contextmanager
def caught(note: Callable[[str], None]) -> Iterator[Interrupts]:
    """Catches both signals while the block runs in the event loop; afterwards either cancels the task again."""
    interrupts = Interrupts()
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    previous = signal.getsignal(signal.SIGINT)

    def received() -> None:
        first = not interrupts.requested
        interrupts.request()
        if first:
            note("Interrupted: finishing what is on its way. Once more to stop at once.\n")

    for number in _SIGNALS:
        loop.add_signal_handler(number, received)
    try:
        yield interrupts
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, previous)
        if task is not None:
            loop.add_signal_handler(signal.SIGTERM, task.cancel)
