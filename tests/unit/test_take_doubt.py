"""Snapshots on demand where the service refuses, answers oddly or late: what is billed, told and remembered."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.fakes import FakeClock
from support.taking import DETAILS, LIST, POST, PUT, Machine, frame

from reconciler.decide.precondition import PlannedChange
from reconciler.emulator.pictures import drawn
from reconciler.model import Cover, SnapshotRef, Take
from reconciler.state.journal import IntentRecord, read

BUSY = httpx.Response(400, json={"error_code": "VOD.10083", "error_msg": "Another task is under way."})
ARREARS = httpx.Response(403, json={"error_code": "VOD.10120", "error_msg": "In arrears."})


@pytest.fixture
def make(tmp_path: Path, clock: FakeClock) -> Any:
    return lambda **emulator: Machine(tmp_path, clock, emulator)


def hidden(there: Machine) -> None:
    """The details show no dots."""
    there.edits[DETAILS] = lambda answer: answer["thumbnail_info"].pop("dots", None)


def test_a_refusal_after_another_task_ends_the_change(make: Any) -> None:
    there = make()
    there.faults[POST] = [(BUSY, False), (ARREARS, False)]
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, outcome.error.code, outcome.billed) == ("failed", "VOD.10120", None)
    assert there.count(POST) == 2, "it is not tried until the time is up"


def test_an_asset_that_never_allows_a_call_is_told_with_the_services_reason(make: Any) -> None:
    there = make()
    there.faults[POST] = [(BUSY, False)] * 100
    [outcome] = there.apply(frame(0, 7), seconds=60)
    assert outcome.error.type == "task_timeout"
    assert "VOD.10083: Another task is under way." in outcome.error.message
    assert "without another call" not in outcome.error.message


def test_a_call_whose_answer_was_lost_is_billed_once_its_snapshot_is_there(make: Any) -> None:
    there = make(task_seconds=50)
    there.faults[POST] = [(httpx.Response(504), True)]
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, outcome.billed, there.billed()) == ("applied", 1, 1)


def test_a_task_of_ones_own_is_waited_for_where_the_service_refuses_another(make: Any) -> None:
    """The first call's answer is lost, and the details do not show its task yet."""
    there = make(task_seconds=50)
    there.faults[POST] = [(httpx.Response(504), True)]
    there.edits["GET tasks"] = lambda answer: answer.update(results=[])

    def late(answer: dict[str, Any]) -> None:
        if there.count(LIST) == 0:
            answer["thumbnail_info"]["thumbnail_status"] = "THUMBNAIL_SUCCEED"

    there.edits[DETAILS] = late
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, there.billed()) == ("applied", 1)


def test_an_answer_about_another_asset_is_no_answer(make: Any) -> None:
    there = make(task_seconds=50)
    there.edits[POST] = lambda answer: answer.update(asset_id="f" * 32)
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, outcome.error.outcome_unknown) == ("failed", True)
    assert f"another asset, {'f' * 32}" in outcome.error.message
    there.edits.clear()
    assert [one.outcome for one in there.apply(frame(0, 7))] == ["applied"]
    assert there.billed() == 1


def test_what_the_details_call_under_way_is_waited_for(make: Any) -> None:
    """Whatever the list says, and where there is no list of tasks."""
    there = make(task_seconds=50)
    there.faults["GET tasks"] = [(httpx.Response(404), False)] * 100
    there.edits[LIST] = lambda answer: [one.update(thumbnail_status="THUMBNAIL_SUCCEED") for one in answer["assets"]]
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, there.billed()) == ("applied", 1)


def test_a_task_that_was_called_late_has_its_whole_time(make: Any) -> None:
    there = make(task_seconds=90)
    there.faults[POST] = [(BUSY, False)] * 4
    [outcome] = there.apply(frame(0, 7), seconds=100)
    assert (outcome.outcome, there.billed()) == ("applied", 1)


def test_a_plan_that_pays_for_nothing_has_nothing_taken(make: Any) -> None:
    """Of a saved plan, `accepted` says that an earlier run paid; `--max-snapshots` does not count it."""
    there = make()
    [change] = there.plan(frame(0, 7)).changes
    step = PlannedChange(
        change.desired, change.title, change.before, Cover(None, SnapshotRef("dots", None, 7)), Take(7, accepted=True)
    )
    [outcome] = there.apply(planned=[step])
    assert (outcome.outcome, there.billed()) == ("stale", 0)
    assert "has ended without the snapshot" in outcome.error.message


def test_an_accepted_task_is_not_forgotten_while_the_details_lag(make: Any) -> None:
    """The cover that the task made is shown before its snapshot is listed."""
    there = make(task_seconds=10)
    there.killed_while_taking(frame(0, 7))
    plan = there.plan(frame(0, 7))
    there.clock.time += 20
    hidden(there)
    [outcome] = there.apply(plan=plan)
    assert (outcome.outcome, outcome.error.outcome_unknown) == ("failed", True)
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, there.billed()) == ("failed", 1)


def test_a_dot_that_is_the_cover_is_saved_since_the_task_may_take_it_again(make: Any) -> None:
    there = make(dots="replace")
    there.apply(frame(0, 5))
    there.clock.time += 600
    [outcome] = there.apply(frame(0, 9))
    assert (outcome.outcome, outcome.before.snapshot.offset) == ("applied", 5)
    saved = hashlib.sha256(Path(outcome.saved_cover).read_bytes()).hexdigest()
    assert saved == outcome.before.content.sha256


