"""Settled covers: which picture the service made of which snapshot, learned after a PUT.

A service that re-encodes never shows the snapshot's own bytes, so comparing them would always show drift.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reconciler.errors import StateError, UsageError
from reconciler.util.ids import LOWER_ID_SCHEMA
from reconciler.util.sanitize import shorten

NAME = "memory.sqlite"
_COLUMNS = "asset_id, cover_sha256, snapshot_path, snapshot_sha256"
_MOST_BYTES = 256 * 1024 * 1024
_Hex64 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class SettledCover(BaseModel):
    """One settled cover: the service made the cover with this SHA-256 of the snapshot with that path and SHA-256."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    asset_id: Annotated[str, Field(pattern=LOWER_ID_SCHEMA)]
    cover_sha256: _Hex64
    snapshot_path: Annotated[str, Field(min_length=1, max_length=1024)]
    """What follows `/asset/<asset_id>/`."""
    snapshot_sha256: _Hex64


class MemoryDocument(BaseModel):
    """What `memory export` writes and `memory import` reads."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    format_version: Annotated[str, Field(pattern=r"^1\.[0-9]+$")] = "1.0"
    kind: Literal["memory"] = "memory"
    covers: tuple[SettledCover, ...]


class Memory:
    """The memory of one state folder. Reading one that does not exist finds nothing and creates nothing.

    Raises:
        StateError: it exists, but cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._database: sqlite3.Connection | None = None

    def of(self, asset_id: str) -> tuple[SettledCover, ...]:
        """What is remembered of one asset."""
        return self._select("WHERE asset_id = ?", asset_id)

    def all(self) -> tuple[SettledCover, ...]:
        return self._select("ORDER BY asset_id, cover_sha256")

    def remember(self, settled: Iterable[SettledCover]) -> None:
        """Adds, or replaces what was remembered of the same cover."""
        rows = [(item.asset_id, item.cover_sha256, item.snapshot_path, item.snapshot_sha256) for item in settled]
        with self._using() as database, database:
            database.executemany("INSERT OR REPLACE INTO settled VALUES (?, ?, ?, ?)", rows)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()

    def _select(self, clause: str, *values: str) -> tuple[SettledCover, ...]:
        if self._database is None and not self._path.exists():
            return ()
        with self._using() as database:
            query = f"SELECT {_COLUMNS} FROM settled {clause}"  # noqa: S608 our own words
            rows = database.execute(query, values).fetchall()
        return tuple(_valid(rows))

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._database is None:
                self._database = sqlite3.connect(self._path, timeout=10)
                self._database.execute(
                    "CREATE TABLE IF NOT EXISTS settled (asset_id TEXT, cover_sha256 TEXT, snapshot_path TEXT,"
                    " snapshot_sha256 TEXT, PRIMARY KEY (asset_id, cover_sha256))"
                )
            yield self._database
        except (sqlite3.Error, UnicodeDecodeError) as error:  # what a damaged file holds need not even be text
            message = f"The memory {self._path} cannot be used: {shorten(str(error), 120)}"
            raise StateError(message, hint="Move it away to start with an empty one.") from error


def _valid(rows: Iterable[tuple[Any, ...]]) -> Iterator[SettledCover]:
    """Rows that another program may have written are used only where they are valid."""
    for asset_id, cover, path, snapshot in rows:
        try:
            yield SettledCover(asset_id=asset_id, cover_sha256=cover, snapshot_path=path, snapshot_sha256=snapshot)
        except ValidationError:
            continue


def read_document(file: str) -> MemoryDocument:
    """An exported memory.

    Raises:
        UsageError: it cannot be read, or is not one.
    """
    try:
        if Path(file).is_file() and Path(file).stat().st_size > _MOST_BYTES:
            raise UsageError(f"{file}: larger than {_MOST_BYTES // 2**20} MiB")
        return MemoryDocument.model_validate_json(Path(file).read_bytes())
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        first: Any = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        detail = shorten(": ".join(part for part in (where, first["msg"]) if part), 160)
        raise UsageError(f"{file} is not an exported memory: {detail}") from error


def document_text(settled: Iterable[SettledCover]) -> str:
    """An exported memory as JSON."""
    return json.dumps(MemoryDocument(covers=tuple(settled)).model_dump(mode="json"), indent=2) + "\n"
