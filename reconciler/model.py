"""The values that travel between the rooms. All frozen; none knows I/O, formats or the clock."""

from __future__ import annotations

from dataclasses import dataclass, field
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


Reason = Literal[
    "asset_not_found",
    "no_snapshots",
    "snapshots_in_progress",
    "snapshot_out_of_range",
    "no_snapshot_at_offset",
    "foreign_snapshot",
    "content_unavailable",
    "api_error",
]
NumberKey = Literal["index", "snapshot", "offset"]
"""Where an entry's number stands: "index" where it is the whole entry, otherwise at that key."""
State = Literal["in_sync", "update", "pending", "unknown", "ignored"]
Compare = Literal["auto", "url", "content"]
SNAPSHOTS_IN_PROGRESS = "THUMBNAILING"
"""The service's word for it: what snapshots there are may be gone, or others, a moment later."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot of an asset. `index` counts from 0 in order of offset, `offset` is in seconds. The URL is as the
    API gave it: its query may be a secret, so it stays out of `repr` and of every document."""

    set: SetName
    index: int
    offset: int
    url: str = field(repr=False)

    @property
    def ref(self) -> SnapshotRef:
        return SnapshotRef(self.set, self.index, self.offset)


@dataclass(frozen=True, slots=True)
class SnapshotRef:
    """Which snapshot, without its URL."""

    set: SetName
    index: int
    offset: int


@dataclass(frozen=True, slots=True)
class Content:
    """A picture's bytes, by their SHA-256 (hex) and length."""

    sha256: str
    length: int


@dataclass(frozen=True, slots=True)
class Observed:
    """What the API says of one asset. `cover_url` is "" where there is no cover."""

    asset_id: str
    title: str
    cover_url: str = field(repr=False)
    thumbnail_status: str
    snapshots: tuple[Snapshot, ...]
    """All sets, each in order of offset."""

    def in_set(self, name: SetName) -> tuple[Snapshot, ...]:
        return tuple(snapshot for snapshot in self.snapshots if snapshot.set == name)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why an asset, or a picture, could not be observed: a value, not an exception."""

    reason: Reason
    message: str
    permanent: str = ""
    """If no later attempt can succeed: why, in a few words ("HTTP 404")."""


@dataclass(frozen=True, slots=True)
class Cover:
    """A cover as reports show it. `url` stands without its query; `snapshot` is None where the picture is none of
    the asset's snapshots or was not identified; `content` is there where the bytes were read."""

    url: str
    snapshot: SnapshotRef | None = None
    content: Content | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What stands for one desired entry.

    `before` and `after` are there for `update`, and for `in_sync` where the details were read; `put_url` and
    `cover_url` are the wanted snapshot's and the current cover's URLs as the API gave them, there for `update`;
    `reason` and `message` for `unknown`; `snapshots` are all that the asset has, where a report is to show them.
    """

    desired: Desired
    state: State
    title: str = ""
    reason: Reason | None = None
    message: str = ""
    before: Cover | None = None
    after: Cover | None = None
    put_url: str = field(default="", repr=False)
    cover_url: str = field(default="", repr=False)
    snapshots: tuple[Snapshot, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """What only the pictures' bytes can answer: is the cover the wanted snapshot, and if not, which one is it?"""

    desired: Desired
    observed: Observed
    wanted: Snapshot


@dataclass(frozen=True, slots=True)
class Plan:
    """The verdicts worth telling, each group in the order of the desired files; the rest as counts."""

    managed: int
    in_sync: int
    changes: tuple[Verdict, ...]
    pending: tuple[Verdict, ...]
    unknown: tuple[Verdict, ...]
    ignored: tuple[Verdict, ...]


OutcomeName = Literal["applied", "failed", "stale", "unchanged", "not_attempted"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a change did not come about: the error's type, the service's code, and what support will ask for."""

    type: str
    message: str
    code: str = ""
    status: int | None = None
    request_id: str = ""
    outcome_unknown: bool = False
    """The change may have been made: no usable answer came."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one planned change. `verified`: seen as wanted, looked for and not seen, or not looked at."""

    asset_id: str
    outcome: OutcomeName
    source: Source
    before: Cover
    after: Cover
    title: str = ""
    note: str | None = None
    verified: bool | None = None
    saved_cover: str | None = None
    """Where the picture was saved that this change replaced, if it existed nowhere else."""
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """`amount` calls in any `seconds`."""

    amount: int
    seconds: float

    def seconds_for(self, calls: int) -> float:
        """How long the last of `calls` has to wait when a whole window may go out at once."""
        return max(0, calls - 1) // self.amount * self.seconds


READ_RATE = Rate(1500, 60)
WRITE_RATE = Rate(100, 60)
