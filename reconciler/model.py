"""The values that the packages exchange. All are frozen; none knows I/O, formats or the clock.

Those that stand in documents are dumped and read by pydantic as they are: the order of their fields is the order of
the JSON keys, and `metadata` is what pydantic's `Field` takes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from reconciler.util.field_types import AssetId, Count, Foreign, Md5, PicturePath, Sha256
from reconciler.util.sanitize import bare_url

SetName = Literal["sample", "dots", "quantity"]
SET_NAMES: tuple[SetName, ...] = ("sample", "dots", "quantity")


def is_none(value: object) -> bool:
    return value is None


OPTIONAL = {"exclude_if": is_none}
"""Metadata of a field whose key is left out of documents where it has no value."""
OPTIONAL_LIST = {"exclude_if": operator.not_}
"""The same of a list that may be empty, and of a flag that may be off."""
NOT_IN_DOCUMENTS = {"exclude": True}
"""Metadata of a field that is never dumped: a URL with its signature, or what only the program needs."""


@dataclass(frozen=True, slots=True)
class Source:
    """A place in a file: the path as it was given; line and column count from 1."""

    file: Foreign
    line: Count
    column: Count


@dataclass(frozen=True, slots=True)
class Desired:
    """One entry of a desired file. `index` and `offset` exclude each other; an ignored entry may have neither. The
    place is kept flat, because a catalogue may hold a million entries."""

    asset_id: str
    """32 lower-case hex digits."""
    file: str
    line: int
    column: int
    set: SetName = "sample"
    index: int | None = None
    """Counts from 0 in order of offset; a negative index counts from the end, as in Python."""
    offset: int | None = None
    """Seconds from the start of the video. Of a snapshot that a plan or a run named, both are there: the one at this
    second, and of several the one with this index."""
    note: str | None = None
    ignore: bool = False

    @property
    def source(self) -> Source:
        return Source(self.file, self.line, self.column)


@dataclass(frozen=True, slots=True)
class PictureBytes:
    """SHA-256 and MD5 (hex) and length of a picture's bytes."""

    sha256: Sha256
    md5: Md5
    length: Count

    @property
    def content(self) -> Content:
        return Content(self.sha256, self.length)


@dataclass(frozen=True, slots=True)
class LockLine:
    """Which picture an entry means. Its set had `of` snapshots; `path` is what follows `/asset/<asset_id>/`."""

    asset_id: AssetId
    set: SetName = field(metadata={"alias": "from"})
    index: Count
    offset: Count
    of: Count
    path: PicturePath
    sha256: Sha256
    md5: Md5
    length: Count
    cover: PictureBytes | None = field(default=None, metadata=OPTIONAL)
    """What the service makes of the snapshot, if it re-encodes covers and that is known."""

    @property
    def pictures(self) -> tuple[PictureBytes, ...]:
        """The bytes that the cover may have."""
        own = PictureBytes(self.sha256, self.md5, self.length)
        return (own,) if self.cover is None else (own, self.cover)

    def is_current(self, desired: Desired) -> bool:
        """Whether it is about the snapshot that the entry names. An ignored entry has no line."""
        if desired.ignore or self.set != desired.set:
            return False
        if desired.offset is not None:
            return self.offset == desired.offset
        index = desired.index if desired.index is not None else 0
        return self.index == (index if index >= 0 else index + self.of)


@dataclass(frozen=True, slots=True)
class DesiredState:
    """All desired files together. `covers` keeps the order of the files and of the entries in them."""

    covers: tuple[Desired, ...]
    files: tuple[str, ...]
    region: str | None = None
    project_id: str | None = None
    digests: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """The SHA-256 of each file's bytes, to recognize them when the file is edited later."""
    locked: Callable[[Desired], LockLine | None] = field(default=lambda _: None, repr=False)
    """The current lock line of an entry, if it has one."""
    lock_text: Callable[[Desired], str | None] = field(default=lambda _: None, repr=False)
    """The text of its lock line, current or not; quicker to compare."""


Reason = Literal[
    "asset_not_found",
    "no_snapshots",
    "snapshots_in_progress",
    "snapshot_out_of_range",
    "no_snapshot_at_offset",
    "foreign_snapshot",
    "content_unavailable",
    "snapshot_changed",
    "api_error",
]
NumberKey = Literal["index", "snapshot", "offset"]
"""Which key of an entry holds its number; "index" where the number is the whole entry."""
State = Literal["in_sync", "update", "pending", "unknown", "ignored"]
Compare = Literal["auto", "url", "content"]
Evidence = Literal["lock", "url", "content", "details"]
"""What decided: the locked picture; the details' URLs; the details and the pictures' bytes; the details alone."""
SNAPSHOTS_IN_PROGRESS = "THUMBNAILING"
"""The service's status while it takes snapshots: those that it lists may be replaced a moment later."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot of an asset. `index` counts from 0 in order of offset; `offset` is in seconds. The URL is as the
    API returned it. Its query may be a secret, so it is not in `repr` and not in any document."""

    set: SetName
    index: int
    offset: int
    url: str = field(repr=False, metadata=NOT_IN_DOCUMENTS)

    @property
    def ref(self) -> SnapshotRef:
        return SnapshotRef(self.set, self.index, self.offset)


