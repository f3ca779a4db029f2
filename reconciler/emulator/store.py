"""Assets and covers in one SQLite file, so that they outlive the process."""

from __future__ import annotations

import json
import sqlite3
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.emulator.catalogue import ODD, ODD_POSITION, Asset, odd, ordinary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from reconciler.emulator.options import CoverMode, DotsMode

_SCHEMA = """
CREATE TABLE IF NOT EXISTS assets (
    asset_id TEXT PRIMARY KEY, position INTEGER UNIQUE NOT NULL, title TEXT NOT NULL,
    created INTEGER NOT NULL, owner TEXT NOT NULL, sets TEXT NOT NULL, state TEXT NOT NULL, form TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS covers (
    seq INTEGER PRIMARY KEY, asset_id TEXT NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL,
    picture BLOB, visible_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS tasks (
    seq INTEGER PRIMARY KEY, asset_id TEXT NOT NULL, dots TEXT NOT NULL, cover INTEGER,
    created REAL NOT NULL, done_at REAL NOT NULL, status TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS assets_by_time ON assets (created);
CREATE INDEX IF NOT EXISTS covers_of_asset ON covers (asset_id, seq);
"""
_SHOWN = """
SELECT a.asset_id, a.title, a.created, a.owner, a.sets, a.state, a.form, c.kind, c.path, c.visible_at
FROM assets a JOIN covers c
  ON c.seq = (SELECT max(seq) FROM covers WHERE asset_id = a.asset_id AND visible_at <= ?)
"""


@dataclass(frozen=True, slots=True)
class StoredAsset:
    """An asset as reads return it at one moment.

    Attributes:
        kind: the cover mode of the PUT (reference, copy, recode), or a catalogue.CoverKind other than snapshot.
        path: the snapshot that the cover was made from, for example "sample/10"; "" if there is none.
        changed: when the cover became visible, in seconds since the epoch.
    """

    asset_id: str
    title: str
    created: int
    owner: str
    sets: dict[str, list[int]]
    state: str
    form: str
    kind: str
    path: str
    changed: float


@dataclass(frozen=True, slots=True)
class AssetFilter:
    """The filter of a listing. Times are in seconds since the epoch, both ends included."""

    asset_ids: Sequence[str] = ()
    statuses: Sequence[str] = ()
    start: int | None = None
    end: int | None = None
    text: str = ""
    """Part of the title."""


@dataclass(frozen=True, slots=True)
class SnapshotTask:
    """One request for snapshots; times in seconds since the epoch."""

    asset_id: str
    status: str
    created: float
    done_at: float


