"""What the page works on: the desired files, the assets, and the choices, kept together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from reconciler.choose.choices import Choices, Chosen
from reconciler.choose.items import Item, Items
from reconciler.choose.pictures import Thumbnails
from reconciler.choose.reader import Reader
from reconciler.choose.review import Conflict, Edit, Review, review, write
from reconciler.decide.verdict import choose as wanted_snapshot
from reconciler.desired.load import load_with_locks
from reconciler.desired.lock_files import LockFiles
from reconciler.desired.lock_plan import with_lines
from reconciler.desired.lock_writing import write_locks
from reconciler.errors import ReconcileError
from reconciler.model import DesiredState, LockLine, Observed, Snapshot, SnapshotRef


class RefusedError(Exception):
    """A request that cannot be carried out; the text says why."""


class Workspace:
    """
    Args:
        paths: desired files and folders.
        loaded: what they hold now.
    """

    def __init__(
        self,
        paths: Sequence[str],
        loaded: tuple[DesiredState, LockFiles],
        items: Items,
        choices: Choices,
        reader: Reader,
        thumbnails: Thumbnails,
    ) -> None:
        self._paths = paths
        self.items = items
        self.choices = choices
        self.reader = reader
        self.thumbnails = thumbnails
        self.state, self._locks = loaded
        self._tasks: set[asyncio.Task[None]] = set()
        items.replace(self.state.covers)

    def reload(self) -> None:
        """Takes the desired files as they are now; what was chosen stays.

        Raises:
            DesiredError: they are invalid.
        """
        self.state, self._locks = load_with_locks(self._paths)
        self.items.replace(self.state.covers)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs in the background, until the server ends."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def file_of(self, item: Item) -> str:
        """The file of an asset's entry, or the one that a new entry would go into."""
        if item.desired is not None:
            return item.desired.file
        chosen = self.choices.get(item.asset_id)
        return chosen.file if chosen is not None else next(iter(self.state.files), "")

    async def marks(self, item: Item, observed: Observed) -> dict[str, SnapshotRef | None]:
        """Which of an asset's snapshots is the cover, which one its entry wants, and which one is chosen."""
        wanted = wanted_snapshot(item.desired, observed) if item.desired is not None else None
        ref = wanted.ref if isinstance(wanted, Snapshot) else None
        cover = ref if item.state in ("in_sync", "pending") else await self.reader.cover(observed)
        chosen = self.choices.get(item.asset_id)
        return {"cover": cover, "wanted": ref, "chosen": chosen.ref if chosen is not None else None}

    async def choose(self, item: Item, chosen: Chosen, observed: Observed) -> None:
        """
        Raises:
            RefusedError: its file is not one of the desired files, or says that the asset is managed elsewhere.
            StateError: the choice cannot be kept.
        """
        desired = item.desired
        if desired is not None and desired.ignore:
            raise RefusedError(f"{item.place}: this entry says `ignore: true`. Remove it first.")
        if desired is not None:
            now = wanted_snapshot(desired, observed)
            if isinstance(now, Snapshot) and (now.set, now.index) == (chosen.set, chosen.index):
                self.undo(item.asset_id)  # what the file says already
                return
            chosen = Chosen(chosen.set, chosen.index, chosen.offset)
        elif (file := chosen.file or self.file_of(item)) in self.state.files:
            chosen = Chosen(chosen.set, chosen.index, chosen.offset, file)
        else:
            raise RefusedError("Choose one of the desired files for it.")
        self.choices.choose(item.asset_id, chosen)
        self.items.version += 1

    def undo(self, *asset_ids: str) -> int:
        """Drops these choices, or all.

        Raises:
            StateError: that cannot be kept.
        """
        dropped = self.choices.drop(*asset_ids)
        self.items.version += 1
        return dropped

    async def review(self) -> Review:
        return await asyncio.to_thread(review, self.state, self.choices, self._title)

    async def write(self, digest: str) -> list[Edit | Conflict] | None:
        """Writes what was reviewed; None where it is not what would be written now.

        Raises:
            DesiredError: the files cannot be loaded afterwards.
            StateError: what is left cannot be kept.
        """
        found = await self.review()
        if found.digest != digest:
            return None
        lines = await self._lock_lines(found)
        done = list(write(found.edits))
        written = [asset_id for one in done if isinstance(one, Edit) for asset_id in one.asset_ids]
        done += self._write_locks([(file, line) for file, line in lines if line.asset_id in written])
        if written:
            self.choices.drop(*written)
            self.reload()
            self.start(self.reader.again(written))
        return [*done, *found.conflicts]

    async def _lock_lines(self, found: Review) -> list[tuple[str, LockLine]]:
        """The lines of what was chosen, where its file is locked; those of snapshots yet to be taken come later."""
        lines: list[tuple[str, LockLine]] = []
        for edit in found.edits:
            if self._locks.beside(edit.file).text is None:
                continue
            for asset_id in edit.asset_ids:
                line = await self.reader.lock_line(asset_id, self.choices.get(asset_id))
                if line is not None:
                    lines.append((edit.file, line))
        return lines

    def _write_locks(self, lines: Sequence[tuple[str, LockLine]]) -> list[Conflict]:
        if not lines:
            return []
        try:
            write_locks(with_lines(self._locks, lines))
        except ReconcileError as error:
            return [Conflict("covers.lock", f"{error.text} Run `reconcile lock`.")]
        return []

    def _title(self, asset_id: str) -> str:
        item = self.items.get(asset_id)
        return item.title if item is not None else ""
