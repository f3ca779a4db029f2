"""The values that travel between the rooms. All frozen; none knows I/O, formats or the clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SetName = Literal["sample", "dots", "quantity"]
SET_NAMES: tuple[SetName, ...] = ("sample", "dots", "quantity")


@dataclass(frozen=True, slots=True)
class Source:
    """A place in a desired file: the path as it was given, line and column from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Desired:
    """What one entry of a desired file says. `index` and `offset` exclude each other; an ignored entry may
    have neither. The place is kept flat, because a catalogue may hold a million of these."""

    asset_id: str
    """32 lower-case hex digits."""
    file: str
    line: int
    column: int
    set: SetName = "sample"
    index: int | None = None
    """Counts from 0 in order of offset; negative from the end, as in Python."""
    offset: int | None = None
    """Seconds from the start of the video."""
    note: str | None = None
    ignore: bool = False

    @property
    def source(self) -> Source:
        return Source(self.file, self.line, self.column)


@dataclass(frozen=True, slots=True)
class DesiredState:
    """All desired files together. `covers` is in the order of the files and of the entries in them."""

    covers: tuple[Desired, ...]
    files: tuple[str, ...]
    region: str | None = None
    project_id: str | None = None
