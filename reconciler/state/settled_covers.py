"""Settled covers: which picture the service made of which snapshot, learned after a PUT.

A service that re-encodes never shows the snapshot's own bytes, so comparing them would always show drift. They are
kept as JSON Lines: of two lines about the same cover the later one counts; a line of another form is skipped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from reconciler.errors import UsageError
from reconciler.state import json_lines
from reconciler.state.json_lines import JsonLines
from reconciler.util.ids import LOWER_ID_SCHEMA
from reconciler.util.input_files import UnreadableError, read_json
from reconciler.util.sanitize import shorten

NAME = "settled.jsonl"
_WHAT = "memory"
_FORM = re.compile(rb'\{"asset_id":"([0-9a-f]{32})",')
# A file with more lines is written again without those that no longer count.
_LINES_PER_ASSET, _SPARE_LINES = 4, 1000
_MOST_BYTES = 256 * 1024 * 1024
_Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class SettledCover:
    """One settled cover: the service made the cover with this SHA-256 of the snapshot with that path and SHA-256."""

    asset_id: Annotated[str, Field(pattern=LOWER_ID_SCHEMA)]
    cover_sha256: _Hex64
    snapshot_path: Annotated[str, Field(min_length=1, max_length=1024)]
    """What follows `/asset/<asset_id>/`."""
    snapshot_sha256: _Hex64


_COVER = TypeAdapter(SettledCover)


class MemoryDocument(BaseModel):
    """What `memory export` writes and `memory import` reads."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    format_version: Annotated[str, Field(pattern=r"^1\.[0-9]+$")] = "1.0"
    kind: Literal["memory"] = "memory"
    covers: tuple[SettledCover, ...]


class Memory:
    """The settled covers of one state folder. The file is read when one is asked for, a line when its asset is.

    Every method raises StateError where the file exists, but cannot be used.

    Args:
        shared: further lines, from the state that a team shares.
    """

    def __init__(self, folder: Path, shared: bytes = b"") -> None:
        self._path = folder / NAME
        self._shared = shared
        self._by_asset: dict[str, bytearray] | None = None
        """The lines of each asset."""
        self._count = 0

    def of(self, asset_id: str) -> tuple[SettledCover, ...]:
        """What is remembered of one asset."""
        return tuple(_valid(self._lines().get(asset_id, bytearray())))

    def all(self) -> tuple[SettledCover, ...]:
        found = (item for lines in self._lines().values() for item in _valid(lines))
        return tuple(sorted(found, key=lambda item: (item.asset_id, item.cover_sha256)))

    def lines(self) -> set[bytes]:
        """All of them, each as its line."""
        return set(map(_line, self.all()))

    def remember(self, settled: Iterable[SettledCover]) -> None:
        """Adds, or replaces what was remembered of the same cover. Only for who holds the folder's lock."""
        lines = self._lines()
        if self._count > _LINES_PER_ASSET * len(lines) + _SPARE_LINES:
            self._compact()
        new = [item for item in settled if item not in self.of(item.asset_id)]
        with closing(JsonLines(self._path, _WHAT)) as file:
            file.write(b"".join(map(_line, new)))
        for item in new:
            lines.setdefault(item.asset_id, bytearray()).extend(_line(item))

    def _lines(self) -> dict[str, bytearray]:
        if self._by_asset is None:
            found: dict[str, bytearray] = {}
            _sort(self._shared.splitlines(), found)
            numbered = list(json_lines.read(self._path, _WHAT))
            self._count = numbered[-1][0] if numbered else 0
            _sort((line for _, line in numbered), found)
            self._by_asset = found
        return self._by_asset

    def _compact(self) -> None:
        """Leaves the lines that count."""
        json_lines.replace(self._path, _WHAT, b"".join(map(_line, self.all())))
        self._count = 0


def _sort(lines: Iterable[bytes], by_asset: dict[str, bytearray]) -> None:
    """Adds lines to those of their assets."""
    for line in lines:
        if named := _FORM.match(line):
            asset_id = named[1].decode()
            by_asset.setdefault(asset_id, bytearray()).extend(line.rstrip(b"\n") + b"\n")


def _valid(lines: bytearray) -> Iterable[SettledCover]:
    """One asset's settled covers, each once."""
    found: dict[str, SettledCover] = {}
    for line in lines.splitlines():
        try:
            item = _COVER.validate_json(line)
        except ValidationError:
            continue
        found[item.cover_sha256] = item
    return found.values()


def _line(item: SettledCover) -> bytes:
    return _COVER.dump_json(item) + b"\n"


def read_document(file: str) -> MemoryDocument:
    """An exported memory.

    Raises:
        UsageError: it cannot be read, or is not one.
    """
    try:
        return MemoryDocument.model_validate_json(read_json(file, _MOST_BYTES))
    except UnreadableError as error:
        raise UsageError(f"{file} cannot be read: {error}") from error
    except ValidationError as error:
        first: Any = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        detail = shorten(": ".join(part for part in (where, first["msg"]) if part), 160)
        raise UsageError(f"{file} is not an exported memory: {detail}") from error


def document_text(settled: Iterable[SettledCover]) -> str:
    """An exported memory as JSON."""
    return json.dumps(MemoryDocument(covers=tuple(settled)).model_dump(mode="json"), indent=2) + "\n"
