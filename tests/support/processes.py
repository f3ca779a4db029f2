"""Emulators that can be watched and whose time can be skipped, and runs that can be interrupted.

No test bets on seconds: a signal is sent while the service holds an answer back, and what must happen at once is told
from what would end only after minutes.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_server
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from reconciler.emulator.app import create_app
from reconciler.emulator.options import EmulatorOptions
from support.command_line import Cloud, Ran, serving

ME = (sys.executable, "-m", "reconciler")
APPROVED = ("apply", "--auto-approve", "--force")
PUT = "PUT cover"
DETAILS = "GET details"
INTERRUPTED = 130
SIGNALS = [signal.SIGINT, signal.SIGTERM]
PATIENCE = 45.0
"""Seconds that anything may take on a busy machine: less than the minute of a quota or of an answer that hangs."""

Watch = Callable[[str], object]
"""Gets each request when it arrives: "PUT cover", "GET details", "GET 5.jpg". It is answered after this returns."""


class Serve(Protocol):
    def __call__(self, options: EmulatorOptions, watch: Watch | None = None) -> Cloud: ...


@dataclass(slots=True)
class Skipped:
    """Time that nobody waited for."""

    seconds: float = 0.0

    def now(self) -> float:
        """Seconds since the epoch, with what was skipped."""
        return time.time() + self.seconds


class _Watched:
    def __init__(self, app: ASGIApp, watch: Watch) -> None:
        self._app = app
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith("/_emulator/"):
            # In a thread, so that other requests are answered while this one is held back.
            await asyncio.to_thread(self._watch, f"{scope['method']} {scope['path'].rpartition('/')[2]}")
        await self._app(scope, receive, send)


@contextmanager
def watched_cloud(
    file: Path, options: EmulatorOptions, clock: Callable[[], float] = time.time, watch: Watch | None = None
) -> Iterator[Cloud]:
    """Serves the emulator on a free port of the loopback interface.

    Args:
        clock: seconds since the epoch.
        watch: called with each request before it is answered, in a thread of its own.
    """
    with closing(create_server(("127.0.0.1", 0))) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        app: ASGIApp = create_app(file, options, url, clock=clock)
        with serving(_Watched(app, watch) if watch else app, listening):
            yield Cloud(url)


@dataclass(frozen=True, slots=True)
class Moment:
    """When the service gets its `count`-th request of this kind, and so many seconds later."""

    request: str
    count: int
    later: float = 0.0

    def __str__(self) -> str:
        return f"{self.request} {self.count} and {self.later:g} s"


class Trigger:
    """Watches a service, and acts once, at its moment.

    Args:
        hold: a request that is answered only after the action, so that a run cannot end before it.
    """

    def __init__(self, moment: Moment, hold: Moment | None = None) -> None:
        self._moment = moment
        self._hold = hold
        self._counts: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._armed = threading.Event()
        self._act: Callable[[], None] = lambda: None
        self.acted = threading.Event()

    def __call__(self, request: str) -> None:
        with self._counting:
            self._counts[request] += 1
            count = self._counts[request]
        if (request, count) == (self._moment.request, self._moment.count):
            if self._moment.later:
                threading.Timer(self._moment.later, self._now).start()
            else:
                self._now()
        if self._hold is not None and (request, count) == (self._hold.request, self._hold.count):
            self.acted.wait(PATIENCE)

    def does(self, act: Callable[[], None]) -> None:
        self._act = act
        self._armed.set()

    def _now(self) -> None:
        self._armed.wait(PATIENCE)
        self._act()
        self.acted.set()


def accepted(cloud: Cloud) -> int:
    """How many PUTs the service answered with success."""
    return sum(entry["method"] == "PUT" and entry["status"] == 204 for entry in cloud.requests())


def files_under(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def free_port() -> int:
    with closing(create_server(("127.0.0.1", 0))) as listening:
        port: int = listening.getsockname()[1]
        return port


def wait_until_asleep(pid: int) -> None:
    """Waits until a process does nothing but wait, for example for a line from its terminal."""
    until = time.monotonic() + PATIENCE
    while Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "S":
        assert time.monotonic() < until, "it never waits"
        time.sleep(0.01)


class Running:
    """`reconcile` in a process of its own, which can be sent signals while it runs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._said = b""

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def says(self, text: str) -> None:
        """Waits until this stands on stderr."""
        assert self._process.stderr is not None
        while text.encode() not in self._said:
            more = os.read(self._process.stderr.fileno(), 65536)
            assert more, f"it never said {text!r}: {self._said!r}"
            self._said += more

    def ended(self, seconds: float = PATIENCE) -> Ran:
        """What it left behind; subprocess.TimeoutExpired where it does not end in time."""
        out, err = self._process.communicate(timeout=seconds)
        return Ran(self._process.returncode, out.decode(), (self._said + err).decode())


@contextmanager
def running(*arguments: str, env: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Starts `python -m reconciler`; it does not outlive the block."""
    process = subprocess.Popen(
        [*ME, *arguments],
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield Running(process)
        finally:
            process.kill()
