"""What the service makes of a snapshot, remembered by the bytes of both."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.fakes import ASSET, CDN, FakeClock, FakeCloud, Picture, desired, snapshot_url

from reconciler.state.folder import make
from reconciler.state.settled_covers import Memory, SettledCover

COPY = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"
OFFSETS = (0, 5, 10)


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that jumps would not wait for them."""

    async def in_this_thread(work: Callable[..., Any], *arguments: Any) -> Any:
        return work(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", in_this_thread)


def test_two_snapshots_of_the_same_bytes_are_one_picture_to_the_memory(clock: FakeClock, tmp_path: Path) -> None:
    cloud = FakeCloud()
    cloud.add(ASSET, COPY, OFFSETS)
    black, cover = b"two black frames", b"what the service made of it"
    cloud.pictures = {snapshot_url(offset=0): Picture(black), snapshot_url(offset=5): Picture(black)}
    cloud.pictures |= {snapshot_url(offset=10): Picture(b"another"), COPY: Picture(cover)}
    memory = Memory(make(tmp_path))
    hashes = (hashlib.sha256(cover).hexdigest(), hashlib.sha256(black).hexdigest())
    path = "snapshot/sample/0.jpg"
    memory.remember(
        [SettledCover(asset_id=ASSET, cover_sha256=hashes[0], snapshot_path=path, snapshot_sha256=hashes[1])]
    )
    memory.close()

    def state(index: int) -> str:
        return clock.run(cloud.planner(clock, tmp_path).check(desired(index=index))).state

    assert [state(index) for index in range(3)] == ["in_sync", "in_sync", "update"]
