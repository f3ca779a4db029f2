"""Reads pictures: the only code that opens URLs from the API. Time, size and redirects are limited."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from reconciler.model import Content, NoAnswer
from reconciler.util.clock import Clock
from reconciler.util.ids import HEX_32
from reconciler.util.sanitize import bare_url, hide, shorten
from reconciler.vod.bodies import IDENTITY, decoded, encodings
from reconciler.vod.retry import ATTEMPTS, with_retries
from reconciler.vod.transport import UntrustedError

MOST_BYTES = 20 * 1024 * 1024
_REDIRECTS = 3
_MOST_DIGITS = 18
_HEADERS = {"Accept": "image/*", **IDENTITY}
_MD5 = re.compile(rf'"?({HEX_32})"?')
# A gateway's page, or its error as JSON, with status 200. Pictures are image/*, octets, or without a type.
_NO_PICTURE = re.compile(r"text/|application/(?:json|xml|xhtml)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PictureHead:
    """What a CDN's headers say about a picture: `length` in bytes, `md5` where the ETag is one."""

    length: int | None = None
    md5: str | None = None


class _Transient(Exception):
    """A failure that another attempt may not meet."""


def open_client(
    transport: httpx.AsyncBaseTransport, headers: Mapping[str, str], timeout: float | None = None
) -> httpx.AsyncClient:
    """A client for `Pictures`, which sends back nothing that a CDN gave it."""
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return httpx.AsyncClient(
        transport=transport, headers=headers, timeout=timeout, cookies=no_cookies, trust_env=False
    )


