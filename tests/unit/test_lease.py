"""One run at a time holds the lock of the shared state, whatever the order in which requests arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fakes import FakeClock
from support.state import FakeStore

from reconciler.errors import StateError
from reconciler.state import claims
from reconciler.state.claims import own_claim
from reconciler.state.lease import LeaseLostError, held
from reconciler.state.store import StoreError

MINUTE = 60.0


@dataclass
class Team:
    """Runs that want the lock of one bucket, and who had it."""

    clock: FakeClock
    bucket: FakeStore
    holding: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)
    buried: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    async def run(self, name: str, seconds: float = 1.0, patience: float = 0.0, *, dies: bool = False) -> None:
        """A run that changes something now and then."""
        claim = own_claim(name, "alice", "runner-7", self.clock.now(), "https://ci.example/jobs/7")
        async with held(self.bucket, claim, self.clock, patience, self.bury, self.said.append) as lock:
            until = self.clock.monotonic() + seconds
            while self.clock.monotonic() < until:
                await lock.confirm()
                assert not self.holding, f"{name} changes a cover while {self.holding} does"
                self.holding.add(name)
                await self.clock.sleep(0.1)
                self.holding.remove(name)
            if dies:
                raise Killed
        self.done.append(name)

    async def bury(self, name: str) -> None:
        self.buried.append(name)


class Killed(BaseException):
    """The process is gone: nothing runs after it."""


@pytest.fixture
def team() -> Team:
    clock = FakeClock()
    return Team(clock, FakeStore(clock))


def leave_claim(team: Team, name: str, age: float = 0.0, *, is_held: bool = True) -> None:
    """What a run that died left behind."""
    claim = own_claim(name, "alice", "runner-7", team.clock.now(), "https://ci.example/jobs/7")
    data = claims.as_bytes(replace(claim, held=is_held))
    team.bucket.objects[claims.key(name)] = data, team.clock.monotonic() - age


def test_alone_it_holds_the_lock_and_leaves_nothing(team: Team) -> None:
    team.clock.run(team.run("a"))
    assert (team.done, team.bucket.keys()) == (["a"], [])


def test_a_second_run_is_refused_with_everything_about_the_first(team: Team) -> None:
    async def main() -> StateError:
        first = asyncio.ensure_future(team.run("a", seconds=10))
        await team.clock.sleep(1)
        with pytest.raises(StateError) as caught:
            await team.run("b")
        await first
        return caught.value

    error = team.clock.run(main())
    assert error.message == (
        "Another apply is running on s3://bucket/team: run a, alice on runner-7, since 2026-03-01T12:00:00+00:00, "
        "https://ci.example/jobs/7"
    )
    assert "--lock-timeout 5m" in error.hint
    assert "`reconcile unlock a`" in error.hint
    assert (team.done, team.bucket.keys()) == (["a"], [])


def test_with_a_lock_timeout_it_waits(team: Team) -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(team.run("a", seconds=100))
            await team.clock.sleep(1)
            group.create_task(team.run("b", patience=300))

    team.clock.run(main())
    assert team.done == ["a", "b"]
    [said] = team.said
    assert said.startswith("Another apply is running on s3://bucket/team: run a, alice on runner-7")
    assert said.endswith("Waiting for it, at most 5 min.")


@settings(max_examples=60, deadline=None)
@given(
    delays=st.lists(st.sampled_from([0.0, 0.001, 0.005, 0.02, 0.3]), min_size=1, max_size=11),
    starts=st.lists(st.sampled_from([0.0, 0.001, 0.004, 0.01, 0.05, 1.0]), min_size=2, max_size=6),
    patience=st.sampled_from([0.0, 600.0]),
)
def test_never_two_at_once_and_one_gets_it(delays: list[float], starts: list[float], patience: float) -> None:
    clock = FakeClock()
    team = Team(clock, FakeStore(clock, delays))

    async def one(number: int, start: float) -> None:
        await clock.sleep(start)
        with suppress(StateError):
            await team.run(f"run-{number}", 0.5, patience)

    async def main() -> None:
        await asyncio.gather(*(one(number, start) for number, start in enumerate(starts)))

    clock.run(main())
    assert team.done
    assert team.bucket.keys() == []
    if patience:
        assert len(team.done) == len(starts)


def test_the_claim_of_a_run_that_died_ends_with_its_lease(team: Team) -> None:
    async def main() -> None:
        leave_claim(team, "dead")
        with pytest.raises(StateError, match="run dead, alice on runner-7"):
            await team.run("b")
        await team.clock.sleep(9.5 * MINUTE)
        with pytest.raises(StateError, match="run dead"):
            await team.run("c")
        await team.clock.sleep(1 * MINUTE)
        await team.run("d")

    team.clock.run(main())
    assert (team.done, team.buried, team.bucket.keys()) == (["d"], ["dead"], [])


def test_what_a_killed_contender_left_is_waited_for_a_moment_only(team: Team) -> None:
    leave_claim(team, "contender", is_held=False)
    with pytest.raises(StateError, match="run contender"):
        team.clock.run(team.run("b"))
    assert 10 <= team.clock.monotonic() < 15


@pytest.mark.parametrize("hours", [-5, 5])
def test_the_stores_own_clock_decides(team: Team, hours: int) -> None:
    """However wrong this machine's clock is."""
    team.bucket.ahead = timedelta(hours=hours)
    leave_claim(team, "living", age=5 * MINUTE)
    with pytest.raises(StateError, match="run living"):
        team.clock.run(team.run("b"))
    leave_claim(team, "living", age=11 * MINUTE)
    team.clock.run(team.run("c"))
    assert team.done == ["c"]


