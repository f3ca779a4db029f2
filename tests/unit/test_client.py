"""What the calls send, how often they try, and what they make of whatever comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from fakes import ASSET, BASE, OTHER, PROJECT, Answer, FakeClock, Script, details_answer, refusal, snapshot_url, vod_client

from reconciler.errors import ApiError, AuthenticationError, UnreachableError
from reconciler.model import Rate
from reconciler.vod.client import VodClient
from reconciler.vod.retry import ATTEMPTS

URL = f"{snapshot_url(offset=5)}?auth_key=17-0-0-abc%2Bdef&b= c"
OVER = "The throttling threshold has been reached: policy user over ratelimit,limit:{},time:{}"

# Made afresh for each answer, since a response can be read once.
FAULTS: dict[str, Callable[[], Answer]] = {
    "408": lambda: refusal(408),
    "500": lambda: refusal(500, "VOD.10051"),
    "502": lambda: httpx.Response(502, html="<html>Bad gateway</html>"),
    "503": lambda: httpx.Response(503),
    "504": lambda: httpx.Response(504, text="upstream"),
    "HTML with 200": lambda: httpx.Response(200, html="<html>Log in to the Wi-Fi</html>"),
    "truncated JSON": lambda: httpx.Response(200, content=b'{"asset_id": "6e76f92034ceae2f'),
    "JSON of another kind": lambda: httpx.Response(200, json=[1, 2]),
    "an empty object": lambda: httpx.Response(200, json={}),
    "not UTF-8": lambda: httpx.Response(200, content=b'{"asset_id": "\xff\xfe"}'),
    "broken gzip": lambda: httpx.Response(
        200, stream=httpx.ByteStream(b"not gzip"), headers={"Content-Encoding": "gzip"}
    ),
    "refused connection": lambda: httpx.ConnectError("refused"),
    "lost connection": lambda: httpx.RemoteProtocolError("disconnected without a response"),
    "reset while reading": lambda: httpx.ReadError("reset"),
    "connect time-out": lambda: httpx.ConnectTimeout(""),
    "read time-out": lambda: httpx.ReadTimeout("slow"),
}
ANSWERED = ("408", "500", "503", "504")


def read(clock: FakeClock, server: Script, asset_id: str = ASSET) -> str:
    """The title that one read gives."""
    answer = clock.run(vod_client(server, clock).details(asset_id))
    return answer.base_info.title if answer.base_info else ""


def put(clock: FakeClock, server: Script, writes: Rate = Rate(100, 60)) -> bool:
    async def prepare() -> str:
        return URL

    return clock.run(vod_client(server, clock, writes=writes).set_cover(prepare))


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

    with pytest.raises(ApiError, match=r"^details: .*5 attempts"):
        read(clock, server)

    assert len(server.requests) == ATTEMPTS == 5


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

    pauses = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
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

    assert len(started) == ATTEMPTS
    assert clock.time < ATTEMPTS * 7 + 30


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


@pytest.mark.parametrize("status", [400, 402, 403, 404, 405, 409, 410, 413, 422, 451])
def test_a_refusal_is_final(clock: FakeClock, status: int) -> None:
    for call in (read, put):
        server = Script(refusal(status, "VOD.10053", "illegal parameter", {"X-Request-Id": "req-7"}))

        with pytest.raises(ApiError, match="illegal parameter") as caught:
            call(clock, server)

        assert len(server.requests) == 1
        assert (caught.value.code, caught.value.status, caught.value.request_id) == ("VOD.10053", status, "req-7")
        assert caught.value.outcome_unknown is False
        assert not isinstance(caught.value, (AuthenticationError, UnreachableError))


@pytest.mark.parametrize("body", [b"", b"<html>Forbidden</html>", b"[]", b'{"error_code": null}', b"\xff", b"[" * 10_000])
def test_a_refusal_without_an_explanation_is_one_all_the_same(clock: FakeClock, body: bytes) -> None:
    server = Script(httpx.Response(403, content=body))

    with pytest.raises(ApiError, match="HTTP 403") as caught:
        read(clock, server)

    assert len(server.requests) == 1
    assert caught.value.status == 403


@pytest.mark.parametrize(
    ("date", "hint"),
    [
        ("Sun, 01 Mar 2026 12:40:00 GMT", "40 minutes behind"),
        ("Sun, 01 Mar 2026 11:30:00 GMT", "30 minutes ahead"),
        ("Sun, 01 Mar 2026 12:14:00 GMT", "Check the AK/SK"),
        ("nonsense", "Check the AK/SK"),
        ("Sun, 01 Mar 9999999999 12:00:00 GMT", "Check the AK/SK"),
    ],
)
def test_a_401_ends_the_run_and_tells_a_wrong_clock(clock: FakeClock, date: str, hint: str) -> None:
    server = Script(refusal(401, "APIGW.0301", "Incorrect IAM authentication", {"Date": date}))

    with pytest.raises(AuthenticationError, match="Incorrect IAM") as caught:
        read(clock, server)

    assert len(server.requests) == 1
    assert hint in caught.value.hint


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(clock: FakeClock, status: int) -> None:
    for call in (read, put):
        server = Script(httpx.Response(status, headers={"Location": "https://evil.example/"}), details_answer())

        with pytest.raises(ApiError, match="redirect"):
            call(clock, server)

        assert [request.url.host for request in server.requests] == [httpx.URL(BASE).host]


def test_an_answer_about_another_asset_is_refused(clock: FakeClock) -> None:
    server = Script(details_answer(OTHER))

    with pytest.raises(ApiError, match="another asset"):
        read(clock, server, ASSET)


def test_an_answer_that_writes_the_asset_in_upper_case_is_about_it(clock: FakeClock) -> None:
    server = Script(httpx.Response(200, json={"asset_id": ASSET.upper(), "base_info": {"title": "mine"}}))

    assert read(clock, server) == "mine"


@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in (*ANSWERED, "502")])
def test_nobody_there_who_speaks_the_api(clock: FakeClock, fault: str) -> None:
    server = Script(*(FAULTS[fault]() for _ in range(ATTEMPTS)))

    with pytest.raises(UnreachableError) as caught:
        read(clock, server)

    assert "endpoint" in caught.value.hint


@pytest.mark.parametrize("fault", ANSWERED)
def test_a_service_that_answers_with_faults_is_there(clock: FakeClock, fault: str) -> None:
    server = Script(*(FAULTS[fault]() for _ in range(ATTEMPTS)))

    with pytest.raises(ApiError) as caught:
        read(clock, server)

    assert not isinstance(caught.value, UnreachableError)


@pytest.mark.parametrize("first", [details_answer, lambda: refusal(400, "VOD.10062")])
def test_who_was_heard_once_is_not_called_unreachable(clock: FakeClock, first: Callable[[], httpx.Response]) -> None:
    server = Script(first(), httpx.ConnectError("gone"))

    async def main() -> None:
        client = vod_client(server, clock)
        for _ in range(2):
            try:
                await client.details(ASSET)
            except ApiError as error:
                last = error
        assert not isinstance(last, UnreachableError)
        assert "ConnectError" in last.message

    clock.run(main())


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


def test_each_attempt_takes_a_slot_of_its_own(clock: FakeClock) -> None:
    times = []

    async def server(request: httpx.Request) -> httpx.Response:
        times.append(clock.time)
        return httpx.Response(503) if len(times) < 3 else httpx.Response(204)

    async def prepare() -> str:
        return URL

    clock.run(vod_client(server, clock, writes=Rate(1, 60)).set_cover(prepare))

    assert times == pytest.approx([0, 60, 120], abs=1)


def test_nothing_to_set_sends_nothing_and_costs_no_slot(clock: FakeClock) -> None:
    server = Script(httpx.Response(204))

    async def nothing() -> None:
        return None

    async def main() -> float:
        client = vod_client(server, clock, writes=Rate(1, 60))
        assert await client.set_cover(nothing) is False
        assert await client.set_cover(nothing) is False
        return clock.time

    assert clock.run(main()) == 0
    assert server.requests == []


def test_the_url_is_asked_for_again_before_each_attempt(clock: FakeClock) -> None:
    server = Script(httpx.Response(503), httpx.Response(204))
    urls = iter(["https://x/old", "https://x/new"])

    async def prepare() -> str:
        return next(urls)

    clock.run(vod_client(server, clock).set_cover(prepare))

    assert [json.loads(request.content)["thumbnailUrl"] for request in server.requests] == [
        "https://x/old",
        "https://x/new",
    ]


def test_the_url_is_asked_for_only_when_there_is_room(clock: FakeClock) -> None:
    asked = []

    async def prepare() -> str:
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

    async def prepare() -> str:
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

    async def prepare() -> str:
        return URL

    async def main() -> None:
        client = vod_client(server, clock)
        for _ in range(6):
            await client.set_cover(prepare)

    clock.run(main())
    since = arrivals[3:]
    assert len(since) == 4
    assert all(later - earlier >= 10 for earlier, later in zip(since, since[2:], strict=False))


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("VOD.10053", "asset ID"),
        ("VOD.10081", "asset ID"),
        ("VOD.10054", "clock"),
        ("APIGW.0301", "clock"),
        ("VOD.10057", "project ID"),
        *[(code, "Wait") for code in ("VOD.10060", "VOD.10061", "VOD.10083", "VOD.10126")],
        ("VOD.10062", "Remove"),
        *[(code, "vod:asset:update") for code in ("VOD.10074", "VOD.10111", "VOD.10133")],
        ("VOD.10099", "review"),
        *[(code, "account") for code in ("VOD.10120", "VOD.10132")],
        *[(code, "report") for code in ("VOD.10051", "VOD.10052", "VST.10002")],
    ],
)
def test_known_codes_come_with_advice(clock: FakeClock, code: str, word: str) -> None:
    with pytest.raises(ApiError) as caught:
        read(clock, Script(refusal(400, code)))

    assert word in caught.value.hint
    assert code in caught.value.message


def test_the_list_is_read_page_by_page_to_its_end(clock: FakeClock) -> None:
    async def server(request: httpx.Request) -> httpx.Response:
        page, size = int(request.url.params["page"]), int(request.url.params["size"])
        ids = [f"{n:032x}" for n in range(page * size, min((page + 1) * size, 250))]
        return httpx.Response(200, json={"total": 250, "assets": [{"asset_id": n, "title": None} for n in ids]})

    async def main() -> list[str]:
        return [asset.asset_id async for asset in vod_client(server, clock).list_assets()]

    assert clock.run(main()) == [f"{n:032x}" for n in range(250)]


def test_an_endless_list_is_read_as_far_as_paging_reaches(clock: FakeClock) -> None:
    pages = []

    async def server(request: httpx.Request) -> httpx.Response:
        pages.append(int(request.url.params["page"]))
        return httpx.Response(200, json={"total": 10**6, "assets": [{"asset_id": ASSET}] * 100})

    async def main() -> int:
        return len([asset async for asset in vod_client(server, clock).list_assets()])

    assert clock.run(main()) == 20_000
    assert pages == list(range(200))
