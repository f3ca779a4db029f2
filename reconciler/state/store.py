"""Where state is kept that a team shares: objects under keys, in object storage or in a folder.

The layout is the same in both, below `<prefix>/<project id>/`:

    locks/<run>                claims of runs that change covers, see `lease`
    runs/<run>/000001.jsonl    what each run did, in segments that never change, see `segments`
    memory/<run>.jsonl         what is remembered of covers, see `shared`
    covers/<sha256>            covers that were saved before they were replaced
    audit/last.json            the last complete audit
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconciler.errors import StateError

LOCKS, RUNS, MEMORY, COVERS = "locks/", "runs/", "memory/", "covers/"
LAST_AUDIT = "audit/last.json"
RUN_ID = "[A-Za-z0-9-]{1,80}"
"""A pattern. What is named otherwise is not ours: it is neither read nor removed."""
MOST_BYTES = 256 * 1024 * 1024
"""Of one object, and of what is read at once. What is larger is not ours."""
LIMIT = f"{MOST_BYTES // 1024**2} MiB"
_FEW = 1000


class StoreError(StateError):
    """The store did not do what was asked: it is down, refuses, or is not there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One object of a listing. `size` in bytes; `modified` by the store's own clock."""

    key: str
    size: int
    modified: datetime


class Store(Protocol):
    """Every method raises StoreError where the store does not do it.

    Attributes:
        name: what messages call it.
    """

    name: str

    async def put(self, key: str, data: bytes) -> None:
        """Writes an object, whole or not at all."""

    async def claim(self, key: str, data: bytes) -> bool:
        """Writes an object only where there is none; False where there is another one. A store may ignore the
        condition in silence, so nothing but economy may rest on it."""

    async def get(self, key: str) -> bytes | None:
        """An object's bytes; None where there is none."""

    def list(self, prefix: str, after: str = "") -> AsyncIterator[Entry]:
        """The objects below a prefix (which ends in a slash) whose keys come after another, in order of key. What was
        written before the call is in it."""

    async def delete(self, key: str) -> None:
        """Removes an object, if it is there."""


_MEMORY = re.compile(rf"{MEMORY}{RUN_ID}\.jsonl")


def is_memory(key: str) -> bool:
    """Whether it is the key of what a run remembered."""
    return _MEMORY.fullmatch(key) is not None


def too_large(entries: Iterable[Entry]) -> bool:
    """Whether these are more than is read at once."""
    return sum(entry.size for entry in entries) > MOST_BYTES


def is_run(run: str) -> bool:
    """Whether it is the ID of a run, as far as its form tells."""
    return re.fullmatch(RUN_ID, run) is not None


async def entries(store: Store, prefix: str, after: str = "") -> list[Entry]:
    """A whole listing."""
    return [entry async for entry in store.list(prefix, after)]


async def few_entries(store: Store, prefix: str, why: str = "") -> list[Entry]:
    """A listing of a place that never holds many objects.

    Args:
        why: what the error says of them.

    Raises:
        StoreError: the store does not answer, or there are many.
    """
    found: list[Entry] = []
    async for entry in store.list(prefix):
        if len(found) == _FEW:
            raise StoreError(f"{store.name}/{prefix} holds more than {_FEW:,} objects{why}")
        found.append(entry)
    return found


async def keys(store: Store, prefix: str, after: str = "") -> list[str]:
    """The keys of a whole listing."""
    return [entry.key for entry in await entries(store, prefix, after)]
