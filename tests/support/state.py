"""The state folder as another process holds it, and a store that a team shares."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from reconciler.decide.outcome import Outcome
from reconciler.decide.precondition import PlannedChange
from reconciler.model import Cover
from reconciler.state.folder_store import FolderStore
from reconciler.state.lock import exclusive
from reconciler.state.project_state import ProjectState
from reconciler.state.recorder import RunRecorder
from reconciler.state.shared import SharedState
from reconciler.state.store import LOCKS, Entry, StoreError
from reconciler.util.clock import Clock
from support.fakes import ASSET, BASE, PROJECT, FakeClock, desired, snapshot_url


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
    sizes: dict[str, int] = field(default_factory=dict)
    """What listings say of objects that are larger than a test may be."""
    down: bool = False
    ahead: timedelta = timedelta()
    """Of its own clock."""
    conditions: bool = False
    """It honours them."""
    asked: Counter[str] = field(default_factory=Counter)
    """Requests, and objects in listings."""
    lost_answers: int = 0
    """So many objects that are written next are stored, but the writer is not told."""

    async def _arrive(self) -> None:
        """A request is carried out at some time between its sending and its answer."""
        delay = self.delays[0]
        self.delays.append(self.delays.pop(0))
        await self.clock.sleep(delay)
        if self.down:
            raise StoreError(f"{self.name} does not answer")

    async def put(self, key: str, data: bytes) -> None:
        self.asked["put"] += 1
        await self._arrive()
        self.objects[key] = data, self.clock.monotonic()
        await self._arrive()
        if self.lost_answers and not key.startswith(LOCKS):
            self.lost_answers -= 1
            raise StoreError(f"{self.name} does not answer")

    async def claim(self, key: str, data: bytes) -> bool:
        if self.conditions and self.objects.get(key, (data,))[0] != data:
            return False
        await self.put(key, data)
        return True

    async def get(self, key: str) -> bytes | None:
        self.asked["get"] += 1
        await self._arrive()
        found = self.objects.get(key)
        return found[0] if found else None

    async def list(self, prefix: str, after: str = "") -> AsyncIterator[Entry]:
        self.asked["list"] += 1
        await self._arrive()
        found = sorted((key, data, at) for key, (data, at) in self.objects.items() if key.startswith(prefix))
        await self._arrive()
        started = self.clock.now() - timedelta(seconds=self.clock.monotonic())
        for key, data, at in found:
            if key > after:
                self.asked["listed"] += 1
                yield Entry(key, self.sizes.get(key, len(data)), started + timedelta(seconds=at) + self.ahead)

    async def delete(self, key: str) -> None:
        await self._arrive()
        self.objects.pop(key, None)

    def keys(self) -> Sequence[str]:
        return sorted(self.objects)


def machine(folder: Path, store: FakeStore, clock: Clock, warnings: list[str] | None = None) -> ProjectState:
    """A machine of a team that shares this store. It warns into the list."""
    cache = FolderStore(folder / "shared")
    told = warnings if warnings is not None else []
    return ProjectState(folder, BASE, PROJECT, clock, SharedState(store, clock, cache), told.append)


def change(asset_id: str = ASSET, index: int = 2) -> PlannedChange:
    after = Cover(snapshot_url(asset_id, 5 * index))
    return PlannedChange(desired(asset_id, index), "A title", Cover(snapshot_url(asset_id, 0)), after)


async def set_cover(recorder: RunRecorder, asset_id: str = ASSET, index: int = 2) -> None:
    """What an apply writes down around one PUT that succeeds; `confirm` stores its end."""
    step = change(asset_id, index)
    await recorder.intent(step, step.before, None, None)
    recorder.outcome(Outcome(asset_id, "applied", step.desired.source, step.before, step.after))
