"""One quota for runners on several machines, in a real Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis import Redis
from support.command_line import TRACEBACK, entries, run, spawn, write
from support.processes import APPROVED, PATIENCE, PUT, Serve, accepted, files_under, free_port, running

from reconciler.emulator.options import EmulatorOptions, FaultRule, QuotaRate
from reconciler.errors import UnreachableError, UsageError
from reconciler.util.clock import SystemClock
from reconciler.util.rate import Rate as Ours
from reconciler.vod.rate_limit import RateLimiter
from reconciler.vod.redis_rate_limit import RedisStore, RedisWindow

from .conftest import PASSWORD

RATE = Ours(10, 2)
SLOW = Ours(10, 60)
"""A window that no test waits for: what must not wait is done before it ends, however busy the machine is."""


@asynccontextmanager
async def window(url: str, *, rate: Ours = RATE, name: str = "writes") -> AsyncIterator[RateLimiter]:
    """As each process has one of its own."""
    store = RedisStore(url)
    opened = RateLimiter(rate, SystemClock(), RedisWindow(store, name, rate, 60))
    try:
        yield opened
    finally:
        await opened.aclose()
        await store.aclose()


async def calls(of: RateLimiter, count: int, made: list[float]) -> None:
    async def call() -> None:
        async with of.slot():
            made.append(time.monotonic())

    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(call())


def most_in_any(seconds: float, moments: list[float]) -> int:
    ordered = sorted(moments)
    return max(sum(first <= moment < first + seconds for moment in ordered) for first in ordered)


def test_two_windows_share_what_one_may_use(redis: str) -> None:
    made: list[float] = []

    async def both() -> None:
        async with window(redis) as one, window(redis) as other:
            await asyncio.gather(calls(one, 13, made), calls(other, 12, made))

    started = time.monotonic()
    asyncio.run(both())
    assert time.monotonic() - started >= 2 * RATE.seconds
    assert len(made) == 25
    assert most_in_any(RATE.seconds, made) <= RATE.amount


def test_a_slot_that_was_not_used_is_free_for_the_others_at_once(redis: str) -> None:
    async def first_gives_back() -> float:
        async with window(redis, rate=SLOW) as mine, window(redis, rate=SLOW) as theirs:
            for _ in range(RATE.amount):
                async with mine.slot() as slot:
                    slot.unused = True
            started = time.monotonic()
            for _ in range(RATE.amount):
                async with theirs.slot():
                    pass
            return time.monotonic() - started

    assert asyncio.run(first_gives_back()) < PATIENCE


def test_a_call_on_its_way_keeps_others_out_however_long_it_lasts(redis: str) -> None:
    async def both() -> tuple[float, float]:
        store = RedisStore(redis)
        rate = Ours(1, 1)
        slow, fast = (RateLimiter(rate, SystemClock(), RedisWindow(store, "w", rate, 0.3)) for _ in range(2))
        moments: list[float] = []

        async def call(of: RateLimiter, lasts: float) -> None:
            async with of.slot():
                await asyncio.sleep(lasts)
                moments.append(time.monotonic())

        first = asyncio.create_task(call(slow, 2.5))
        await asyncio.sleep(0.2)
        await asyncio.gather(first, call(fast, 0))
        for limiter in (slow, fast):
            await limiter.aclose()
        await store.aclose()
        return moments[0], moments[1]

    one, other = asyncio.run(both())
    assert other - one > 0.9


def test_a_store_that_refuses_is_told_as_refusing(redis: str) -> None:
    async def use() -> None:
        async with window(redis.replace(PASSWORD, "wrong")) as ours, ours.slot():
            pass

    with pytest.raises(UnreachableError, match="quota store refuses"):
        asyncio.run(use())


def test_different_projects_do_not_share(redis: str) -> None:
    async def both() -> float:
        async with (
            window(redis, rate=SLOW, name="a:writes") as one,
            window(redis, rate=SLOW, name="b:writes") as other,
        ):
            started = time.monotonic()
            await calls(one, RATE.amount, [])
            await calls(other, RATE.amount, [])
            return time.monotonic() - started

    assert asyncio.run(both()) < PATIENCE


def test_two_processes_stay_within_the_services_quota_together(
    serve: Serve, redis: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RECONCILE_QUOTA_STORE", redis)
    found = serve(EmulatorOptions(cover_mode="reference", quota=(0, QuotaRate(10, 2))))
    everything = list(entries(24, drifted=24).items())
    write(dict(everything[:12]), to="one/covers.yaml")
    write(dict(everything[12:]), to="two/covers.yaml")
    quota = ("--write-quota", "10/2 seconds", "--json")
    with (
        running(*APPROVED, "one", *quota, "--state-dir", str(tmp_path / "1")) as one,
        running(*APPROVED, "two", *quota, "--state-dir", str(tmp_path / "2")) as two,
    ):
        ends = [one.ended(), two.ended()]
    assert [ran.document["summary"]["applied"] for ran in ends] == [12, 12]
    assert found.puts == accepted(found) == 24, "none was refused"


def test_a_process_that_dies_leaves_its_slots_only_for_the_lease(
    serve: Serve, redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two slots, both taken by somebody who was killed while he waited for the answers."""
    monkeypatch.setenv("RECONCILE_QUOTA_STORE", redis)
    waiting: list[float] = []

    def watch(request: str) -> None:
        if request == PUT:
            waiting.append(time.monotonic())

    options = EmulatorOptions(cover_mode="reference", faults=(FaultRule("cover", "hang", 1),))
    found = serve(options, watch)
    write(entries(2, drifted=2))
    quota = ("--write-quota", "2/second", "--timeout", "3", "--json")
    with running(*APPROVED, *quota):
        until = time.monotonic() + PATIENCE
        while len(waiting) < 2 and time.monotonic() < until:
            time.sleep(0.01)
    assert len(waiting) == 2
    write(entries(2, drifted=2))
    ran = run(*APPROVED, *quota)
    assert (ran.code, ran.document["summary"]["applied"]) == (0, 2)
    # A lease is twice the time-out.
    assert waiting[2] - waiting[1] > 4
    assert accepted(found) >= 2


