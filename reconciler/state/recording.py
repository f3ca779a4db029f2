"""Opens the state for one run that changes covers, the only one at that time."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

from reconciler import __version__
from reconciler.errors import StateError
from reconciler.state.claims import own_claim
from reconciler.state.folder import make
from reconciler.state.journal import FileRecord, Journal, RunRecord
from reconciler.state.lease import held
from reconciler.state.lock import exclusive
from reconciler.state.project_state import ProjectState, Remembered
from reconciler.state.recorder import RunRecorder
from reconciler.util.git import git


@asynccontextmanager
async def recording(
    state: ProjectState, files: Iterable[str] = (), rollback_of: str | None = None, lock_timeout: float = 0.0
) -> AsyncIterator[tuple[RunRecorder, Remembered]]:
    """Opens the journal, while no other apply runs on this machine, nor among those that share the state.

    Args:
        files: what the run uses: desired files, or a saved plan.
        rollback_of: the run that it undoes.
        lock_timeout: seconds to wait for another apply.

    Raises:
        StateError: another apply is running, or the state cannot be written.
    """
    folder, clock = make(state.folder), state.clock
    started = clock.now()
    run = RunRecord(
        run=f"{started:%Y%m%dT%H%M%SZ}-{os.urandom(3).hex()}",
        at=started,
        endpoint=state.endpoint,
        project_id=state.project_id,
        user=_user(),
        host=socket.gethostname(),
        revision=_revision(),
        tool_version=__version__,
        files=tuple(FileRecord(file, _digest(file)) for file in files),
        rollback_of=rollback_of,
    )
    async with exclusive(folder, clock, lock_timeout, state.tell):
        with closing(Journal(folder)) as journal:
            recorder = RunRecorder(folder, journal, clock, run)
            async with _sharing(state, recorder, lock_timeout) as remembered:
                yield recorder, remembered


@asynccontextmanager
async def _sharing(state: ProjectState, recorder: RunRecorder, lock_timeout: float) -> AsyncIterator[Remembered]:
    """Holds the shared state's lock, and stores in the end what was learned."""
    shared, run = state.shared, recorder.run
    if shared is None:
        yield await state.recall()
        return
    claim = own_claim(run.run, run.user, run.host, state.clock.now(), _job(os.environ))
    async with held(shared.store, claim, state.clock, lock_timeout, shared.bury, state.tell) as lease:
        clock = lease.stores_clock
        shared = replace(shared, clock=clock)
        sharing = recorder.share(shared, lease)
        await sharing.upload()
        remembered = await replace(state, shared=shared, clock=clock).recall(needed=True)
        try:
            yield remembered
        finally:
            try:
                await sharing.finish(remembered.memory, remembered.recalled)
            except StateError as error:
                state.warn(f"{error.message}. What is missing there is in {state.folder}, for the next run.")


def _job(env: Mapping[str, str]) -> str:
    """The URL of the CI job that this runs in, or ""."""
    if env.get("GITHUB_RUN_ID"):
        server, repository = env.get("GITHUB_SERVER_URL", ""), env.get("GITHUB_REPOSITORY", "")
        return f"{server}/{repository}/actions/runs/{env['GITHUB_RUN_ID']}"
    return env.get("CI_JOB_URL") or env.get("BUILD_URL") or ""


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
