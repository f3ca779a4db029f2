"""Six machines at once, again and again, on a store in a process of its own: one at a time changes covers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.fakes import BASE, PROJECT
from support.machines import share
from support.s3_server import process, state_url

from reconciler.state.folder_store import FolderStore
from reconciler.state.object_store import ObjectStore
from reconciler.state.project_state import ProjectState
from reconciler.state.shared import SharedState
from reconciler.state.store import LOCKS, MEMORY, keys
from reconciler.state.store_address import parse
from reconciler.util.clock import SystemClock

PROCESSES, TIMES = 6, 15


@pytest.mark.parametrize("ignore_conditions", [True, False], ids=["ignores conditions", "honours conditions"])
def test_never_two_change_covers_at_once_and_all_get_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ignore_conditions: bool
) -> None:
    faults = {"ignore_conditions": True} if ignore_conditions else {}
    with process(delay=0.005, **faults) as base:
        share(monkeypatch, base)
        with ThreadPoolExecutor(PROCESSES) as pool:
            ran = list(pool.map(lambda number: take(base, tmp_path, number), range(PROCESSES)))
        assert [(one.returncode, one.stdout, one.stderr[-2000:]) for one in ran] == [
            (0, f"{TIMES}\n", "")
        ] * PROCESSES
        asyncio.run(check_store(base, tmp_path / "reader"))


def take(base: str, folder: Path, number: int) -> subprocess.CompletedProcess[str]:
    arguments = (state_url(base), folder / f"machine-{number}", folder / "somebody-holds-it", TIMES)
    return subprocess.run(
        [sys.executable, "-m", "support.lock_taker", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=600,
    )


async def check_store(base: str, folder: Path) -> None:
    """Every run is known to its end, and what they left is small."""
    clock = SystemClock()
    store = ObjectStore(parse(state_url(base), None), PROJECT, None)
    state = ProjectState(folder, BASE, PROJECT, clock, SharedState(store, clock, FolderStore(folder / "shared")))
    runs, _ = await state.last_runs(1000)
    counts = [(run.outcomes["applied"], run.unfinished) for run in runs.all()]
    assert counts == [(1, 0)] * (PROCESSES * TIMES)
    assert await keys(store, LOCKS) == []
    assert len(await keys(store, MEMORY)) == 1
    assert len((await state.recall(needed=True)).recent) == TIMES
