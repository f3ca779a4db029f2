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
_FORBIDDEN = "is not a public address"
MayOpen = Callable[[str], bool]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class BlockedAddressError(OSError):
    """A host that the API named resolves to an address that must not be opened on its word."""


def is_public(address: str) -> bool:
    """Whether an address (text) is one that any host on the internet could reach."""
    ip = _unwrapped(address)
    return ip.is_global and not ip.is_multicast


def is_near(address: str) -> bool:
    """Whether an address (text) is one that a service on this machine may name: anything but link-local ones, where
    clouds keep the machine's own credentials."""
    return not _unwrapped(address).is_link_local


def _unwrapped(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address that is meant: some IPv6 forms only carry an IPv4 one."""
    ip = ipaddress.ip_address(address.split("%")[0])
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None) or ip


class Checked(AbstractResolver):
    """Resolves names, and refuses those that lead to addresses which must not be opened. The connection is made to
    what was checked, so a name cannot change its mind in between."""

    def __init__(self, may_open: MayOpen) -> None:
        self._may_open = may_open
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not found or not all(self._may_open(entry["host"]) for entry in found):
            raise BlockedAddressError(errno.EACCES, f"{host} {_FORBIDDEN}")
        return found

    async def close(self) -> None:
        await self._inner.close()


class Transport(httpx.AsyncBaseTransport):
    """Sends each request once, through the proxy that the environment names, and fails only with httpx's errors.

    Args:
        may_open: which addresses may be connected to (for URLs that came from outside); None: all.
    """

    def __init__(self, may_open: MayOpen | None = None) -> None:
        self._may_open = may_open
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
        if self._may_open is not None and proxy is None:
            _check_literal(request, self._may_open)
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
        resolver = Checked(self._may_open) if self._may_open is not None and proxy is None else None

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


def _check_literal(request: httpx.Request, may_open: MayOpen) -> None:
    """Addresses written as such never reach the resolver."""
    try:
        allowed = may_open(request.url.host)
    except ValueError:
        return
    if not allowed:
        raise httpx.ConnectError(f"{request.url.host} {_FORBIDDEN}", request=request)
