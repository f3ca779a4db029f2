"""Snapshots as they were last read, so that a listing of covers can decide without reading them again.

A cache: nothing fails because of it, and what it does not hold is read from the service.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from reconciler.errors import StateError
from reconciler.model import SNAPSHOTS_IN_PROGRESS, Observed, SetName
from reconciler.state.folder import make

NAME = "readings.sqlite"
_AT_ONCE = 500
_TABLE = "reading (asset_id TEXT PRIMARY KEY, at REAL NOT NULL, sets TEXT NOT NULL)"
_LOG = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading:
    """One asset's snapshots at a time: for each set (offset in seconds, path behind `/asset/<asset_id>/`) in order of
    index; the path is "" where the URL was not plainly the asset's own."""

    at: datetime
    sets: dict[SetName, list[tuple[int, str]]]


class Readings:
    """The readings of one state folder. Opened when first used; `close` writes what is still to be written."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._database: sqlite3.Connection | None = None
        self._broken = False
        self._waiting: list[tuple[str, float, str]] = []

    def keep(self, observed: Observed, at: datetime) -> None:
        """Remembers an asset's snapshots as read at a time."""
        sets: dict[str, list[tuple[int, str]]] = {}
        steady = observed.snapshots if observed.thumbnail_status != SNAPSHOTS_IN_PROGRESS else ()
        for snapshot in steady:
            sets.setdefault(snapshot.set, []).append((snapshot.offset, _path(observed.asset_id, snapshot.url)))
        self._waiting.append((observed.asset_id, at.timestamp(), json.dumps(sets, separators=(",", ":"))))
        if len(self._waiting) >= _AT_ONCE:
            self._write()

    def of(self, asset_id: str) -> Reading | None:
        """The last reading of an asset, if there is one."""
        if self._database is None and not self._path.exists():
            return None
        query = "SELECT at, sets FROM reading WHERE asset_id = ?"
        row = self._use(lambda database: database.execute(query, (asset_id,)).fetchone())
        try:
            return _reading(*row) if row else None
        except (ValueError, TypeError, AttributeError, OverflowError):
            return None

    def close(self) -> None:
        if self._waiting:
            self._write()
        if self._database is not None:
            self._database.close()
            self._database = None

    def _write(self) -> None:
        rows, self._waiting = self._waiting, []

        def write(database: sqlite3.Connection) -> None:
            with database:
                database.executemany("INSERT OR REPLACE INTO reading VALUES (?, ?, ?)", rows)

        self._use(write)

    def _use(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """What `work` gives; None where the database cannot be used, which only --debug reports."""
        if self._broken:
            return None
        try:
            if self._database is None:
                self._database = self._opened()
            return work(self._database)
        except (sqlite3.Error, UnicodeDecodeError, OSError, StateError) as error:
            self._broken = True
            _LOG.debug("the readings %s cannot be used: %s", self._path, error)
            return None

    def _opened(self) -> sqlite3.Connection:
        make(self._path.parent)
        if self._path.is_symlink() or (self._path.exists() and not self._path.is_file()):
            raise StateError("it is not a plain file")
        try:
            return _connected(self._path)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:  # not our database: a cache is created again
            self._path.unlink()
            return _connected(self._path)


def _connected(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=1)
    try:
        database.execute("PRAGMA synchronous = OFF")
        database.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE}")
        _check_ours(database)
    except BaseException:
        database.close()
        raise
    return database


def _check_ours(database: sqlite3.Connection) -> None:
    """A view or a trigger that somebody put there could keep a run busy for ever."""
    found = database.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL").fetchall()
    if found != [(f"CREATE TABLE {_TABLE}",)]:
        raise sqlite3.DatabaseError("it holds more than our table")


def _path(asset_id: str, url: str) -> str:
    """Cheap, since it is done for every snapshot that is read; its users look closely."""
    before, found, path = url.partition("?")[0].partition(f"/asset/{asset_id}/")
    return path if found and "/asset/" not in before else ""


def _reading(at: float, text: str) -> Reading:
    """What another program may have written is used only where it has the form."""
    sets = json.loads(text)
    return Reading(
        datetime.fromtimestamp(at, UTC),
        {name: [(int(offset), str(path)) for offset, path in items] for name, items in sets.items()},
    )
