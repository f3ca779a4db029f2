"""Files of JSON Lines in the state folder: appended to, and read line by line, never through a link."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from reconciler.errors import StateError

# The largest record names a run's files. A longer line is not ours, and is never held in memory.
_LONGEST_LINE = 4 * 1024 * 1024
_SAFELY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class JsonLines:
    """Appends lines. They are on the disk when `write` returns.

    Raises:
        StateError: it cannot be opened for writing, or is not a plain file of the user's own.
    """

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name
        try:
            self._file = _opened(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            os.fchmod(self._file, 0o600)
            size = os.fstat(self._file).st_size
            torn = size and os.pread(self._file, 1, size - 1) != b"\n"
        except OSError as error:
            raise _unwritable(self._path, self._name, error) from error
        if torn:
            # A run that was killed while writing left half a line; it must not swallow ours.
            self.write(b"\n")

    def write(self, lines: bytes) -> None:
        """
        Raises:
            StateError: the disk is full, or gone.
        """
        try:
            while lines:
                lines = lines[os.write(self._file, lines) :]
            os.fsync(self._file)
        except OSError as error:
            raise _unwritable(self._path, self._name, error) from error

    @property
    def size(self) -> int:
        """In bytes."""
        return os.fstat(self._file).st_size

    def close(self) -> None:
        os.close(self._file)


def replace(path: Path, name: str, lines: bytes) -> None:
    """Puts these lines in the place of the file's.

    Raises:
        StateError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}")
    try:
        temporary.unlink(missing_ok=True)
        with closing(JsonLines(temporary, name)) as file:
            file.write(lines)
        temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, name, error) from error


def read(path: Path, name: str, tail: int | None = None) -> Iterator[tuple[int, bytes]]:
    """The lines of a file, oldest first, each with its number (from 1, counted from where reading starts). There are
    none where there is no such file.

    Args:
        tail: read only so many bytes at the end.

    Raises:
        StateError: it exists, but cannot be read, or is not a plain file of the user's own.
    """
    try:
        with os.fdopen(_opened(path, os.O_RDONLY), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - tail) if tail is not None else 0)
            yield from _lines(file)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StateError(
            f"The {name} {path} cannot be read: {error.strerror or error}",
            hint="Fix that, move it away, or choose another folder with --state-dir.",
        ) from error


def _unwritable(path: Path, name: str, error: OSError) -> StateError:
    return StateError(
        f"The {name} {path} cannot be written: {error.strerror or error}",
        hint="Fix that, or choose another folder with --state-dir. Nothing more was changed.",
    )


def _opened(path: Path, flags: int) -> int:
    handle = os.open(path, flags | _SAFELY, 0o600)
    about = os.fstat(handle)
    if stat.S_ISREG(about.st_mode) and about.st_uid == os.geteuid():
        return handle
    os.close(handle)
    raise OSError("it is not a plain file of your own")


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number, whole = 0, True
    while part := file.readline(_LONGEST_LINE):
        starts, whole = whole, part.endswith(b"\n")
        number += starts
        if starts and (whole or len(part) < _LONGEST_LINE):
            yield number, part
