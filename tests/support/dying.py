"""Runs reconcile as a process that is lost at one of its steps: nothing of it is cleaned up.

`python -m support.dying STEP ARGUMENT…`. Its steps, counted from 1, are the moments before and after each line of the
journal and each request that changes something, and before each one that reads. Pauses take no time.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

import httpx

from reconciler.cli import reconcile
from reconciler.cli.error_handler import run_command_line
from reconciler.state.json_lines import JsonLines
from reconciler.util.clock import SystemClock
from reconciler.vod.fast_client import FastHttpClient

write, send = JsonLines.write, FastHttpClient._send_once


class Steps:
    def __init__(self, last: int) -> None:
        self._left = last

    def passed(self, what: str) -> None:
        self._left -= 1
        if self._left == 0:
            os.write(2, f"lost {what}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)


def watch(steps: Steps) -> None:
    def written(self: JsonLines, lines: bytes) -> None:
        steps.passed(f"before a line was written: {lines!r}")
        write(self, lines)
        steps.passed(f"after a line was written: {lines!r}")

    async def sent(self: FastHttpClient, request: httpx.Request) -> httpx.Response:
        about = f"{request.method} {request.url.path.rpartition('/')[2]}"
        if about.endswith(".jpg"):
            return await send(self, request)
        steps.passed(f"before {about}")
        response = await send(self, request)
        if request.method != "GET":
            steps.passed(f"after {about}")
        return response

    async def sleep(self: SystemClock, seconds: float) -> None:
        await asyncio.sleep(0)

    replaced: list[tuple[Any, str, Any]] = [
        (JsonLines, "write", written),
        (FastHttpClient, "_send_once", sent),
        (SystemClock, "sleep", sleep),
    ]
    for owner, name, instead in replaced:
        setattr(owner, name, instead)


if __name__ == "__main__":
    watch(Steps(int(sys.argv[1])))
    sys.exit(run_command_line(reconcile, sys.argv[2:]))
