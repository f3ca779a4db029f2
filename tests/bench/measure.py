"""Whole processes, measured."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from server import environment


class Usage(NamedTuple):
    """Wall seconds; CPU seconds and peak memory in MB, those of the process's own children included."""

    wall: float
    cpu: float
    peak: float


def measured(command: Sequence[str], env: dict[str, str]) -> Usage:
    """What a process used that exits with 0, or with 2 for drift.

    A child's peak is never below what its parent held when it started it: benchmarks of memory keep themselves small.
    """
    with tempfile.TemporaryFile() as complaints:
        started = time.perf_counter()
        process = subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=complaints)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 2):
            complaints.seek(0)
            said = complaints.read().decode(errors="replace")
            raise RuntimeError(f"{command} exited with {process.returncode}: {said}")
    kilobytes = usage.ru_maxrss / 1024 if sys.platform == "darwin" else usage.ru_maxrss
    return Usage(wall, usage.ru_utime + usage.ru_stime, kilobytes / 1024)


def reconcile(base: str, *arguments: str, state: str | None = None, **more: str) -> Usage:
    """A run against a server, in the given state folder or in a new one; `more`: environment variables."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**environment(base), "RECONCILE_STATE_DIR": state or folder, **more}
        return measured([sys.executable, "-m", "reconciler", *arguments], env)


def in_turn(rounds: int, *sides: Callable[[], Usage]) -> list[Usage]:
    """Each side's medians; they take turns, so that a noisy moment hits all of them."""
    runs = [[side() for side in sides] for _ in range(rounds)]
    return [Usage(*map(median, zip(*side, strict=True))) for side in zip(*runs, strict=True)]
