"""aiohttp beneath the httpx API: several times as fast with many requests in flight as httpx's own pool."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Callable
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx_aiohttp import AiohttpTransport

from reconciler.errors import UsageError

_CONNECTIONS = 128
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class BlockedAddressError(OSError):
    """A host that the API named resolves to an address that must not be opened on its word."""


def is_public(address: str) -> bool:
    """Whether an address (text) is one that any host on the internet could reach."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if ip in _NAT64:
        ip = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    ip = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None) or ip
    return ip.is_global and not ip.is_multicast


class PublicOnly(AbstractResolver):
    """Resolves names, and refuses those that lead to private, link-local or loopback addresses. The connection
    is made to what was checked, so a name cannot change its mind in between."""

    def __init__(self) -> None:
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not found or not all(is_public(entry["host"]) for entry in found):
            raise BlockedAddressError(errno.EACCES, f"{host} is not a public address")
        return found

    async def close(self) -> None:
        await self._inner.close()


class Transport(httpx.AsyncBaseTransport):
    """Sends each request once, through the proxy that the environment names, and fails only with httpx's errors.

    Args:
        public_only: refuse hosts that are no public address (for URLs that came from outside).
    """

    def __init__(self, *, public_only: bool = False) -> None:
        self._public_only = public_only
        self._proxies = getproxies()
        self._by_host: dict[tuple[str, str], AiohttpTransport] = {}
        self._by_route: dict[tuple[str | None, bool], AiohttpTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = (request.url.scheme, request.url.host)
        if host not in self._by_host:
            self._by_host[host] = self._route(request)
        try:
            return await self._by_host[host].handle_async_request(request)
        except UnicodeError as error:  # a host that can't even be looked up: "a..b"
            raise httpx.ConnectError(str(error), request=request) from error
        except (aiohttp.ClientError, OSError) as error:
            raise httpx.RemoteProtocolError(f"{type(error).__name__}: {error}", request=request) from error

    async def aclose(self) -> None:
        for transport in self._by_route.values():
            await transport.aclose()

    def _route(self, request: httpx.Request) -> AiohttpTransport:
        """How to reach a host, found once: what the environment says does not change during a run."""
        proxy = self._proxy(request.url)
        if self._public_only and proxy is None:
            _check_literal(request)
        route = (proxy, request.url.scheme == "https" or (proxy or "").startswith("https"))
        if route not in self._by_route:
            # verify=False only keeps it from making a TLS context of its own; the session brings the real one.
            self._by_route[route] = AiohttpTransport(
                client=self._session(*route), proxy=httpx.Proxy(proxy) if proxy else None, verify=False
            )
        return self._by_route[route]

    def _proxy(self, url: httpx.URL) -> str | None:
        """The proxy for this URL, or None.

        Raises:
            UsageError: it is of a kind that cannot be used.
        """
        proxy = self._proxies.get(url.scheme) or self._proxies.get("all")
        if not proxy or proxy_bypass(url.host) or _is_loopback(url.host):
            return None
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        if not proxy.startswith(("http://", "https://")):
            raise UsageError(
                "The proxy for this host is neither http nor https", hint="Set an HTTP proxy, or NO_PROXY."
            )
        return proxy

    def _session(self, proxy: str | None, secure: bool) -> Callable[[], aiohttp.ClientSession]:
        # A proxy's own address may well be private; it is the proxy that resolves the host then.
        resolver = PublicOnly() if self._public_only and proxy is None else None

        def make() -> aiohttp.ClientSession:
            context = httpx.create_ssl_context() if secure else True
            connector = aiohttp.TCPConnector(limit=_CONNECTIONS, resolver=resolver, ssl=context, ttl_dns_cache=60)
            session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            )
            # aiohttp would send a request again by itself when a kept-alive connection breaks: below the
            # signature, outside the quota and unseen by the count of attempts. It has no public switch for it.
            session._retry_connection = False
            return session

        return make


def _is_loopback(host: str) -> bool:
    """No proxy is on the way to this machine, and plain http is taken for it for just that reason."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_literal(request: httpx.Request) -> None:
    """Addresses written as such never reach the resolver."""
    try:
        public = is_public(request.url.host)
    except ValueError:
        return
    if not public:
        raise httpx.ConnectError(f"{request.url.host} is not a public address", request=request)
