"""A folder of its own for each test, clouds with faults, and time that can be skipped."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from e2e.conftest import _in_a_folder_of_its_own, credentials
from redis import Redis
from redis.exceptions import RedisError
from support.command_line import Cloud
from support.processes import Serve, Skipped, Watch, free_port, watched_cloud

from reconciler.emulator.options import EmulatorOptions
from reconciler.util.clock import SystemClock

__all__ = ["_in_a_folder_of_its_own", "credentials"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The whole program runs in each of these tests: it may wait, open ports and start processes."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.integration)


@pytest.fixture
def skipped() -> Skipped:
    """How far the emulators' clock is ahead of the real one; 0 until somebody skips."""
    return Skipped()


@pytest.fixture
def time_flies(skipped: Skipped, monkeypatch: pytest.MonkeyPatch) -> Skipped:
    """Runs in this process, and the emulators, share a time that jumps over every pause."""

    async def sleep(self: SystemClock, seconds: float) -> None:
        until = self.monotonic() + seconds
        await asyncio.sleep(0)
        skipped.seconds += max(0.0, until - self.monotonic())

    monkeypatch.setattr(SystemClock, "monotonic", lambda self: time.monotonic() + skipped.seconds)
    monkeypatch.setattr(SystemClock, "now", lambda self: datetime.fromtimestamp(skipped.now(), UTC))
    monkeypatch.setattr(SystemClock, "sleep", sleep)
    return skipped


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, credentials: None, skipped: Skipped) -> Iterator[Serve]:
    """Serves an emulator, which becomes the endpoint of all runs in this test."""
    with ExitStack() as stack:

        def start(options: EmulatorOptions, watch: Watch | None = None) -> Cloud:
            found = stack.enter_context(watched_cloud(tmp_path / "served.sqlite", options, skipped.now, watch))
            monkeypatch.setenv("RECONCILE_ENDPOINT", found.url)
            return found

        yield start


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state folder of the runs in this test."""
    return tmp_path / "state"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """The URL of a real Redis with a password, alone on a free port. `make test` needs nothing but Python, so that a
    machine without one is a skip, except where REDIS_REQUIRED says that one was installed."""
    binary = shutil.which("redis-server")
    if binary is None:
        if os.environ.get("REDIS_REQUIRED"):
            pytest.fail("redis-server is not to be found, although it was installed for these tests")
        pytest.skip("redis-server is not installed on this machine")
    port = free_port()
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--requirepass", PASSWORD, "--save", ""]
    with subprocess.Popen([*command, "--dir", str(tmp_path)], stdout=subprocess.DEVNULL) as server:
        try:
            url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
            _answering(url)
            yield url
        finally:
            server.terminate()


PASSWORD = "store-password-not-a-real-one"


def _answering(url: str) -> None:
    until = time.monotonic() + 10
    with Redis.from_url(url) as client:
        while True:
            try:
                client.ping()
            except RedisError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
            else:
                return
