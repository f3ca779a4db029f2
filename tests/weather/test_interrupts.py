"""Ctrl-C, SIGTERM and kill -9, at any moment: what was done is reported, what was not is left to the next run."""

from __future__ import annotations

import errno
import json
import os
import pty
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.harness import TRACEBACK, Cloud, Ran, entries, run, write

from reconciler.emulator.options import Fault, Options

from .harness import APPROVED, DETAILS, PUT, Running, Serve, accepted, running

ASSETS = 12
INTERRUPTED = 130


class Moment:
    """Does something when the service has seen so many requests of one kind, and a little later."""

    def __init__(self, request: str, count: int, later: float = 0.0) -> None:
        self._request = request
        self._left = count
        self._later = later
        self._armed = threading.Event()
        self._act: Callable[[], None] = lambda: None

    def __call__(self, request: str) -> None:
        if request == self._request:
            self._left -= 1
            if self._left == 0:
                # The process is known a moment after its start, long before its first request.
                self._armed.wait(10)
                threading.Timer(self._later, self._act).start()

    def does(self, act: Callable[[], None]) -> None:
        self._act = act
        self._armed.set()


def moments(count: int, seed: int) -> list[Moment]:
    """Moments anywhere from the first read of an apply to its last PUT."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        kind = chance.choice([DETAILS, PUT, PUT, PUT])
        # The plan reads each asset once, and each PUT is preceded by another read.
        number = chance.randint(ASSETS + 1, 2 * ASSETS) if kind == DETAILS else chance.randint(1, ASSETS)
        found.append(Moment(kind, number, chance.choice([0.0, 0.005, 0.02])))
    return found


def interrupted(moment: Moment, number: signal.Signals, *more: str, parallelism: int = 3) -> Ran:
    """An apply of all assets that gets this signal at this moment."""
    write(entries(ASSETS, drifted=ASSETS))
    arguments = (*APPROVED, "--json", "--parallelism", str(parallelism), *more)
    with running(*arguments) as process:
        moment.does(lambda: process.send(number))
        return process.ended()


def check_complete(found: Cloud, ran: Ran) -> None:
    """The report accounts for every planned change, and for every PUT."""
    counts = ran.document["summary"]
    outcomes = ("applied", "failed", "stale", "unchanged", "not_attempted")
    assert sum(counts[name] for name in outcomes) == ASSETS == len(ran.document["results"])
    assert counts["applied"] == accepted(found)
    assert counts["failed"] == counts["stale"] == 0
    assert TRACEBACK not in ran.err


def check_finished(found: Cloud) -> None:
    """Another apply does what is left, and no more."""
    left = ASSETS - accepted(found)
    rerun = run(*APPROVED, "--json")
    assert (rerun.code, rerun.document["summary"]["applied"]) == (0, left)
    assert run("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", moments(6, seed=3), ids=range(6))
def test_at_any_moment_the_report_is_complete_and_a_rerun_finishes(
    serve: Serve, moment: Moment, number: signal.Signals
) -> None:
    found = serve(Options(latency=20), moment.again() if hasattr(moment, "again") else moment)
    ran = interrupted(moment, number)
    check_complete(found, ran)
    assert ran.code == INTERRUPTED or ran.document["summary"]["applied"] == ASSETS
    check_finished(found)
