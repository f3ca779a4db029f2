"""Which files the given paths stand for, and their bytes."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import UsageError
from reconciler.util.sanitize import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reconciler.desired.problems import Problems

MAX_BYTES = 64 * 1024 * 1024
_SUFFIXES = (".yaml", ".yml")
# A FIFO must be refused, not waited for; Windows has neither the flag nor FIFOs in folders.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

FileKey = tuple[int, int]


class UnreadableError(Exception):
    """A file whose bytes cannot be had; the text is a whole sentence without the file's name."""


def find(paths: Iterable[str], problems: Problems) -> Iterator[str]:
    """The files to read, folders searched in sorted order; a file reached twice comes once.

    What cannot be read (a missing path, a folder without a YAML file) is added to `problems`.
    """
    seen: set[FileKey] = set()
    for path in paths:
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116 -- to pathlib, "" is the current folder
            found = _files_of(path, problems) if stat.S_ISDIR(mode) else [path]
            if not found:
                problems.add(path, 0, 0, "this folder holds no YAML file (*.yaml or *.yml)")
        except (OSError, ValueError) as error:
            problems.add(path, 0, 0, _reason(error))
            continue
        for file in found:
            key = _key(file)
            if key is None or key not in seen:
                yield file
            if key is not None:
                seen.add(key)


def read(file: str) -> bytes:
    """The file's bytes. Raises UnreadableError for what is no regular file or is over 64 MiB."""
    try:
        descriptor = os.open(file, _OPEN_FLAGS)
        with os.fdopen(descriptor, "rb") as handle:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UnreadableError("this is not a regular file")
            data = handle.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UnreadableError(_reason(error)) from error
    if len(data) > MAX_BYTES:
        raise UnreadableError("this file is over 64 MiB; split it")
    return data


def digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def unchanged(file: str, loaded: bytes) -> bytes:
    """The file's bytes, for an edit of what was loaded.

    Args:
        loaded: the digest of the bytes that were.

    Raises:
        UsageError: they are others by now, or can't be had.
    """
    try:
        data = read(file)
    except UnreadableError as error:
        raise UsageError(f"{file}: {error}") from error
    if digest(data) != loaded:
        raise UsageError(f"{file} changed while the covers were read", hint="It was not touched: run again.")
    return data


def _files_of(root: str, problems: Problems) -> list[str]:
    """The YAML files below a folder, dot files and links that lead outside left out."""
    inside = os.path.realpath(root)
    found: list[tuple[str, ...]] = []
    folders: list[tuple[str, ...]] = [()]
    visited: set[str] = set()
    while folders:
        folder = folders.pop()
        place = os.path.join(root, *folder)  # noqa: PTH118 -- pathlib would drop the "./" that was given
        real = os.path.realpath(place)
        if real in visited:
            continue
        visited.add(real)
        try:
            names = sorted(os.listdir(place), reverse=True)  # noqa: PTH208 -- names are all it takes
        except OSError as error:
            problems.add(place, 0, 0, _reason(error))
            continue
        for name in names:
            path = os.path.join(place, name)  # noqa: PTH118
            if name.startswith(".") or not _is_within(path, inside):
                continue
            if Path(path).is_dir():
                folders.append((*folder, name))
            elif name.endswith(_SUFFIXES):
                found.append((*folder, name))
    return [os.path.join(root, *parts) for parts in sorted(found)]  # noqa: PTH118


def _is_within(path: str, folder: str) -> bool:
    if not Path(path).is_symlink():
        return True
    return Path(os.path.realpath(path)).is_relative_to(folder)


def _key(file: str) -> FileKey | None:
    """What tells that two paths are the same file."""
    try:
        status = Path(file).stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "this path does not exist"
    text = error.strerror if isinstance(error, OSError) else str(error)
    return f"this path cannot be read: {clean(text or type(error).__name__)}"
