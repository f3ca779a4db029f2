"""aiohttp below the httpx API.

We do not use httpx's own transport because this one
- checks the address that it connects to, so that a URL from the API cannot lead to a private service;
- sends URLs byte for byte, as they were signed;
- never sends a request a second time by itself: retries belong above the signature and inside the quota.
It is also several times as fast with many requests in flight.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

import aiohttp
import httpx
from yarl import URL

from reconciler.vod import authorities
from reconciler.vod.addresses import CheckedResolver, ForbiddenAddressError, MayOpen, check_host
from reconciler.vod.proxies import Proxies

_CONNECTIONS = 128
_LONGEST_HEADER = 256 * 1024  # IAM's tokens grow with the number of services
_NO_TIMEOUT = aiohttp.ClientTimeout()
_FAILURES = (aiohttp.ClientError, OSError)


class UntrustedError(httpx.ConnectError):
    """The server's certificate is of no authority that is trusted here. Another attempt would meet the same."""


class ForbiddenHostError(httpx.ConnectError):
    """A host that must not be opened: nothing was sent. Another attempt would meet the same."""


# The first that fits; a time-out of aiohttp's is an OSError as well.
_ERRORS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (TimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.ClientConnectorCertificateError, UntrustedError),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (PermissionError, httpx.ConnectError),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.ClientPayloadError, httpx.ReadError),
    (aiohttp.ClientOSError, httpx.ReadError),
    (Exception, httpx.RemoteProtocolError),
)


class Transport(httpx.AsyncBaseTransport):
    """Sends each request once, through the proxy that the environment names, and fails only with httpx's errors.

    Bodies are not decoded (httpx does that), cookies are neither kept nor sent, redirects are not followed.

    Args:
        may_open: which addresses may be connected to, for URLs that came from outside; None: all.
    """

    def __init__(self, may_open: MayOpen | None = None) -> None:
        self._may_open = may_open
        self._proxies = Proxies()
        self._by_host: dict[tuple[str, bytes], _Route] = {}
        self._sessions: dict[tuple[bool, bool], aiohttp.ClientSession] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        content = await request.aread()
        try:
            # Its host and port may be malformed: they are looked at within this block only.
            host = (request.url.scheme, request.url.netloc)
            if host not in self._by_host:
                self._by_host[host] = self._route(request)
            route = self._by_host[host]
            answer = await route.session.request(
                request.method,
                _exact_url(request),
                headers=[*_decoded(request.headers.raw), *route.headers],
                data=content or None,
                allow_redirects=False,
                timeout=_timeout(request),
                proxy=route.proxy,
                proxy_headers=route.proxy_headers,
            )
        except _FAILURES as error:
            raise _as_httpx(error, request) from error
        except ValueError as error:  # a host that cannot exist ("a..b", "xn--0"), or a broken port
            raise httpx.ConnectError("not a valid host", request=request) from error
        reason = (answer.reason or "").encode("ascii", "ignore")
        return httpx.Response(
            answer.status,
            headers=answer.raw_headers,
            stream=_Body(answer, request),
            request=request,
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": reason},
        )

    async def aclose(self) -> None:
        for session in self._sessions.values():
            await session.close()

    def _route(self, request: httpx.Request) -> _Route:
        """How to reach a host. Found once, because the environment does not change during a run."""
        proxy = self._proxies.of(request.url)
        if self._may_open is not None:
            check_host(request.url.raw_host.decode("ascii"), self._may_open)
        secure = request.url.scheme == "https" or (proxy is not None and proxy.url.scheme == "https")
        kind = (proxy is None, secure)
        if kind not in self._sessions:
            self._sessions[kind] = self._session(*kind)
        if proxy is None:
            return _Route(self._sessions[kind])
        credentials = _credentials(proxy)
        if request.url.scheme == "http":  # the proxy reads the request itself
            return _Route(self._sessions[kind], str(proxy.url), headers=tuple(credentials.items()))
        return _Route(self._sessions[kind], str(proxy.url), proxy_headers=credentials)

    def _session(self, direct: bool, secure: bool) -> aiohttp.ClientSession:
        # A proxy's own address may be private, and the proxy resolves the host.
        resolver = CheckedResolver(self._may_open) if self._may_open is not None and direct else None
        context = authorities.trusted() if secure else True
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS, resolver=resolver, ssl=context, ttl_dns_cache=60)
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
        )
        # aiohttp would send a request again by itself when a kept-alive connection breaks: below the signature
        # and outside the quota and the count of attempts. It has no public switch for that.
        session._retry_connection = False
        return session


@dataclass(frozen=True, slots=True)
class _Route:
    """A session, and the proxy that requests go through in it.

    Attributes:
        headers: added to every request.
        proxy_headers: only for the proxy, where it makes a tunnel.
    """

    session: aiohttp.ClientSession
    proxy: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    proxy_headers: Mapping[str, str] | None = None


class _Body(httpx.AsyncByteStream):
    """An answer's body, in the chunks that arrive."""

    def __init__(self, answer: aiohttp.ClientResponse, request: httpx.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.content.iter_any():
                yield chunk
        except _FAILURES as error:
            raise _as_httpx(error, self._request) from error

    async def aclose(self) -> None:
        self._answer.release()
        await self._answer.wait_for_close()


def _exact_url(request: httpx.Request) -> URL:
    """The URL byte for byte. aiohttp would normalize it, and a signature may cover it."""
    try:
        url = URL(str(request.url), encoded=True)
        if url.port is not None:  # an invalid port raises here
            return url
    except ValueError as error:
        raise httpx.UnsupportedProtocol(str(error), request=request) from error
    raise httpx.UnsupportedProtocol("neither http nor https", request=request)


def _decoded(raw: list[tuple[bytes, bytes]]) -> Iterator[tuple[str, str]]:
    # httpx accepts only ASCII.
    return ((name.decode("ascii"), value.decode("ascii")) for name, value in raw)


def _timeout(request: httpx.Request) -> aiohttp.ClientTimeout:
    """httpx's time-outs of each step, in seconds."""
    given = request.extensions.get("timeout")
    if not given:
        return _NO_TIMEOUT
    return aiohttp.ClientTimeout(
        connect=given.get("pool"), sock_connect=given.get("connect"), sock_read=given.get("read")
    )


def _as_httpx(error: Exception, request: httpx.Request) -> httpx.TransportError:
    if isinstance(getattr(error, "os_error", error), ForbiddenAddressError):  # aiohttp wraps the resolver's
        return ForbiddenHostError(str(error), request=request)
    kind = next(ours for theirs, ours in _ERRORS if isinstance(error, theirs))
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        why = getattr(error.certificate_error, "verify_message", "") or "it is not valid"
        return kind(f"the certificate of {error.host}:{error.port} is not trusted: {why}", request=request)
    if isinstance(error, aiohttp.ClientResponseError) and not isinstance(error, aiohttp.ClientHttpProxyError):
        # aiohttp quotes the header that it cannot read: it may be a token.
        return kind("the answer is not valid HTTP", request=request)
    return kind(str(error) or type(error).__name__, request=request)


def _credentials(proxy: httpx.Proxy) -> dict[str, str]:
    if proxy.raw_auth is None:
        return {}
    return {"Proxy-Authorization": "Basic " + base64.b64encode(b":".join(proxy.raw_auth)).decode("ascii")}
