"""Faults on purpose. A dropped connection is a real one: under uvicorn the socket is reset. In process there is no
socket, so the client gets the exception that a network would have raised."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx
from starlette.responses import HTMLResponse, Response

from reconciler.emulator.anti_leech import without_signature
from reconciler.emulator.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from reconciler.emulator.options import FaultKind, FaultRule

RAW_SEND = "reconciler.emulator.send"
"""The scope's key for the server's own `send`, which leads to the connection."""
DROPPED = "reconciler.emulator.dropped"
"""The scope's key for "send nothing more"; Starlette would answer our exception with a 500."""

_HANG_SECONDS = 60.0
_NO_RESET = "the emulator reset the connection without an answer"
_PAGE = "<!DOCTYPE html><title>{0}</title><h1>{0}</h1><p>This page comes from the gateway.</p>"
_LINGER_NOT = struct.pack("ii", 1, 0)


class Faults:
    """Counts the requests of each URL and decides which of them fail."""

    def __init__(self, rules: tuple[FaultRule, ...]) -> None:
        self._rules = rules
        self._counts: Counter[tuple[str, str, bytes]] = Counter()

    def next(self, route: str, request: Request, body: bytes) -> FaultKind | None:
        """Counts this request; the fault for it, if any.

        Every cover is set at the same URL, so the body counts as a part of it. A signature does not: a retry may
        carry a new one.
        """
        rules = [rule for rule in self._rules if rule.route == route]
        if not rules:
            return None
        query = [part for part in request.url.query.split("&") if not part.startswith(("auth_key=", "auth_info="))]
        url = f"{without_signature(request.url.path)}?{'&'.join(query)}"
        key = (request.method, url, body)
        self._counts[key] += 1
        content = unquote(url) + body.decode("utf-8", "replace")
        for rule in rules:
            if self._counts[key] <= rule.times and rule.text in content:
                return rule.kind
        return None


async def answer(kind: FaultKind | None, handle: Callable[[], Awaitable[Response]]) -> Response:
    """The answer with this fault in it. The handler runs where the fault does not prevent the change."""
    match kind:
        case None:
            return await handle()
        case "reset":
            return Dropped()
        case "hang":
            return Hung()
        case "lost":
            await handle()
            return Dropped()
        case "truncated":
            return Truncated(await handle())
        case "gzip":
            return _compressed(await handle())
        case "html":
            return HTMLResponse(_PAGE.format("Please log in"))
        case "504-done":
            await handle()
            return HTMLResponse(_PAGE.format("504 from the gateway"), 504)
        case "502" | "503" | "504":
            return HTMLResponse(_PAGE.format(f"{kind} from the gateway"), int(kind))
        case _:
            return _refusal(kind).response()


def _compressed(whole: Response) -> Response:
    """The same, as from a CDN that compresses without being asked."""
    if not whole.body:
        return whole
    whole.body = gzip.compress(bytes(whole.body), 1)
    whole.headers["Content-Length"] = str(len(whole.body))
    whole.headers["Content-Encoding"] = "gzip"
    return whole


def _refusal(kind: str) -> Refusal:
    if kind == "403":
        return Refusal(403, "VOD.10074", "You have no permission for this operation.")
    if kind == "500":
        return Refusal(500, "VOD.10051", "The service has an internal error.")
    headers = {"Retry-After": "1"} if kind == "429-retry-after" else None
    message = "The throttling threshold has been reached: policy user over ratelimit"
    return Refusal(429, "APIGW.0308", message, headers)


class Dropped(Response):
    """No answer: the connection is reset."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        transport = _transport(scope)
        if transport is None:
            scope[DROPPED] = True
            raise httpx.ReadError(_NO_RESET)
        connection = transport.get_extra_info("socket")
        if connection is not None:
            # Closing without lingering sends RST instead of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        transport.abort()
        await _gone(receive)


class Truncated(Response):
    """Half of an answer's body, then the end of the connection; without a body, no answer."""

    def __init__(self, whole: Response) -> None:
        super().__init__()
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytes(self._whole.body)
        if not body or scope["method"] == "HEAD":
            await Dropped()(scope, receive, send)
            return
        start = {"type": "http.response.start", "status": self._whole.status_code}
        await send({**start, "headers": self._whole.raw_headers})
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        transport = _transport(scope)
        if transport is None:
            raise httpx.RemoteProtocolError("the emulator closed the connection within the body")
        transport.close()
        await _gone(receive)


class Hung(Response):
    """No answer until the client gives up; after a minute the connection is reset."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(_HANG_SECONDS):
                await _gone(receive)
        except TimeoutError:
            await Dropped()(scope, receive, send)


def _transport(scope: Scope) -> asyncio.Transport | None:
    """uvicorn's `send` is a method of the object that holds the connection."""
    cycle = getattr(scope[RAW_SEND], "__self__", None)
    transport: asyncio.Transport | None = getattr(cycle, "transport", None)
    return transport


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
