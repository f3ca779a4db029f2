"""The state folder, as another process leaves or holds it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.state.lock import exclusive
from support.fakes import FakeClock


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """An apply runs while the block does."""
    loop = asyncio.new_event_loop()
    lock = exclusive(folder, FakeClock())
    try:
        loop.run_until_complete(lock.__aenter__())
        yield
        loop.run_until_complete(lock.__aexit__(None, None, None))
    finally:
        loop.close()
