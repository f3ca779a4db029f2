"""Asks git. It gets none of the environment's secrets, and runs no program that a checkout's settings name."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

_TIMEOUT = 60
_MOST = 64 * 1024 * 1024
_MOST_ERRORS = 2000
_ENVIRONMENT = ("PATH", "HOME", "XDG_CONFIG_HOME")
_FIXED = {
    "GIT_OPTIONAL_LOCKS": "0",
    # Objects that a partial clone left out stay missing: to fetch them, git runs what the checkout's settings name.
    "GIT_ALLOW_PROTOCOL": "",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LITERAL_PATHSPECS": "1",
}
# Files that are committed can look like a bare repository, with settings of its own.
_SETTINGS = ("-c", "core.fsmonitor=false", "-c", "safe.bareRepository=explicit")


class GitError(Exception):
    """Git cannot say. The text is its reason, as git says it."""


def git(*arguments: str) -> str | None:
    """What git prints; None where it cannot say."""
    try:
        return ask(*arguments).decode(errors="replace")
    except GitError:
        return None


def ask(*arguments: str, given: bytes = b"", most: int = _MOST) -> bytes:
    """What git prints.

    Args:
        given: its standard input.
        most: so many bytes it may print.

    Raises:
        GitError: it cannot say, or it would be more.
    """
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | _FIXED
    command = ("git", *_SETTINGS, *arguments)
    try:
        with _standard_input(given) as asked:
            process = subprocess.Popen(  # noqa: S603 no shell, and no words that a file chose
                command, stdin=asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
            )
            found, said, code = _output(process, most)
    except FileNotFoundError as error:
        raise GitError("git is not installed") from error
    except (OSError, ValueError) as error:
        raise GitError(str(error)) from error
    if len(found) > most:
        raise GitError(f"its answer is larger than {most // 2**20} MiB")
    if code != 0:
        raise GitError(said.decode(errors="replace").strip() or f"it ended with exit code {code}")
    return found


@contextmanager
def _standard_input(given: bytes) -> Iterator[IO[bytes] | int]:
    """A file, since git may answer before it has read all; none where a folder for temporary files may be missing."""
    if not given:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(given)
        file.seek(0)
        yield file


def _output(process: subprocess.Popen[bytes], most: int) -> tuple[bytes, bytes, int]:
    """What a process prints, at most one byte more than `most`; the start of its errors; and its exit code."""
    timer = threading.Timer(_TIMEOUT, process.kill)
    timer.start()
    try:
        with process:
            found = process.stdout.read(most + 1) if process.stdout is not None else b""
            if len(found) > most:
                process.kill()
            said = process.stderr.read(_MOST_ERRORS) if process.stderr is not None else b""
            return found, said, process.wait()
    finally:
        process.kill()
        timer.cancel()
