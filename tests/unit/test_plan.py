"""The plan keeps the order of the files, counts everything, and stops what changes suspiciously much."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import desired

from reconciler.decide.plan import Difference, PlanBuilder, check_safety, differences
from reconciler.errors import SafetyLimitError
from reconciler.model import Content, Cover, SnapshotRef, State, Verdict
from reconciler.util.rate import Rate

STATES: tuple[State, ...] = ("in_sync", "update", "pending", "unknown", "ignored")


@given(st.lists(st.sampled_from(STATES), max_size=30), st.randoms(use_true_random=False))
def test_a_plan_has_the_files_order_whatever_order_the_answers_came_in(
    states: list[State], chance: random.Random
) -> None:
    verdicts = [Verdict(desired(f"{at:032x}", line=at + 1), state) for at, state in enumerate(states)]
    arrived = list(enumerate(verdicts))
    chance.shuffle(arrived)
    builder = PlanBuilder()
    for position, verdict in arrived:
        builder.add(position, verdict)

    plan = builder.build()

    assert plan.managed == len(states)
    assert plan.in_sync == states.count("in_sync")
    for group, state in (
        (plan.changes, "update"),
        (plan.pending, "pending"),
        (plan.unknown, "unknown"),
        (plan.ignored, "ignored"),
    ):
        assert list(group) == [verdict for verdict in verdicts if verdict.state == state]


@pytest.mark.parametrize(
    ("updates", "in_sync", "percent"),
    [
        (0, 0, 30),
        (3, 7, 30),
        (30, 70, 30),
        (300, 700, 30),
        (9, 0, 30),
        (1, 8, 0),
        (0, 10, 0),
        (100, 0, 100),
        (1, 9, 10),
    ],
)
def test_within_the_limit_or_too_few_to_judge(updates: int, in_sync: int, percent: float) -> None:
    check_safety(updates, in_sync, percent)


@pytest.mark.parametrize(
    ("updates", "in_sync", "percent", "message"),
    [
        (4, 6, 30, "Too many updates, 40.00% is over 30.00% (4/10), force required"),
        (10, 0, 30, "Too many updates, 100.00% is over 30.00% (10/10), force required"),
        (31, 69, 30, "Too many updates, 31.00% is over 30.00% (31/100), force required"),
        (301, 699, 30, "Too many updates, 30.10% is over 30.00% (301/1000), force required"),
        (1, 9, 0, "Too many updates, 10.00% is over 0.00% (1/10), force required"),
        (4, 7, 33.3, "Too many updates, 36.36% is over 33.30% (4/11), force required"),
    ],
)
def test_over_the_limit(updates: int, in_sync: int, percent: float, message: str) -> None:
    with pytest.raises(SafetyLimitError) as caught:
        check_safety(updates, in_sync, percent)

    assert caught.value.message == message
    assert "first apply needs --force once" in caught.value.hint


BEFORE = Cover("https://a/0.jpg", SnapshotRef("sample", 0, 0))
AFTER = Cover("https://a/5.jpg", SnapshotRef("sample", 1, 5))


def test_what_differs_is_told_field_by_field() -> None:
    assert differences(BEFORE, AFTER) == (
        Difference("cover_url", "https://a/0.jpg", "https://a/5.jpg"),
        Difference("snapshot.index", 0, 1),
        Difference("snapshot.offset", 0, 5),
    )


def test_what_is_equal_differs_in_nothing() -> None:
    assert differences(BEFORE, BEFORE) == ()


def test_what_is_not_there_is_none() -> None:
    found = {
        item.field: item for item in differences(Cover("u"), Cover("u", SnapshotRef("dots", 0, 3), Content("ab", 2)))
    }

    assert found["snapshot"].before is None
    assert found["content"].before is None


@pytest.mark.parametrize(
    ("calls", "seconds"), [(0, 0), (1, 0), (100, 0), (101, 60), (200, 60), (1000, 540), (1001, 600)]
)
def test_how_long_the_work_takes_at_least(calls: int, seconds: float) -> None:
    assert Rate(100, 60).seconds_for(calls) == seconds
