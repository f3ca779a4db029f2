"""Allows one apply at a time for each project on this machine."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from reconciler.errors import StateError
from reconciler.util.sanitize import shorten


@contextmanager
def exclusive(folder: Path, now: datetime) -> Iterator[None]:
    """Holds the state folder's lock while the block runs. The system releases it when the process ends.

    Raises:
        StateError: another apply holds it; the message names it.
    """
    lock = FileLock(folder / "apply.lock", mode=0o600)
    holder = folder / "apply.holder"
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StateError(
            f"Another apply is running: {_named(holder)}",
            hint="Wait until it is done. The lock ends with its process: there is nothing to remove.",
        ) from error
    except OSError as error:
        raise StateError(f"The lock {lock.lock_file} cannot be taken: {error.strerror or error}") from error
    try:
        about = {"pid": os.getpid(), "host": socket.gethostname(), "since": now.isoformat(timespec="seconds")}
        holder.write_text(json.dumps(about), encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _named(holder: Path) -> str:
    try:
        about = json.loads(holder.read_text(encoding="utf-8"))
        return shorten(f"process {about['pid']} on {about['host']}, since {about['since']}", 120)
    except (OSError, ValueError, KeyError, TypeError):
        return "it has not written down which process it is"
