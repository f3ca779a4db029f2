"""The journal: what was about to be done, and what came of it. JSON Lines, append-only.

Records, each with "v" (format), "kind", "run", "at" (RFC 3339, UTC), "endpoint" and "project_id":
    run      who, where, when, at which revision, from which files; which run it rolls back
    intent   just before a PUT: the asset, the covers before and after, where the old picture was saved
    outcome  what became of it; of a failure, whether it may have come about all the same
    seen     the new cover was seen in place
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import BaseModel, ConfigDict, ValidationError

from reconciler.errors import StateError
from reconciler.model import Content, Cover, OutcomeName, SetName, SnapshotRef

VERSION = 1
NAME = "journal.jsonl"
# Far more than one run can write within the minutes that anybody asks about.
_TAIL = 16 * 1024 * 1024
# The largest record names a run's files. A longer line is none of ours, and is not held in memory.
_LONGEST_LINE = 4 * 1024 * 1024


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class CoverRecord(_Record):
    """A cover, its URL without query."""

    url: str
    set: SetName | None = None
    index: int | None = None
    offset: int | None = None
    sha256: str | None = None
    length: int | None = None
    snapshot_sha256: str | None = None
    """Of the snapshot that the cover is. Where the service re-encodes, `sha256` is another one."""

    @classmethod
    def of(cls, cover: Cover) -> CoverRecord:
        ref, content = cover.snapshot, cover.content
        return cls(
            url=cover.url,
            set=ref.set if ref else None,
            index=ref.index if ref else None,
            offset=ref.offset if ref else None,
            sha256=content.sha256 if content else None,
            length=content.length if content else None,
        )

    def cover(self) -> Cover:
        ref = None
        if self.set is not None and self.index is not None and self.offset is not None:
            ref = SnapshotRef(self.set, self.index, self.offset)
        content = Content(self.sha256, self.length) if self.sha256 and self.length is not None else None
        return Cover(self.url, ref, content)


class Applied(_Record):
    """One change as the journal has it."""

    v: int
    kind: str
    run: str
    at: datetime
    endpoint: str
    project_id: str
    asset_id: str
    before: CoverRecord
    after: CoverRecord
    outcome: OutcomeName | None = None


class Journal:
    """Appends to the journal of a state folder; every record is on its way to the disk when a method returns.

    Raises:
        StateError: it can't be opened for writing, or is not a plain file of the user's own.
    """

    def __init__(self, folder: Path, run: str, endpoint: str, project_id: str) -> None:
        self._path = folder / NAME
        self._always = {"run": run, "endpoint": endpoint, "project_id": project_id}
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._file = os.open(self._path, flags, 0o600)
            size = os.fstat(self._file).st_size
            if size and os.pread(self._file, 1, size - 1) != b"\n":
                # A run that was killed while writing left half a line; it must not swallow ours.
                self._append(b"\n")
        except OSError as error:
            raise self._unwritable(error) from error

    def write(self, kind: str, at: datetime, **fields: Any) -> None:
        """Appends one record.

        Raises:
            StateError: the disk is full, or gone.
        """
        record = {"v": VERSION, "kind": kind, "at": at.isoformat(), **self._always, **fields}
        try:
            self._append(json.dumps(record, ensure_ascii=True, separators=(",", ":")).encode() + b"\n")
        except OSError as error:
            raise self._unwritable(error) from error

    def close(self) -> None:
        os.close(self._file)

    def _append(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._file, data) :]
        os.fsync(self._file)

    def _unwritable(self, error: OSError) -> StateError:
        return StateError(
            f"The journal {self._path} can't be written: {error.strerror or error}",
            hint="Mend that, or choose another folder with --state-dir. Nothing more was changed.",
        )


def records(folder: Path, tail: int | None = None) -> Iterator[dict[str, Any]]:
    """The journal's records, oldest first. Lines that are torn, foreign or of a newer format are passed over.

    Args:
        tail: read only so many bytes at the end.

    Raises:
        StateError: the journal is there, but can't be read.
    """
    return (record for _, record in numbered_records(folder, tail))


def numbered_records(folder: Path, tail: int | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """As `records`, each with its line, counted from 1 where reading began."""
    try:
        with (folder / NAME).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - tail) if tail is not None else 0)
            for number, line in _lines(file):
                try:
                    record = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(record, dict) and record.get("v") == VERSION:
                    yield number, record
    except FileNotFoundError:
        return
    except OSError as error:
        raise StateError(f"The journal {folder / NAME} can't be read: {error.strerror or error}") from error


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number, whole = 0, True
    while part := file.readline(_LONGEST_LINE):
        fresh, whole = whole, part.endswith(b"\n")
        number += fresh
        if fresh and (whole or len(part) < _LONGEST_LINE):
            yield number, part


def applied_since(
    folder: Path, now: datetime, window: timedelta, endpoint: str, project_id: str
) -> dict[str, Applied]:
    """A project's last applied change of each asset within the window that was not seen in place since, by asset ID.

    Times in the future are not believed.
    """
    recent: dict[str, Applied] = {}
    for record in records(folder, _TAIL):
        if record.get("kind") not in ("outcome", "seen"):
            continue
        try:
            applied = Applied.model_validate(record)
            if not now - window <= applied.at <= now or (applied.endpoint, applied.project_id) != (
                endpoint,
                project_id,
            ):
                continue
        except (ValidationError, TypeError):
            continue
        if applied.kind == "seen":
            recent.pop(applied.asset_id, None)
        elif applied.outcome == "applied":
            recent[applied.asset_id] = applied
    return recent
