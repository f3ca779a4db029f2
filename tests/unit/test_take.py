"""Snapshots on demand: taken once, paid for once, and set; whatever happens on the way."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.fakes import ASSET, FakeClock, snapshot_url
from support.taking import LIST, POST, PUT, KilledError, Machine, frame

from reconciler.decide.taking import plan_take
from reconciler.emulator.pictures import drawn
from reconciler.model import Desired, NoAnswer, Observed, Plan, Snapshot, Take
from reconciler.util.rate import Rate


@pytest.fixture
def make(tmp_path: Path, clock: FakeClock) -> Any:
    return lambda **emulator: Machine(tmp_path, clock, emulator)


def outcomes(found: Any) -> list[str]:
    return [one.outcome for one in found]


def in_sync(plan: Plan) -> bool:
    return plan.in_sync == plan.managed


@pytest.mark.parametrize("cover_mode", ["copy", "reference", "recode"])
@pytest.mark.parametrize("dots", ["accumulate", "replace"])
def test_a_second_without_a_snapshot_becomes_the_cover(make: Any, cover_mode: str, dots: str) -> None:
    there = make(task_seconds=40, cover_mode=cover_mode, dots=dots)
    wanted = frame(0, 37), frame(1, 9)
    plan = there.plan(*wanted)
    assert [change.take.offset for change in plan.changes] == [37, 9]
    assert outcomes(there.apply(*wanted)) == ["applied", "applied"]
    assert (there.count(POST), there.count(PUT), there.billed()) == (2, 2, 2)
    again = there.plan(*wanted)
    assert not again.unknown
    if cover_mode != "recode":  # --wait learns what a re-encoded cover was made of
        assert in_sync(again)


def test_without_the_flag_none_is_planned(make: Any) -> None:
    there = make()
    plan = there.plan(frame(0, 37), take=False)
    assert [item.reason for item in plan.unknown] == ["no_snapshot_at_offset"]
    assert "--take-snapshots" in plan.unknown[0].message


def test_tasks_are_asked_for_together(make: Any) -> None:
    there = make(task_seconds=300)
    wanted = [frame(number, 1) for number in range(24)]
    assert set(outcomes(there.apply(*wanted))) == {"applied"}
    assert there.count(POST) == there.count(PUT) == 24
    rounds = there.count(LIST) / 3
    assert rounds == int(rounds), "24 assets are three calls"
    assert rounds < 40


def test_tasks_and_covers_share_the_quota_of_writes(make: Any) -> None:
    there = make(task_seconds=1)
    began = there.clock.time
    assert outcomes(there.apply(frame(0, 7), frame(1, 7), writes=Rate(1, 60))) == ["applied", "applied"]
    assert there.clock.time - began >= 180


def test_present_dots_are_taken_again_so_that_they_stay(make: Any) -> None:
    there = make(dots="replace")
    there.apply(frame(0, 7))
    change = there.plan(frame(0, 9)).changes[0]
    assert (change.take.offset, change.take.again, change.take.billed) == (9, (7,), 2)
    [outcome] = there.apply(frame(0, 9))
    assert (outcome.outcome, outcome.billed) == ("applied", 2)
    assert in_sync(there.plan(frame(0, 7), take=False)) is False  # it is there, and would be set
    assert [item.state for item in there.plan(frame(0, 7), take=False).changes] == ["update"]


def test_the_call_is_the_apis(make: Any) -> None:
    there = make()
    there.apply(frame(0, 7))
    sent = next(request for request in there.bodies if request.method == "POST")
    thumbnail = {
        "type": "dots",
        "dots": [7],
        "cover_position": 1,
        "format": 1,
        "aspect_ratio": 0,
        "max_length": 1080,
    }
    assert json.loads(sent.content) == {"asset_id": frame(0, 7).asset_id, "thumbnail": thumbnail}


def test_a_failed_task_fails_its_change_alone_and_may_be_tried_again(make: Any) -> None:
    there = make(failing_tasks=1, task_seconds=5)
    found = there.apply(frame(0, 7), frame(1, 7), parallelism=1)
    assert outcomes(found) == ["failed", "applied"]
    assert found[0].error.type == "task_failed"
    assert outcomes(there.apply(frame(0, 7))) == ["applied"]


def test_a_task_that_does_not_end_is_taken_up_by_the_next_apply(make: Any) -> None:
    there = make(task_seconds=1000)
    [late] = there.apply(frame(0, 7), seconds=600)
    assert (late.outcome, late.error.type, late.billed) == ("failed", "task_timeout", 1)
    assert "goes on" in late.error.message
    change = there.plan(frame(0, 7)).changes[0]
    assert (change.take.accepted, change.take.billed) == (True, 0)
    [done] = there.apply(frame(0, 7))
    assert (done.outcome, done.billed) == ("applied", None)
    assert (there.count(POST), there.billed()) == (1, 1)


def test_an_interrupt_leaves_what_the_next_apply_goes_on_from(make: Any) -> None:
    there = make(task_seconds=100)
    [left] = there.apply(frame(0, 7), stop=30)
    assert (left.outcome, left.error.type) == ("failed", "interrupted")
    assert outcomes(there.apply(frame(0, 7))) == ["applied"]
    assert there.billed() == 1


def test_another_task_is_waited_out(make: Any) -> None:
    there = make(task_seconds=50)
    refused = {"error_code": "VOD.10083", "error_msg": "Another task is under way."}
    there.faults[POST] = [(httpx.Response(400, json=refused), False)]
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, there.count(POST), there.billed()) == ("applied", 2, 1)


@pytest.mark.parametrize("status", [429, 500, 504])
@pytest.mark.parametrize("carried_out", [True, False])
def test_a_lost_answer_is_not_paid_for_twice(make: Any, status: int, carried_out: bool) -> None:
    there = make(task_seconds=50)
    there.faults[POST] = [(httpx.Response(status), carried_out)]
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, there.billed()) == ("applied", 1)


@pytest.mark.parametrize("carried_out", [True, False])
def test_a_call_that_never_gets_an_answer_is_looked_for_by_the_next_apply(make: Any, carried_out: bool) -> None:
    there = make(task_seconds=50)
    there.faults[POST] = [(httpx.Response(502), False)] * 4 + [(httpx.Response(502), carried_out)]
    [outcome] = there.apply(frame(0, 7))
    assert outcome.outcome == "failed"
    assert outcome.error.outcome_unknown
    assert outcomes(there.apply(frame(0, 7))) == ["applied"]
    assert there.billed() == 1


def test_a_refusal_names_the_permission(make: Any) -> None:
    there = make()
    refused = {"error_code": "VOD.10111", "error_msg": "Not allowed."}
    there.faults[POST] = [(httpx.Response(403, json=refused), False)]
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, outcome.billed) == ("failed", None)
    assert "vod:asset:createProcessTask" in outcome.error.message
    assert outcomes(there.apply(frame(0, 7))) == ["applied"]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moments=st.lists(st.integers(1, 40), min_size=1, max_size=3), seconds=st.sampled_from([0, 20]))
def test_killed_at_any_moment_no_second_is_paid_for_twice(
    tmp_path_factory: pytest.TempPathFactory, moments: list[int], seconds: int
) -> None:
    there = Machine(tmp_path_factory.mktemp("killed"), FakeClock(), {"task_seconds": seconds})
    wanted = frame(0, 7), frame(1, 9)
    for moment in moments:
        left = [moment]

        def kill(left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise KilledError

        there.killed = kill
        with suppress(KilledError):
            there.apply(*wanted, parallelism=1)
    there.killed = lambda: None
    assert set(outcomes(there.apply(*wanted))) <= {"applied"}
    assert there.billed() == 2
    assert in_sync(there.plan(*wanted))


def asset(*dots: int, **more: Any) -> Observed:
    there = tuple(Snapshot("dots", index, dot, snapshot_url(ASSET, dot, "dots")) for index, dot in enumerate(dots))
    return Observed(ASSET, "A title", "", "THUMBNAIL_SUCCEED", there, **more)


def wanted_at(offset: int) -> Desired:
    return Desired(ASSET, "covers.yaml", 1, 1, "dots", None, offset)


@pytest.mark.parametrize(
    ("seen", "offset", "why"),
    [
        (
            asset(length_ms=36_500),
            37,
            "There is no frame at 37 s. Choose an earlier one: the last whole second is 36.",
        ),
        (
            asset(length_ms=37_000),
            37,
            "There is no frame at 37 s. Choose an earlier one: the last whole second is 36.",
        ),
        (asset(audio="MP3"), 3, "It is audio (MP3): there are no frames. Set `ignore: true`."),
    ],
)
def test_what_has_no_such_frame_is_unknown(seen: Observed, offset: int, why: str) -> None:
    found = plan_take(wanted_at(offset), seen, None)
    assert isinstance(found, NoAnswer)
    assert (found.reason, found.message) == ("no_snapshot_at_offset", why)


def test_the_last_moment_of_a_video_has_a_frame() -> None:
    assert plan_take(wanted_at(37), asset(length_ms=37_001), None) == Take(37)
    assert plan_take(wanted_at(10**6), asset(), None) == Take(10**6), "the service does not say how long it is"


@given(
    present=st.sets(st.integers(0, 40), max_size=25), offset=st.integers(0, 50), locked=st.none() | st.integers(0, 40)
)
def test_one_call_keeps_what_it_can_and_what_is_locked(present: set[int], offset: int, locked: int | None) -> None:
    take = plan_take(wanted_at(offset), asset(*sorted(present)), locked)
    assert isinstance(take, Take)
    others = present - {offset}
    assert set(take.again) | set(take.left_out) == others
    assert not set(take.again) & set(take.left_out)
    assert len(take.dots) <= 10
    assert take.billed == len(take.dots) == len(set(take.dots))
    assert not take.left_out or len(take.dots) == 10
    assert locked not in take.left_out
    assert all(left > max(set(take.again) - {locked}, default=-1) for left in take.left_out)


def test_a_cover_of_their_own_is_saved_before_the_task_replaces_it(make: Any, tmp_path: Path) -> None:
    there = make(task_seconds=30)
    theirs = drawn("f" * 32, "sample", 3).data
    there.upload(frame(0, 7).asset_id, theirs)
    [outcome] = there.apply(frame(0, 7))
    assert outcome.outcome == "applied"
    assert Path(outcome.saved_cover).read_bytes() == theirs
    saved = there.asked.index(POST)
    assert there.bodies[saved - 1].url.path.endswith("Cover0.jpg"), "it was read just before the call"


def test_a_cover_that_cannot_be_read_stops_the_task(make: Any) -> None:
    there = make()
    plan = there.plan(frame(0, 7))
    there.faults["GET Cover0.jpg"] = [(httpx.Response(404), False)] * 50
    [outcome] = there.apply(plan=plan)
    assert (outcome.outcome, outcome.error.type) == ("failed", "content_unavailable")
    assert there.count(POST) == there.billed() == 0
    assert [item.reason for item in there.plan(frame(0, 7)).unknown] == ["content_unavailable"]


def test_a_cover_that_somebody_sets_meanwhile_is_left_alone(make: Any) -> None:
    there = make(task_seconds=30)

    def during() -> None:
        if there.count(LIST) == 7:
            there.upload(frame(0, 7).asset_id, drawn("e" * 32, "sample", 3).data)

    there.killed = during
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, outcome.error.type) == ("stale", "stale")
    assert there.count(PUT) == 0


def test_a_snapshot_that_somebody_took_since_the_plan_was_not_seen(make: Any, tmp_path: Path) -> None:
    there = make()
    plan = there.plan(frame(0, 7))
    other = Machine(tmp_path, there.clock, there.emulator, state="other")
    assert outcomes(other.apply(frame(0, 7))) == ["applied"]
    assert outcomes(other.apply(frame(0, 9))) == ["applied"]
    [outcome] = there.apply(plan=plan)
    assert (outcome.outcome, outcome.error.type) == ("stale", "snapshot_changed")
    assert there.count(POST) == 0


def test_other_dots_than_planned_are_not_paid_for(make: Any, tmp_path: Path) -> None:
    there = make()
    plan = there.plan(frame(0, 7))
    Machine(tmp_path, there.clock, there.emulator, state="other").apply(frame(0, 9))
    [outcome] = there.apply(plan=plan)
    assert (outcome.outcome, there.count(POST)) == ("stale", 0)


def test_dots_that_come_back_at_another_second_are_not_paid_for_again(make: Any) -> None:
    there = make()

    def shift(answer: dict[str, Any]) -> None:
        for dot in answer["thumbnail_info"].get("dots", ()):
            dot["offset"] += 1

    there.edits["GET details"] = shift
    [outcome] = there.apply(frame(0, 7))
    assert (outcome.outcome, outcome.error.type) == ("failed", "no_snapshot_at_offset")
    assert "dots: 8" in outcome.error.message
    assert outcomes(there.apply(frame(0, 7))) == ["failed"]
    assert there.count(POST) == there.billed() == 1