class AssetStore:
    """Opens the file; creates and fills it if necessary. Raises sqlite3.Error if it is not such a file.

    Args:
        mode: what becomes of a cover that is set.
        dots: what snapshots on demand do to the dots that there are.
        propagation: seconds until a cover is visible that a task sets.
        history: seconds into the past for which `asset` and `uploaded` know what they returned.
    """

    def __init__(
        self,
        path: Path,
        *,
        assets: int,
        odd_assets: bool,
        mode: CoverMode,
        dots: DotsMode = "accumulate",
        propagation: float = 0.0,
        history: float = 0.0,
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The app may be created in one thread and served in another; never do two threads use it at a time.
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._db.close)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)
        self._history = history
        self._mode, self._dots, self._propagation = mode, dots, propagation
        self._open_tasks = self._count_open()
        self._failing = 0
        self._fill(assets, odd_assets, "reference" if mode == "reference" else "copy")

    def asset(self, asset_id: str, now: float) -> StoredAsset | None:
        """The asset as reads return it now."""
        self._end_tasks(now)
        row = self._db.execute(f"{_SHOWN} WHERE a.asset_id = ?", (now, asset_id)).fetchone()
        return None if row is None else _stored(row)

    def page(
        self, chosen: AssetFilter, now: float, *, skip: int = 0, limit: int = -1
    ) -> tuple[int, list[StoredAsset]]:
        """The number of matching assets, and a page of them. The asset whose details fail is never listed."""
        self._end_tasks(now)
        where, values = _where(chosen)
        (total,) = self._db.execute(f"SELECT count(*) FROM assets a WHERE {where}", values).fetchone()  # noqa: S608 - no value is pasted in
        query = f"{_SHOWN} WHERE {where} ORDER BY a.position LIMIT ? OFFSET ?"
        rows = self._db.execute(query, (now, *values, limit, skip))
        return total, [_stored(row) for row in rows]

    def put_cover(self, asset_id: str, mode: str, path: str, *, now: float, visible_at: float) -> None:
        """Makes this snapshot the cover; reads show it from `visible_at` on."""
        self._add(asset_id, mode, path, None, now=now, visible_at=visible_at)

    def upload_cover(self, asset_id: str, picture: bytes, now: float, *, visible_at: float | None = None) -> None:
        """Makes these bytes the cover; at once, unless a later moment is named."""
        self._add(asset_id, "custom", "", picture, now=now, visible_at=now if visible_at is None else visible_at)

    def start_task(
        self, asset_id: str, dots: list[int], cover: int | None, *, now: float, done_at: float, most_failing: int
    ) -> str | None:
        """Begins to take snapshots at these seconds; its ID, or None where another task of the asset is under way.

        Args:
            cover: the second whose snapshot becomes the cover.
            most_failing: so many of the first tasks fail.
        """
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            query = "SELECT count(*) FROM tasks WHERE asset_id = ? AND status = 'PROCESSING'"
            if self._db.execute(query, (asset_id,)).fetchone()[0]:
                return None
            row = (asset_id, json.dumps(dots), cover, now, done_at)
            columns = "asset_id, dots, cover, created, done_at, status"
            added = self._db.execute(f"INSERT INTO tasks ({columns}) VALUES (?, ?, ?, ?, ?, 'PROCESSING')", row)  # noqa: S608
            self._db.execute("UPDATE assets SET state = 'THUMBNAILING' WHERE asset_id = ?", (asset_id,))
        self._open_tasks += 1
        self._failing = most_failing
        return f"task-{added.lastrowid}"

    def tasks(self, asset_id: str, now: float) -> list[SnapshotTask]:
        """The asset's tasks, the newest first."""
        self._end_tasks(now)
        query = "SELECT asset_id, status, created, done_at FROM tasks WHERE asset_id = ? ORDER BY seq DESC"
        return [SnapshotTask(*row) for row in self._db.execute(query, (asset_id,))]

    def billed(self) -> tuple[int, int]:
        """How many tasks were accepted, and for how many pictures."""
        dots = [json.loads(row[0]) for row in self._db.execute("SELECT dots FROM tasks")]
        return len(dots), sum(map(len, dots))

    def _count_open(self) -> int:
        (count,) = self._db.execute("SELECT count(*) FROM tasks WHERE status = 'PROCESSING'").fetchone()
        return int(count)

    def _end_tasks(self, now: float) -> None:
        """Ends the tasks whose time has come."""
        if not self._open_tasks:
            return
        query = "SELECT seq, asset_id, dots, cover, done_at FROM tasks WHERE status = 'PROCESSING' AND done_at <= ?"
        for seq, asset_id, dots, cover, done_at in self._db.execute(query, (now,)).fetchall():
            failed = seq <= self._failing
            status = "FAILED" if failed else "SUCCEED"
            self._db.execute("UPDATE tasks SET status = ? WHERE seq = ?", (status, seq))
            self._db.execute("UPDATE assets SET state = ? WHERE asset_id = ?", (f"THUMBNAIL_{status}", asset_id))
            if not failed:
                self._take(asset_id, json.loads(dots), cover, done_at)
        self._open_tasks = self._count_open()

    def _take(self, asset_id: str, dots: list[int], cover: int | None, done_at: float) -> None:
        row = self._db.execute("SELECT sets FROM assets WHERE asset_id = ?", (asset_id,)).fetchone()
        if row is None:  # deleted meanwhile
            return
        sets = json.loads(row[0])
        kept = sets.get("dots", []) if self._dots == "accumulate" else []
        sets["dots"] = sorted({*kept, *dots})
        self._db.execute("UPDATE assets SET sets = ? WHERE asset_id = ?", (json.dumps(sets), asset_id))
        if cover is not None:
            visible_at = done_at + self._propagation
            self._add(asset_id, self._mode, f"dots/{cover}", None, now=done_at, visible_at=visible_at)

    def delete(self, asset_id: str) -> None:
        """Lets no read find it any more."""
        self._db.execute("DELETE FROM assets WHERE asset_id = ?", (asset_id,))

    def uploaded(self, asset_id: str, now: float) -> bytes | None:
        """The bytes of an uploaded cover; None if the cover shown now was not uploaded."""
        query = "SELECT picture FROM covers WHERE asset_id = ? AND visible_at <= ? ORDER BY seq DESC LIMIT 1"
        row = self._db.execute(query, (asset_id, now)).fetchone()
        return None if row is None else row[0]

    def _add(
        self, asset_id: str, kind: str, path: str, picture: bytes | None, *, now: float, visible_at: float
    ) -> None:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "INSERT INTO covers (asset_id, kind, path, picture, visible_at) VALUES (?, ?, ?, ?, ?)",
                (asset_id, kind, path, picture, visible_at),
            )
            # Covers before the one that is shown at the start of the history will never be shown again.
            self._db.execute(
                "DELETE FROM covers WHERE asset_id = ? AND seq <"
                " (SELECT max(seq) FROM covers WHERE asset_id = ? AND visible_at <= ?)",
                (asset_id, asset_id, now - self._history),
            )

    def _fill(self, assets: int, odd_assets: bool, snapshot_kind: str) -> None:
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            query = "SELECT count(*) FROM assets WHERE position < ?"
            (present,) = self._db.execute(query, (ODD_POSITION,)).fetchone()
            if present < assets:
                self._insert((ordinary(number) for number in range(present, assets)), snapshot_kind)
            (odd_count,) = self._db.execute(
                "SELECT count(*) FROM assets WHERE position >= ?", (ODD_POSITION,)
            ).fetchone()
            if odd_assets and odd_count == 0:
                self._insert(odd(), snapshot_kind)

    def _insert(self, assets: Iterable[Asset], snapshot_kind: str) -> None:
        for asset in assets:
            row = (asset.asset_id, asset.position, asset.title, asset.created, asset.owner)
            self._db.execute(
                "INSERT INTO assets VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, json.dumps(asset.sets), asset.state, asset.form),
            )
            kind = snapshot_kind if asset.cover_kind == "snapshot" else asset.cover_kind
            self._db.execute(
                "INSERT INTO covers (asset_id, kind, path, visible_at) VALUES (?, ?, ?, 0)",
                (asset.asset_id, kind, asset.cover),
            )


def _where(chosen: AssetFilter) -> tuple[str, list[str | int]]:
    parts = ["a.asset_id <> ?"]
    values: list[str | int] = [ODD["api_error"]]
    if chosen.asset_ids:
        parts.append(f"a.asset_id IN ({_marks(chosen.asset_ids)})")
        values += chosen.asset_ids
    if chosen.statuses:
        marks = _marks(chosen.statuses)
        parts.append(f"(a.state IN ({marks}) OR 'PUBLISHED' IN ({marks}))")
        values += [*chosen.statuses, *chosen.statuses]
    if chosen.start is not None:
        parts.append("a.created >= ?")
        values.append(chosen.start)
    if chosen.end is not None:
        parts.append("a.created <= ?")
        values.append(chosen.end)
    if chosen.text:
        parts.append("instr(lower(a.title), lower(?)) > 0")
        values.append(chosen.text)
    return " AND ".join(parts), values


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


def _stored(row: tuple[str, str, int, str, str, str, str, str, str, float]) -> StoredAsset:
    asset_id, title, created, owner, sets, state, form, kind, path, changed = row
    return StoredAsset(asset_id, title, created, owner, json.loads(sets), state, form, kind, path, changed)
