"""The state folder as another process holds it, and a store that a team shares."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from reconciler.state.lock import exclusive
from reconciler.state.store import Entry, StoreError
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


@dataclass
class FakeStore:
    """Object storage that is consistent, ignores conditions in silence, and takes its time."""

    clock: FakeClock
    delays: list[float] = field(default_factory=lambda: [0.005])
    name: str = "s3://bucket/team"
    objects: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    down: bool = False
    ahead: timedelta = timedelta()
    """Of its own clock."""

    async def _arrive(self) -> None:
        """A request is carried out at some time between its sending and its answer."""
        delay = self.delays[0]
        self.delays.append(self.delays.pop(0))
        await self.clock.sleep(delay)
        if self.down:
            raise StoreError(f"{self.name} does not answer")

    async def put(self, key: str, data: bytes) -> None:
        await self._arrive()
        self.objects[key] = data, self.clock.monotonic()
        await self._arrive()

    async def claim(self, key: str, data: bytes) -> bool:
        await self.put(key, data)
        return True

    async def get(self, key: str) -> bytes | None:
        await self._arrive()
        found = self.objects.get(key)
        return found[0] if found else None

    async def list(self, prefix: str, after: str = "") -> AsyncIterator[Entry]:
        await self._arrive()
        found = sorted((key, data, at) for key, (data, at) in self.objects.items() if key.startswith(prefix))
        await self._arrive()
        started = self.clock.now() - timedelta(seconds=self.clock.monotonic())
        for key, data, at in found:
            if key > after:
                yield Entry(key, len(data), started + timedelta(seconds=at) + self.ahead)

    async def delete(self, key: str) -> None:
        await self._arrive()
        self.objects.pop(key, None)

    def keys(self) -> Sequence[str]:
        return sorted(self.objects)
