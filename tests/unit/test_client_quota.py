"""The client within its quotas: slots, and what it makes of a 429."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from support.fakes import (
    ASSET,
    FakeClock,
    Script,
    details_answer,
    refusal,
    vod_client,
)

from reconciler.errors import UnreachableError
from reconciler.util.rate import WRITE_RATE, Rate
from reconciler.vod.client import VodClient
from reconciler.vod.retry import ATTEMPTS

URL = "https://cdn.example.com/asset/x/0.jpg?auth_key=1"
OVER = "The throttling threshold has been reached: policy user over ratelimit,limit:{},time:{}"


def put(clock: FakeClock, server: Script, writes: Rate = WRITE_RATE) -> bool:
    async def prepare(_: bool) -> str:
        return URL

    return clock.run(vod_client(server, clock, writes=writes).set_cover(prepare))


def test_each_attempt_takes_a_slot_of_its_own(clock: FakeClock) -> None:
    times = []

    async def server(request: httpx.Request) -> httpx.Response:
        times.append(clock.time)
        return httpx.Response(503) if len(times) < 3 else httpx.Response(204)

    async def prepare(_: bool) -> str:
        return URL

    clock.run(vod_client(server, clock, writes=Rate(1, 60)).set_cover(prepare))

    assert times == pytest.approx([0, 60, 120], abs=1)


def test_nothing_to_set_sends_nothing_and_costs_no_slot(clock: FakeClock) -> None:
    server = Script(httpx.Response(204))

    async def nothing(_: bool) -> None:
        return None

    async def main() -> float:
        client = vod_client(server, clock, writes=Rate(1, 60))
        assert await client.set_cover(nothing) is False
        assert await client.set_cover(nothing) is False
        return clock.time

    assert clock.run(main()) == 0
    assert server.requests == []


def test_the_url_is_asked_for_only_when_there_is_room(clock: FakeClock) -> None:
    asked = []

    async def prepare(_: bool) -> str:
        asked.append(clock.time)
        return URL

    async def main() -> None:
        client = vod_client(Script(httpx.Response(204)), clock, writes=Rate(1, 60))
        await asyncio.gather(client.set_cover(prepare), client.set_cover(prepare))

    clock.run(main())
    assert asked == [0, 60]


@pytest.mark.parametrize("status", [429, 403])
@pytest.mark.parametrize("code", ["APIGW.0308", "APIG.0308"])
def test_over_quota_is_waited_out_and_no_failed_attempt(clock: FakeClock, code: str, status: int) -> None:
    server = Script(*(refusal(status, code) for _ in range(2 * ATTEMPTS)), httpx.Response(204))

    assert put(clock, server) is True
    assert len(server.requests) == 2 * ATTEMPTS + 1


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": " 30 "}, 30),
        ({"Retry-After": "Sun, 01 Mar 2026 12:00:45 GMT"}, 45),
        ({"Retry-After": "Sun, 01 Mar 2026 11:00:00 GMT"}, 2),
        ({"Retry-After": "-5"}, 2),
        ({"Retry-After": "soon"}, 2),
        ({}, 2),
    ],
)
def test_retry_after_is_honoured_in_both_forms(clock: FakeClock, headers: dict[str, str], pause: float) -> None:
    put(clock, Script(refusal(429, "APIGW.0308", "slow down", headers), httpx.Response(204)))

    assert clock.time == pytest.approx(pause, abs=0.01)


def test_a_429_without_an_explanation_is_one_all_the_same(clock: FakeClock) -> None:
    server = Script(httpx.Response(429, html="<html>Too many</html>"), httpx.Response(204))

    assert put(clock, server) is True


def test_a_429_holds_everybody_of_its_class_back_and_nobody_else(clock: FakeClock) -> None:
    times: dict[str, list[float]] = {"GET": [], "PUT": []}

    async def server(request: httpx.Request) -> httpx.Response:
        times[request.method].append(clock.time)
        if request.method == "PUT":
            first = len(times["PUT"]) == 1
            return refusal(429, "APIGW.0308", "", {"Retry-After": "20"}) if first else httpx.Response(204)
        return details_answer()

    async def prepare(_: bool) -> str:
        return URL

    async def later(client: VodClient) -> None:
        await clock.sleep(1)
        await client.details(ASSET)
        await client.set_cover(prepare)

    async def main() -> None:
        client = vod_client(server, clock)
        await asyncio.gather(client.set_cover(prepare), later(client))

    clock.run(main())
    assert times == {"GET": [1], "PUT": [0, 20, 20]}


def test_the_limit_that_a_429_names_is_kept_to_from_then_on(clock: FakeClock) -> None:
    arrivals = []

    async def server(request: httpx.Request) -> httpx.Response:
        arrivals.append(clock.time)
        return refusal(429, "APIGW.0308", OVER.format(2, "10 second")) if len(arrivals) == 3 else httpx.Response(204)

    async def prepare(_: bool) -> str:
        return URL

    async def main() -> None:
        client = vod_client(server, clock)
        for _ in range(6):
            await client.set_cover(prepare)

    clock.run(main())
    since = arrivals[3:]
    assert len(since) == 4
    assert all(later - earlier >= 10 for earlier, later in zip(since, since[2:], strict=False))


def test_over_quota_for_half_an_hour_without_one_success_ends_the_run(clock: FakeClock) -> None:
    with pytest.raises(UnreachableError, match="half an hour"):
        put(clock, Script(refusal(429, "APIGW.0308")))

    assert 20 * 60 < clock.time <= 30 * 60