@pytest.mark.parametrize("data", [b"", b"{", b"null", b"[]", b'{"held": 7, "user": {}}', b"\xff"])
def test_a_claim_that_cannot_be_read_may_be_held(team: Team, data: bytes) -> None:
    team.bucket.objects["locks/odd"] = data, team.clock.monotonic()
    with pytest.raises(StateError, match="run odd"):
        team.clock.run(team.run("b"))


@pytest.mark.parametrize("name", ["locks/README.txt", "locks/a/b", "locks/a b", "locks/"])
def test_what_others_put_there_neither_blocks_nor_is_removed(team: Team, name: str) -> None:
    team.bucket.objects[name] = b"ours", team.clock.monotonic() - 11 * MINUTE
    team.clock.run(team.run("b"))
    team.bucket.objects[name] = b"ours", team.clock.monotonic()
    team.clock.run(team.run("c"))
    assert (team.done, team.buried, team.bucket.keys()) == (["b", "c"], [], [name])


def test_a_holder_renews_its_claim(team: Team) -> None:
    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(team.run("a", seconds=40 * MINUTE))
            await team.clock.sleep(30 * MINUTE)
            with pytest.raises(StateError, match="run a"):
                await team.run("b")

    team.clock.run(main())
    assert team.done == ["a"]


def test_one_whose_claim_was_removed_stops_before_its_next_change(team: Team) -> None:
    async def main() -> None:
        first = asyncio.ensure_future(team.run("a", seconds=100))
        await team.clock.sleep(5)
        await team.bucket.delete(claims.key("a"))
        await team.clock.sleep(0.2)  # what was being changed is done
        await team.run("b", seconds=5)
        with pytest.raises(LeaseLostError, match="its claim was removed"):
            await first

    team.clock.run(main())
    assert (team.done, team.bucket.keys()) == (["b"], [])


