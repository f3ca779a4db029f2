"""Requests leave signed, freshly at every attempt; a login is shared, renewed once, and refused clearly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import FakeClock, login_auth, vod_client
from test_signature import of_the_sdk

from reconciler.errors import ApiError, AuthenticationError, UnreachableError
from reconciler.vod.auth import AccessKey, AccessKeyAuth, Login, TokenAuth, parse_date
from reconciler.vod.retry import ATTEMPTS

ACCESS = AccessKey("AKEXAMPLE", "secret-of-the-example")
IAM = "https://iam.cn-north-4.myhuaweicloud.com"
LOGIN = Login("otto", "sesame-sesame", "acme", "cn-north-4")
URL = "https://vod.cn-north-4.myhuaweicloud.com/v1.0/p/asset/details"


def signed(request: httpx.Request, clock: FakeClock, access: AccessKey = ACCESS) -> httpx.Request:
    return next(AccessKeyAuth(access, clock).auth_flow(request))


def signed_names(request: httpx.Request) -> list[str]:
    return request.headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")


def as_the_sdk_signs(request: httpx.Request, query: list[tuple[str, str]], access: AccessKey = ACCESS) -> str:
    """The SDK's signature over the same headers, with the query as it was meant."""
    headers = {name: request.headers[name] for name in signed_names(request)}
    return of_the_sdk((request.method, request.url.path, query, headers, request.content), access)


def test_a_read_is_signed_as_the_sdk_would(clock: FakeClock) -> None:
    query = [("categories", "base_info,thumbnail_info"), ("asset_id", "6e76")]

    request = signed(httpx.Request("GET", URL, params=httpx.QueryParams([*query])), clock)

    assert request.headers["X-Sdk-Date"] == "20260301T120000Z"
    assert request.headers["Authorization"] == as_the_sdk_signs(request, query)
    assert {"host", "x-sdk-date"} <= set(signed_names(request))


def test_a_put_signs_its_body_and_its_type(clock: FakeClock) -> None:
    request = signed(httpx.Request("PUT", URL, json={"thumbnailUrl": "https://片/a b"}), clock)

    assert request.headers["Authorization"] == as_the_sdk_signs(request, [])
    assert "content-type" in signed_names(request)


@given(st.lists(st.tuples(st.text(max_size=6), st.text(max_size=6)), max_size=4))
def test_the_query_that_is_signed_is_the_query_that_is_meant(query: list[tuple[str, str]]) -> None:
    request = signed(httpx.Request("GET", URL, params=httpx.QueryParams([*query])), FakeClock())

    assert request.headers["Authorization"] == as_the_sdk_signs(request, query)


def test_security_token_and_project_are_sent_and_signed(clock: FakeClock) -> None:
    access = AccessKey("AK", "secret", "the-security-token")

    request = signed(httpx.Request("GET", URL, headers={"X-Project-Id": "p"}), clock, access)

    assert request.headers["X-Security-Token"] == "the-security-token"
    assert {"x-security-token", "x-project-id"} <= set(signed_names(request))
    assert request.headers["Authorization"] == as_the_sdk_signs(request, [], access)


def test_without_a_security_token_none_is_sent(clock: FakeClock) -> None:
    assert "X-Security-Token" not in signed(httpx.Request("GET", URL), clock).headers


def test_every_attempt_has_a_date_and_signature_of_its_own(clock: FakeClock) -> None:
    dates, signatures = [], []

    async def server(request: httpx.Request) -> httpx.Response:
        dates.append(request.headers["X-Sdk-Date"])
        signatures.append(request.headers["Authorization"])
        await clock.sleep(1)
        return httpx.Response(503)

    async def main() -> None:
        client = vod_client(server, clock, auth=AccessKeyAuth(ACCESS, clock))
        with pytest.raises(ApiError):
            await client.details("a" * 32)

    clock.run(main())
    assert dates == sorted(set(dates))
    assert len(dates) == len(set(signatures)) == ATTEMPTS


def test_secrets_stay_out_of_repr() -> None:
    told = repr(AccessKey("AK", "the-secret", "the-token")) + repr(LOGIN)

    assert "the-secret" not in told
    assert "the-token" not in told
    assert LOGIN.password not in told


def test_token_goes_with_every_request() -> None:
    request = next(TokenAuth("a-token").auth_flow(httpx.Request("GET", URL)))

    assert request.headers["X-Auth-Token"] == "a-token"


