"""A process is lost at some step of an apply that has snapshots taken: the next one goes on, and pays for nothing
again; and the cover from before can still be had back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest
from support.command_line import Cloud, run, video, write
from support.processes import PATIENCE, Skipped, watched_cloud

from reconciler.emulator.options import CoverMode, EmulatorOptions
from reconciler.emulator.pictures import drawn

pytestmark = pytest.mark.usefixtures("time_flies", "credentials")

APPLY = ("apply", "--take-snapshots", "--auto-approve")
ITEM = video(0)
SECOND = 37
THEIRS = drawn("f" * 32, "sample", 3).data
STEPS = 20
"""An apply has more than these."""


@contextmanager
def world(folder: Path, skipped: Skipped, options: EmulatorOptions) -> Iterator[Cloud]:
    """A service and a state folder of its own. Each look at the running tasks takes eight seconds."""

    def watch(request: str) -> None:
        if request == "GET list":
            skipped.seconds += 8

    skipped.seconds = 0.0
    folder.mkdir()
    with (
        watched_cloud(folder / "served.sqlite", options, skipped.now, watch) as found,
        patch.dict(os.environ, RECONCILE_ENDPOINT=found.url, RECONCILE_STATE_DIR=str(folder / "state")),
    ):
        yield found


def lost(step: int) -> bool:
    """Whether the apply was lost at this step; else it came to its end."""
    done = subprocess.run(
        [sys.executable, "-m", "support.dying", str(step), *APPLY],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    print(f"step {step}:", done.stderr.decode().splitlines()[-1][:200])
    return done.returncode != 0


def check_goes_on(found: Cloud, folder: Path, before: str) -> None:
    ran = run(*APPLY, "--wait", "--json")
    assert ran.code == 0, ran.out
    assert httpx.get(f"{found.url}/_emulator/billing").json() == {"tasks": 1, "pictures": 1}
    assert found.covers()[ITEM.asset_id] == f"dots/{SECOND}"
    assert run("plan", "--detailed-exitcode").code == 0
    if before:
        back = run("rollback", "--auto-approve", "--json")
        assert (back.code, found.covers()[ITEM.asset_id]) == (0, before), back.out
        return
    # What a task made of the frame looks like a cover of somebody's, so that one run may undo only half of it.
    runs = [one["run"] for one in run("history", "--json").document["runs"]]
    said = "".join(run("rollback", one, "--auto-approve", "--json").out for one in runs)
    saved = [file.name for file in folder.rglob("covers/*") if file.read_bytes() == THEIRS]
    assert [name in said for name in saved] == [True], said


@pytest.mark.parametrize(
    ("mode", "theirs", "first", "stride"),
    [("copy", False, 1, 2), ("copy", False, 2, 2), ("recode", True, 3, 4)],
    ids=["a snapshot before, odd steps", "a snapshot before, even steps", "a cover of their own before"],
)
def test_lost_at_any_step(
    tmp_path: Path, skipped: Skipped, mode: CoverMode, theirs: bool, first: int, stride: int
) -> None:
    write({ITEM.asset_id: f"{{from: dots, offset: {SECOND}}}"})
    for step in count(first, stride):
        folder = tmp_path / str(step)
        with world(folder, skipped, EmulatorOptions(task_seconds=12, cover_mode=mode)) as found:
            if theirs:
                found.upload(ITEM.asset_id, THEIRS)
            before = found.covers()[ITEM.asset_id]
            if not lost(step):
                assert step > STEPS
                return
            check_goes_on(found, folder, before)
