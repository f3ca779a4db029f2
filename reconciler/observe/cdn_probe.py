"""How a CDN answers: what `reconcile doctor` says of a host. Each answer is looked at as it is; none is believed."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

import httpx

from reconciler.model import NoAnswer
from reconciler.observe.picture_answers import MOST_BYTES, is_page
from reconciler.observe.pictures import Pictures
from reconciler.util.sanitize import hide, shorten
from reconciler.vod.bodies import EncodingError, decoded


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `problem`: why there is none."""

    status: int = 0
    etag: str = ""
    encoding: str = ""
    length: str = ""
    cached: bool = False
    """It says that it comes from a cache."""
    sha256: str = ""
    md5: str = ""
    size: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class HostBehaviour:
    """How a host answers for one picture."""

    host: str
    head: Reply
    plain: Reply
    again: Reply
    compressed: Reply
    unchanged: Reply
    """With the ETag of the plain answer as a condition."""
    unheard: Reply
    """With a condition that cannot hold."""


async def probe(pictures: Pictures, url: str) -> HostBehaviour:
    """Six requests for one picture."""

    async def ask(method: str = "GET", **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await _reply(pictures, method, url, named)

    head, plain, again = await ask("HEAD"), await ask(), await ask(Cache_Control="no-cache")
    return HostBehaviour(
        httpx.URL(url).host,
        head,
        plain,
        again,
        await ask(Accept_Encoding="gzip, deflate"),
        await ask(If_None_Match=plain.etag) if plain.etag else Reply(problem="there is no ETag"),
        await ask(If_None_Match=f'"{secrets.token_hex(16)}"'),
    )


async def _reply(pictures: Pictures, method: str, url: str, headers: dict[str, str]) -> Reply:
    try:
        async with pictures.answered(method, url, headers) as response:
            if isinstance(response, NoAnswer):
                return Reply(problem=response.message)
            if method == "GET" and is_page(response):
                return Reply(response.status_code, problem="a page instead of a picture")
            body = b"" if method == "HEAD" else await _body(response)
            return Reply(
                response.status_code,
                response.headers.get("ETag", ""),
                response.headers.get("Content-Encoding", ""),
                response.headers.get("Content-Length", ""),
                "hit" in f"{response.headers.get('X-Cache', '')}{response.headers.get('X-HCDN-Cache', '')}".lower()
                or response.headers.get("Age", "0") not in ("", "0"),
                hashlib.sha256(body).hexdigest(),
                hashlib.md5(body, usedforsecurity=False).hexdigest(),
                len(body),
            )
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError, EncodingError) as error:
        return Reply(problem=shorten(hide(str(error)), 120) or type(error).__name__)


async def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in decoded(response):
        body += chunk
        if len(body) > MOST_BYTES:
            raise ValueError("the picture is too large")
    return bytes(body)
