"""Ctrl-C and SIGTERM during an apply: the first ends it in order; see `util/signals`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reconciler.util import signals


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
        self.requested = True
        self._stop()


@contextmanager
def caught(note: Callable[[str], None]) -> Iterator[Interrupts]:
    """The first signal is a request while the block runs in the event loop; afterwards none keeps the report away."""
    interrupts = Interrupts()
    loop = asyncio.get_running_loop()

    def received() -> None:
        note("Interrupted: finishing what is on its way. Once more to stop at once.\n")
        interrupts.request()

    with signals.first(lambda: loop.call_soon_threadsafe(received)):
        yield interrupts
    signals.only_noted()
