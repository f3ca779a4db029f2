"""Emulators that can be watched and whose time can be skipped, and runs that can be interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
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

APPROVED = ("apply", "--auto-approve", "--force")
PUT = "PUT cover"
DETAILS = "GET details"

Watch = Callable[[str], None]
"""Is told of each request when it arrives: "PUT cover", "GET details", "GET 5.jpg"."""


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
            self._watch(f"{scope['method']} {scope['path'].rpartition('/')[2]}")
        await self._app(scope, receive, send)


@contextmanager
def watched_cloud(
    file: Path, options: EmulatorOptions, clock: Callable[[], float] = time.time, watch: Watch | None = None
) -> Iterator[Cloud]:
    """Serves the emulator on a free port of the loopback interface.

    Args:
        clock: seconds since the epoch.
        watch: is told of each request, in the server's thread, before it is answered.
    """
    with closing(create_server(("127.0.0.1", 0))) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        app: ASGIApp = create_app(file, options, url, clock=clock)
        with serving(_Watched(app, watch) if watch else app, listening):
            yield Cloud(url)


def accepted(cloud: Cloud) -> int:
    """How many PUTs the service answered with success."""
    return sum(entry["method"] == "PUT" and entry["status"] == 204 for entry in cloud.requests())


def files_under(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def free_port() -> int:
    with closing(create_server(("127.0.0.1", 0))) as listening:
        port: int = listening.getsockname()[1]
        return port


class Running:
    """`reconcile` in a process of its own, which can be sent signals while it runs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self, seconds: float = 30) -> Ran:
        """What it left behind; subprocess.TimeoutExpired where it does not end in time."""
        out, err = self._process.communicate(timeout=seconds)
        return Ran(self._process.returncode, out.decode(), err.decode())


@contextmanager
def running(*arguments: str, env: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Starts `python -m reconciler`; it does not outlive the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", *arguments],
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
