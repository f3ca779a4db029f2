"""What a run that changes covers writes into the shared state, while it holds the lock."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.errors import StateError, UsageError
from reconciler.state import json_lines, segments
from reconciler.state.cover_backup import digest
from reconciler.state.journal import NAME, Journal, Record, parsed
from reconciler.state.lease import Lease
from reconciler.state.settled_covers import Memory
from reconciler.state.shared import PENDING, Recalled, SharedState, as_lines, is_applied, recent_in
from reconciler.state.store import COVERS, MEMORY, RUNS, is_run, keys
from reconciler.util import atomic_files
from reconciler.util.concurrency import for_each

_POSITIONS = "shared.json"
_AT_ONCE = 16


@dataclass
class Sharing:
    """The store's side of one run.

    Args:
        journal: of the state folder; all before `position` of it is in the store.
        project: endpoint and project ID.
    """

    shared: SharedState
    lease: Lease
    journal: Journal
    folder: Path
    run: str
    project: tuple[str, str]
    _unsent: list[bytes] = field(default_factory=list)
    _sending: list[bytes] = field(default_factory=list)
    """The first of them, which are in the segment `_number`."""
    _number: int = 0
    _applied: deque[Record] = field(default_factory=deque)
    _failure: StateError | None = None
    _asked: int = 0
    _served: int = 0
    """So many of those that asked for a commit are served."""
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    def add(self, record: Record, line: bytes) -> None:
        """Takes a record that was written to the journal; `commit` stores it."""
        self._unsent.append(line)
        if is_applied(record):
            self._applied.append(record)
            since = self.shared.clock.now() - PENDING
            while self._applied and self._applied[0].at and self._applied[0].at < since:
                self._applied.popleft()

    async def commit(self) -> None:
        """Returns when the store has all that was added before, and the lock is still held. Many that wait are served
        by one segment.

        Raises:
            StoreError: the store does not answer; it is not asked again.
            LeaseLostError: nothing more may be changed.
        """
        self._asked += 1
        number = self._asked
        async with self._one_at_a_time:
            if self._failure is not None:
                raise self._failure
            if self._served >= number:
                return
            asked = self._asked
            try:
                await self._send()
                await self.lease.confirm()
            except StateError as error:
                self._failure = error
                raise
            self._served = asked

    async def save(self, sha256: str, data: bytes) -> None:
        """Stores a cover that is about to be replaced."""
        name = COVERS + sha256
        if not await self.shared.store.claim(name, data):
            await self.shared.store.put(name, data)  # what is there is not that cover

    async def upload(self) -> None:
        """Stores what the state folder remembers and the store does not have: all at the first use, and later what a
        run could not store."""
        position = self._position()
        if position == 0:
            await self._upload_covers()
        path, tail = self.folder / NAME, self.journal.size - position
        by_run: dict[str, list[bytes]] = {}
        for _, line in json_lines.read(path, "journal", tail) if tail > 0 else ():
            record = parsed(line)
            if record is None or (record.endpoint, record.project_id) != self.project:
                continue
            if is_run(record.run):
                by_run.setdefault(record.run, []).append(line.rstrip(b"\n") + b"\n")
        if by_run:
            await self._upload_runs(by_run)
        self._note_position()

    async def finish(self, memory: Memory, recalled: Recalled) -> None:
        """Stores what is left, and what was learned, in one object in the place of all earlier ones.

        Raises:
            StateError: the store does not answer, or the lock is lost; the next run on this machine uploads it.
        """
        self._failure = None  # once more: a store may be back
        await self.commit()
        own = f"{MEMORY}{self.run}.jsonl"
        settled = memory.lines()
        known = {line for line in recalled.lines.splitlines(keepends=True) if not line.startswith(b'{"v":')}
        if not self._applied and len(recalled.memory) <= 1 and settled == known:
            return
        if not self._applied and not settled and not recalled.memory:
            return
        since = self.shared.clock.now() - PENDING
        earlier = (record for _, record in recent_in(recalled.lines) if record.at is not None and record.at >= since)
        recent = as_lines((*earlier, *self._applied))
        await self.shared.store.put(own, b"".join(sorted(settled)) + recent)
        for name in recalled.memory:
            if name != own:
                await self.shared.store.delete(name)

    async def _send(self) -> None:
        """Stores all that was added before. A segment whose answer was lost is sent again as it was: it may have
        arrived, and others keep what they read of it."""
        left = len(self._unsent)
        while left:
            if not self._sending:
                self._sending, self._number = self._unsent[:left], self._number + 1
            data = segments.sealed(self.run, self._number, b"".join(self._sending))
            await self.shared.store.put(segments.key(self.run, self._number), data)
            del self._unsent[: len(self._sending)]
            left -= len(self._sending)
            self._sending = []
        if not self._unsent:
            self._note_position()

    async def _upload_covers(self) -> None:
        files = sorted(path for path in (self.folder / "covers").glob("*-*.*") if path.is_file())
        there = set(await keys(self.shared.store, COVERS)) if files else set()

        async def put(path: Path) -> None:
            with suppress(OSError):
                data = await asyncio.to_thread(path.read_bytes)
                sha256 = digest(data)
                if COVERS + sha256 not in there:
                    await self.save(sha256, data)

        await for_each(files, put, _AT_ONCE)

    async def _upload_runs(self, by_run: dict[str, list[bytes]]) -> None:
        last: dict[str, int] = {}
        async for entry in self.shared.store.list(RUNS, RUNS + min(by_run)):
            if run := segments.run_of(entry.key):
                last[run] = max(last.get(run, 0), int(entry.key[-12:-6]))

        async def put(run: str) -> None:
            number = last.get(run, 0) + 1
            data = segments.sealed(run, number, b"".join(by_run[run]))
            await self.shared.store.put(segments.key(run, number), data)

        await for_each(sorted(by_run), put, _AT_ONCE)

    @property
    def _tag(self) -> str:
        return hashlib.sha256("\n".join((self.shared.store.name, *self.project)).encode()).hexdigest()[:16]

    def _positions(self) -> dict[str, int]:
        try:
            found = json.loads((self.folder / _POSITIONS).read_bytes())
            return {tag: position for tag, position in found.items() if isinstance(position, int) and position >= 0}
        except (OSError, ValueError, AttributeError):
            return {}

    def _position(self) -> int:
        """Up to where the journal is in the store, in bytes. A journal that is shorter is another one."""
        position = self._positions().get(self._tag, 0)
        return position if position <= self.journal.size else 0

    def _note_position(self) -> None:
        positions = {**self._positions(), self._tag: self.journal.size}
        with suppress(UsageError):  # then some lines are stored twice, and read once
            atomic_files.write(str(self.folder / _POSITIONS), json.dumps(positions) + "\n", private=True)
