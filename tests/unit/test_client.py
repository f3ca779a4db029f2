"""What the calls send, how often they try, and what they make of whatever comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise

import httpx
import pytest
from support.fakes import (
    ASSET,
    BASE,
    PROJECT,
    FakeClock,
    Script,
    details_answer,
    vod_client,
)
from support.samples import FAULTS, URL, put, read

from reconciler.errors import ApiError, UnreachableError
from reconciler.vod.auth import Auth
from reconciler.vod.retry import ATTEMPTS
from reconciler.vod.transport import UntrustedError


def test_a_read_asks_for_what_is_needed_and_no_more(clock: FakeClock) -> None:
    server = Script(details_answer())

    read(clock, server)

    (request,) = server.requests
    assert request.method == "GET"
    assert str(request.url).startswith(f"{BASE}/v1.0/{PROJECT}/asset/details?")
    assert dict(request.url.params) == {"asset_id": ASSET, "categories": "base_info,thumbnail_info"}


def test_a_put_sends_the_url_exactly_as_it_was_given(clock: FakeClock) -> None:
    server = Script(httpx.Response(204))

    assert put(clock, server) is True

    (request,) = server.requests
    assert request.method == "PUT"
    assert str(request.url) == f"{BASE}/v1.0/{PROJECT}/asset/cover"
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.content) == {"thumbnailUrl": URL}


@pytest.mark.parametrize("times", [1, ATTEMPTS - 1])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_read_survives_a_passing_fault(clock: FakeClock, fault: str, times: int) -> None:
    server = Script(*(FAULTS[fault]() for _ in range(times)), details_answer())

    assert read(clock, server) == "Title of 6e76"
    assert len(server.requests) == times + 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_read_is_tried_five_times_and_no_more(clock: FakeClock, fault: str) -> None:
    server = Script(*(FAULTS[fault]() for _ in range(ATTEMPTS)), details_answer())

    with pytest.raises(ApiError, match=r"^Reading the asset failed: .*5 attempts"):
        read(clock, server)

    about_it = [request for request in server.requests if request.url.path.endswith("/details")]
    assert len(about_it) == ATTEMPTS == 5


@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in ("an empty object", "broken gzip")])
def test_a_put_survives_a_passing_fault(clock: FakeClock, fault: str) -> None:
    server = Script(FAULTS[fault](), httpx.Response(204))

    assert put(clock, server) is True
    assert len(server.requests) == 2
    assert server.requests[0].content == server.requests[1].content


def test_the_pauses_between_attempts_grow(clock: FakeClock) -> None:
    times = []

    async def server(request: httpx.Request) -> httpx.Response:
        times.append(clock.time)
        return httpx.Response(503)

    with pytest.raises(ApiError):
        clock.run(vod_client(server, clock).details(ASSET))

    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert 0 < pauses[0] < 1
    assert pauses[-1] > pauses[0]
    assert sum(pauses) < 30


def test_a_server_that_hangs_is_given_up_on_in_time(clock: FakeClock) -> None:
    started = []

    async def server(request: httpx.Request) -> httpx.Response:
        started.append(clock.time)
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(UnreachableError, match="no answer within 7 s"):
        clock.run(vod_client(server, clock, timeout=7).details(ASSET))

    assert len(started) == 2 * ATTEMPTS, "the asset, then whether anybody is there"
    assert clock.time < 2 * (ATTEMPTS * 7 + 30)


def test_an_answer_that_drips_is_cut_off_in_time(clock: FakeClock) -> None:
    class Drip(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await clock.sleep(5)
                yield b" "

    async def server(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Drip())

    with pytest.raises(ApiError, match="no answer within 7 s"):
        clock.run(vod_client(server, clock, timeout=7).details(ASSET))


def test_a_put_that_stays_unanswered_may_have_been_carried_out(clock: FakeClock) -> None:
    server = Script(httpx.ReadTimeout("slow"))

    with pytest.raises(ApiError) as caught:
        put(clock, server)

    assert caught.value.outcome_unknown is True
    assert len(server.requests) == ATTEMPTS


def test_a_read_that_stays_unanswered_changed_nothing(clock: FakeClock) -> None:
    with pytest.raises(ApiError) as caught:
        read(clock, Script(httpx.ReadTimeout("slow")))

    assert caught.value.outcome_unknown is False


def test_the_url_is_asked_for_again_before_each_attempt(clock: FakeClock) -> None:
    server = Script(httpx.Response(503), httpx.Response(204))
    urls = iter(["https://x/old", "https://x/new"])

    async def prepare(_: bool) -> str:
        return next(urls)

    clock.run(vod_client(server, clock).set_cover(prepare))

    assert [json.loads(request.content)["thumbnailUrl"] for request in server.requests] == [
        "https://x/old",
        "https://x/new",
    ]


def test_the_list_is_read_page_by_page_to_its_end(clock: FakeClock) -> None:
    async def server(request: httpx.Request) -> httpx.Response:
        page, size = int(request.url.params["page"]), int(request.url.params["size"])
        ids = [f"{n:032x}" for n in range(page * size, min((page + 1) * size, 250))]
        return httpx.Response(200, json={"total": 250, "assets": [{"asset_id": n, "title": None} for n in ids]})

    async def main() -> list[str]:
        return [asset.asset_id async for asset in vod_client(server, clock).list_assets()]

    assert clock.run(main()) == [f"{n:032x}" for n in range(250)]


def test_a_list_that_never_gets_shorter_is_an_error_and_not_a_short_list(clock: FakeClock) -> None:
    asked = []

    async def server(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"total": 10**6, "assets": [{"asset_id": ASSET}] * 100})

    async def main() -> int:
        return len([asset async for asset in vod_client(server, clock).list_assets()])

    with pytest.raises(ApiError, match="the service ignores start_time and end_time"):
        clock.run(main())
    assert len(asked) < 50


def test_an_unknown_authority_is_told_at_once_with_the_variable(clock: FakeClock) -> None:
    server = Script(UntrustedError("certificate verify failed: unable to get local issuer certificate"))

    with pytest.raises(UnreachableError, match="certificate verify failed") as caught:
        read(clock, server)

    assert len(server.requests) == 1
    assert "SSL_CERT_FILE" in caught.value.hint


class SlowAuth(Auth):
    """Credentials that come after so many seconds the first time: before a request, or after a 401."""

    def __init__(self, clock: FakeClock, ready: float = 0.0, renewed: float = 0.0) -> None:
        self._clock = clock
        self._ready, self._renewed = ready, renewed

    async def ready(self) -> None:
        seconds, self._ready = self._ready, 0.0
        await self._clock.sleep(seconds)

    async def renewed(self, refused: httpx.Request) -> bool:
        seconds, self._renewed = self._renewed, 0.0
        await self._clock.sleep(seconds)
        return True


@pytest.mark.parametrize(
    ("ready", "renewed", "answers"), [(1200.0, 0.0, [204]), (0.0, 1200.0, [401, 204]), (2.0, 2.0, [401, 204])]
)
def test_a_put_comes_soon_after_what_was_made_sure_of(
    clock: FakeClock, ready: float, renewed: float, answers: list[int]
) -> None:
    """Above all the lock that a team shares, which ends ten minutes after its store was last reached."""
    prepared: list[tuple[float, bool]] = []
    sent: list[float] = []

    async def prepare(in_doubt: bool) -> str:
        prepared.append((clock.monotonic(), in_doubt))
        return URL

    async def serve(_: httpx.Request) -> httpx.Response:
        sent.append(clock.monotonic() - prepared[-1][0])
        return httpx.Response(answers[len(sent) - 1])

    client = vod_client(serve, clock, auth=SlowAuth(clock, ready, renewed))
    assert clock.run(client.set_cover(prepare)) is True
    assert max(sent) < 10
    assert not any(in_doubt for _, in_doubt in prepared)
    assert len(sent) == len(answers)