@dataclass(frozen=True, slots=True)
class SnapshotRef:
    """Which snapshot: `index` counts from 0 in order of `offset` (seconds); None where it is yet to be taken."""

    set: SetName
    index: Count | None
    offset: int


@dataclass(frozen=True, slots=True)
class Content:
    """A picture's bytes, by their SHA-256 (hex) and their length."""

    sha256: Sha256
    length: Count


@dataclass(frozen=True, slots=True)
class Observed:
    """One asset as the API returned it, its snapshots in order of set and offset. `cover_url` is "" where there is no
    cover; `audio` is the format of what has no frames; `task_error` says why the last snapshot task failed."""

    asset_id: str
    title: str
    cover_url: str = field(repr=False, metadata=NOT_IN_DOCUMENTS)
    thumbnail_status: str
    snapshots: tuple[Snapshot, ...]
    length_ms: int | None = None
    audio: str = ""
    task_error: str = ""

    def in_set(self, name: SetName) -> tuple[Snapshot, ...]:
        return tuple(snapshot for snapshot in self.snapshots if snapshot.set == name)

    def cover(self, snapshot: SnapshotRef | None = None, content: Content | None = None) -> Cover:
        """Its cover as documents show it, identified as that snapshot, with those bytes."""
        return Cover(bare_url(self.cover_url) or None, snapshot, content)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why an asset or a picture could not be read: a value, not an exception."""

    reason: Reason
    message: str
    permanent: str = ""
    """If no later attempt can succeed: why, in a few words ("HTTP 404")."""
    request_id: str = ""
    """Of the service's refusal; the message ends with it."""


@dataclass(frozen=True, slots=True)
class Cover:
    """A cover. The URL stands without its query, and is null where there is no cover. `snapshot` is null where the
    cover is none of the asset's snapshots or was not identified; `content` is there where the bytes were read."""

    cover_url: Foreign | None = None
    snapshot: SnapshotRef | None = None
    content: Content | None = field(default=None, metadata=OPTIONAL)


NO_COVER = Cover()


@dataclass(frozen=True, slots=True)
class Take:
    """A snapshot of the set `dots` that is to be taken where the asset has none. One call takes it and those that
    are there `again`, since the service may replace them; it has no room for those `left_out`, which may be lost. All
    are seconds. `accepted`: an earlier run's call was, and no other is made."""

    offset: Count
    again: tuple[Count, ...] = field(default=(), metadata=OPTIONAL_LIST)
    left_out: tuple[Count, ...] = field(default=(), metadata=OPTIONAL_LIST)
    accepted: bool = field(default=False, metadata=OPTIONAL_LIST)

    @property
    def dots(self) -> tuple[int, ...]:
        return tuple(sorted((self.offset, *self.again)))

    @property
    def billed(self) -> int:
        """How many pictures are paid for."""
        return 0 if self.accepted else len(self.dots)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDone:
    """An asset that is left as it is, and why."""

    asset_id: AssetId
    title: Foreign | None = field(default=None, metadata=OPTIONAL)
    source: Source
    reason: str
    message: Foreign


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of one desired entry.

    `before` and `after`: for `update`, and for `in_sync` where the details were read. `take`: the wanted snapshot is
    to be taken first. `restored_from`: a saved cover to upload instead of setting a snapshot. `put_url`, `cover_url`:
    of the wanted snapshot (also for `in_sync`) and of the cover, as the API returned them. `shown`: what is still
    shown where `before` is on its way. `reason`, `message`: for `unknown`. `snapshots`: all there are, for reports.
    """

    desired: Desired
    state: State
    title: str = ""
    reason: Reason | None = None
    message: str = ""
    before: Cover | None = None
    after: Cover | None = None
    put_url: str = field(default="", repr=False, metadata=NOT_IN_DOCUMENTS)
    cover_url: str = field(default="", repr=False, metadata=NOT_IN_DOCUMENTS)
    shown: Cover | None = field(default=None, repr=False, metadata=NOT_IN_DOCUMENTS)
    snapshots: tuple[Snapshot, ...] = field(default=(), repr=False)
    evidence: Evidence = "details"
    request_id: str = ""
    snapshot_url: str = field(default="", repr=False, metadata=NOT_IN_DOCUMENTS)
    restored_from: str | None = None
    locked: LockLine | None = field(default=None, metadata=NOT_IN_DOCUMENTS)
    """Where the wanted snapshot is not the locked picture: its URL, and the lock line."""
    take: Take | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All verdicts but those in sync, each group in the order of the desired files; the rest as counts.
    `evidence`: by how many entries of all but the ignored ones it decided."""

    managed: int
    in_sync: int
    changes: tuple[Verdict, ...]
    pending: tuple[Verdict, ...]
    unknown: tuple[Verdict, ...]
    ignored: tuple[Verdict, ...]
    evidence: Mapping[Evidence, int] = field(default_factory=dict)
