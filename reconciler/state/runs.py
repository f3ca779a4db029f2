"""Runs as the journal tells them: who did what when, and which covers a run may have changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from reconciler.errors import UsageError
from reconciler.state.journal import NAME, VERSION, Applied, CoverRecord, numbered_records
from reconciler.util.ids import LOWER_ID
from reconciler.util.sanitize import shorten

_MOST_TEXT = 1024
_SEE = "See `reconcile history`."

Effect = Literal["none", "perhaps", "certain"]
WhyNot = Literal["not_a_snapshot", "no_cover_before", "snapshots_retaken", "cannot_tell", "changed_since"]
"""Why a change can't be undone, besides the reasons of unknown assets."""


@dataclass(slots=True)
class Run:
    """One run, as counts. What its first record did not say is "" or None; no text in it is to be trusted."""

    run: str
    at: datetime | None
    user: str = ""
    host: str = ""
    revision: str = ""
    tool_version: str = ""
    files: tuple[str, ...] = ()
    rollback_of: str = ""
    applied: int = 0
    failed: int = 0
    stale: int = 0
    unchanged: int = 0
    _perhaps: int = 0
    _open: set[bytes] = field(default_factory=set, repr=False)
    """Assets whose intent has no outcome yet: while a run goes well, as many as are on their way at a time."""

    @property
    def unfinished(self) -> int:
        """Intents without an outcome: the run was killed, or is running; they may have been carried out."""
        return len(self._open)

    @property
    def may_have_changed(self) -> bool:
        return bool(self.applied or self._perhaps or self._open)

    def take(self, record: dict[str, Any]) -> None:
        kind = record.get("kind")
        if kind == "run":
            self._head(record)
        elif kind in ("intent", "outcome") and _is_id(record.get("asset_id")):
            asset = bytes.fromhex(record["asset_id"])
            if kind == "intent":
                self._open.add(asset)
            else:
                self._outcome(record, intended=asset in self._open)
                self._open.discard(asset)

    def _head(self, record: dict[str, Any]) -> None:
        self.user, self.host = _text(record.get("user")), _text(record.get("host"))
        self.revision, self.tool_version = _text(record.get("revision")), _text(record.get("tool_version"))
        self.rollback_of = _text(record.get("rollback_of"))
        listed = record.get("files")
        named = (item.get("file") for item in listed if isinstance(item, dict)) if isinstance(listed, list) else ()
        self.files = tuple(text for text in map(_text, named) if text)

    def _outcome(self, record: dict[str, Any], *, intended: bool) -> None:
        match record.get("outcome"):
            case "applied":
                self.applied += 1
            case "failed":
                self.failed += 1
                self._perhaps += _effect(record, intended=intended) == "perhaps"
            case "stale":
                self.stale += 1
            case "unchanged":
                self.unchanged += 1


@dataclass(frozen=True, slots=True)
class PastChange:
    """A cover that a run changed, or may have changed. `line` is its place in the journal."""

    asset_id: str
    line: int
    before: CoverRecord
    after: CoverRecord
    saved_cover: str | None
    """Where the picture was saved that stood there before, if it existed nowhere else."""
    certain: bool
    """False where no outcome, or none that is sure, is known."""
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of one project in a state folder's journal. Others in the same journal are passed over.

    Every method streams the journal, and raises StateError where it is there but can't be read.
    """

    folder: Path
    endpoint: str
    project_id: str

    @property
    def journal(self) -> Path:
        return self.folder / NAME

    def all(self) -> list[Run]:
        """In the order in which they began, as the journal has it."""
        found: dict[str, Run] = {}
        for _, record in self._records():
            run = found.get(record["run"])
            if run is None:
                run = found[record["run"]] = Run(record["run"], _moment(record.get("at")))
            run.take(record)
        return list(found.values())

    def find(self, wanted: str | None) -> Run:
        """The run with this ID, or whose ID alone begins so; without one the last that may have
        changed a cover and is no rollback itself. What of it was undone already is found to be so: a second rollback
        finishes the first, and none goes on to an older run unasked.

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
            told = ", ".join(shorten(run.run) for run in named[:5]) + (", …" if len(named) > 5 else "")
            raise UsageError(
                f"{len(named)} runs begin with {shorten(wanted)!r}: {told}", hint=f"Give more of it. {_SEE}"
            )
        return named[0]

    def changes(self, run: str) -> list[PastChange]:
        """What a run changed, or may have changed, in the order of its intents. Of an asset that it changed twice,
        the first cover before and the last one after."""
        assets: dict[str, _Asset] = {}
        for line, record in self._records():
            if record["run"] != run or not _is_id(record.get("asset_id")):
                continue
            if record.get("kind") not in ("intent", "outcome"):
                continue
            change = _change(line, record)
            if change is not None:
                assets.setdefault(change.asset_id, _Asset()).take(record, change)
        return [change for change in (asset.result() for asset in assets.values()) if change is not None]

    def perhaps_recent(self, changes: Iterable[PastChange], run: str, since: datetime) -> dict[str, Applied]:
        """The changes since then of which it is not known whether they came about, as if they had, by asset ID: they
        may still become visible."""
        return {
            change.asset_id: Applied(
                v=VERSION,
                kind="intent",
                run=run,
                at=change.at,
                endpoint=self.endpoint,
                project_id=self.project_id,
                asset_id=change.asset_id,
                before=change.before,
                after=change.after,
            )
            for change in changes
            if not change.certain and change.at is not None and change.at >= since
        }

    def _records(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for line, record in numbered_records(self.folder):
            mine = record.get("endpoint") == self.endpoint and record.get("project_id") == self.project_id
            run = record.get("run")
            if mine and isinstance(run, str) and 0 < len(run) <= _MOST_TEXT and _text(run) == run:
                yield line, record


@dataclass(slots=True)
class _Asset:
    """One asset's records within one run, folded."""

    _done: PastChange | None = None
    _intended: PastChange | None = None

    def take(self, record: dict[str, Any], change: PastChange) -> None:
        if record["kind"] == "intent":
            self._settle("perhaps", self._intended)
            self._intended = change
            return
        # The intent's line may be torn: what was applied is known from its outcome too.
        self._settle(_effect(record, intended=self._intended is not None), self._intended or change)
        self._intended = None

    def result(self) -> PastChange | None:
        self._settle("perhaps", self._intended)
        self._intended = None
        return self._done

    def _settle(self, effect: Effect, change: PastChange | None) -> None:
        if effect == "none" or change is None:
            return
        first = self._done or change
        self._done = replace(change, before=first.before, saved_cover=first.saved_cover, certain=effect == "certain")


def _effect(record: dict[str, Any], *, intended: bool) -> Effect:
    """What an outcome says of the cover. Journals from before "perhaps" was written leave it open."""
    if record.get("outcome") == "applied":
        return "certain"
    failed = record.get("outcome") == "failed"
    return "perhaps" if failed and intended and record.get("perhaps") is not False else "none"


def _change(line: int, record: dict[str, Any]) -> PastChange | None:
    try:
        before = CoverRecord.model_validate(record.get("before"))
        after = CoverRecord.model_validate(record.get("after"))
    except ValidationError:
        return None
    saved = _text(record.get("saved_cover")) or None
    return PastChange(record["asset_id"], line, before, after, saved, certain=False, at=_moment(record.get("at")))


def _is_id(value: object) -> bool:
    return isinstance(value, str) and LOWER_ID.fullmatch(value) is not None


def _text(value: object) -> str:
    """Text of a bounded length that can be encoded; "" for anything else."""
    return value[:_MOST_TEXT].encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def _moment(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        return at.astimezone(UTC) if at is not None and at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
