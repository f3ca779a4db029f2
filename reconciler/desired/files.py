"""Finds the desired files that paths name, and reads their bytes."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.errors import UsageError
from reconciler.util.input_files import TooLargeError, UnreadableError, read_bounded
from reconciler.util.links import links_in
from reconciler.util.sanitize import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reconciler.desired.problems import Problems

MAX_BYTES = 64 * 1024 * 1024
SUFFIXES = (".yaml", ".yml")


def find(paths: Iterable[str], problems: Problems) -> Iterator[str]:
    """Yield each file once, folders searched in sorted order.

    A path that does not exist or that a link in a git checkout leads out of it, or a folder without YAML files, is
    added to `problems`.
    """
    yielded: set[object] = set()
    for path in paths:
        try:
            outside = next((link for link in links_in(path) if link.leads_out), None)
            if outside is not None:
                which = "this path" if outside.last else outside.path
                problems.add(path, 0, 0, f"{which} is a link out of its git work tree")
                continue
            mode = os.stat(path).st_mode  # noqa: PTH116 -- to pathlib, "" is the current folder
            found = _files_of(path, problems) if stat.S_ISDIR(mode) else [path]
            if not found:
                problems.add(path, 0, 0, "this folder contains no YAML files (*.yaml or *.yml)")
        except (OSError, ValueError) as error:
            problems.add(path, 0, 0, _reason(error))
            continue
        for file in found:
            if (identity := _identity(file)) not in yielded:
                yielded.add(identity)
                yield file


def read(file: str) -> bytes:
    """Return the file's bytes.

    Raises:
        UnreadableError: it cannot be read, is not a regular file, or is larger than 64 MiB.
    """
    try:
        return read_bounded(file, MAX_BYTES)
    except TooLargeError as error:
        raise UnreadableError("this file is larger than 64 MiB; split it") from error
    except (OSError, ValueError) as error:
        raise UnreadableError(_reason(error)) from error


def digest(data: bytes) -> bytes:
    """Return the SHA-256, to recognize the same bytes later."""
    return hashlib.sha256(data).digest()


def unchanged(file: str, loaded: bytes) -> bytes:
    """Read a file again, to edit it.

    Args:
        loaded: the digest of the bytes that were loaded.

    Raises:
        UsageError: the file has changed since, or cannot be read.
    """
    try:
        data = read(file)
    except UnreadableError as error:
        raise UsageError(f"{file}: {error}") from error
    if digest(data) != loaded:
        raise UsageError(
            f"{file} changed while the covers were read", hint="The file was not edited; run the command again."
        )
    return data


def _files_of(root: str, problems: Problems) -> list[str]:
    """Return the YAML files below a folder, without dot files and links that lead outside."""
    inside = os.path.realpath(root)
    found: list[str] = []
    folders = [root]
    visited: set[str] = set()
    while folders:
        folder = folders.pop()
        real = os.path.realpath(folder)
        if real in visited:
            continue
        visited.add(real)
        try:
            names = sorted(os.listdir(folder), reverse=True)  # noqa: PTH208 -- only names are needed
        except OSError as error:
            problems.add(folder, 0, 0, _reason(error))
            continue
        for name in names:
            path = os.path.join(folder, name)  # noqa: PTH118 -- pathlib would drop the "./" that was given
            if name.startswith(".") or not _is_within(path, inside):
                continue
            if Path(path).is_dir():
                folders.append(path)
            elif name.endswith(SUFFIXES):
                found.append(path)
    return sorted(found, key=lambda file: Path(file).parts)


def directly_in(folder: str) -> list[str]:
    """Return the YAML files in a folder, without those in folders below it."""
    return [
        str(path)
        for path in Path(folder).iterdir()
        if not path.name.startswith(".") and path.name.endswith(SUFFIXES) and path.is_file()
    ]


def _is_within(path: str, folder: str) -> bool:
    if not Path(path).is_symlink():
        return True
    return Path(os.path.realpath(path)).is_relative_to(folder)


def _identity(file: str) -> object:
    """Return a value that is equal for two paths to the same file."""
    try:
        status = Path(file).stat()
    except (OSError, ValueError):
        return file
    return status.st_dev, status.st_ino


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "this path does not exist"
    text = error.strerror if isinstance(error, OSError) else str(error)
    return f"this path cannot be read: {clean(text or type(error).__name__)}"
