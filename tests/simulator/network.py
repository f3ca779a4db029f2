"""Answers as they come over the wire: whole, broken, late or never."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx

PAGE = b"<html><body>Please log in</body></html>"
_STATUS = {"403": 403, "404": 404, "400": 400, "408": 408, "500": 500, "503": 503, "504": 504}
_CODES = {400: "VOD.10062", 403: "VOD.10074", 401: "APIGW.0301", 500: "VOD.10051"}


class _Broken(httpx.AsyncByteStream):
    """A body whose connection breaks in the middle."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body
        raise httpx.ReadError("connection reset")


def answer(status: int, body: bytes = b"", **headers: str) -> httpx.Response:
    """An answer as a stream; underscores in the names of headers are hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named, stream=httpx.ByteStream(body))


def broken(body: bytes, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(200, headers=named, stream=_Broken(body))


def as_json(value: Any, *, packed: bool = False) -> httpx.Response:
    body = json.dumps(value).encode()
    if packed:
        return answer(200, gzip.compress(body, mtime=0), Content_Type="application/json", Content_Encoding="gzip")
    return answer(200, body, Content_Type="application/json", Content_Length=str(len(body)))


def refusal(status: int, code: str = "", message: str = "it is refused") -> httpx.Response:
    told = {"error_code": code or _CODES.get(status, "VOD.10051"), "error_msg": message}
    return answer(status, json.dumps(told).encode(), Content_Type="application/json", X_Request_Id="request-1")


def throttled(*, wait: bool) -> httpx.Response:
    told = {"error_code": "APIGW.0308", "error_msg": "The throttling threshold has been reached"}
    headers = {"Retry_After": "7"} if wait else {}
    return answer(429, json.dumps(told).encode(), **headers)


async def api_fault(kind: str, good: Any) -> httpx.Response:
    """What an API call gets instead of `good` (JSON, or None where success has no body).

    Raises:
        httpx.ReadError: the connection breaks.
    """
    body = json.dumps(good).encode() if good is not None else b"{}"
    match kind.removesuffix(" done"):
        case "hang":
            await asyncio.sleep(3600)
        case "reset":
            raise httpx.ReadError("connection reset")
        case "429" | "429 wait":
            return throttled(wait=kind.endswith("wait"))
        case "garbage":
            return answer(200, b"\x00\xff not JSON")
        case "truncated":
            return answer(200, body[: len(body) // 2])
        case "empty":
            return answer(200)
        case "page":
            return answer(200, PAGE, Content_Type="text/html")
        case "other asset":
            return as_json({**good, "asset_id": "f" * 32})
    return refusal(_STATUS[kind.removesuffix(" done")])


async def picture_fault(kind: str, body: bytes, elsewhere: str) -> httpx.Response:
    """What a GET of a picture gets instead of it.

    Raises:
        httpx.ReadError: the connection breaks.
    """
    match kind:
        case "hang":
            await asyncio.sleep(3600)
        case "reset":
            raise httpx.ReadError("connection reset")
        case "redirect":
            return answer(302, Location="https://login.example.net/?next=picture")
        case "login":
            return answer(302, PAGE, Location=elsewhere)
        case "page":
            return answer(200, PAGE, Content_Type="text/html", Content_Length=str(len(PAGE)))
        case "truncated":
            return broken(body[: len(body) // 2], Content_Length=str(len(body)), Content_Type="image/jpeg")
        case "empty":
            return answer(200, Content_Length="0", Content_Type="image/jpeg")
        case "429":
            return answer(429)
    return answer(_STATUS[kind], PAGE if kind in ("403", "404") else b"")


def picture(body: bytes, *, packed: bool, etag: str) -> httpx.Response:
    tag = {"ETag": f'"{etag}"'} if etag else {}
    if packed:
        small = gzip.compress(body, mtime=0)
        return answer(
            200, small, Content_Type="image/jpeg", Content_Encoding="gzip", Content_Length=str(len(small)), **tag
        )
    return answer(200, body, Content_Type="image/jpeg", Content_Length=str(len(body)), **tag)
