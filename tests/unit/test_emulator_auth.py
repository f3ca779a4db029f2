"""The emulator checks signatures by itself. The official SDK's signer says what is right."""

from __future__ import annotations

import asyncio
import string
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.emulator.app import Emulator, create_app
from reconciler.emulator.options import ACCESS_KEY, PROJECT_ID, SECRET_KEY, SECURITY_TOKEN, EmulatorOptions

HOST = "emulator.test"
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
LIST = f"/v1.0/{PROJECT_ID}/asset/list"


def signed(method: str, path: str, **parts: Any) -> SdkRequest:
    """A request as the SDK signs it: sk, at, query, body and headers may be given."""
    at: datetime = parts.get("at", NOW)
    headers = {"X-Sdk-Date": at.strftime("%Y%m%dT%H%M%SZ"), **parts.get("headers", {})}
    request = SdkRequest(
        method=method,
        schema="http",
        host=HOST,
        resource_path=path,
        query_params=parts.get("query", []),
        header_params=headers,
        body=parts.get("body", ""),
    )
    credentials = BasicCredentials(parts.get("ak", ACCESS_KEY), parts.get("sk", SECRET_KEY), PROJECT_ID)
    return Signer(credentials).sign(request)


def send(app: Emulator, request: SdkRequest, **changed: Any) -> httpx.Response:
    """Sends what was signed, or something else."""
    headers = {**request.header_params, **changed.get("headers", {})}
    url = changed.get("url", f"http://{HOST}{request.uri}")

    async def once() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as client:
            body = changed.get("body", request.body)
            return await client.request(request.method, url, headers=headers, content=body)

    return asyncio.run(once())


@pytest.fixture(scope="module")
def app() -> Emulator:
    with tempfile.TemporaryDirectory() as folder:
        options = EmulatorOptions(assets=1, quota=(0, 0))
        return create_app(Path(folder) / "state", options, "http://x", clock=NOW.timestamp)


TEXT = st.text(
    st.sampled_from(string.ascii_letters + string.digits + " ~-_.!*'();:@&=+$,/?#[]%\"<>|媒é\U0001f600"), max_size=12
)


@settings(max_examples=60, deadline=None)
@given(
    name=TEXT.filter(bool),
    query=st.lists(st.tuples(st.sampled_from(["name", "b~", "ü x", "Z"]), TEXT), max_size=4),
)
def test_what_the_sdk_signs_is_accepted_whatever_the_query(
    app: Emulator, name: str, query: list[tuple[str, str]]
) -> None:
    request = signed("GET", "/v3/projects", query=[("name", name), *query])
    assert send(app, request).status_code == 200


@settings(max_examples=60, deadline=None)
@given(body=TEXT, header=st.text(string.ascii_letters + " ;,=", max_size=12))
def test_what_the_sdk_signs_is_accepted_whatever_the_body_and_headers(app: Emulator, body: str, header: str) -> None:
    headers = {"X-Extra": header, "Content-Type": "application/json;charset=UTF-8"}
    request = signed("PUT", f"/v1.0/{PROJECT_ID}/asset/cover", body=body, headers=headers)
    assert send(app, request).status_code == 400


@pytest.mark.parametrize(
    "changed",
    [
        {"url": f"http://{HOST}{LIST}?size=6"},
        {"url": f"http://{HOST}/v1.0/{PROJECT_ID}/asset/info?size=5"},
        {"headers": {"Host": "elsewhere.test"}},
        {"headers": {"X-Project-Id": "0" * 32}},
        {"headers": {"X-Sdk-Date": "20261122T080001Z"}},
        {"body": b"{}"},
    ],
)
def test_nothing_that_was_signed_may_change(app: Emulator, changed: dict[str, Any]) -> None:
    request = signed("GET", LIST, query=[("size", 5)], headers={"X-Project-Id": PROJECT_ID})
    assert send(app, request).status_code == 200
    assert send(app, request, **changed).status_code == 401


def test_another_secret_or_access_key_is_refused(app: Emulator) -> None:
    for parts in ({"sk": SECRET_KEY + "x"}, {"ak": "SOMEBODYELSE"}):
        answer = send(app, signed("GET", LIST, **parts))
        assert (answer.status_code, answer.json()["error_code"]) == (401, "APIGW.0301")


@pytest.mark.parametrize(("minutes", "status"), [(-15, 200), (15, 200), (-15.1, 401), (15.1, 401), (-9999, 401)])
def test_the_clock_may_be_fifteen_minutes_off(app: Emulator, minutes: float, status: int) -> None:
    assert send(app, signed("GET", LIST, at=NOW + timedelta(minutes=minutes))).status_code == status


def test_temporary_credentials_carry_their_token(app: Emulator) -> None:
    for token, status in ((SECURITY_TOKEN, 200), ("another", 401)):
        request = signed("GET", LIST, headers={"X-Security-Token": token})
        assert send(app, request).status_code == status


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer x",
        "SDK-HMAC-SHA256 Access=A, SignedHeaders=host, Signature=00",
        f"SDK-HMAC-SHA256 Access={ACCESS_KEY}, SignedHeaders=host, Signature={'0' * 64}",
        f"SDK-HMAC-SHA256 Access={ACCESS_KEY}, SignedHeaders=host;none;x-sdk-date, Signature={'0' * 64}",
    ],
)
def test_a_header_that_is_no_signature_is_refused(app: Emulator, authorization: str) -> None:
    request = signed("GET", LIST)
    assert send(app, request, headers={"Authorization": authorization}).status_code == 401
