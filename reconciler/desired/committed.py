"""Writes the desired files and lock files of a commit below a folder. The commit may be made to do harm."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reconciler.desired import files, lock_file
from reconciler.errors import UsageError
from reconciler.util.git import GitError, ask
from reconciler.util.sanitize import clean, shorten

_PLAIN_FILES = ("100644", "100755")
_BATCH = 64 * 1024 * 1024
_MOST_BYTES = 1024 * 1024 * 1024
_MISSING = "Fetch the whole history, in a clone without --filter."
_HEADER = 100  # at most, with the line feed behind the bytes


@dataclass(frozen=True, slots=True)
class _Blob:
    """A file of a commit: its path from the root of the work tree."""

    path: str
    name: str
    """Of the object that holds its bytes."""
    size: int

    @property
    def too_large(self) -> bool:
        most = lock_file.MAX_BYTES if self.path.endswith(lock_file.NAME) else files.MAX_BYTES
        return self.size > most


def write(root: str, commit: str, places: Sequence[str], folder: str) -> None:
    """Writes files where they have the same paths as in the work tree: plain files only, no links.

    Args:
        root: of the work tree.
        places: desired files and folders, from the root.

    Raises:
        UsageError: git does not have them, or they cannot be written.
    """
    found = list(_blobs(root, commit, places))
    if sum(blob.size for blob in found if not blob.too_large) > _MOST_BYTES:
        raise UsageError(f"The desired files of {commit[:12]} are larger than 1 GiB together")
    for batch in _batches(found):
        for blob, data in zip(batch, _read(root, batch), strict=True):
            try:
                _write_one(Path(folder, blob.path), blob, data)
            except OSError as error:
                reason = clean(error.strerror or str(error))
                raise UsageError(
                    f"{shorten(blob.path, 200)} of {commit[:12]} cannot be written: {reason}",
                    hint="Name another revision, or run without --changed-since.",
                ) from error


def _blobs(root: str, commit: str, places: Sequence[str]) -> Iterator[_Blob]:
    """
    Raises:
        UsageError: git cannot list them.
    """
    folders = [place if Path(root, place).is_dir() else os.path.dirname(place) for place in places]  # noqa: PTH120
    narrowed = os.path.commonpath([folder or "." for folder in folders])
    paths = () if narrowed in ("", ".") else (narrowed,)
    # Beside a file there may be a lock file.
    wanted = {*places, *(str(PurePosixPath(place).with_name(lock_file.NAME)) for place in places if place != ".")}
    try:
        listed = ask("-C", root, "ls-tree", "-r", "-l", "-z", "--full-tree", commit, "--", *paths)
    except GitError as error:
        raise UsageError(
            f"git cannot list the files of {commit[:12]}: {shorten(str(error), 200)}", hint=_MISSING
        ) from error
    for entry in listed.split(b"\0"):
        about, _, raw = entry.partition(b"\t")
        path = os.fsdecode(raw)
        mode, _, name, size = (*about.decode("ascii", "replace").split(), "", "", "", "")[:4]
        if mode not in _PLAIN_FILES or not _is_wanted(path, wanted, places):
            continue
        if not size.isdecimal():
            raise _missing(path)
        yield _Blob(path, name, int(size))


def _is_wanted(path: str, wanted: set[str], places: Sequence[str]) -> bool:
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts):  # only somebody who means harm makes these
        return False
    if path not in places and parts[-1] != lock_file.NAME and not path.endswith(files.SUFFIXES):
        return False
    return path in wanted or any(str(parent) in wanted for parent in PurePosixPath(path).parents)


def _batches(blobs: Sequence[_Blob]) -> Iterator[list[_Blob]]:
    """Blobs that are in memory together: no more than some bytes, unless one alone is larger."""
    batch: list[_Blob] = []
    size = 0
    for blob in blobs:
        more = 0 if blob.too_large else blob.size
        if batch and size + more > _BATCH:
            yield batch
            batch, size = [], 0
        batch.append(blob)
        size += more
    if batch:
        yield batch


def _read(root: str, blobs: Sequence[_Blob]) -> Iterator[bytes]:
    """The bytes of each blob; none of one that is too large.

    Raises:
        UsageError: git does not have one of them.
    """
    asked = [blob for blob in blobs if not blob.too_large]
    names = "".join(f"{blob.name}\n" for blob in asked).encode()
    try:
        most = sum(blob.size + _HEADER for blob in asked)
        data = (
            memoryview(ask("-C", root, "cat-file", "--batch", given=names, most=most)) if asked else memoryview(b"")
        )
    except GitError as error:
        raise UsageError(f"git cannot read desired files: {shorten(str(error), 200)}", hint=_MISSING) from error
    start = 0
    for blob in blobs:
        if blob.too_large:
            yield b""
            continue
        header = f"{blob.name} blob {blob.size}\n".encode()
        if data[start : start + len(header)] != header:
            raise _missing(blob.path)
        start += len(header)
        yield bytes(data[start : start + blob.size])
        start += blob.size + 1


def _missing(path: str) -> UsageError:
    return UsageError(f"git does not have {shorten(path, 200)} of that revision", hint=_MISSING)


def _write_one(file: Path, blob: _Blob, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("xb") as stream:
        stream.write(data)
        if blob.too_large:
            stream.truncate(blob.size)  # without bytes; the loader says what is wrong with it
