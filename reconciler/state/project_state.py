"""What is remembered of one project: in this machine's state folder, and in the state that a team shares."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from reconciler.errors import StateError, UsageError
from reconciler.state import cover_backup
from reconciler.state.folder_store import FolderStore
from reconciler.state.journal import NAME as JOURNAL
from reconciler.state.journal import Record
from reconciler.state.runs import OpenTask, PastChange, Runs
from reconciler.state.settled_covers import NAME as MEMORY
from reconciler.state.settled_covers import Memory
from reconciler.state.shared import MOST_NAMED, PENDING, History, Recalled, SharedState
from reconciler.state.store import LAST_AUDIT, Store, StoreError
from reconciler.util.clock import Clock
from reconciler.util.sanitize import shorten

_TASKS_OF = timedelta(days=1)
_RUNS_WITH_TASKS = 16


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a plan needs: the settled covers, and the changes of the last minutes by asset ID.

    Attributes:
        complete: False where the shared state could not be read.
    """

    memory: Memory
    recent: dict[str, PastChange]
    recalled: Recalled = field(default_factory=Recalled)
    complete: bool = True


@dataclass(frozen=True, slots=True)
class ProjectState:
    """
    Attributes:
        folder: this machine's, which need not exist yet.
        shared: None where no team shares it.
        tell: takes a sentence for the user.
    """

    folder: Path
    endpoint: str
    project_id: str
    clock: Clock
    shared: SharedState | None = None
    tell: Callable[[str], None] = lambda _: None

    def warn(self, text: str) -> None:
        self.tell(f"Warning: {text}")

    @property
    def local(self) -> Runs:
        return Runs(self.folder, self.endpoint, self.project_id)

    @property
    def is_empty(self) -> bool:
        """Whether this machine remembers nothing."""
        files = [self.folder / name for name in (JOURNAL, MEMORY)]
        return not any(file.exists() and file.stat().st_size for file in files)

    async def recall(self, *, needed: bool = False) -> Remembered:
        """
        Args:
            needed: an error of the shared state is raised; otherwise it is a warning.

        Raises:
            StateError: what is remembered cannot be read.
        """
        recalled, complete = Recalled(), True
        if self.shared is not None:
            try:
                recalled = await self.shared.recall()
            except StoreError as error:
                if needed:
                    raise
                recalled, complete = await self.shared.cached.recall(), False
                self.warn(
                    f"{error.text} What other machines applied a moment ago may be shown as drift, and re-encoded "
                    "covers cannot be recognized."
                )
        self._warn_of(recalled.problems)
        runs = self._with(recalled.records)
        recent = runs.recent(self.clock.now(), PENDING)
        return Remembered(Memory(self.folder, recalled.lines), recent, recalled, complete)

    async def open_tasks(self) -> dict[str, OpenTask]:
        """By asset ID, the snapshot tasks of the last day that may not have come to their end; of those that share
        the state, in their newest runs."""
        found = await self._history(_RUNS_WITH_TASKS)
        return self._with(found.records).open_tasks(self.clock.now() - _TASKS_OF)

    async def last_runs(self, limit: int) -> tuple[Runs, bool]:
        """The newest runs, at least so many where there are; and whether the store has more."""
        found = await self._history(limit)
        return self._with(found.records), found.more

    async def runs(self, wanted: str | None) -> Runs:
        """The runs among which one is to be undone.

        Raises:
            StateError: the store does not answer, or what it holds of the run is damaged.
            UsageError: too many runs have such a name.
        """
        if self.shared is None or wanted == "":
            return self.local
        if wanted is not None:
            named = await self.shared.runs_named(wanted)
            if named.more:
                raise UsageError(
                    f"More than {MOST_NAMED} runs begin with {shorten(wanted)!r}",
                    hint="Give more of its ID. See `reconcile history`.",
                )
            return self._whole(named)
        limit = 16
        while True:
            found = await self.shared.last_runs(limit)
            runs = self._whole(found)
            if not found.more or any(run.may_have_changed and not run.rollback_of for run in runs.all()):
                return runs
            limit *= 8

    async def saved_cover(self, asset_id: str, sha256: str) -> Path | None:
        """A file with a cover that was saved, on this machine."""
        found = cover_backup.find(self.folder, asset_id, sha256)
        if found is not None or self.shared is None:
            return found
        data = await self.shared.saved_cover(sha256)
        if data is None or cover_backup.digest(data) != sha256:
            return None
        return cover_backup.save(self.folder, asset_id, sha256, data)

    def changed_cover(self, asset_id: str, sha256: str) -> Path | None:
        """A file on this machine that a cover was saved in, and that has other bytes now."""
        return next(iter(cover_backup.named(self.folder, asset_id, sha256)), None)

    async def find_cover(self, asset_id: str, sha256: str) -> Path | None:
        """As `saved_cover`, for a report that is complete without it."""
        with suppress(StateError):
            return await self.saved_cover(asset_id, sha256)
        return None

    async def last_audit(self) -> tuple[str, bytes] | None:
        """What `keep_audit` kept last, with its name."""
        stores: list[Store] = [self._own]
        if self.shared is not None:
            stores.insert(0, self.shared.store)
        for store in stores:
            try:
                data = await store.get(LAST_AUDIT)
            except StoreError as error:
                self.warn(error.text)
                continue
            if data is not None:
                return f"{store.name}/{LAST_AUDIT}", data
        return None

    async def keep_audit(self, written: Callable[[], bytes], *, needed: bool) -> None:
        """Keeps a complete audit for the next one to compare with.

        Args:
            written: returns it; called only where it is kept.
            needed: it is said where that fails; otherwise no state folder is made for it.
        """
        stores: list[Store] = [self._own] if needed or self.folder.is_dir() else []
        if self.shared is not None:
            stores.append(self.shared.store)
        data = written() if stores else b""
        for store in stores:
            try:
                await store.put(LAST_AUDIT, data)
            except StateError as error:
                if needed:
                    self.warn(f"{error.text} The next audit compares with an older one.")

    @property
    def _own(self) -> FolderStore:
        return FolderStore(self.folder)

    async def _history(self, limit: int) -> History:
        if self.shared is None:
            return History()
        try:
            found = await self.shared.last_runs(limit)
        except StoreError as error:
            self.warn(f"{error.text} Runs of other machines may be missing.")
            return await self.shared.cached.last_runs(limit)
        self._warn_of(found.problems)
        return found

    def _whole(self, found: History) -> Runs:
        if found.problems:
            raise StateError(f"What is stored of a run is damaged: {found.problems[0]}", hint="Restore that object.")
        return self._with(found.records)

    def _with(self, records: tuple[tuple[int, Record], ...]) -> Runs:
        if self.shared is None:
            return self.local
        return replace(self.local, shared=records, place=f"{self.shared.store.name}/runs")

    def _warn_of(self, problems: tuple[str, ...]) -> None:
        if problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            self.warn(f"{problems[0]}{more}.")
