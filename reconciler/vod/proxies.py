"""The proxy that the environment names for a host, if any."""

from __future__ import annotations

import ipaddress
import re
from urllib.request import getproxies, proxy_bypass

import httpx

from reconciler.errors import UsageError
from reconciler.util.loopback import is_loopback_host

_BROKEN = "The URL of the proxy for this host is not valid"
_ENCODE = "Percent-encode the password in HTTPS_PROXY or HTTP_PROXY: # is %23, / is %2F, ? is %3F, @ is %40."
_PORT = re.compile(r"(?P<host>\[.*\]|[^:]*):(?P<port>[0-9]{1,5})")
_METADATA = "169.254.169.254"
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Proxies:
    """HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, as they are now."""

    def __init__(self) -> None:
        self._proxies = getproxies()
        self._direct = [entry for entry in re.split(r"[,\s]+", self._proxies.get("no", "").lower()) if entry]

    def of(self, url: httpx.URL) -> httpx.Proxy | None:
        """The proxy for this URL, or None.

        Raises:
            UsageError: it is neither http nor https, or its URL is broken.
        """
        host = url.raw_host.decode("ascii")
        proxy = self._proxies.get(url.scheme) or self._proxies.get("all")
        # Plain http is accepted for these because no proxy is on the way.
        near = is_loopback_host(host) or host == _METADATA
        if not proxy or near or proxy_bypass(host) or self._is_direct(host, url):
            return None
        proxy = proxy if "://" in proxy else f"http://{proxy}"
        if "@" in proxy and "@" not in re.split("[/?#]", proxy.partition("://")[2], maxsplit=1)[0]:
            raise UsageError(_BROKEN, hint=_ENCODE)
        if not proxy.startswith(("http://", "https://")):
            raise UsageError(
                "The proxy for this host is neither http nor https", hint="Set an HTTP proxy, or NO_PROXY."
            )
        try:
            return httpx.Proxy(proxy)
        except (httpx.InvalidURL, ValueError):
            raise UsageError(_BROKEN, hint=_ENCODE) from None  # its text repeats the password

    def _is_direct(self, host: str, url: httpx.URL) -> bool:
        """Whether NO_PROXY has this host: Python's own look at it knows neither ports, networks nor `*.`."""
        port = url.port or _DEFAULT_PORTS.get(url.scheme)
        return any(_matches(entry, host.lower(), port) for entry in self._direct)


def _matches(entry: str, host: str, port: int | None) -> bool:
    """One entry: `*`, a domain (with those below it), `*.domain` (only those below it), an address or a network; each
    may end in a port."""
    with_port = _PORT.fullmatch(entry)
    if with_port is not None:
        if int(with_port["port"]) != port:
            return False
        entry = with_port["host"]
    entry = entry.removeprefix("[").removesuffix("]")
    if entry == "*":
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:  # one of them is a name
        below = entry.removeprefix("*").removeprefix(".")
    if not below:
        return False
    return host.endswith(f".{below}") or (host == below and not entry.startswith("*"))
