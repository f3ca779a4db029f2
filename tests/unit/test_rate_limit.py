"""Whatever comes when, and however long it is on its way: never more than the quota, and never idle for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import FakeClock

from reconciler.util.rate import Rate
from reconciler.vod.rate_limit import RateLimiter

# Sixteenths of a second are exact in binary: no rounding blurs the edge of a window.
STEP = 16


@dataclass(frozen=True)
class Call:
    """One call: when somebody wants to make it, and how long it is on the way there and back."""

    wanted: float
    there: float
    back: float
    unused: bool = False


@dataclass
class Log:
    order: list[int] = field(default_factory=list)
    granted: dict[int, float] = field(default_factory=dict)
    arrived: dict[int, float] = field(default_factory=dict)
    answered: dict[int, float] = field(default_factory=dict)


def drive(clock: FakeClock, window: RateLimiter, calls: Sequence[Call]) -> Log:
    """Makes the calls, each as soon as it is wanted and the window lets it."""
    log = Log()

    async def make(number: int, call: Call) -> None:
        async with window.slot() as slot:
            log.order.append(number)
            log.granted[number] = clock.time
            await clock.sleep(call.there)
            if call.unused:
                slot.unused = True
            else:
                log.arrived[number] = clock.time
            await clock.sleep(call.back)
        log.answered[number] = clock.time

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for number, call in enumerate(calls):
                await clock.sleep(call.wanted - clock.time)
                group.create_task(make(number, call))

    clock.run(main())
    return log


def never_exceeds(arrivals: Sequence[float], rate: Rate) -> bool:
    """Whether no stretch of the rate's seconds, wherever it begins, holds more than its amount."""
    ordered = sorted(arrivals)
    return all(
        later - earlier >= rate.seconds for earlier, later in zip(ordered, ordered[rate.amount :], strict=False)
    )


def earliest(log: Log, calls: Sequence[Call], number: int, rates: Sequence[Rate]) -> float:
    """When the call could have gone at the latest, had no slot stayed idle that a careful client may use."""
    before = log.order[: log.order.index(number)]
    times = [calls[number].wanted, *(log.granted[other] for other in before)]
    for rate in rates:
        free = sorted(log.answered[other] + (0 if calls[other].unused else rate.seconds) for other in before)
        if len(free) >= rate.amount:
            times.append(free[-rate.amount])
    return max(times)


moments = st.integers(0, 6 * STEP).map(lambda n: n / STEP)
delays = st.one_of(st.just(0.0), st.integers(0, 3 * STEP).map(lambda n: n / STEP))
rates = st.builds(Rate, st.integers(1, 6), st.sampled_from([0.5, 1, 2, 3]))
used = st.lists(st.builds(Call, moments, delays, delays), min_size=1, max_size=24).map(
    lambda calls: sorted(calls, key=lambda call: call.wanted)
)
mixed = st.lists(st.builds(Call, moments, delays, delays, st.booleans()), min_size=1, max_size=24).map(
    lambda calls: sorted(calls, key=lambda call: call.wanted)
)


@given(rates, mixed)
def test_no_window_of_the_server_is_exceeded(rate: Rate, calls: list[Call]) -> None:
    clock = FakeClock()

    log = drive(clock, RateLimiter(rate, clock), calls)

    assert len(log.answered) == len(calls)
    assert never_exceeds(list(log.arrived.values()), rate)


@given(rates, used)
def test_no_slot_stays_idle_while_work_waits(rate: Rate, calls: list[Call]) -> None:
    clock = FakeClock()

    log = drive(clock, RateLimiter(rate, clock), calls)

    for number in range(len(calls)):
        assert log.granted[number] <= earliest(log, calls, number, [rate])


@given(rates, mixed)
def test_slots_that_are_given_back_are_not_missed(rate: Rate, calls: list[Call]) -> None:
    clock = FakeClock()

    log = drive(clock, RateLimiter(rate, clock), calls)

    for number in range(len(calls)):
        assert log.granted[number] <= earliest(log, calls, number, [rate])


@given(rates, used)
def test_first_come_first_served(rate: Rate, calls: list[Call]) -> None:
    clock = FakeClock()

    assert drive(clock, RateLimiter(rate, clock), calls).order == list(range(len(calls)))


@given(rates, rates, used)
def test_a_learned_rate_holds_beside_the_configured_one(rate: Rate, learned: Rate, calls: list[Call]) -> None:
    clock = FakeClock()
    window = RateLimiter(rate, clock)
    window.hold(0, learned)

    log = drive(clock, window, calls)

    arrivals = list(log.arrived.values())
    assert never_exceeds(arrivals, rate)
    assert never_exceeds(arrivals, learned)
    for number in range(len(calls)):
        assert log.granted[number] <= earliest(log, calls, number, [rate, learned])


