"""So many at a time, everything once, and the first failure ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import FakeClock

from reconciler.util.concurrency import for_each


@given(st.lists(st.integers(0, 8), max_size=20), st.integers(1, 6))
def test_everything_once_and_no_more_than_so_many_at_a_time(delays: list[int], parallelism: int) -> None:
    clock = FakeClock()
    done: list[int] = []
    busy: set[int] = set()
    most = 0

    async def work(item: tuple[int, int]) -> None:
        nonlocal most
        busy.add(item[0])
        most = max(most, len(busy))
        await clock.sleep(item[1])
        busy.discard(item[0])
        done.append(item[0])

    clock.run(for_each(enumerate(delays), work, parallelism))

    assert sorted(done) == list(range(len(delays)))
    assert most <= parallelism


def test_items_are_taken_only_when_somebody_is_free(clock: FakeClock) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10):
            taken.append(number)
            yield number

    async def work(item: int) -> None:
        assert len(taken) <= item + 2
        await clock.sleep(1)

    clock.run(for_each(items(), work, 2))
    assert len(taken) == 10


def test_the_first_failure_is_raised_as_it_is_and_the_others_are_cancelled(clock: FakeClock) -> None:
    cancelled = []

    async def work(item: int) -> None:
        try:
            await clock.sleep(item)
        except asyncio.CancelledError:
            cancelled.append(item)
            raise
        if item == 2:
            raise LookupError("the second")

    with pytest.raises(LookupError, match="the second"):
        clock.run(for_each([1, 2, 3, 4], work, 4))

    assert sorted(cancelled) == [3, 4]
    assert clock.time == 2
