"""The lock files of the folders that desired files are in."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from reconciler.desired import lock_file
from reconciler.desired.lock_file import NAME, LockFile

if TYPE_CHECKING:
    from reconciler.desired.problems import Problems
    from reconciler.model import Desired, LockLine


class LockFiles:
    """The lock file of each desired file's folder.

    Attributes:
        by_folder: real folders; those without a lock file have an empty one.
    """

    def __init__(self, by_folder: dict[str, LockFile], by_file: dict[str, LockFile]) -> None:
        self.by_folder = by_folder
        self._by_file = by_file

    def beside(self, file: str) -> LockFile:
        """The lock file beside a desired file."""
        return self._by_file[file]

    def check_repeated(self, problems: Problems) -> None:
        """Adds a problem for each asset that is locked twice in one file."""
        for file in self.by_folder.values():
            lock_file.check_repeated(file, problems)

    def of(self, desired: Desired, /) -> LockLine | None:
        """The current line of an entry, if it has one."""
        line = self._by_file[desired.file].of(desired.asset_id)
        return line if line is not None and line.is_current(desired) else None

    def text_of(self, desired: Desired, /) -> str | None:
        """The text of an entry's line, current or not, if it has one."""
        return self._by_file[desired.file].lines.get(desired.asset_id)


def read(files: Iterable[str], problems: Problems) -> LockFiles:
    """Reads the lock files beside these desired files."""
    by_folder: dict[str, LockFile] = {}
    by_file: dict[str, LockFile] = {}
    for file in files:
        folder = os.path.dirname(os.path.realpath(file))  # noqa: PTH120
        if folder not in by_folder:
            by_folder[folder] = lock_file.read(_name(file, folder), folder, problems)
        by_file[file] = by_folder[folder]
    return LockFiles(by_folder, by_file)


def _name(file: str, folder: str) -> str:
    """How messages name a folder's lock file: as the desired file beside it was given, unless that is a link."""
    given = os.path.dirname(file)  # noqa: PTH120
    beside = os.path.realpath(given or ".") == folder
    return os.path.join(given if beside else folder, NAME)  # noqa: PTH118
