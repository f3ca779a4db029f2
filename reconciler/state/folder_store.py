"""Objects in a folder of this machine: a file for each key. Nothing is written or read through a link."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from reconciler.state.folder import make
from reconciler.state.store import MOST_BYTES, Entry, StoreError
from reconciler.util.sanitize import shorten

_TEMPORARY = ".new-"
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


class FolderStore:
    """A `Store` in a folder, which is made with the first object."""

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._folder = folder

    async def put(self, key: str, data: bytes) -> None:
        try:
            self._written(key, data).replace(self._path(key))
        except OSError as error:
            raise self._failed("write", key, error) from error

    async def claim(self, key: str, data: bytes) -> bool:
        try:
            temporary = self._written(key, data)
            try:
                os.link(temporary, self._path(key))
            except FileExistsError:
                return await self.get(key) == data
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise self._failed("write", key, error) from error
        return True

    async def get(self, key: str) -> bytes | None:
        try:
            handle = os.open(self._path(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as file:
                _check(os.fstat(handle))
                return file.read()
        except (FileNotFoundError, IsADirectoryError):
            return None
        except OSError as error:
            raise self._failed("read", key, error) from error

    async def list(self, prefix: str, after: str = "") -> AsyncIterator[Entry]:
        for entry in sorted(self._below(prefix), key=lambda item: item.key):
            if entry.key > after:
                yield entry

    async def delete(self, key: str) -> None:
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            raise self._failed("remove", key, error) from error

    def _below(self, prefix: str) -> Iterator[Entry]:
        for folder, _, names in os.walk(self._folder / prefix):
            for name in names:
                path = Path(folder, name)
                with suppress(FileNotFoundError):
                    about = path.lstat()
                    if stat.S_ISREG(about.st_mode) and not name.startswith(_TEMPORARY):
                        key = path.relative_to(self._folder).as_posix()
                        yield Entry(key, about.st_size, datetime.fromtimestamp(about.st_mtime, UTC))

    def _path(self, key: str) -> Path:
        """
        Raises:
            StoreError: the key, which may come from a bucket, could lead out of the folder.
        """
        if not _KEY.fullmatch(key):
            raise StoreError(f"{shorten(key)!r} is not a key of shared state")
        return self._folder / key

    def _written(self, key: str, data: bytes) -> Path:
        """A temporary file with these bytes, beside the object."""
        folder = make(self._path(key).parent)
        temporary = folder / f"{_TEMPORARY}{os.getpid()}-{os.urandom(4).hex()}"
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(handle)
        return temporary

    def _failed(self, action: str, key: str, error: OSError) -> StoreError:
        return StoreError(f"Cannot {action} {self._path(key)}: {error.strerror or error}")


def _check(about: os.stat_result) -> None:
    if not stat.S_ISREG(about.st_mode) or about.st_size > MOST_BYTES:
        raise OSError("it is not a plain file, or too large")
