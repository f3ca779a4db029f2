"""What every store of shared state has to do: the same checks for a folder and for object storage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from reconciler.state.store import Store, keys

Check = Callable[[Store], Coroutine[Any, Any, None]]


async def what_was_written_is_read(store: Store) -> None:
    for data in (b"", b"one", bytes(range(256)) * 5000):
        await store.put("runs/a/000001.jsonl", data)
        assert await store.get("runs/a/000001.jsonl") == data
    assert await store.get("runs/a/000002.jsonl") is None
    assert await store.get("runs") is None


async def a_claim_takes_what_is_free(store: Store) -> None:
    assert await store.claim("covers/aa", b"picture")
    assert await store.claim("covers/aa", b"picture")
    assert await store.claim("covers/bb", b"another")
    assert await store.get("covers/aa") == b"picture"


async def what_was_removed_is_gone(store: Store) -> None:
    await store.put("locks/a", b"{}")
    await store.delete("locks/a")
    await store.delete("locks/a")
    await store.delete("locks/never")
    assert await store.get("locks/a") is None
    assert await keys(store, "locks/") == []


async def a_listing_is_whole_and_in_order(store: Store) -> None:
    names = [f"runs/{run}/{number:06}.jsonl" for run in ("b", "a", "a-b") for number in (2, 1)]
    for name in (*names, "memory/a.jsonl", "locks/a"):
        await store.put(name, name.encode())
    assert await keys(store, "runs/") == sorted(names)
    assert await keys(store, "runs/a/") == ["runs/a/000001.jsonl", "runs/a/000002.jsonl"]
    assert await keys(store, "nothing/") == []


async def a_listing_starts_after_a_key(store: Store) -> None:
    names = [f"runs/{number:04}/000001.jsonl" for number in range(40)]
    await asyncio.gather(*(store.put(name, b"x") for name in names))
    assert await keys(store, "runs/", "runs/0030") == names[30:]
    assert await keys(store, "runs/", names[30]) == names[31:]
    assert await keys(store, "runs/", "runs/9") == []


async def a_listing_tells_size_and_time(store: Store) -> None:
    await store.put("memory/a.jsonl", b"1234")
    await store.put("memory/b.jsonl", b"")
    found = [entry async for entry in store.list("memory/")]
    assert [entry.size for entry in found] == [4, 0]
    assert abs((found[0].modified - found[1].modified).total_seconds()) < 60


CHECKS: tuple[Check, ...] = (
    what_was_written_is_read,
    a_claim_takes_what_is_free,
    what_was_removed_is_gone,
    a_listing_is_whole_and_in_order,
    a_listing_starts_after_a_key,
    a_listing_tells_size_and_time,
)