def test_a_cover_that_the_task_made_is_not_the_one_from_before(make: Any) -> None:
    """Re-encoded, it is none of the snapshots, and saved; but it is not the old cover."""
    there = make(task_seconds=5, cover_mode="recode")
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, outcome.before.snapshot.set, outcome.saved_cover) == ("applied", "sample", None)


def test_the_service_may_make_the_wanted_frame_the_cover(make: Any) -> None:
    there = make(task_seconds=5)
    there.apply(frame(0, 5))
    there.apply(frame(0, 9))
    bodies = [there.body(request) for request in there.bodies if request.method == "POST"]
    assert [(body["thumbnail"]["dots"], body["thumbnail"]["cover_position"]) for body in bodies] == [
        ([5], 1),
        ([5, 9], 2),
    ]


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [
        (403, "VOD.10111", "vod:asset:createProcessTask"),
        (403, "IAM.0001", "vod:asset:createProcessTask"),
        (403, "VOD.10062", "correct its asset ID"),
        (403, "VOD.10120", "Pay the bill"),
    ],
)
def test_a_refusal_says_what_to_do_about_it(make: Any, status: int, code: str, hint: str) -> None:
    there = make()
    there.faults[POST] = [(httpx.Response(status, json={"error_code": code, "error_msg": "No."}), False)]
    [outcome] = there.apply(frame(0, 7))
    assert hint in outcome.error.message


@pytest.mark.parametrize("status", [401, 500])
def test_a_task_of_an_earlier_run_is_not_forgotten_where_it_cannot_be_looked_for(make: Any, status: int) -> None:
    there = make(task_seconds=10)
    there.killed_while_taking(frame(0, 7))
    plan = there.plan(frame(0, 7))
    there.clock.time += 20
    broken = {"error_code": "", "error_msg": "No."}
    there.faults[DETAILS] = [(httpx.Response(status, json=broken), False)] * 5
    [outcome] = there.apply(plan=plan)
    assert (outcome.outcome, outcome.error.outcome_unknown) == ("failed", True)
    there.faults.clear()
    hidden(there)
    there.apply(frame(0, 7))
    assert there.billed() == 1


def test_without_permission_to_list_tasks_the_details_tell(make: Any) -> None:
    there = make(task_seconds=30)
    there.faults["GET tasks"] = [(httpx.Response(403, json={"error_code": "VOD.10111"}), False)] * 20
    there.faults[POST] = [(httpx.Response(504), True)]
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, there.billed()) == ("applied", 1)


def test_a_mistake_of_the_program_leaves_a_report(make: Any) -> None:
    """It may come of an answer that nobody thought of."""
    there = make(task_seconds=30)

    def break_down(_: dict[str, Any]) -> None:
        if there.count(LIST) == 3:
            raise ZeroDivisionError

    there.edits[LIST] = break_down
    found = there.apply(frame(0, 7), frame(1, 9))
    assert [(one.outcome, one.error.type, one.billed) for one in found] == [("failed", "internal", 1)] * 2


def test_an_uploaded_cover_is_not_compared_with_every_snapshot_of_a_long_video(make: Any) -> None:
    there = make()
    there.upload(frame(0, 7).asset_id, drawn("f" * 32, "sample", 3).data)

    def long(answer: dict[str, Any]) -> None:
        samples = answer["thumbnail_info"]["sample"]
        url = samples[0]["url"].rpartition("/")[0]
        samples += [{"offset": second, "url": f"{url}/{second}.jpg"} for second in range(1000, 2000)]

    there.edits[DETAILS] = long
    [change] = there.plan(frame(0, 7)).changes
    assert change.before is not None
    assert change.before.snapshot is None
    assert len(there.asked) < 250


def test_a_cover_that_was_uploaded_while_an_earlier_runs_task_ran_is_saved_and_recorded(make: Any) -> None:
    there = make(task_seconds=30)
    theirs = drawn("e" * 32, "sample", 3).data
    there.killed_while_taking(frame(0, 7))
    there.upload(frame(0, 7).asset_id, theirs)
    plan = there.plan(frame(0, 7))

    def again() -> None:
        if there.asked[-1:] == ["GET 7.jpg"] and there.count(PUT) == 0:
            there.upload(frame(0, 7).asset_id, theirs)

    there.killed = again
    [outcome] = there.apply(plan=plan)
    assert outcome.outcome == "applied"
    intents = [one for _, one in read(there.folder / "state") if isinstance(one, IntentRecord)]
    assert intents[-1].saved_cover == outcome.saved_cover
    assert Path(outcome.saved_cover).read_bytes() == theirs


def test_an_asset_without_any_snapshot_names_the_flag(make: Any) -> None:
    there = make()
    there.edits[DETAILS] = lambda answer: answer.pop("thumbnail_info")
    [unknown] = there.plan(frame(0, 7), take=False).unknown
    assert unknown.reason == "no_snapshots"
    assert "--take-snapshots" in unknown.message
    assert [change.take.offset for change in there.plan(frame(0, 7)).changes] == [7]