class Pictures:
    """Reads pictures. The requests do not count against the API's quota and carry no credentials.

    Args:
        http: a client that neither authenticates nor follows redirects; unless `trusted`, its transport must
            refuse hosts that are not public.
        trusted: the API endpoint is loopback, so plain http and private addresses are allowed.
        timeout: seconds for one request.
        headers: of every request.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        trusted: bool,
        clock: Clock,
        timeout: float,
        headers: Mapping[str, str] = _HEADERS,
    ) -> None:
        self._http = http
        self._trusted = trusted
        self._clock = clock
        self._timeout = timeout
        self._headers = headers
        self._no_head: set[str] = set()
        self._right: dict[str, set[str]] = {}
        """By host: what the bytes of a picture have confirmed of its HEADs, "length" and "md5"."""

    def revalidating(self) -> Pictures:
        """A reader that tells caches on the way to ask the origin first."""
        headers = {**_HEADERS, "Cache-Control": "no-cache"}
        return Pictures(self._http, trusted=self._trusted, clock=self._clock, timeout=self._timeout, headers=headers)

    async def head(self, url: str) -> PictureHead:
        """Length and MD5 as far as the CDN's headers contain them; neither if it does not answer HEAD, or once one
        of its HEADs was wrong."""
        target = self._target(url)
        if isinstance(target, NoAnswer) or target.host in self._no_head:
            return PictureHead()
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._http.head(target, headers=self._headers)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError):
            return PictureHead()
        if response.status_code in (400, 403, 405, 501):
            self._no_head.add(target.host)
        if response.status_code != httpx.codes.OK or "Content-Encoding" in response.headers or _is_page(response):
            return PictureHead()
        length = response.headers.get("Content-Length", "")[:_MOST_DIGITS]
        md5 = _MD5.fullmatch(response.headers.get("ETag", "").strip())
        # Some servers send 0 when they do not know the length.
        known = int(length) if length.isascii() and length.isdigit() and length.strip("0") else None
        return PictureHead(known, md5[1].lower() if md5 else None)

    def believed(self, url: str, told: PictureHead) -> PictureHead:
        """As much of a HEAD as the bytes of some picture of that host have confirmed in this run."""
        target = self._target(url)
        right = self._right.get(target.host, set()) if isinstance(target, httpx.URL) else set()
        return PictureHead(told.length if "length" in right else None, told.md5 if "md5" in right else None)

    async def content(self, url: str, head: PictureHead | None = None) -> Content | NoAnswer:
        """SHA-256 and length of a picture's bytes, or why they cannot be read.

        Args:
            head: its HEAD. The bytes show whether that host's HEADs may be believed.
        """
        if head is None or head.length is None:
            return await self._read(url, None)
        kept = bytearray()
        read = await self._read(url, kept)
        if isinstance(read, Content):
            self._judge_head(url, head, kept)
        return read

    async def data(self, url: str) -> bytes | NoAnswer:
        """A picture's bytes, at most MOST_BYTES, or why they cannot be read."""
        kept = bytearray()
        read = await self._read(url, kept)
        return read if isinstance(read, NoAnswer) else bytes(kept)

    def _judge_head(self, url: str, head: PictureHead, data: bytearray) -> None:
        host = httpx.URL(url).host
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        if head.length != len(data) or head.md5 not in (None, md5):
            self._no_head.add(host)
            self._right.pop(host, None)
        elif host not in self._no_head:
            self._right.setdefault(host, set()).update(("length", "md5") if head.md5 else ("length",))

    async def _read(self, url: str, kept: bytearray | None) -> Content | NoAnswer:
        target = self._target(url)
        if isinstance(target, NoAnswer):
            return target
        try:
            return await with_retries(self._clock, lambda: self._fetch(target, kept), _Transient)
        except _Transient as fault:
            return _unavailable(url, f"{fault}, {ATTEMPTS} attempts", permanent=False)

    def _target(self, url: str) -> httpx.URL | NoAnswer:
        try:
            target = httpx.URL(url)
            if target.scheme not in ("http", "https") or not target.host:
                return _unavailable(url, "neither http nor https")
        except (httpx.InvalidURL, ValueError):  # ValueError: malformed punycode
            return _unavailable(url, "not a valid URL")
        if target.userinfo:
            return _unavailable(url, "a URL with a user name")
        if self._trusted:
            return target
        if target.port not in (None, 80, 443):
            return _unavailable(url, "a URL with a port other than 80 and 443")
        return target.copy_with(scheme="https", port=None) if target.scheme == "http" else target

    async def _fetch(self, target: httpx.URL, kept: bytearray | None) -> Content | NoAnswer:
        url = target
        for _ in range(_REDIRECTS + 1):
            try:
                async with asyncio.timeout(self._timeout):
                    async with self._http.stream("GET", url, headers=self._headers) as response:
                        if not response.has_redirect_location:
                            return await _digest(target, response, kept)
                        following = url.join(response.headers["Location"])
            except TimeoutError as error:
                raise _Transient(f"no answer within {self._timeout:g} s") from error
            except UntrustedError:
                return _unavailable(
                    str(target), "its certificate is not trusted; SSL_CERT_FILE can name an authority"
                )
            # ValueError: brackets or a port in a Location that make it no URL.
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                raise _Transient(f"{type(error).__name__}: {shorten(hide(str(error)), 120)}") from error
            if following.userinfo or _origin(following) != _origin(url):
                return _unavailable(str(target), "it redirects to another host")
            url = following
        return _unavailable(str(target), "too many redirects")


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    # Not `host`, which raises for a host that only looks like punycode.
    return url.scheme, url.raw_host, url.port


async def _digest(target: httpx.URL, response: httpx.Response, kept: bytearray | None) -> Content | NoAnswer:
    status = response.status_code
    if status in (408, 429) or status >= 500:
        raise _Transient(f"HTTP {status}")
    if status != httpx.codes.OK:
        return _unavailable(str(target), f"HTTP {status}")
    if _is_page(response):
        raise _Transient("a page instead of a picture")
    digest, length = hashlib.sha256(), 0
    if kept is not None:
        kept.clear()
    async for chunk in decoded(response):
        length += len(chunk)
        if length > MOST_BYTES:
            return _unavailable(str(target), f"more than {MOST_BYTES // 2**20} MiB")
        digest.update(chunk)
        if kept is not None:
            kept += chunk
    declared = "" if encodings(response) else response.headers.get("Content-Length", "")[:_MOST_DIGITS]
    if declared.isascii() and declared.isdigit() and int(declared) != length:
        raise _Transient(f"{length} of {declared} bytes")
    if not length:
        return _unavailable(str(target), "an empty file")
    return Content(digest.hexdigest(), length)


def _is_page(response: httpx.Response) -> bool:
    return _NO_PICTURE.match(response.headers.get("Content-Type", "")) is not None


def _unavailable(url: str, why: str, *, permanent: bool = True) -> NoAnswer:
    message = f"The picture at {bare_url(url)} cannot be read: {why}."
    return NoAnswer("content_unavailable", message, why if permanent else "")
