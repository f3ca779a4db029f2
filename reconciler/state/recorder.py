"""What an apply writes down in the state folder: the run, each intent before its PUT, each outcome after."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from reconciler import __version__
from reconciler.decide.precondition import Step
from reconciler.model import Outcome
from reconciler.state import cover_backup as saved
from reconciler.state.folder import make
from reconciler.state.journal import CoverRecord, Journal
from reconciler.state.lock import exclusive
from reconciler.util.clock import Clock


class RunRecorder:
    """One run in the journal."""

    def __init__(self, folder: Path, journal: Journal, clock: Clock, about: Mapping[str, object]) -> None:
        self._folder = folder
        self._journal = journal
        self._clock = clock
        self._about = about

    def start(self) -> None:
        """Says who is about to change covers, when, and by which files; a run without changes leaves no trace."""
        self._journal.write("run", self._clock.now(), **self._about)

    def intent(self, step: Step, saved_cover: str | None, snapshot_sha256: str | None) -> None:
        """`snapshot_sha256` is of the snapshot that the cover before is, where that is known."""
        before = CoverRecord.of(step.before).model_copy(update={"snapshot_sha256": snapshot_sha256})
        self._write("intent", step.desired.asset_id, before, CoverRecord.of(step.after), saved_cover=saved_cover)

    def outcome(self, outcome: Outcome) -> None:
        """What became of a step; one that was not attempted leaves no trace."""
        if outcome.outcome == "not_attempted":
            return
        fields: dict[str, object] = {"outcome": outcome.outcome}
        if outcome.error is not None:
            fields |= {"error": outcome.error.message, "perhaps": outcome.error.perhaps}
        before, after = CoverRecord.of(outcome.before), CoverRecord.of(outcome.after)
        self._write("outcome", outcome.asset_id, before, after, **fields)

    def seen(self, step: Step) -> None:
        """An applied cover was seen in place: nothing about it is pending any more."""
        self._write("seen", step.desired.asset_id, CoverRecord.of(step.before), CoverRecord.of(step.after))

    def save(self, asset_id: str, data: bytes) -> Path:
        """Keeps a picture that is about to be replaced."""
        return saved.save(self._folder, asset_id, hashlib.sha256(data).hexdigest(), data)

    def _write(self, kind: str, asset_id: str, before: CoverRecord, after: CoverRecord, **fields: object) -> None:
        self._journal.write(
            kind,
            self._clock.now(),
            asset_id=asset_id,
            before=before.model_dump(exclude_none=True),
            after=after.model_dump(exclude_none=True),
            **{name: value for name, value in fields.items() if value is not None},
        )


@contextmanager
def recording(
    folder: Path,
    clock: Clock,
    endpoint: str,
    project_id: str,
    files: Iterable[str],
    rollback_of: str | None = None,
) -> Iterator[RunRecorder]:
    """Opens the journal for one run, alone on this machine.

    Args:
        files: what the run goes by: desired files, or a saved plan.
        rollback_of: the run that it undoes.

    Raises:
        StateError: another apply is running, or the journal can't be written.
    """
    make(folder)
    started = clock.now()
    about = {
        "user": _user(),
        "host": socket.gethostname(),
        "revision": _revision(),
        "tool_version": __version__,
        "files": [{"file": file, "sha256": _digest(file)} for file in files],
        **({"rollback_of": rollback_of} if rollback_of is not None else {}),
    }
    with exclusive(folder, started):
        journal = Journal(folder, f"{started:%Y%m%dT%H%M%SZ}-{os.urandom(3).hex()}", endpoint, project_id)
        try:
            yield RunRecorder(folder, journal, clock, about)
        finally:
            journal.close()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def _revision() -> str | None:
    """The git revision of the working folder, where it is a checkout; "-dirty" behind it where it holds more."""
    command: Sequence[str] = ("git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)  # noqa: S603 fixed words
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()[:64]


def _digest(file: str) -> str | None:
    try:
        with Path(file).open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return None
