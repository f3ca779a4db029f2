"""Reads pictures: the only code that opens URLs from the API. Time, size and redirects are limited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from reconciler.model import Content, NoAnswer, PictureBytes
from reconciler.observe.cdn_hosts import NOTHING, CdnHost, PictureHead, headers_of
from reconciler.observe.picture_answers import (
    NotModifiedError,
    PictureReading,
    TransientError,
    is_page,
    read_answer,
    unavailable,
)
from reconciler.util.clock import Clock
from reconciler.util.sanitize import hide, shorten
from reconciler.vod import authorities
from reconciler.vod.bodies import IDENTITY
from reconciler.vod.fast_client import FastHttpClient
from reconciler.vod.retry import ATTEMPTS, with_retries
from reconciler.vod.transport import UntrustedError

_REDIRECTS = 3
_HEADERS = {"Accept": "image/*", **IDENTITY}


@dataclass(slots=True)
class Traffic:
    """Requests for pictures, and the bytes of those that were read."""

    head: int = 0
    get: int = 0
    bytes: int = 0


class Pictures:
    """Reads pictures. The requests do not count against the API's quota and carry no credentials.

    Args:
        http: a client without credentials; unless `trusted`, its transport must refuse hosts that are not public.
        trusted: the API endpoint is loopback, so plain http and private addresses are allowed.
        timeout: seconds for one request.
        headers: of every request.
    """

    def __init__(
        self,
        http: FastHttpClient,
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
        self._headers = httpx.Headers(http.headers)
        self._headers.update(headers)
        self._hosts: dict[str, CdnHost] = {}
        self.traffic = Traffic()

    def revalidating(self) -> Pictures:
        """A reader that tells caches on the way to ask the origin first."""
        headers = {**_HEADERS, "Cache-Control": "no-cache"}
        return Pictures(self._http, trusted=self._trusted, clock=self._clock, timeout=self._timeout, headers=headers)

    async def head(self, url: str) -> PictureHead:
        """Length and MD5 as far as the CDN's headers contain them; neither if it does not answer HEAD, or once
        something that it said was wrong."""
        target = self._target(url)
        return NOTHING if isinstance(target, NoAnswer) else await self._head(target)

    async def _head(self, target: httpx.URL) -> PictureHead:
        host = self._host(target)
        if not host.worth_a_head:
            return NOTHING
        self.traffic.head += 1
        try:
            async with self._answer("HEAD", target, {}) as response:
                status, page, said = response.status_code, is_page(response), headers_of(response)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TimeoutError):
            return NOTHING
        if status in (400, 403, 405, 501):
            host.answers_head = False
        return said if status == httpx.codes.OK and not page else NOTHING

    def host_of(self, url: str) -> CdnHost:
        """What is known of a URL's host."""
        target = self._target(url)
        return CdnHost(wrong=True) if isinstance(target, NoAnswer) else self._host(target)

    def believed(self, url: str, head: PictureHead) -> PictureHead:
        """As much of a HEAD as the bytes of some picture of that host have confirmed in this run."""
        return self.host_of(url).believed(head)

    async def content(self, url: str, head: PictureHead | None = None) -> Content | NoAnswer:
        """SHA-256 and length of a picture's bytes, or why they cannot be read: see `picture`."""
        read = await self.picture(url, head)
        return read if isinstance(read, NoAnswer) else read.content

    async def picture(self, url: str, head: PictureHead | None = None) -> PictureBytes | NoAnswer:
        """A picture's bytes, or why they cannot be read. They show whether that host's headers may be believed.

        Args:
            head: what its HEAD said, if it was asked.
        """
        target = self._target(url)
        if isinstance(target, NoAnswer):
            return target
        host = self._host(target)
        condition = host.test_condition()
        try:
            reading = await self._read(target, condition)
        except NotModifiedError:
            host.wrong = True
            reading = await self._read_all(target)
        else:
            host.skips_nothing = host.skips_nothing or (bool(condition) and isinstance(reading, PictureReading))
        if isinstance(reading, NoAnswer):
            return reading
        host.judge(head or NOTHING, reading.headers, reading.picture)
        return reading.picture

    async def look(self, url: str, expected: Sequence[PictureBytes]) -> PictureBytes | NoAnswer:
        """A picture that is probably one of `expected`: headers may show that it is, where its host has proven
        itself; otherwise it is read."""
        target = self._target(url)
        if isinstance(target, NoAnswer):
            return target
        host, head = self._host(target), None
        if host.worth_a_head and (host.md5s or not host.lengths):
            head = await self._head(target)
            if (same := host.believed(head).one_of(expected)) is not None:
                return same
        elif host.proven:
            return await self._conditional(target, expected)
        return await self.picture(url, head)

    async def _conditional(self, target: httpx.URL, expected: Sequence[PictureBytes]) -> PictureBytes | NoAnswer:
        """Reads a picture unless it is one of `expected`."""
        host = self._host(target)
        try:
            reading = await self._read(target, {"If-None-Match": ", ".join(f'"{one.md5}"' for one in expected)})
        except NotModifiedError as answer:
            named = [one for one in expected if answer.headers.md5 in (one.md5, None)]
            if len(named) == 1:
                return named[0]
            host.wrong = True  # it named another picture, or did not say which
            return await self.picture(str(target))
        if isinstance(reading, PictureReading):
            host.judge(NOTHING, reading.headers, reading.picture)
            return reading.picture
        return reading

    async def data(self, url: str) -> bytes | NoAnswer:
        """A picture's bytes, at most MOST_BYTES, or why they cannot be read."""
        target = self._target(url)
        if isinstance(target, NoAnswer):
            return target
        kept = bytearray()
        read = await self._read_all(target, kept)
        return read if isinstance(read, NoAnswer) else bytes(kept)

    def _host(self, target: httpx.URL) -> CdnHost:
        return self._hosts.setdefault(target.host, CdnHost())

    async def _read_all(self, target: httpx.URL, kept: bytearray | None = None) -> PictureReading | NoAnswer:
        """Reads a picture without a condition."""
        try:
            return await self._read(target, {}, kept)
        except NotModifiedError:
            return unavailable(str(target), "HTTP 304, although nothing was asked about an earlier one")

    async def _read(
        self, target: httpx.URL, condition: Mapping[str, str], kept: bytearray | None = None
    ) -> PictureReading | NoAnswer:
        """
        Raises:
            NotModifiedError: the CDN says so.
        """
        try:
            read = await with_retries(self._clock, lambda: self._fetch(target, condition, kept), TransientError)
        except TransientError as fault:
            return unavailable(str(target), f"{fault}, {ATTEMPTS} attempts", permanent=False)
        if isinstance(read, PictureReading):
            self.traffic.bytes += read.picture.length
        return read

    def _target(self, url: str) -> httpx.URL | NoAnswer:
        try:
            target = httpx.URL(url)
            if target.scheme not in ("http", "https") or not target.host:
                return unavailable(url, "neither http nor https")
        except (httpx.InvalidURL, ValueError):  # ValueError: malformed punycode
            return unavailable(url, "not a valid URL")
        if target.userinfo:
            return unavailable(url, "a URL with a user name")
        if self._trusted:
            return target
        if target.port not in (None, 80, 443):
            return unavailable(url, "a URL with a port other than 80 and 443")
        return target.copy_with(scheme="https", port=None) if target.scheme == "http" else target

    async def _fetch(
        self, target: httpx.URL, condition: Mapping[str, str], kept: bytearray | None
    ) -> PictureReading | NoAnswer:
        url = target
        for _ in range(_REDIRECTS + 1):
            self.traffic.get += 1
            try:
                async with self._answer("GET", url, condition) as response:
                    if not response.has_redirect_location:
                        return await read_answer(target, response, kept)
                    following = url.join(response.headers["Location"])
            except TimeoutError as error:
                raise TransientError(f"no answer within {self._timeout:g} s") from error
            except UntrustedError:
                return unavailable(str(target), "its certificate is not trusted", hint=authorities.advice())
            # ValueError: brackets or a port in a Location that make it no URL.
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                raise TransientError(f"{type(error).__name__}: {shorten(hide(str(error)), 120)}") from error
            if following.userinfo or _origin(following) != _origin(url):
                return unavailable(str(target), "it redirects to another host")
            url = following
        return unavailable(str(target), "too many redirects")

    @asynccontextmanager
    async def answered(
        self, method: str, url: str, headers: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response | NoAnswer]:
        """One answer as it comes, redirects included, for who wants to know how a host behaves.

        Raises:
            httpx.HTTPError, TimeoutError: there is none.
        """
        target = self._target(url)
        if isinstance(target, NoAnswer):
            yield target
            return
        async with self._answer(method, target, headers) as response:
            yield response

    @asynccontextmanager
    async def _answer(self, method: str, url: httpx.URL, more: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """One request, for which there is a limited time, reading the body included."""
        headers = self._headers
        if more:
            headers = httpx.Headers([*headers.raw, *((k.encode(), v.encode()) for k, v in more.items())])
        async with asyncio.timeout(self._timeout):
            response = await self._http.exchange(httpx.Request(method, url, headers=headers))
            try:
                yield response
            finally:
                await response.aclose()


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    # Not `host`, which raises for a host that only looks like punycode.
    return url.scheme, url.raw_host, url.port
