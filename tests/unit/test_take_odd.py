"""Snapshots on demand from a service that behaves oddly: what is said of it, and that nothing is paid for again."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from support.fakes import FakeClock
from support.taking import DETAILS, LIST, POST, PUT, TASKS, Machine, frame

from reconciler.errors import StateError
from reconciler.model import Take
from reconciler.state.journal import Journal, Record, TaskRecord
from reconciler.util.rate import Rate


@pytest.fixture
def make(tmp_path: Any, clock: FakeClock) -> Any:
    return lambda **emulator: Machine(tmp_path, clock, emulator)


def refusal(status: int, code: str) -> tuple[httpx.Response, bool]:
    return httpx.Response(status, json={"error_code": code, "error_msg": "No."}), False


def outcomes(found: Any) -> list[str]:
    return [one.outcome for one in found]


def test_time_in_the_queue_for_the_quota_does_not_count(make: Any) -> None:
    """With 24 changes in progress and two calls a minute, the last task starts after eleven minutes."""
    there = make(task_seconds=30)
    found = there.apply(*(frame(number, 1) for number in range(24)), parallelism=24, writes=Rate(2, 60), seconds=600)
    assert set(outcomes(found)) == {"applied"}
    assert there.count(POST) == there.count(PUT) == 24


def test_after_a_401_all_that_a_task_changed_can_be_undone(make: Any) -> None:
    there = make(task_seconds=30)

    def expire() -> None:
        if there.count(LIST) == 6:
            there.faults[PUT] = [refusal(401, "APIGW.0301")] * 2

    there.killed = expire
    found = there.apply(frame(0, 7), frame(1, 7))
    assert outcomes(found) == ["failed", "failed"]
    lines = [json.loads(line) for line in (there.folder / there.state / "journal.jsonl").read_text().splitlines()]
    assert [one["perhaps"] for one in lines if one["kind"] == "outcome"] == [True, True]
    there.faults.clear()
    there.killed = lambda: None
    assert there.billed() == 2


@pytest.mark.parametrize("status", [403, 404])
def test_without_the_tasks_call_the_details_tell_of_a_failure(make: Any, status: int) -> None:
    there = make(task_seconds=30, failing_tasks=1)
    there.faults[TASKS] = [refusal(status, "APIGW.0101")] * 50
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, outcome.error.type) == ("failed", "task_failed")
    assert outcomes(there.apply(frame(0, 7))) == ["applied"]


def test_a_failure_of_an_older_task_is_not_taken_for_its_own(make: Any) -> None:
    """The service lists a new task a moment later."""
    there = make(task_seconds=30, failing_tasks=1)
    there.apply(frame(0, 7))
    there.edits[TASKS] = lambda answer: answer["results"].pop(0) if len(answer["results"]) > 1 else None
    there.edits[LIST] = lambda answer: answer["assets"][0].update(thumbnail_status="THUMBNAIL_FAILED")
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, there.billed()) == ("applied", 2)


@pytest.mark.parametrize("length", [100, 5_000_000])
def test_an_accepted_task_is_remembered_whatever_its_id(make: Any, length: int) -> None:
    there = make(task_seconds=100)
    named = json.dumps({"thumbnail_task_id": "\ud800 ::error::" + "x" * length})
    there.faults[POST] = [(httpx.Response(202, content=named), True)]
    there.apply(frame(0, 7), stop=10)
    there.clock.time += 100
    there.edits[DETAILS] = lambda answer: answer["thumbnail_info"].pop("dots", None)
    assert outcomes(there.apply(frame(0, 7))) == ["failed"]
    assert there.count(POST) == there.billed() == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<html>", b'{"thumbnail_task_id": {}}', b'{"asset_id": []}'])
@pytest.mark.parametrize("carried_out", [True, False])
def test_an_answer_that_says_nothing_is_not_paid_for_twice(make: Any, body: bytes, carried_out: bool) -> None:
    there = make(task_seconds=30)
    there.faults[POST] = [(httpx.Response(202, content=body), carried_out)]
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, there.billed()) == ("applied", 1)


def test_what_is_paid_for_already_is_not_planned_as_billed(make: Any) -> None:
    there = make()
    there.edits[DETAILS] = lambda answer: [
        dot.update(offset=dot["offset"] + 1) for dot in answer["thumbnail_info"].get("dots", ())
    ]
    there.apply(frame(0, 7))
    [change] = there.plan(frame(0, 7)).changes
    assert (change.take.accepted, change.take.billed) == (True, 0)
    assert outcomes(there.apply(frame(0, 7))) == ["failed"]
    assert there.billed() == 1


def test_a_service_that_allows_no_task_is_not_asked_again_and_again(make: Any) -> None:
    """Each call takes a slot of the quota. The asset may be in a state that no waiting ends."""
    there = make()
    there.faults[POST] = [refusal(400, "VOD.10083")] * 100
    [outcome] = there.apply(frame(0, 7), seconds=600)
    assert (outcome.outcome, outcome.error.type, outcome.billed) == ("failed", "task_timeout", None)
    assert there.count(POST) < 10


def test_a_picture_that_the_cdn_has_a_moment_later(make: Any) -> None:
    there = make()
    there.faults["GET 7.jpg"] = [(httpx.Response(404), False)] * 2
    assert outcomes(there.apply(frame(0, 7))) == ["applied"]


def test_a_picture_that_the_cdn_never_has_is_not_paid_for_again(make: Any) -> None:
    there = make()
    there.faults["GET 7.jpg"] = [(httpx.Response(404), False)] * 20
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, outcome.error.type, outcome.billed) == ("failed", "content_unavailable", 1)
    there.faults.clear()
    there.apply(frame(0, 7))
    assert there.plan(frame(0, 7)).in_sync == there.billed() == 1


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_is_set_meanwhile_forgets_no_task(make: Any, minutes: int) -> None:
    there = make(task_seconds=2000)
    there.apply(frame(0, 7), stop=10)
    there.clock.time += 60 * minutes
    [change] = there.plan(frame(0, 7)).changes
    assert change.take.accepted
    there.clock.time += 2000
    there.apply(frame(0, 7))
    assert (there.plan(frame(0, 7)).in_sync, there.billed()) == (1, 1)


def test_a_disk_that_is_full_after_the_call_costs_nothing_more(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    there = make(task_seconds=30)
    append = Journal.append

    def full(self: Journal, record: Record) -> bytes:
        if isinstance(record, TaskRecord):
            raise StateError("The journal cannot be written: No space left on device")
        return append(self, record)

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "append", full)
        found = there.apply(frame(0, 7), frame(1, 7), parallelism=1)
    assert [(one.outcome, one.billed) for one in found] == [("failed", 1), ("not_attempted", None)]
    assert set(outcomes(there.apply(frame(0, 7), frame(1, 7)))) == {"applied"}
    assert there.billed() == 2


@pytest.mark.parametrize(
    "take", [Take(10**9), Take(10**30), Take(7, (8, 9)), Take(7, (), (1, 2)), Take(7, accepted=True)]
)
def test_a_plan_that_somebody_wrote_has_nothing_taken_that_it_should_not(make: Any, take: Take) -> None:
    there = make()
    plan = there.plan(frame(0, 7))
    [change] = plan.changes
    wanted = replace(change.desired, offset=take.offset)
    [outcome] = there.apply(plan=replace(plan, changes=(replace(change, desired=wanted, take=take),)))
    assert outcome.outcome in ("failed", "stale")
    assert there.count(POST) == there.billed() == 0


def test_one_asset_twice_in_a_plan_is_taken_once(make: Any) -> None:
    there = make(task_seconds=3)
    plan = there.plan(frame(0, 7))
    found = there.apply(plan=replace(plan, changes=plan.changes * 2))
    assert outcomes(found) == ["applied", "unchanged"]
    assert there.billed() == 1
