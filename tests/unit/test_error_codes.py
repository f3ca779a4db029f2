"""What is refused for good, and who is there at all."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from support.fakes import (
    ASSET,
    BASE,
    OTHER,
    FakeClock,
    Script,
    details_answer,
    refusal,
    vod_client,
)
from support.samples import FAULTS, put, read

from reconciler.errors import ApiError, AuthenticationError, UnreachableError
from reconciler.vod.retry import ATTEMPTS

ANSWERED = ("408", "500", "503", "504")


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


@pytest.mark.parametrize(
    "body", [b"", b"<html>Forbidden</html>", b"[]", b'{"error_code": null}', b"\xff", b"[" * 10_000]
)
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
    server = Script(*(FAULTS[fault]() for _ in range(2 * ATTEMPTS)))

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
        assert "gone" in last.message

    clock.run(main())


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
