"""Rollbacks of runs that ended on the way from a snapshot task to the cover."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fakes import FakeClock
from support.taking import BASE, LIST, PUT, Machine, frame

from reconciler.emulator import options
from reconciler.emulator.pictures import drawn
from reconciler.model import SnapshotRef
from reconciler.planning.rollback import RollbackPlan, RollbackPlanner
from reconciler.planning.selection import Selection
from reconciler.state.project_state import ProjectState
from reconciler.state.runs import with_uncertain
from reconciler.state.shared import PENDING


@pytest.fixture
def make(tmp_path: Path, clock: FakeClock) -> Any:
    return lambda **emulator: Machine(tmp_path, clock, emulator)


def undoing(there: Machine) -> RollbackPlan:
    """What a rollback of the last run would do."""
    state = ProjectState(there.folder / "state", BASE, options.PROJECT_ID, there.clock)
    runs = state.local
    changes = runs.changes(runs.find(None).run)

    async def main() -> RollbackPlan:
        planner = await there.planner(take=False)
        recent = with_uncertain(planner.recent, changes, there.clock.now() - PENDING)
        rolling = RollbackPlanner(replace(planner, recent=recent, undoing=True), state, force=False)
        return await rolling.make_plan(changes, Selection(), 8, lambda: None)

    return there.clock.run(main())


def test_the_cover_that_a_killed_run_left_is_undone(make: Any) -> None:
    there = make(task_seconds=10)
    there.killed_while_taking(frame(0, 7))
    assert [item.reason for item in undoing(there).blocked] == ["snapshots_in_progress"]
    there.clock.time += 20
    found = undoing(there)
    assert not found.blocked
    [back] = found.plan.changes
    assert back.before is not None
    assert back.after is not None
    assert back.before.snapshot == SnapshotRef("dots", None, 7)
    assert back.after.snapshot is not None
    assert back.after.snapshot.set == "sample"


def test_a_cover_that_a_killed_run_never_touched_is_as_it_was(make: Any) -> None:
    there = make(failing_tasks=1, task_seconds=10)
    there.upload(frame(0, 7).asset_id, drawn("f" * 32, "sample", 3).data)
    there.killed_while_taking(frame(0, 7))
    there.clock.time += 20
    found = undoing(there)
    assert (found.blocked, found.plan.in_sync) == ((), 1)


def test_a_stale_change_whose_task_changed_the_cover_can_be_undone(make: Any) -> None:
    there = make(task_seconds=30)
    asset_id = frame(0, 7).asset_id

    def during() -> None:
        if there.count(LIST) == 7:
            there.upload(asset_id, drawn("e" * 32, "sample", 3).data)

    there.killed = during
    [outcome] = there.apply(frame(0, 7))
    there.killed = lambda: None
    assert (outcome.outcome, there.count(PUT)) == ("stale", 0)
    assert [item.reason for item in undoing(there).blocked] == ["changed_since"]
