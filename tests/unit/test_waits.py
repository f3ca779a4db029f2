"""Whoever waits for minutes is told so once, and why."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import httpx
import pytest
from support.fakes import FakeClock, Handler, Script, login_auth, refusal, vod_client

from reconciler.util.rate import WRITE_RATE, Rate
from reconciler.vod.auth import Login

URL = "https://cdn.example.com/asset/x/0.jpg"
OVER = "The throttling threshold has been reached: policy user over ratelimit,limit:{},time:{}"
USED_UP = "the service, which answers that its quota is used up (HTTP 429)"
SET = httpx.Response(204)


def told(clock: FakeClock, server: Handler, covers: int = 1, writes: Rate = WRITE_RATE) -> list[str]:
    """What was said while so many covers were set."""
    sentences: list[str] = []

    async def prepare(_: bool) -> str:
        return URL

    async def main() -> None:
        client = vod_client(server, clock, writes=writes, tell=sentences.append)
        await asyncio.gather(*(client.set_cover(prepare) for _ in range(covers)))

    clock.run(main())
    return sentences


@pytest.mark.parametrize(("seconds", "length"), [("60", "1 min"), ("540", "9 min"), ("1700", "28 min")])
def test_a_long_retry_after_is_said_once(clock: FakeClock, seconds: str, length: str) -> None:
    over = refusal(429, "APIGW.0308", "", {"Retry-After": seconds})

    assert told(clock, Script(over, SET), covers=3) == [f"Waiting for {USED_UP}: {length}."]


def test_a_long_wait_for_the_quota_is_said_once(clock: FakeClock) -> None:
    sentences = told(clock, Script(SET), covers=40, writes=Rate(10, 600))

    assert sentences == ["Waiting for the quota of 10 calls per 600 seconds: 10 min."]


def test_short_waits_are_said_when_they_come_to_a_minute(clock: FakeClock) -> None:
    sentences = told(clock, Script(SET), covers=10, writes=Rate(2, 25))

    assert sentences == ["Waiting for the quota of 2 calls per 25 seconds: 25 s now, after 50 s."]


def test_refusals_in_a_row_are_said_when_they_come_to_a_minute(clock: FakeClock) -> None:
    sentences = told(clock, Script(*[refusal(429, "APIGW.0308")] * 6, SET))

    assert sentences == [f"Waiting for {USED_UP}: 32 s now, after 30 s."]


def test_a_wait_twice_as_long_is_said_again(clock: FakeClock) -> None:
    over = [refusal(429, "APIGW.0308", "", {"Retry-After": seconds}) for seconds in ("60", "70", "300")]

    assert [line.rpartition(": ")[2] for line in told(clock, Script(*over, SET))] == [
        "1 min.",
        "5 min now, after 2 min.",
    ]


@pytest.mark.parametrize("seconds", ["1", "29"])
def test_shorter_than_a_minute_nothing_is_said(clock: FakeClock, seconds: str) -> None:
    over = refusal(429, "APIGW.0308", "", {"Retry-After": seconds})

    assert told(clock, Script(over, over, SET), covers=50) == []


def test_a_login_that_has_to_wait_says_so(clock: FakeClock) -> None:
    over = refusal(429, "APIGW.0308", "", {"Retry-After": "600"})
    server = Script(over, httpx.Response(201, headers={"X-Subject-Token": "a-token"}))
    sentences: list[str] = []
    login = login_auth(
        server, clock, Login("user", "secret", "domain", "cn-north-4"), "https://iam", sentences.append
    )

    clock.run(login.ready())

    assert sentences == ["Waiting for IAM, which answers that its quota is used up (HTTP 429): 10 min."]


@pytest.mark.parametrize(
    ("limit", "time", "kept"),
    [
        (1, "1 hour", "1 call per minute"),
        (59, "1 hour", "1 call per minute"),
        (600, "1 hour", "10 calls per minute"),
        (5, "1 day", "1 call per minute"),
        (1, "999999 day", "1 call per minute"),
        (2, "10 second", "2 calls per 10 seconds"),
    ],
)
def test_a_named_limit_that_slows_a_run_down_is_said_once_and_bounded(
    clock: FakeClock, limit: int, time: str, kept: str
) -> None:
    arrived: list[float] = []

    async def server(_: httpx.Request) -> httpx.Response:
        arrived.append(clock.time)
        return refusal(429, "APIGW.0308", OVER.format(limit, time)) if len(arrived) < 3 else SET

    sentences = told(clock, server, covers=4)

    assert sentences[0] == f"From now on at most {kept}: the service names that limit (HTTP 429)."
    assert sum(line.startswith("From now on") for line in sentences) == 1
    assert max(later - earlier for earlier, later in pairwise(arrived)) <= 61


def test_a_named_limit_that_slows_nothing_down_is_not_said(clock: FakeClock) -> None:
    assert told(clock, Script(refusal(429, "APIGW.0308", OVER.format(100, "1 minute")), SET)) == []
