"""An empty folder for each test, and clouds to talk to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.command_line import Cloud, cloud

from reconciler.emulator import options
from reconciler.util.clock import SystemClock

Serve = Callable[[options.EmulatorOptions], Cloud]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The whole program runs in each of these tests: it may wait, open ports and start processes."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.integration)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run writes stays within the test; what kind of terminal the tests run in changes nothing."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    for name in ("TERM", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def emulator(tmp_path: Path) -> str:
    """An emulator in this process, for --endpoint."""
    return f"emulator:{tmp_path / 'emulator.sqlite'}"


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a served emulator takes."""
    monkeypatch.setenv("HUAWEICLOUD_SDK_AK", options.ACCESS_KEY)
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK", options.SECRET_KEY)
    monkeypatch.setenv("HUAWEICLOUD_SDK_PROJECT_ID", options.PROJECT_ID)


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, credentials: None) -> Iterator[Serve]:
    """Serves an emulator, which becomes the endpoint of all runs in this test."""
    with ExitStack() as stack:

        def start(given: options.EmulatorOptions) -> Cloud:
            found = stack.enter_context(cloud(tmp_path / "served.sqlite", given))
            monkeypatch.setenv("RECONCILE_ENDPOINT", found.url)
            return found

        yield start


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts take no time."""

    async def sleep(self: SystemClock, seconds: float) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(SystemClock, "sleep", sleep)