def test_a_whole_window_goes_out_at_once_and_the_next_one_a_window_after_the_answers(clock: FakeClock) -> None:
    log = drive(clock, RateLimiter(Rate(3, 2), clock), [Call(0, 0.25, 0.25)] * 7)

    assert list(log.granted.values()) == [0, 0, 0, 2.5, 2.5, 2.5, 5]


def test_a_slow_call_holds_its_slot_until_its_answer(clock: FakeClock) -> None:
    log = drive(clock, RateLimiter(Rate(1, 1), clock), [Call(0, 10, 10), Call(0, 0, 0)])

    assert log.granted[1] == 21


def test_a_slot_given_back_wakes_who_waits_for_another(clock: FakeClock) -> None:
    """The first call blocks a slot for a minute; the second turns out not to be needed: the third must not wait."""
    calls = [Call(0, 0, 0), Call(0, 5, 0, unused=True), Call(1, 0, 0)]

    log = drive(clock, RateLimiter(Rate(2, 60), clock), calls)

    assert log.granted[2] == 5


def test_hold_keeps_everybody_back_in_order(clock: FakeClock) -> None:
    window = RateLimiter(Rate(100, 60), clock)
    window.hold(5)

    log = drive(clock, window, [Call(0, 0, 0), Call(1, 0, 0), Call(6, 0, 0)])

    assert log.granted == {0: 5, 1: 5, 2: 6}


def test_hold_reaches_those_who_wait_already_and_is_never_shortened(clock: FakeClock) -> None:
    window = RateLimiter(Rate(1, 2), clock)
    granted = []

    async def call() -> None:
        async with window.slot():
            granted.append(clock.time)

    async def main() -> None:
        tasks = [asyncio.create_task(call()) for _ in range(2)]
        await clock.sleep(1)
        window.hold(9)
        window.hold(1)
        await asyncio.gather(*tasks)

    clock.run(main())
    assert granted == [0, 10]


def test_a_learned_rate_reaches_those_who_wait_already(clock: FakeClock) -> None:
    window = RateLimiter(Rate(1, 2), clock)
    granted = []

    async def call() -> None:
        async with window.slot():
            granted.append(clock.time)

    async def main() -> None:
        tasks = [asyncio.create_task(call()) for _ in range(3)]
        await clock.sleep(1)
        window.hold(0, Rate(1, 8))
        await asyncio.gather(*tasks)

    clock.run(main())
    assert granted == [0, 8, 16]


def test_a_generous_learned_rate_loosens_nothing(clock: FakeClock) -> None:
    window = RateLimiter(Rate(1, 4), clock)
    window.hold(0, Rate(1000, 1))

    assert drive(clock, window, [Call(0, 0, 0)] * 3).granted == {0: 0, 1: 4, 2: 8}


@given(rates, st.sets(st.integers(0, 9)), st.integers(0, 4 * STEP))
def test_cancelling_who_waits_loses_no_slot(rate: Rate, given_up: set[int], at: int) -> None:
    clock = FakeClock()
    window = RateLimiter(rate, clock)
    granted: list[float] = []
    answered: list[float] = []

    async def call() -> None:
        async with window.slot():
            granted.append(clock.time)
            await clock.sleep(0.5)
        answered.append(clock.time)

    async def main() -> None:
        tasks = [asyncio.create_task(call()) for _ in range(10)]
        await clock.sleep(at / STEP)
        for number in given_up:
            tasks[number].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        finished = clock.time
        for _ in range(rate.amount):
            await call()
        assert granted[-rate.amount] <= finished + rate.seconds

    clock.run(main())
    assert never_exceeds(granted, rate)


def test_a_call_that_fails_or_is_cancelled_on_its_way_still_counts(clock: FakeClock) -> None:
    window = RateLimiter(Rate(1, 10), clock)

    async def main() -> float:
        with pytest.raises(RuntimeError):
            async with window.slot():
                raise RuntimeError("connection lost")
        async with window.slot():
            return clock.time

    assert clock.run(main()) == 10


def test_a_hundred_waiters_cost_no_more_than_their_slots(clock: FakeClock) -> None:
    log = drive(clock, RateLimiter(Rate(10, 2), clock), [Call(0, 0.0625, 0)] * 100)

    assert max(log.granted.values()) == pytest.approx(9 * 2.0625)
