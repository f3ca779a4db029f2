"""What an apply writes into the state folder: the run, each intent before its PUT, each outcome after."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from reconciler import __version__
from reconciler.decide.outcome import Outcome
from reconciler.decide.precondition import PlannedChange
from reconciler.model import Cover
from reconciler.state import cover_backup
from reconciler.state.folder import make
from reconciler.state.journal import (
    CoverRecord,
    FileRecord,
    IntentRecord,
    Journal,
    OutcomeRecord,
    RunRecord,
)
from reconciler.state.lock import exclusive
from reconciler.util.clock import Clock
from reconciler.util.git import git


class RunRecorder:
    """Writes one run to the journal. `run` is its first record, written by `start`."""

    def __init__(self, folder: Path, journal: Journal, clock: Clock, run: RunRecord) -> None:
        self._folder = folder
        self._journal = journal
        self._clock = clock
        self._run = run
        self._intended: set[str] = set()
        """Assets whose intent has no outcome yet."""

    def start(self) -> None:
        """Writes who changes covers, when, and from which files. A run without changes leaves no trace."""
        self._journal.append(replace(self._run, at=self._clock.now()))

    def intent(
        self, change: PlannedChange, before: Cover, saved_cover: str | None, snapshot_sha256: str | None
    ) -> None:
        """
        Args:
            before: the cover that is replaced.
            snapshot_sha256: of the snapshot that it is, where that is known.
        """
        fields = self._fields(change.desired.asset_id, before, change.after, snapshot_sha256)
        self._journal.append(IntentRecord(**fields, saved_cover=saved_cover))
        self._intended.add(change.desired.asset_id)

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
        )
        self._journal.append(record)
        self._intended.discard(outcome.asset_id)

    def save(self, asset_id: str, data: bytes) -> Path:
        """Saves a picture that is about to be replaced."""
        return cover_backup.save(self._folder, asset_id, hashlib.sha256(data).hexdigest(), data)

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


@contextmanager
def recording(
    folder: Path,
    clock: Clock,
    endpoint: str,
    project_id: str,
    files: Iterable[str],
    rollback_of: str | None = None,
) -> Iterator[RunRecorder]:
    """Opens the journal for one run, while no other apply runs on this machine.

    Args:
        files: what the run uses: desired files, or a saved plan.
        rollback_of: the run that it undoes.

    Raises:
        StateError: another apply is running, or the journal cannot be written.
    """
    make(folder)
    started = clock.now()
    run = RunRecord(
        run=f"{started:%Y%m%dT%H%M%SZ}-{os.urandom(3).hex()}",
        endpoint=endpoint,
        project_id=project_id,
        user=_user(),
        host=socket.gethostname(),
        revision=_revision(),
        tool_version=__version__,
        files=tuple(FileRecord(file, _digest(file)) for file in files),
        rollback_of=rollback_of,
    )
    with exclusive(folder, started), closing(Journal(folder)) as journal:
        yield RunRecorder(folder, journal, clock, run)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def _revision() -> str | None:
    """The git revision of the working folder, where it is a checkout. Whether it holds more is not asked: to compare
    files, git may run filters that its settings name. The digests of the desired files tell."""
    told = git("rev-parse", "--verify", "--quiet", "HEAD")
    return told.strip()[:64] if told is not None else None


def _digest(file: str) -> str | None:
    try:
        with Path(file).open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return None
