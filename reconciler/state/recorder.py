"""What an apply writes into the state: the run, each intent before its PUT, each outcome after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from reconciler.decide.outcome import Outcome
from reconciler.decide.precondition import PlannedChange
from reconciler.model import Cover
from reconciler.state import cover_backup
from reconciler.state.journal import (
    CoverRecord,
    IntentRecord,
    Journal,
    OutcomeRecord,
    Record,
    RunRecord,
    TaskRecord,
)
from reconciler.state.lease import Lease
from reconciler.state.shared import SharedState
from reconciler.state.sharing import Sharing
from reconciler.util.clock import Clock


class RunRecorder:
    """Writes one run to the journal. `run` is its first record, written by `start`."""

    def __init__(self, folder: Path, journal: Journal, clock: Clock, run: RunRecord) -> None:
        self._folder = folder
        self._journal = journal
        self._clock = clock
        self._run = run
        self._intended: set[str] = set()
        """Assets whose intent has no outcome yet."""
        self.sharing: Sharing | None = None
        """Takes what is written, where a team shares the state."""

    @property
    def run(self) -> RunRecord:
        return self._run

    def share(self, shared: SharedState, lease: Lease) -> Sharing:
        """From now on, what is written goes into the shared state, too."""
        self._clock = lease.stores_clock
        project = (self._run.endpoint, self._run.project_id)
        self.sharing = Sharing(shared, lease, self._journal, self._folder, self._run.run, project)
        return self.sharing

    async def start(self) -> None:
        """Writes who changes covers, when, and from which files. A run without changes leaves no trace.

        Raises:
            StateError: the journal or the shared state cannot be written: nothing may be changed.
        """
        self._write(replace(self._run, at=self._clock.now()))
        await self.confirm()

    async def confirm(self) -> None:
        """Called before each PUT: all that was written is where it belongs, and the lock is still held.

        Raises:
            StateError: it is not.
        """
        if self.sharing is not None:
            await self.sharing.commit()

    async def intent(
        self,
        change: PlannedChange,
        before: Cover,
        saved_cover: str | None,
        snapshot_sha256: str | None = None,
        dots: tuple[int, ...] = (),
    ) -> None:
        """
        Args:
            before: the cover that is replaced.
            snapshot_sha256: of the snapshot that it is, where that is known.
            dots: the seconds of a snapshot task that is about to be started.
        """
        fields = self._fields(change.desired.asset_id, before, change.after, snapshot_sha256)
        self._write(IntentRecord(**fields, saved_cover=saved_cover, dots=dots))
        self._intended.add(change.desired.asset_id)
        await self.confirm()

    async def task(self, asset_id: str, task: str) -> None:
        """The service accepted the snapshot task that the last intent was about."""
        run = self._run
        record = TaskRecord(
            at=self._clock.now(),
            run=run.run,
            endpoint=run.endpoint,
            project_id=run.project_id,
            asset_id=asset_id,
            task=task or None,
        )
        self._write(record)
        await self.confirm()

    def outcome(self, outcome: Outcome) -> None:
        """A change that was not attempted leaves no trace, unless a PUT was intended: none of it had an effect."""
        if outcome.outcome == "not_attempted" and outcome.asset_id not in self._intended:
            return
        error = outcome.error
        record = OutcomeRecord(
            **self._fields(outcome.asset_id, outcome.before, outcome.after),
            outcome=outcome.outcome,
            error=error.message if error is not None else None,
            perhaps=error.outcome_unknown if error is not None else None,
            dots=outcome.take.dots if outcome.take is not None else (),
        )
        self._write(record)
        self._intended.discard(outcome.asset_id)

    async def save(self, asset_id: str, data: bytes) -> Path:
        """Saves a picture that is about to be replaced."""
        sha256 = cover_backup.digest(data)
        path = cover_backup.save(self._folder, asset_id, sha256, data)
        if self.sharing is not None:
            await self.sharing.save(sha256, data)
        return path

    def _write(self, record: Record) -> None:
        line = self._journal.append(record)
        if self.sharing is not None:
            self.sharing.add(record, line)

    def _fields(
        self, asset_id: str, before: Cover, after: Cover, snapshot_sha256: str | None = None
    ) -> dict[str, Any]:
        return {
            "at": self._clock.now(),
            "run": self._run.run,
            "endpoint": self._run.endpoint,
            "project_id": self._run.project_id,
            "asset_id": asset_id,
            "before": CoverRecord.of(before, snapshot_sha256),
            "after": CoverRecord.of(after),
        }
