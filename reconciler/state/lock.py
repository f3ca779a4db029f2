"""Allows one apply at a time for each project on this machine."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from reconciler.errors import StateError
from reconciler.util.clock import Clock
from reconciler.util.rate import duration
from reconciler.util.sanitize import shorten
from reconciler.vod.waits import Tell, discard

_MOST_BYTES = 4096
_PAUSE = 0.5


class TakenError(StateError):
    """Another process holds the lock."""


@asynccontextmanager
async def exclusive(folder: Path, clock: Clock, patience: float = 0.0, tell: Tell = discard) -> AsyncIterator[None]:
    """Holds the state folder's lock while the block runs. The system releases it when the process ends.

    Args:
        patience: seconds to wait for another process.
        tell: takes a sentence about that.

    Raises:
        StateError: another apply holds it, and the message names it; or the file system has no locks.
    """
    path = folder / "apply.lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _untakable(path, error) from error
    try:
        await _patiently(lock, path, clock, patience, tell)
        about = {"pid": os.getpid(), "host": socket.gethostname(), "since": clock.now().isoformat(timespec="seconds")}
        _note(lock, json.dumps(about).encode())
        yield
        _note(lock, b"")
    finally:
        os.close(lock)


async def _patiently(lock: int, path: Path, clock: Clock, patience: float, tell: Tell) -> None:
    started, told = clock.monotonic(), False
    while True:
        try:
            _take(lock, path)
        except TakenError as error:
            if clock.monotonic() - started >= patience:
                raise
            if not told:
                tell(f"{error.message}. Waiting for it, at most {duration(patience)}.")
                told = True
        else:
            return
        await clock.sleep(_PAUSE)


def _take(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        host, named = _holder(lock)
        hint = "Wait until it is done, or pass --lock-timeout 5m. The lock ends with its process."
        if host != socket.gethostname():  # a network's file system may not notice that a host is gone
            hint = f"Wait until it is done. Only if the machine that it ran on is gone for good, remove {path}."
        raise TakenError(f"Another apply is running: {named}", hint=hint) from error
    except OSError as error:
        raise _untakable(path, error) from error


def _note(lock: int, about: bytes) -> None:
    """Who holds the lock. It is only shown: no run depends on it."""
    with suppress(OSError):
        os.ftruncate(lock, 0)
        os.pwrite(lock, about, 0)


def _holder(lock: int) -> tuple[str | None, str]:
    """The host of the process that holds the lock, and how to name the process."""
    try:
        about = json.loads(os.pread(lock, _MOST_BYTES, 0))
        return about["host"], shorten(f"process {about['pid']} on {about['host']}, since {about['since']}", 120)
    except (OSError, ValueError, KeyError, TypeError):
        return None, "it has not written down which process it is"


def _untakable(path: Path, error: OSError) -> StateError:
    return StateError(
        f"The lock {path} cannot be taken: {error.strerror or error}",
        hint="Choose a folder on another file system with --state-dir.",
    )
