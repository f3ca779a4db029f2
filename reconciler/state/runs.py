"""What the journal says of one project: its runs, what a run changed, and what was applied a moment ago."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from reconciler.decide.outcome import CHANGED, OutcomeName
from reconciler.errors import UsageError
from reconciler.model import Cover
from reconciler.state.journal import NAME, IntentRecord, OutcomeRecord, Record, RunRecord, TaskRecord, read
from reconciler.state.shared import CLOCKS
from reconciler.util.sanitize import shorten

# Far more than one run can write within the minutes that count as recent.
_TAIL = 16 * 1024 * 1024
_UNKNOWN_TIME = datetime.min.replace(tzinfo=UTC)
_SEE = "See `reconcile history`."

WhyNot = Literal["not_a_snapshot", "no_cover_before", "snapshots_retaken", "cannot_tell", "changed_since"]
"""Why a change cannot be undone, besides the reasons of unknown assets."""


@dataclass(slots=True)
class PastRun:
    """One run, as counts. What its first record did not say is "" or None. No text in it is trusted."""

    run: str
    at: datetime | None
    user: str = ""
    host: str = ""
    revision: str = ""
    tool_version: str = ""
    files: tuple[str, ...] = ()
    rollback_of: str = ""
    outcomes: Counter[OutcomeName | None] = field(default_factory=Counter)
    _changed: bool = False
    """Some outcome says that a cover was changed, or may have been."""
    _open: set[str] = field(default_factory=set, repr=False)
    """Assets whose intent has no outcome yet: in a run that goes well, as many as are changed in parallel."""

    @property
    def unfinished(self) -> int:
        """Intents without an outcome: the run was killed, or is running; they may have been carried out."""
        return len(self._open)

    @property
    def may_have_changed(self) -> bool:
        return self._changed or bool(self._open)

    def add(self, record: Record) -> None:
        match record:
            case RunRecord():
                self._describe(record)
            case IntentRecord(asset_id=str(asset_id)):
                self._open.add(asset_id)
            case OutcomeRecord(asset_id=str(asset_id)):
                self.outcomes[record.outcome] += 1
                self._changed |= record.may_have_changed(intended=asset_id in self._open)
                self._open.discard(asset_id)

    def _describe(self, record: RunRecord) -> None:
        self.user, self.host = record.user or "", record.host or ""
        self.revision, self.tool_version = record.revision or "", record.tool_version or ""
        self.files = tuple(item.file for item in record.files if item.file)
        self.rollback_of = record.rollback_of or ""


@dataclass(frozen=True, slots=True)
class PastChange:
    """A cover that a run changed, or may have changed. `file` and `line` are its place in the journal."""

    asset_id: str
    at: datetime
    """The earliest time there is, where the journal does not say."""
    line: int
    before: Cover
    after: Cover
    snapshot_sha256: str | None = None
    """Of the snapshot that the cover before was, where that is known."""
    saved_cover: str | None = None
    """Where the cover before was saved, if it existed nowhere else."""
    certain: bool = True
    """False where no outcome is known, or no definite one."""
    older: tuple[Cover, ...] = ()
    """Covers before that one, replaced within the last minutes: some edge of the CDN may still show them."""
    file: str = ""
    dots: tuple[int, ...] = ()
    """The seconds that a snapshot task took for it: one of them may have been the cover."""

    @property
    def old_covers(self) -> tuple[Cover, ...]:
        """What may be shown until the cover after is visible."""
        return (self.before, *self.older)


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A snapshot task that a run started, or was about to start, and whose change has no definite end.

    Attributes:
        dots: the seconds that it takes.
        accepted: the service's answer was seen.
        before, snapshot_sha256, saved_cover: of the cover just before it, see PastChange.
    """

    dots: tuple[int, ...]
    accepted: bool = False
    before: Cover | None = None
    snapshot_sha256: str | None = None
    saved_cover: str | None = None

    @classmethod
    def of(cls, record: IntentRecord) -> OpenTask:
        before = record.before
        if before is None:
            return cls(record.dots)
        return cls(record.dots, False, before.cover(), before.snapshot_sha256, record.saved_cover)


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of one project in a state folder's journal, and those of a team. Those of other projects are skipped.

    Every method streams the journal, and raises StateError where it exists but cannot be read.

    Attributes:
        shared: records from the state that a team shares; some may stand in the journal, too.
        place: what messages call that state.
    """

    folder: Path
    endpoint: str
    project_id: str
    shared: Sequence[tuple[int, Record]] = ()
    place: str = ""

    @property
    def journal(self) -> str:
        return self.place or str(self.folder / NAME)

    def all(self) -> list[PastRun]:
        """In the order in which they started."""
        found: dict[str, PastRun] = {}
        for _, _, record in self._records():
            run = found.get(record.run)
            if run is None:
                run = found[record.run] = PastRun(record.run, record.at)
            run.add(record)
        return list(found.values())

    def find(self, wanted: str | None) -> PastRun:
        """The run with this ID, or the only one whose ID starts with it. Without one the last run that may have
        changed a cover and is not a rollback itself: a second rollback then finishes the first, and never goes on to
        an older run.

        Raises:
            UsageError: there is none, or more than one.
        """
        runs = self.all()
        if wanted is None:
            changed = [run for run in runs if run.may_have_changed and not run.rollback_of]
            if not changed:
                raise UsageError(
                    f"There is nothing to roll back: no apply in {self.journal} changed a cover", hint=_SEE
                )
            return changed[-1]
        named = [run for run in runs if run.run == wanted] or [run for run in runs if run.run.startswith(wanted)]
        if not wanted or not named:
            raise UsageError(f"There is no run {shorten(wanted)!r} of this project in {self.journal}", hint=_SEE)
        if len(named) > 1:
            listed = ", ".join(shorten(run.run) for run in named[:5]) + (", …" if len(named) > 5 else "")
            raise UsageError(
                f"{len(named)} runs begin with {shorten(wanted)!r}: {listed}", hint=f"Give more of it. {_SEE}"
            )
        return named[0]

    def changes(self, run: str) -> list[PastChange]:
        """What a run changed, or may have changed, in the order of its intents. Of an asset that it changed twice,
        the first cover before and the last one after."""
        changes: dict[str, PastChange | None] = {}
        intents: dict[str, PastChange] = {}

        def merge(change: PastChange) -> None:
            first = changes[change.asset_id] or change
            changes[change.asset_id] = replace(
                change,
                before=first.before,
                snapshot_sha256=first.snapshot_sha256,
                saved_cover=first.saved_cover,
                dots=first.dots or change.dots,
            )

        for file, line, record in self._records():
            if record.run != run or not isinstance(record, IntentRecord | OutcomeRecord):
                continue
            change = _past_change(file, line, record)
            if change is None:
                continue
            changes.setdefault(change.asset_id, None)
            intent = intents.pop(change.asset_id, None)
            if isinstance(record, IntentRecord):
                intents[change.asset_id] = change
                if intent is not None:
                    merge(intent)
            elif record.may_have_changed(intended=intent is not None):
                # The intent's line may be torn: what was applied is known from its outcome too.
                merge(replace(intent or change, certain=record.outcome in CHANGED))
        for intent in intents.values():
            merge(intent)
        return [change for change in changes.values() if change is not None]

    def recent(self, now: datetime, window: timedelta) -> dict[str, PastChange]:
        """The last applied change of each asset within the window, by asset ID, whether or not its cover was seen:
        another edge of the CDN may still show an old one. Times in the future are not believed."""
        found: dict[str, PastChange] = {}
        for file, line, record in self._records(_TAIL):
            change = _past_change(file, line, record) if isinstance(record, OutcomeRecord) else None
            latest = now + CLOCKS if file == self.place else now
            if change is not None and change.certain and now - window <= change.at <= latest:
                _add(found, replace(change, at=min(change.at, now)))
        return found

    def open_tasks(self, since: datetime) -> dict[str, OpenTask]:
        """By asset ID, the snapshot tasks since then whose changes have no definite end."""
        found: dict[str, OpenTask] = {}
        for _, _, record in self._records(_TAIL):
            if isinstance(record, RunRecord) or record.asset_id is None or (record.at or _UNKNOWN_TIME) < since:
                continue
            known = found.get(record.asset_id)
            if isinstance(record, IntentRecord) and record.dots:
                found[record.asset_id] = OpenTask.of(record)
            elif isinstance(record, TaskRecord) and known is not None:
                found[record.asset_id] = replace(known, accepted=True)
            elif isinstance(record, OutcomeRecord) and not record.leaves_open:
                found.pop(record.asset_id, None)
        return found

    def _records(self, tail: int | None = None) -> Iterator[tuple[str, int, Record]]:
        """All records, each with its file and line. A record that both hold is taken from the store."""
        own = str(self.folder / NAME)
        if not self.shared:
            yield from ((own, line, record) for line, record in self._of_project(read(self.folder, tail)))
            return
        found: dict[Record, tuple[str, int]] = {}
        for line, record in self._of_project(self.shared):
            found.setdefault(record, (self.place, line))
        for line, record in self._of_project(read(self.folder, tail)):
            # Of a run that the store has only a part of, the rest comes after it.
            found.setdefault(record, (own, line))
        # One run changes covers at a time. Its ID is from before it waited for the lock.
        began: dict[str, datetime] = {}
        for record in found:
            at = record.at or _UNKNOWN_TIME
            began[record.run] = min(began.get(record.run, at), at)
        for record, (file, line) in sorted(found.items(), key=lambda item: (began[item[0].run], item[0].run)):
            yield file, line, record

    def _of_project(self, records: Iterable[tuple[int, Record]]) -> Iterator[tuple[int, Record]]:
        for line, record in records:
            if record.endpoint == self.endpoint and record.project_id == self.project_id:
                yield line, record


def with_uncertain(
    recent: Mapping[str, PastChange], changes: Iterable[PastChange], since: datetime
) -> dict[str, PastChange]:
    """`recent`, and the changes since then whose outcome is not known, since they may still become visible."""
    found = dict(recent)
    for change in changes:
        known = found.get(change.asset_id)
        if not change.certain and change.at >= since and (known is None or known.at < change.at):
            _add(found, change)
    return found


def _add(recent: dict[str, PastChange], change: PastChange) -> None:
    known = recent.get(change.asset_id)
    recent[change.asset_id] = replace(change, older=known.old_covers) if known is not None else change


def _past_change(file: str, line: int, record: IntentRecord | OutcomeRecord) -> PastChange | None:
    if record.asset_id is None or record.before is None or record.after is None:
        return None
    return PastChange(
        record.asset_id,
        record.at or _UNKNOWN_TIME,
        line,
        record.before.cover(),
        record.after.cover(),
        record.before.snapshot_sha256,
        record.saved_cover if isinstance(record, IntentRecord) else None,
        certain=isinstance(record, OutcomeRecord) and record.outcome in CHANGED,
        file=file,
        dots=record.dots,
    )
