"""Which hosts NO_PROXY names: the forms that curl, Go and Python's clients know between them."""

from __future__ import annotations

import ipaddress


def is_named(host: str, port: int, no_proxy: str) -> bool:
    """Whether a comma-separated list names a host: `*`, `host`, `.domain`, `*.domain`, an address, a network in CIDR
    notation; each but `*` with `:port`, if it is meant for that port only. A name stands for its subdomains too.
    """
    entries = (entry.strip().lower() for entry in no_proxy.split(","))
    return any(_fits(host.lower().strip("[]").rstrip("."), port, entry) for entry in entries if entry)


def _fits(host: str, port: int, entry: str) -> bool:
    if entry == "*":
        return True
    name, wanted_port = _parts(entry)
    if wanted_port not in ("", str(port)):
        return False
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:  # one of them is a name
        domain = name.removeprefix("*").strip(".")
        return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _parts(entry: str) -> tuple[str, str]:
    """The name or network, and the port or an empty text. IPv6 has a port only behind brackets."""
    if entry.startswith("["):
        name, _, port = entry[1:].partition("]")
        return name, port.removeprefix(":")
    name, _, port = entry.partition(":")
    return (entry, "") if ":" in port else (name, port)
