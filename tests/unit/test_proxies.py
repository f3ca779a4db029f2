"""Which hosts are reached directly although there is a proxy."""

from __future__ import annotations

import httpx
import pytest

from reconciler.vod.proxies import Proxies


@pytest.fixture(autouse=True)
def a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")


@pytest.mark.parametrize(
    ("excepted", "url"),
    [
        ("*", "https://vod.example.com"),
        ("other.example,*", "https://vod.example.com"),
        ("example.com", "https://example.com"),
        ("example.com", "https://vod.example.com"),
        (".example.com", "https://vod.example.com"),
        ("*.example.com", "https://vod.example.com"),
        ("*.example.com", "https://a.b.example.com"),
        ("*.EXAMPLE.com", "https://VOD.example.COM"),
        ("a.example, vod.example.com", "https://vod.example.com"),
        ("vod.example.com:443", "https://vod.example.com"),
        ("vod.example.com:8443", "https://vod.example.com:8443"),
        ("*.example.com:80", "http://vod.example.com"),
        ("10.1.2.3", "https://10.1.2.3"),
        ("10.0.0.0/8", "https://10.1.2.3"),
        ("10.1.2.3/8", "https://10.200.0.1:8443"),
        ("10.1.2.3:8443", "https://10.1.2.3:8443"),
        ("fd00::/8", "https://[fd00::1]"),
        ("[fd00::1]:8443", "https://[fd00::1]:8443"),
        ("fd00::1", "https://[fd00::1]"),
    ],
)
def test_reached_directly(monkeypatch: pytest.MonkeyPatch, excepted: str, url: str) -> None:
    monkeypatch.setenv("NO_PROXY", excepted)

    assert Proxies().of(httpx.URL(url)) is None


@pytest.mark.parametrize(
    ("excepted", "url"),
    [
        ("", "https://vod.example.com"),
        (",", "https://vod.example.com"),
        ("example.com", "https://badexample.com"),
        ("*.example.com", "https://example.com"),
        ("*.example.com", "https://vod.example.org"),
        ("vod.example.com:8443", "https://vod.example.com"),
        ("vod.example.com:443", "http://vod.example.com"),
        ("10.0.0.0/8", "https://11.1.2.3"),
        ("10.0.0.0/8", "https://10.example.com"),
        ("10.0.0.0/99", "https://10.0.0.0"),
        ("10.1.2.3:8443", "https://10.1.2.3"),
        ("*.", "https://vod.example.com"),
    ],
)
def test_reached_through_the_proxy(monkeypatch: pytest.MonkeyPatch, excepted: str, url: str) -> None:
    monkeypatch.setenv("NO_PROXY", excepted)

    proxy = Proxies().of(httpx.URL(url))

    assert proxy is not None
    assert proxy.url == "http://proxy.example:3128"
