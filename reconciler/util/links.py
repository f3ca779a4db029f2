"""Symbolic links on the way to a file. In a git checkout everyone who can push can place them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Link(NamedTuple):
    """A part of a path that is a link.

    Attributes:
        path: as far as the link, as it was given.
        target: where it leads to, absolute.
        work_tree: the root of the git checkout that it is in; None if it is in none.
        last: the path ends with it.
    """

    path: str
    target: Path
    work_tree: Path | None
    last: bool

    @property
    def leads_out(self) -> bool:
        """Whether it leads out of its git work tree. What git keeps in .git does not belong to it."""
        if self.work_tree is None:
            return False
        return not self.target.is_relative_to(self.work_tree) or self.target.is_relative_to(self.work_tree / ".git")


def links_in(path: str) -> Iterator[Link]:
    """The links that opening this path would follow."""
    folder, parts = "", Path(path).parts
    for number, part in enumerate(parts, start=1):
        here = os.path.join(folder, part)  # noqa: PTH118 -- pathlib would drop a leading "."
        target = os.path.realpath(here)
        if Path(here).is_symlink():
            yield Link(str(Path(*parts[:number])), Path(target), work_tree(folder), number == len(parts))
        folder = target


def work_tree(folder: str | Path) -> Path | None:
    """The root of the git checkout that a folder is in."""
    place = Path(os.path.realpath(folder))
    return next((parent for parent in (place, *place.parents) if (parent / ".git").exists()), None)
