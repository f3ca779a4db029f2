"""The journal: what each run was about to change, and what happened. JSON Lines, append-only.

Each line is one of the records below; `kind` says which. A line of another form, or of a newer format, is skipped,
and so is the kind "seen" of old versions. Of a record that has the form, a field that has not says nothing, and the
others are still used. No text is trusted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, PlainValidator, TypeAdapter
from pydantic_core import core_schema

from reconciler.decide.outcome import CHANGED, OutcomeName
from reconciler.model import Content, Cover, SetName, SnapshotRef
from reconciler.state import json_lines
from reconciler.state.json_lines import JsonLines
from reconciler.util.ids import LOWER_ID_SCHEMA

NAME = "journal.jsonl"
_LONGEST_TEXT = 1024


def _text(value: object) -> str | None:
    """Text of a limited length that can be encoded; None for anything else."""
    return value[:_LONGEST_TEXT].encode("utf-8", "replace").decode() if isinstance(value, str) else None


def _moment(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        return at.astimezone(UTC) if at is not None and at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _with_names(files: object) -> list[object]:
    found = files if isinstance(files, list) else []
    return [file for file in found if isinstance(file, dict) and isinstance(file.get("file"), str)]


def _seconds(value: object) -> tuple[int, ...]:
    found = value if isinstance(value, list | tuple) else ()
    return tuple(one for one in found if isinstance(one, int) and not isinstance(one, bool) and one >= 0)


class _OrNone:
    """Annotates a type: a value that is not valid is None."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.with_default_schema(handler(source), default=None, on_error="default")


_Text = Annotated[str | None, PlainValidator(_text)]
_Dots = Annotated[tuple[int, ...], BeforeValidator(_seconds)]


@dataclass(frozen=True, slots=True)
class CoverRecord:
    """A cover; its URL is without the query."""

    url: str
    set: SetName | None = None
    index: int | None = None
    offset: int | None = None
    sha256: str | None = None
    length: int | None = None
    snapshot_sha256: str | None = None
    """Of the snapshot that the cover is. It differs from `sha256` where the service re-encodes."""

    @classmethod
    def of(cls, cover: Cover, snapshot_sha256: str | None = None) -> CoverRecord:
        place = asdict(cover.snapshot) if cover.snapshot else {}
        digest = asdict(cover.content) if cover.content else {}
        return cls(cover.cover_url or "", **place, **digest, snapshot_sha256=snapshot_sha256)

    def cover(self) -> Cover:
        ref = None
        if self.set is not None and self.offset is not None:  # one that was yet to be taken has no index
            ref = SnapshotRef(self.set, self.index, self.offset)
        content = Content(self.sha256, self.length) if self.sha256 and self.length is not None else None
        return Cover(self.url or None, ref, content)


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A desired file, or a saved plan, that a run used."""

    file: _Text
    sha256: _Text = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    v: Literal[1] = 1
    kind: str
    at: Annotated[datetime | None, PlainValidator(_moment)] = None
    run: Annotated[str, Field(min_length=1, max_length=_LONGEST_TEXT)]
    endpoint: str
    project_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _ChangeRecord(_Record):
    asset_id: Annotated[str | None, Field(pattern=LOWER_ID_SCHEMA), _OrNone()] = None
    before: Annotated[CoverRecord | None, _OrNone()] = None
    after: Annotated[CoverRecord | None, _OrNone()] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord(_Record):
    """Written before a run's first PUT: who, where, at which git revision, from which files."""

    kind: Literal["run"] = "run"
    user: _Text = None
    host: _Text = None
    revision: _Text = None
    tool_version: _Text = None
    files: Annotated[tuple[FileRecord, ...], BeforeValidator(_with_names)] = ()
    rollback_of: _Text = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentRecord(_ChangeRecord):
    """Written just before a PUT."""

    kind: Literal["intent"] = "intent"
    saved_cover: _Text = None
    """Where the replaced picture was saved, if it existed nowhere else."""
    dots: _Dots = ()
    """Written before a snapshot task is started: the seconds that it takes. The PUT has an intent of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord(_Record):
    """The service accepted a snapshot task."""

    kind: Literal["task"] = "task"
    asset_id: Annotated[str | None, Field(pattern=LOWER_ID_SCHEMA), _OrNone()] = None
    task: _Text = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRecord(_ChangeRecord):
    """The result of one planned change."""

    kind: Literal["outcome"] = "outcome"
    outcome: Annotated[OutcomeName | None, _OrNone()] = None
    error: _Text = None
    perhaps: Annotated[bool | None, Field(strict=True), _OrNone()] = None
    """Of a failure: the cover may have been changed. Journals of old versions leave it open."""
    dots: _Dots = ()
    """The seconds that a snapshot task took for this change: it made one of them the cover for a while."""

    def may_have_changed(self, *, intended: bool) -> bool:
        """Whether the cover was changed, or may have been. `intended`: there was an intent, so a PUT was due."""
        if self.outcome == "stale":  # a snapshot task changed it, and then it was left as it is
            return intended and self.perhaps is True
        return self.outcome in CHANGED or (self.outcome == "failed" and intended and self.perhaps is not False)

    @property
    def leaves_open(self) -> bool:
        """Whether a snapshot task may go on, or may be found done."""
        return self.outcome == "failed" and self.perhaps is not False


Record = RunRecord | IntentRecord | TaskRecord | OutcomeRecord
_RECORD: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="kind")])


class Journal(JsonLines):
    """Appends to the journal of a state folder. Every record is on the disk when `append` returns."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / NAME, "journal")

    def append(self, record: Record) -> bytes:
        """Returns the line that was written.

        Raises:
            StateError: the disk is full, or gone.
        """
        line = line_of(record)
        self.write(line)
        return line


def line_of(record: Record) -> bytes:
    """A record as a line of the journal."""
    fields = asdict(
        record, dict_factory=lambda items: {key: value for key, value in items if value not in (None, ())}
    )
    return json.dumps(fields, default=datetime.isoformat, separators=(",", ":")).encode() + b"\n"


def read(folder: Path, tail: int | None = None) -> Iterator[tuple[int, Record]]:
    """The journal's records, oldest first, each with its line; see `json_lines.read`.

    Raises:
        StateError: the journal exists, but cannot be read.
    """
    for number, line in json_lines.read(folder / NAME, "journal", tail):
        record = parsed(line)
        if record is not None:
            yield number, record


def parsed(line: bytes) -> Record | None:
    """The record of one line; None where it is none."""
    try:
        # pydantic's own JSON parser refuses the lone surrogates that stand for odd bytes of a file name.
        return _RECORD.validate_python(json.loads(line))
    except (ValueError, RecursionError):  # pydantic's ValidationError is a ValueError
        return None