async def slept(team: Team, meanwhile: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """A holder that could not renew for an hour, as a laptop that was shut, or one whose user thinks about a plan."""
    claim = own_claim("a", "", "", team.clock.now(), "")
    async with held(team.bucket, claim, team.clock, 0, team.bury) as lock:
        await lock.confirm()
        with patch.object(lock, "_renew", side_effect=StoreError("asleep")):
            await team.clock.sleep(60 * MINUTE)
        await meanwhile()
        await lock.confirm()


def test_one_that_slept_through_its_lease_goes_on_if_it_was_not_taken_over(team: Team) -> None:
    async def nothing() -> None:
        await asyncio.sleep(0)

    team.clock.run(slept(team, nothing))
    assert team.bucket.keys() == []


def test_one_that_was_taken_over_in_its_sleep_stops(team: Team) -> None:
    with pytest.raises(LeaseLostError, match="its claim was removed"):
        team.clock.run(slept(team, lambda: team.run("b")))
    assert (team.done, team.buried) == (["b"], ["a"])


def test_one_that_slept_gives_way_to_who_wants_the_lock(team: Team) -> None:
    """Who may be about to think that it died."""

    async def wanted() -> None:
        leave_claim(team, "b", is_held=False)

    with pytest.raises(LeaseLostError, match="not renewed for 1 h 0 min, and run b"):
        team.clock.run(slept(team, wanted))


@settings(max_examples=60, deadline=None)
@given(
    delays=st.lists(st.sampled_from([0.0, 0.001, 0.02, 0.3]), min_size=1, max_size=11),
    start=st.sampled_from([-0.5, -0.02, -0.001, 0.0, 0.001, 0.02, 0.5]),
)
def test_a_sleeper_and_its_successor_never_change_covers_at_once(delays: list[float], start: float) -> None:
    clock = FakeClock()
    team = Team(clock, FakeStore(clock, delays))

    async def sleeper() -> None:
        claim = own_claim("z-sleeper", "", "", clock.now(), "")
        async with held(team.bucket, claim, clock, 0, team.bury) as lock:
            with patch.object(lock, "_renew", side_effect=StoreError("asleep")):
                await clock.sleep(11 * MINUTE)
            for _ in range(10):
                await lock.confirm()
                assert not team.holding
                team.holding.add("sleeper")
                await clock.sleep(0.1)
                team.holding.remove("sleeper")

    async def successor() -> None:
        await clock.sleep(11 * MINUTE + start)
        await team.run("a-successor", 1.0, 60.0)

    async def main() -> None:
        await asyncio.gather(sleeper(), successor(), return_exceptions=False)

    with suppress(LeaseLostError):
        clock.run(main())
        assert team.done == ["a-successor"]


def test_a_store_that_is_down_for_a_moment_ends_nothing(team: Team) -> None:
    async def main() -> None:
        claim = own_claim("a", "", "", team.clock.now(), "")
        async with held(team.bucket, claim, team.clock, 0, team.bury) as lock:
            team.bucket.down = True
            await team.clock.sleep(3 * MINUTE)
            with pytest.raises(StoreError):
                await lock.confirm()
            team.bucket.down = False
            await team.clock.sleep(2 * MINUTE)
            await lock.confirm()

    team.clock.run(main())


def test_two_that_both_think_they_hold_it_both_stop(team: Team) -> None:
    """After `unlock` of a run that lived."""

    async def main() -> None:
        async with held(team.bucket, own_claim("a", "", "", team.clock.now(), ""), team.clock, 0, team.bury) as lock:
            leave_claim(team, "b")
            with pytest.raises(LeaseLostError, match="it is held by run b"):
                await lock.confirm()

    team.clock.run(main())


class SlowRenewals(FakeStore):
    """What was sent arrives, though late, whether or not the sender still waits for it."""

    async def put(self, key: str, data: bytes) -> None:
        late = 20.0 if key in self.objects and self.clock.monotonic() > MINUTE else 0.0

        async def arrive() -> None:
            await self.clock.sleep(late)
            self.objects[key] = data, self.clock.monotonic()

        await asyncio.shield(asyncio.ensure_future(arrive()))


@pytest.mark.parametrize("stops", [False, True])
def test_a_renewal_under_way_at_the_end_leaves_no_claim(clock: FakeClock, stops: bool) -> None:
    """It would block all others for ten minutes."""
    store = SlowRenewals(clock)

    async def bury(_: str) -> None:
        raise AssertionError("nobody died")

    async def work() -> None:
        async with held(store, own_claim("a", "", "", clock.now(), ""), clock, 0, bury):
            await clock.sleep(MINUTE + 5)
            if stops:
                raise asyncio.CancelledError

    async def main() -> None:
        with suppress(asyncio.CancelledError):
            await work()
        assert store.keys() == []
        await clock.sleep(MINUTE)
        assert store.keys() == []

    clock.run(main())
