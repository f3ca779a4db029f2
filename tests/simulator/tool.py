"""The tool's command line in this process, on virtual time and a network of our own. The only place that knows it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import signal
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import httpx

from reconciler.cli import reconcile
from reconciler.cli.error_handler import run_command_line
from reconciler.util import signals
from reconciler.util.clock import SystemClock
from reconciler.vod.transport import Transport
from simulator.clock import EndlessWait, VirtualClock

T = TypeVar("T")
TOKEN = "t0ken-of-the-simulator-which-is-secret"
Network = Callable[[httpx.Request], Awaitable[httpx.Response]]


@dataclass(frozen=True, slots=True)
class Ran:
    """What one verb left. `document` is None where stdout was not one JSON document. Times are virtual seconds."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str
    document: dict[str, Any] | None
    began: float
    ended: float
    crash: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """Runs verbs. `home`: its state folder lies there."""

    home: Path
    clock: VirtualClock
    network: Network
    project_id: str

    @property
    def state(self) -> Path:
        return self.home / "state"

    def run(self, *arguments: str) -> Ran:
        """Runs one verb with --json."""
        began = self.clock.time
        out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True), io.StringIO()
        crash = ""
        with ExitStack() as stack:
            self._pretend(stack)
            stack.enter_context(redirect_stdout(out))
            stack.enter_context(redirect_stderr(err))
            for number in (signal.SIGINT, signal.SIGTERM):
                stack.callback(signal.signal, number, signal.getsignal(number))
            signals.handle()
            try:
                code = run_command_line(reconcile, (*arguments, "--json"))
            except SystemExit as leaving:
                code = leaving.code if isinstance(leaving.code, int) else 1
            except EndlessWait as error:
                code, crash = -1, f"EndlessWait: {error}"
            except Exception:  # noqa: BLE001 the oracle judges it
                code, crash = -1, traceback.format_exc()
            interrupted = signals.received()
        if interrupted:
            code = signals.EXIT_CODE  # as `main` leaves with it
        text = out.buffer.getvalue().decode()
        return Ran(arguments, code, text, err.getvalue(), _document(text), began, self.clock.time, crash)

    def _pretend(self, stack: ExitStack) -> None:
        clock, network = self.clock, self.network

        async def handle(_: Transport, request: httpx.Request) -> httpx.Response:
            return await network(request)

        async def close(_: Transport) -> None: ...

        def run(main: Coroutine[Any, Any, T], **_: object) -> T:
            return clock.run(main)

        def no_program(*_: object, **__: object) -> None:
            raise FileNotFoundError("no programs here")

        environment = {
            "HOME": str(self.home),
            "HW_AUTH_TOKEN": TOKEN,
            "HW_REGION_NAME": "cn-north-4",
            "HW_PROJECT_ID": self.project_id,
            "RECONCILE_STATE_DIR": str(self.state),
        }
        for owner, name, value in (
            (SystemClock, "monotonic", lambda _: clock.time),
            (SystemClock, "now", lambda _: clock.now()),
            (Transport, "handle_async_request", handle),
            (Transport, "aclose", close),
            (asyncio, "run", run),
            (os, "fsync", lambda _: None),
            (subprocess, "run", no_program),
            (sys, "stdin", io.StringIO()),
            (signals, "_State", type("_State", (signals._State,), {"received": False})),
        ):
            stack.enter_context(patch.object(owner, name, value))
        stack.enter_context(patch.dict(os.environ, environment, clear=True))
        random.seed(round(clock.time * 1000))  # the pauses between attempts


def _document(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
