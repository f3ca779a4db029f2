"""A change whose snapshot is to be taken, on its way to an outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.decide.equality import same_cover
from reconciler.decide.outcome import Outcome
from reconciler.decide.precondition import ChangeResult, PlannedChange
from reconciler.decide.verdict import snapshot_at
from reconciler.model import Cover, Observed, Snapshot
from reconciler.state.runs import OpenTask


def outcome_of(change: PlannedChange, result: ChangeResult, saved_cover: str | None = None) -> Outcome:
    """What became of a change."""
    desired = change.desired
    return Outcome(
        desired.asset_id,
        result.outcome,
        desired.source,
        change.before,
        change.after,
        title=change.title,
        take=change.take,
        note=desired.note,
        saved_cover=saved_cover,
        restored_from=change.restored_from,
        error=result.error,
    )


@dataclass(slots=True)
class SnapshotChange:
    """
    Attributes:
        deadline: for the snapshot, on the monotonic clock.
        before: the cover as it was just before the call.
        snapshot_sha256: of the snapshot that it is, where that is known.
        saved_cover: where it was saved, if the task may leave it nowhere else.
        task: the call, if it was accepted or may have been carried out.
        called: it is this run's, not an earlier one's.
        refusal: the service's reason why it allowed no call yet.
        not_before: the next call after a refusal, on the monotonic clock.
        looks: how many in a row found neither the snapshot nor a task under way.
    """

    change: PlannedChange
    deadline: float
    before: Cover
    snapshot_sha256: str | None = None
    saved_cover: str | None = None
    task: OpenTask | None = None
    called: bool = False
    refusal: str = ""
    not_before: float = 0.0
    pause: float = 5.0
    looks: int = 0

    @property
    def asset_id(self) -> str:
        return self.change.desired.asset_id

    @property
    def accepted(self) -> bool:
        return self.task is not None and self.task.accepted

    @property
    def billed(self) -> int | None:
        """How many pictures this run pays for."""
        return len(self.task.dots) if self.called and self.task is not None and self.task.accepted else None

    def refuse(self, why: str, now: float) -> None:
        """The service allows no call now. Each takes a slot of the quota, so they come ever more rarely."""
        self.refusal, self.not_before, self.pause = why, now + self.pause, self.pause * 2

    def accept(self) -> None:
        """The service carries the call out, or has."""
        if self.task is not None:
            self.task = replace(self.task, accepted=True)

    def forget(self) -> None:
        """The call was not carried out."""
        self.task, self.called, self.looks = None, False, 0

    def dot(self, observed: Observed) -> Snapshot | None:
        """The snapshot that was asked for, if it is there."""
        return snapshot_at(observed, "dots", self.change.desired.offset)

    def outcome(self, result: ChangeResult) -> Outcome:
        """What became of it before the cover could be set."""
        return self.completed(outcome_of(self.change, result, self.saved_cover))

    def completed(self, outcome: Outcome) -> Outcome:
        """The outcome of setting the cover, with what was done before. After a task the cover may be another one,
        whatever became of the PUT."""
        error, saved = outcome.error, outcome.saved_cover
        if error is not None and self.task is not None and error.type != "task_failed":
            error = replace(error, outcome_unknown=True)
        if not same_cover(outcome.before, self.before):
            saved = None  # of what the task made the cover
        return replace(
            outcome,
            before=self.before,
            take=self.change.take,
            billed=self.billed,
            saved_cover=self.saved_cover or saved,
            error=error,
        )
