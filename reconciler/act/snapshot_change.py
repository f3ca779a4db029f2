"""A change whose snapshot is to be taken, on its way to an outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.decide.outcome import Outcome
from reconciler.decide.precondition import ChangeResult, PlannedChange
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
        error=result.error,
    )


@dataclass(slots=True)
class SnapshotChange:
    """
    Attributes:
        deadline: for the snapshot, on the monotonic clock.
        before: the cover as it was just before the call.
        saved_cover: where it was saved, if it existed nowhere else.
        task: the call, once it was made or may have been made, by this run or an earlier one.
        billed: this run's call was accepted.
        looks: how many in a row found neither the snapshot nor a task under way.
    """

    change: PlannedChange
    deadline: float
    before: Cover
    saved_cover: str | None = None
    task: OpenTask | None = None
    billed: bool = False
    looks: int = 0

    @property
    def asset_id(self) -> str:
        return self.change.desired.asset_id

    def dot(self, observed: Observed) -> Snapshot | None:
        """The snapshot that was asked for, if it is there."""
        offset = self.change.desired.offset
        return next((one for one in observed.in_set("dots") if one.offset == offset), None)

    def outcome(self, result: ChangeResult) -> Outcome:
        """What became of it before the cover could be set."""
        return self.completed(outcome_of(self.change, result, self.saved_cover))

    def completed(self, outcome: Outcome) -> Outcome:
        """The outcome of setting the cover, with what was done before. After a task the cover may be another one,
        whatever became of the PUT."""
        take, error = self.change.take, outcome.error
        accepted = self.task is not None and self.task.accepted
        if error is not None and accepted and outcome.outcome == "failed" and error.type != "task_failed":
            error = replace(error, outcome_unknown=True)
        return replace(
            outcome,
            before=self.before,
            take=take,
            billed=len(self.task.dots) if self.billed and self.task is not None else None,
            saved_cover=self.saved_cover or outcome.saved_cover,
            error=error,
        )
