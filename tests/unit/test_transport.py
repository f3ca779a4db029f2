"""Hosts that the API names are opened only where anybody on the internet could open them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable

import httpx
import pytest

from reconciler.errors import UsageError
from reconciler.vod.addresses import CheckedResolver, is_near, is_public
from reconciler.vod.transport import Transport

PRIVATE = [
    "127.0.0.1",
    "127.255.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "2002:7f00:1::",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "::ffff:224.0.0.1",
    "192.0.0.192",
    "168.63.129.16",
    "100.100.100.200",
    "192.88.99.1",
    "198.18.0.1",
    "240.0.0.1",
    "fec0::1",
    "64:ff9b:1::1",
    "::8.8.8.8",
    "2002:808:808::",
    "2001::1",
    "2001:db8::1",
    "100::1",
    "4000::1",
    "localhost",
    "intranet",
    "a.localhost",
    "metadata.google.internal",
]
PUBLIC = ["cdn.example.com", "8.8.8.8", "64:ff9b::808:808", "93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_nobody_else_could_reach(address: str) -> None:
    assert is_public(address) is False


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet(address: str) -> None:
    assert is_public(address) is True


def names_lead_to(addresses: Iterable[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(host: str, port: int, *_: object, **__: object) -> list[object]:
        host.encode("idna")  # as the real one does
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
            if ":" in address
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


def opened(url: str, monkeypatch: pytest.MonkeyPatch, *, public_only: bool = True) -> list[str]:
    """The addresses to which a connection is tried."""
    tried: list[str] = []

    def connect(_: socket.socket, address: tuple[str, int]) -> None:
        tried.append(address[0])
        raise ConnectionRefusedError(111, "refused by the test")

    monkeypatch.setattr(socket.socket, "connect", connect)

    async def main() -> None:
        async with httpx.AsyncClient(
            transport=Transport(is_public if public_only else None), trust_env=False
        ) as http:
            # httpx itself refuses some of what cannot be a host.
            with pytest.raises((httpx.TransportError, httpx.InvalidURL, ValueError)):
                await http.get(url)

    asyncio.run(main())
    return tried


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.8", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"]
)
def test_a_name_that_leads_inside_is_not_opened(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names_lead_to([address], monkeypatch)

    assert opened("http://cdn.example.com/a.jpg", monkeypatch) == []


def test_a_name_that_leads_inside_and_outside_is_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    names_lead_to(["8.8.8.8", "127.0.0.1"], monkeypatch)

    assert opened("http://cdn.example.com/a.jpg", monkeypatch) == []


def test_a_public_name_is_opened_where_it_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    names_lead_to(["8.8.8.8"], monkeypatch)

    assert set(opened("http://cdn.example.com/a.jpg", monkeypatch)) == {"8.8.8.8"}


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "169.254.169.254", "[::ffff:10.0.0.1]", "0.0.0.0"])
def test_addresses_written_as_such_are_not_opened(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened(f"http://{host}/a.jpg", monkeypatch) == []


ODD = [
    "2130706433",
    "0x7f.1",
    "127.1",
    "017700000001",
    "0177.0.0.1",
    "0x7f000001",
    "127.0.0.1.",
    "1",
    "cdn.example.0x1",
]


@pytest.mark.parametrize("host", ODD)
def test_odd_spellings_of_addresses_are_not_opened(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names_lead_to(["8.8.8.8"], monkeypatch)

    assert opened(f"http://{host}/a.jpg", monkeypatch) == []


@pytest.mark.parametrize(
    "host", [*ODD, "10.0.0.8", "[::ffff:a00:8]", "localhost.", "xn--0", "intranet", "[fe80::1%25eth0]"]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_proxy_is_asked_for_what_would_not_be_opened_without_one(
    host: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", "http://127.0.0.1:9")

    assert opened(f"{scheme}://{host}/a.jpg", monkeypatch) == []


def test_a_proxy_is_asked_for_what_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    assert set(opened("http://cdn.example.com/a.jpg", monkeypatch)) == {"127.0.0.1"}


@pytest.mark.parametrize(
    "url",
    [
        "http://xn--0/x",
        "http://xn--a.com:0x/x",
        "http://a..b/x",
        f"http://{'a' * 300}/x",
        "http://cdn.example.com:99999999/x",
    ],
)
def test_hosts_that_cannot_exist_fail_like_any_that_cannot_be_reached(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names_lead_to(["8.8.8.8"], monkeypatch)

    assert opened(url, monkeypatch) == []


def test_where_the_endpoint_is_trusted_loopback_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(opened("http://127.0.0.1:9/a.jpg", monkeypatch, public_only=False)) == {"127.0.0.1"}


def test_the_resolver_answers_with_what_it_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    names_lead_to(["8.8.8.8"], monkeypatch)

    async def main() -> list[str]:
        resolver = CheckedResolver(is_public)
        try:
            return [entry["host"] for entry in await resolver.resolve("cdn.example.com", 443)]
        finally:
            await resolver.close()

    assert asyncio.run(main()) == ["8.8.8.8"]


def test_a_proxy_of_a_kind_we_cannot_use_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://user:pass-word@proxy.example:1080")

    async def main() -> None:
        async with httpx.AsyncClient(transport=Transport(), trust_env=False) as http:
            await http.get("https://vod.example.com/")

    with pytest.raises(UsageError, match="neither http nor https") as caught:
        asyncio.run(main())
    assert "pass-word" not in caught.value.message


def test_a_service_on_this_machine_may_name_its_neighbours_but_no_link_local_address() -> None:
    near = {
        address: is_near(address) for address in ("127.0.0.1", "10.1.2.3", "::1", "169.254.169.254", "fe80::1%eth0")
    }
    assert near == {
        "127.0.0.1": True,
        "10.1.2.3": True,
        "::1": True,
        "169.254.169.254": False,
        "fe80::1%eth0": False,
    }


@pytest.mark.parametrize("mark", ["#", "/", "?", "#@", "/@", "?@"])
def test_a_proxy_with_an_unencoded_password_is_one_clear_error(mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://user:pass{mark}word@proxy.example:3128")

    with pytest.raises(UsageError, match="URL of the proxy") as caught:
        opened("http://cdn.example.com/", monkeypatch, public_only=False)
    assert "pass" not in caught.value.message
    assert "word@" not in caught.value.text