class Cloud:
    """IAM and VOD in one: each login gets the next token, and only the latest is good."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.logins: list[httpx.Request] = []
        self.calls: list[str] = []
        self.good = "token-1"
        self.answer_login: Callable[[], httpx.Response] | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await self.clock.sleep(0.125)
        if request.url.path == "/v3/auth/tokens":
            self.logins.append(request)
            if self.answer_login is not None:
                return self.answer_login()
            return httpx.Response(201, headers={"X-Subject-Token": f"token-{len(self.logins)}"})
        self.calls.append(request.headers.get("X-Auth-Token", ""))
        if self.calls[-1] != self.good:
            return httpx.Response(401, json={"error_code": "APIGW.0301", "error_msg": "Incorrect token"})
        return httpx.Response(200, json={"asset_id": request.url.params["asset_id"], "base_info": {}})

    def read(self, *rounds: int) -> None:
        """Reads in rounds of so many at once, through one login; the token goes stale between rounds."""

        async def main() -> None:
            client = vod_client(self, self.clock, auth=login_auth(self, self.clock, LOGIN, IAM))
            for number, parallelism in enumerate(rounds, start=1):
                self.good = f"token-{number}"
                await asyncio.gather(*(client.details(f"{n:032x}") for n in range(parallelism)))

        self.clock.run(main())


def test_a_login_asks_iam_as_documented(clock: FakeClock) -> None:
    cloud = Cloud(clock)

    cloud.read(1)

    (login,) = cloud.logins
    assert str(login.url) == f"{IAM}/v3/auth/tokens"
    assert httpx.Response(200, content=login.content).json() == {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": "otto", "password": "sesame-sesame", "domain": {"name": "acme"}}},
            },
            "scope": {"project": {"name": "cn-north-4"}},
        }
    }
    assert cloud.calls == ["token-1"]


def test_many_requests_share_one_login(clock: FakeClock) -> None:
    cloud = Cloud(clock)

    cloud.read(40)

    assert len(cloud.logins) == 1
    assert cloud.calls == ["token-1"] * 40


def test_a_stale_token_is_renewed_once_for_everybody(clock: FakeClock) -> None:
    cloud = Cloud(clock)

    cloud.read(1, 20)

    assert len(cloud.logins) == 2
    assert sorted(cloud.calls) == ["token-1"] * 21 + ["token-2"] * 20


def test_a_token_that_is_refused_even_when_new_ends_the_run(clock: FakeClock) -> None:
    cloud = Cloud(clock)
    cloud.answer_login = lambda: httpx.Response(201, headers={"X-Subject-Token": "never good"})

    with pytest.raises(AuthenticationError, match="Incorrect token"):
        cloud.read(1)
    assert len(cloud.logins) == 2


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_login_is_an_authentication_error_without_another_try(clock: FakeClock, status: int) -> None:
    cloud = Cloud(clock)
    cloud.answer_login = lambda: httpx.Response(status, json={"error": {"message": "sesame-sesame is wrong"}})

    with pytest.raises(AuthenticationError) as caught:
        cloud.read(1)

    assert len(cloud.logins) == 1
    assert cloud.calls == []
    assert "HW_USER_PASSWORD" in caught.value.hint
    assert LOGIN.password not in caught.value.message


@pytest.mark.parametrize(("answer", "seconds"), [({"Retry-After": "600"}, 600), ({}, 2)])
def test_a_login_over_quota_is_waited_out_once_for_all(
    clock: FakeClock, answer: dict[str, str], seconds: int
) -> None:
    cloud = Cloud(clock)
    answers = iter([httpx.Response(429, headers=answer), httpx.Response(201, headers={"X-Subject-Token": "token-1"})])
    cloud.answer_login = lambda: next(answers)

    cloud.read(64)

    assert len(cloud.logins) == 2
    assert cloud.calls == ["token-1"] * 64
    assert seconds <= clock.time < seconds + 2


def test_a_login_over_quota_for_ever_ends_the_run(clock: FakeClock) -> None:
    cloud = Cloud(clock)
    cloud.answer_login = lambda: httpx.Response(429)

    with pytest.raises(UnreachableError, match="half an hour"):
        cloud.read(8)
    assert len(cloud.logins) < 50


def test_a_login_that_meets_a_fault_is_tried_again(clock: FakeClock) -> None:
    cloud = Cloud(clock)
    answers = iter(
        [httpx.Response(503), httpx.Response(201), httpx.Response(201, headers={"X-Subject-Token": "token-1"})]
    )
    cloud.answer_login = lambda: next(answers)

    cloud.read(1)

    assert len(cloud.logins) == 3
    assert cloud.calls == ["token-1"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Sun, 01 Mar 2026 12:00:00 GMT", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("Sun, 01 Mar 2026 20:00:00 +0800", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("Sun, 01 Mar 2026 12:00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("", None),
        ("soon", None),
        ("Sun, 99 Mar 2026 12:00:00 GMT", None),
        ("Sun, 01 Mar 99999999999 12:00:00 GMT", None),
    ],
)
def test_dates_of_headers(text: str, moment: datetime | None) -> None:
    assert parse_date(text) == moment


@given(
    st.text() | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,12} [A-Z][a-z]{2} [0-9]{1,30} [0-9:]{1,40} [-+0-9A-Z]{1,30}")
)
def test_no_date_header_breaks_us(text: str) -> None:
    parse_date(text)
