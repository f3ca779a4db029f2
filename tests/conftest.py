"""No unit test reaches the outside: no socket, no sleep, no credentials or state of whoever runs it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis import settings
from support.fakes import FakeClock

if TYPE_CHECKING:
    from support.browser import Browser

# Wall time says nothing on a busy machine; a failure must come back in the next run.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")

# A shell starts background jobs with Ctrl-C ignored, and children inherit that: tests that send it would hang.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_PREFIXES = ("HW_", "HUAWEICLOUD_", "RECONCILE_", "AWS_", "ACTIONS_", "GITHUB_", "GITLAB_", "CI_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy")
_ALSO = ("NO_COLOR", "FORCE_COLOR", "CI", "BUILD_URL")


class OutsideError(RuntimeError):
    """A unit test reached for the real world."""


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither credentials, settings nor proxies of the machine; a state folder of the test's own."""
    for name in list(os.environ):
        if name.startswith(_PREFIXES) or name.lower() in _PROXIES or name in _ALSO:
            monkeypatch.delenv(name)
    monkeypatch.setenv("RECONCILE_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture(autouse=True)
def _no_outside(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only tests marked `integration` may open connections, look up names and wait."""
    if request.node.get_closest_marker("integration"):
        return
    really_sleep = asyncio.sleep

    def no_network(*arguments: object, **_: object) -> NoReturn:
        raise OutsideError(f"a unit test may not use the network: {arguments}")

    def no_sleep(seconds: float) -> NoReturn:
        raise OutsideError(f"a unit test may not sleep ({seconds} s): use a FakeClock")

    async def only_yield(delay: float, result: Any = None) -> Any:
        if delay > 0:
            no_sleep(delay)
        return await really_sleep(0, result)

    monkeypatch.setattr(socket.socket, "connect", no_network)
    monkeypatch.setattr(socket.socket, "connect_ex", no_network)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr(time, "sleep", no_sleep)
    monkeypatch.setattr(asyncio, "sleep", only_yield)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that moves only when everybody waits."""
    return FakeClock()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Debian's `chromium` and `chromium-driver`; where they are missing a skip, but not where CHROMIUM_REQUIRED says
    that they were installed."""
    from support.browser import chromium, installed  # selenium, which few tests need

    if not installed():
        if os.environ.get("CHROMIUM_REQUIRED"):
            pytest.fail("chromium or chromedriver is not to be found, although it was installed for these tests")
        pytest.skip("chromium and chromedriver are not installed on this machine")
    with chromium(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened
