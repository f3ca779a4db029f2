"""The short way from a request to its answer: authenticated, and nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Generator

import httpx
import pytest
from support.fakes import BASE, Handler, Script

from reconciler.vod.fast_client import FastHttpClient


class Body(httpx.AsyncByteStream):
    """A body that knows whether it was closed."""

    def __init__(self) -> None:
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"body"

    async def aclose(self) -> None:
        self.closed = True


class Twice(httpx.Auth):
    """Asks for a ticket first, then shows it."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        ticket = yield httpx.Request("POST", f"{BASE}/ticket")
        if ticket.status_code != 200:
            raise PermissionError("no ticket")
        request.headers["X-Ticket"] = ticket.headers["X-Ticket"]
        yield request


def exchanged(handler: Handler, times: int = 1, auth: httpx.Auth | None = None) -> httpx.Response:
    """The last answer."""

    async def main() -> httpx.Response:
        async with FastHttpClient(base_url=BASE, transport=httpx.MockTransport(handler), auth=auth) as http:
            answers = [await http.exchange(http.build_request("GET", "/x")) for _ in range(times)]
        return answers[-1]

    return asyncio.run(main())


def test_cookies_are_not_sent_back() -> None:
    server = Script(httpx.Response(200, headers={"Set-Cookie": "session=1; Path=/"}))

    exchanged(server, times=2)

    assert [request.headers.get("Cookie") for request in server.requests] == [None, None]


def test_redirects_are_answers() -> None:
    server = Script(httpx.Response(302, headers={"Location": f"{BASE}/elsewhere"}))

    assert exchanged(server).status_code == 302
    assert len(server.requests) == 1


def test_a_login_in_between_is_read_and_the_answer_left_to_the_caller() -> None:
    first, second = Body(), Body()
    server = Script(httpx.Response(200, stream=first, headers={"X-Ticket": "t"}), httpx.Response(200, stream=second))

    answer = exchanged(server, auth=Twice())

    assert [request.url.path for request in server.requests] == ["/ticket", "/x"]
    assert server.requests[1].headers["X-Ticket"] == "t"
    assert answer.request is server.requests[1]
    assert (first.closed, second.closed) == (True, False)


def test_an_answer_that_authentication_refuses_is_closed() -> None:
    refusal = Body()

    with pytest.raises(PermissionError):
        exchanged(Script(httpx.Response(403, stream=refusal)), auth=Twice())

    assert refusal.closed


def test_only_the_caller_limits_the_time() -> None:
    server = Script(httpx.Response(200))

    exchanged(server)

    assert set(server.requests[0].extensions["timeout"].values()) == {None}


def test_requests_are_logged_for_debugging(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "reconciler")

    exchanged(Script(httpx.Response(404)))

    assert f'HTTP Request: GET {BASE}/x "HTTP/1.1 404 Not Found"' in caplog.messages
