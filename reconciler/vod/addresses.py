"""Which hosts may be opened when their names came from outside."""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from collections.abc import Callable

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult


class ForbiddenAddressError(PermissionError):
    """A host, or one of its addresses, that must not be opened."""


Address = ipaddress.IPv4Address | ipaddress.IPv6Address
MayOpen = Callable[[str], bool]
_FORBIDDEN = "is not a public address"
# Written out, because Python's own tables differ between its versions. IANA's registries, and addresses at which
# clouds serve a machine's own credentials.
_RESERVED = [
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/3", "168.63.129.16/32"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
]
_GLOBAL_V6 = ipaddress.ip_network("2000::/3")
_METADATA = [
    ipaddress.ip_network(network)
    for network in (
        *("169.254.0.0/16", "192.0.0.192/32", "168.63.129.16/32", "100.100.100.200/32"),
        *("fe80::/10", "fd00:ec2::254/128"),
    )
]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What the C library, but no URL standard, reads as an address: "2130706433", "127.1", "0x7f.1".
_NUMBER = re.compile(r"(?i)[0-9]+|0x[0-9a-f]*")
_LOCAL = re.compile(r"(?i)[^.]*|.*\.(?:localhost|local|localdomain|internal)")


def is_public(host: str) -> bool:
    """Whether an address is reachable from anywhere on the internet, or a name can be."""
    ip = _address(host)
    if ip is None:
        return not _LOCAL.fullmatch(host)
    if ip.version == 6 and ip not in _GLOBAL_V6:
        return False
    return not any(ip in network for network in _RESERVED)


def is_near(host: str) -> bool:
    """Whether a service on this machine may refer to a host: not to where clouds serve the machine's own
    credentials."""
    ip = _address(host)
    return ip is None or not any(ip in network for network in _METADATA)


def check_host(host: str, may_open: MayOpen) -> None:
    """Checks a host before it is connected to, or named to a proxy.

    Raises:
        ForbiddenAddressError: it must not be opened, or is an address in an odd spelling.
    """
    name = host.rstrip(".")
    odd = not name or "%" in name or (_literal(name) is None and _NUMBER.fullmatch(name.rpartition(".")[2]))
    if odd or not may_open(name):
        raise ForbiddenAddressError(errno.EACCES, f"{host} {_FORBIDDEN}")


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _address(host: str) -> Address | None:
    """The IPv4 address where an IPv6 one only carries it; None for a name."""
    ip = _literal(host.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64:
            return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        return ip.ipv4_mapped or ip
    return ip


class CheckedResolver(AbstractResolver):
    """Resolves names and refuses those with an address that must not be opened. The connection goes to the checked
    address, so that a name cannot change in between."""

    def __init__(self, may_open: MayOpen) -> None:
        self._may_open = may_open
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not found or not all(self._may_open(entry["host"]) for entry in found):
            raise ForbiddenAddressError(errno.EACCES, f"{host} {_FORBIDDEN}")
        return found

    async def close(self) -> None:
        await self._inner.close()
