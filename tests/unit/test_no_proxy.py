"""NO_PROXY in the forms that other programs accept."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from reconciler.vod.transport import Transport

NAMED = [
    ("http://10.1.2.3", "10.0.0.0/8"),
    ("http://10.1.2.3", "10.1.2.3"),
    ("http://[fd00::1]", "fd00::/8"),
    ("http://[fd00::1]:81", "[fd00::1]:81"),
    ("http://vod.example.com", "*.example.com"),
    ("http://vod.example.com", ".example.com"),
    ("http://VOD.example.com", "Example.com"),
    ("http://vod.example.com:8080", "vod.example.com:8080"),
    ("http://vod.example.com", "vod.example.com:80"),
    ("http://vod.example.com", "other.example, *"),
]
NOT_NAMED = [
    ("http://11.1.2.3", "10.0.0.0/8"),
    ("http://notexample.com", "*.example.com"),
    ("http://vod.example.com", "vod.example.com:8080"),
    ("http://vod.example.com", "10.0.0.0/8, , ."),
]


def has_proxy(url: str, no_proxy: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    monkeypatch.setenv("no_proxy", no_proxy)

    async def route() -> bool:
        transport = Transport()
        try:
            return transport._route(httpx.Request("GET", url)).proxy is not None
        finally:
            await transport.aclose()

    return asyncio.run(route())


@pytest.mark.parametrize(("url", "no_proxy"), NAMED)
def test_what_no_proxy_names_is_reached_directly(url: str, no_proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not has_proxy(url, no_proxy, monkeypatch)


@pytest.mark.parametrize(("url", "no_proxy"), NOT_NAMED)
def test_all_else_goes_through_the_proxy(url: str, no_proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert has_proxy(url, no_proxy, monkeypatch)