def test_what_dead_processes_leave_in_the_store_goes_by_itself(redis: str) -> None:
    async def abandon() -> None:
        store = RedisStore(redis)
        await RedisWindow(store, "writes", RATE, 5).acquire()
        await store.aclose()

    asyncio.run(abandon())
    with Redis.from_url(redis) as client:
        [key] = client.keys()
        assert 0 < client.pttl(key) <= 7000


def dead(port: int) -> str:
    return f"redis://:{PASSWORD}@127.0.0.1:{port}/0"


@pytest.mark.parametrize("verb", [("plan",), ("audit",), APPROVED], ids=lambda verb: verb[0])
def test_a_store_that_is_down_ends_the_run_with_one_clear_error(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...]
) -> None:
    """Without it the quota can't be kept, and others would suffer."""
    found = serve(EmulatorOptions())
    monkeypatch.setenv("RECONCILE_QUOTA_STORE", dead(free_port()))
    write(entries(5, drifted=2))
    ran = run(*verb, "--json")
    assert (ran.code, found.puts) == (1, 0)
    assert "The quota store does not answer" in ran.document["error"]["message"]
    assert ran.err.count("The quota store does not answer") == 1


def test_a_store_that_goes_away_in_between_changes_nothing_more(redis: str) -> None:
    async def use() -> None:
        async with window(redis) as ours:
            async with ours.slot():
                with Redis.from_url(redis) as client:
                    client.shutdown(nosave=True)
            async with ours.slot():
                pass

    with pytest.raises(UnreachableError, match="quota store does not answer"):
        asyncio.run(use())


def stores(redis: str) -> list[str]:
    """Ways to name one: a good one, one that is down, a wrong password, and nonsense."""
    return [
        redis,
        f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0",
        redis.replace(PASSWORD, f"wrong-{PASSWORD}"),
        f"redis://:{PASSWORD}@127.0.0.1:port/0",
        f"memcached://:{PASSWORD}@127.0.0.1",
        f"redis://:{PASSWORD}@127.0.0.1/0?no_such_option=1",
        f"{PASSWORD}://",
        PASSWORD,
    ]


@pytest.mark.parametrize("url", ["redis://h/0", "rediss://h:6380/1", "unix:///run/redis.sock?db=1"])
def test_urls_of_a_store(url: str) -> None:
    asyncio.run(RedisStore(url).aclose())


@pytest.mark.parametrize(
    "url",
    ["", "h", "http://h", "memcached://h", "redis+cluster://h", "redis://h:port/0", "redis://h/0?no_such_option=1"],
)
def test_what_is_not_the_url_of_a_store(url: str) -> None:
    with pytest.raises(UsageError, match="RECONCILE_QUOTA_STORE is not a valid Redis URL"):
        RedisStore(url)


@pytest.mark.parametrize("scheme", ["redis+cluster", "redis+sentinel"])
def test_a_kind_of_store_that_we_cannot_use_is_one_sentence(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    found = serve(EmulatorOptions())
    write(entries(1))
    monkeypatch.setenv("RECONCILE_QUOTA_STORE", f"{scheme}://user:{PASSWORD}@127.0.0.1:6379/0")
    ran = run("plan")
    assert (ran.code, ran.out, found.requests()) == (1, "", [])
    assert ran.err == (
        "Error: RECONCILE_QUOTA_STORE is not a valid Redis URL\n"
        "  Write it as redis://host:port/database, with user:password@ before the host, "
        "or with rediss:// or unix://.\n"
    )


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["text", "json"])
def test_the_stores_password_never_shows(
    serve: Serve, redis: str, state: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
) -> None:
    serve(EmulatorOptions(cover_mode="reference"))
    write(entries(2, drifted=1))
    for url in stores(redis):
        monkeypatch.setenv("RECONCILE_QUOTA_STORE", url)
        ran = run(*APPROVED, *more)
        assert ran.code == (0 if url == redis else 1), ran.err
        assert PASSWORD not in ran.out + ran.err
    for file in files_under(state):
        assert PASSWORD.encode() not in file.read_bytes()


def test_it_does_not_show_in_debug_logs_and_tracebacks_either(serve: Serve, redis: str) -> None:
    serve(EmulatorOptions(cover_mode="reference"))
    write(entries(2, drifted=1))
    for url in stores(redis)[:3]:
        ran = spawn(*APPROVED, "--debug", env={"RECONCILE_QUOTA_STORE": url})
        assert PASSWORD not in ran.out + ran.err
        assert (TRACEBACK in ran.err) == (url != redis)


def test_runners_with_different_amounts_of_one_window_share_it(redis: str) -> None:
    """Otherwise each would believe to have the tenant's quota to itself."""

    async def one_after_the_other() -> float:
        async with window(redis, rate=Ours(10, 2)) as generous, window(redis, rate=Ours(4, 2)) as modest:
            started = time.monotonic()
            for _ in range(4):
                async with generous.slot():
                    pass
            async with modest.slot():
                return time.monotonic() - started

    assert asyncio.run(one_after_the_other()) > 1.9
