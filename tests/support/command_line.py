"""Runs the command line, in this process or in one of its own, and looks at what the cloud saw of it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from socket import create_server
from typing import Any
from unittest.mock import patch

import httpx
import uvicorn
from starlette.types import ASGIApp

from reconciler.cli import reconcile
from reconciler.cli.error_handler import run_command_line
from reconciler.emulator import catalogue, options
from reconciler.emulator.app import create_app

DIGITS = "31415926535897932384626433832795"
WITH_AN_E = "1234567890123456e789012345678901"
ASSET = "PUT /v1.0/{project_id}/asset"
UPLOAD = "PUT /upload/{name}"
COVER = "PUT /v1.0/{project_id}/asset/cover"
DETAILS = "GET /v1.0/{project_id}/asset/details"
TRACEBACK = "Traceback"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """All of stdout as one JSON document; json.JSONDecodeError where it is anything else."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Output(io.TextIOWrapper):
    def __init__(self, raw: io.BytesIO, *, terminal: bool) -> None:
        super().__init__(raw, encoding="utf-8", write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def run(*arguments: str, answer: str | None = None, terminal: bool = False) -> Ran:
    """Runs `reconcile` in this process.

    Args:
        answer: what a user at a terminal types; None where nobody can be asked.
        terminal: stdout is one.
    """
    raw = io.BytesIO()
    out = _Output(raw, terminal=terminal)
    err: io.StringIO = io.StringIO() if answer is None else _Terminal()
    typed: io.StringIO = io.StringIO() if answer is None else _Terminal(answer)
    with redirect_stdout(out), redirect_stderr(err), patch.object(sys, "stdin", typed):
        try:
            code = run_command_line(reconcile, arguments)
        except SystemExit as left:
            code = int(left.code or 0)
    return Ran(code, raw.getvalue().decode(), err.getvalue())


def spawn(*arguments: str, env: Mapping[str, str] | None = None) -> Ran:
    """Runs `python -m reconciler` in a process of its own, its output in pipes."""
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", *arguments],
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


@dataclass(frozen=True, slots=True)
class Video:
    """An ordinary asset of the emulator's default catalogue."""

    asset_id: str
    title: str
    set: str
    count: int
    shown: int
    """Index of the snapshot that is its cover, in `set`, which holds `count`."""

    @property
    def other(self) -> int:
        return (self.shown + 1) % self.count

    def in_sync(self) -> str:
        return f"{{snapshot: {self.shown}, from: {self.set}}}"

    def drifted(self) -> str:
        return f"{{snapshot: {self.other}, from: {self.set}}}"


def video(number: int) -> Video:
    asset = catalogue.ordinary(number)
    name, _, offset = asset.cover.partition("/")
    offsets = sorted(asset.sets[name])
    return Video(asset.asset_id, asset.title, name, len(offsets), offsets.index(int(offset)))


def videos(count: int = 24) -> list[Video]:
    return [video(number) for number in range(count)]


def entries(count: int, *, drifted: int = 0) -> dict[str, str]:
    """Entries for the first `count` assets, of which the first `drifted` want another cover than is shown."""
    return {
        item.asset_id: item.drifted() if number < drifted else item.in_sync()
        for number, item in enumerate(videos(count))
    }


def write(wanted: Mapping[str, str], *, head: str = "", to: str = "desired/covers.yaml") -> None:
    """Writes a desired file with these entries, asset ID to YAML."""
    file = Path(to)
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"  {asset_id}: {value}\n" for asset_id, value in wanted.items())
    file.write_text(f"{head}covers:\n{lines}" if lines else f"{head}covers: {{}}\n", encoding="utf-8")


@contextmanager
def serving(app: ASGIApp, listening: Any) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(45)
        assert not thread.is_alive()


class Cloud:
    """A served emulator, looked at from behind."""

    def __init__(self, url: str) -> None:
        self.url = url

    def requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get("requests")["requests"]
        return found

    def count(self, call: str) -> int:
        counts: dict[str, int] = self._get("requests")["counts"]
        return counts.get(call, 0)

    @property
    def puts(self) -> int:
        return self.count(COVER)

    @property
    def uploads(self) -> tuple[int, int]:
        """How often it was asked where to upload a cover, and how often one was uploaded."""
        return self.count(ASSET), self.count(UPLOAD)

    def shown(self, asset_id: str) -> bytes:
        """The bytes of an asset's cover."""
        return httpx.get(f"{self.url}/asset/{asset_id}/cover/Cover0.jpg").raise_for_status().content

    def covers(self) -> dict[str, str]:
        """What each asset shows, as "sample/10", by asset ID; "" where it is no snapshot."""
        assets = self._get("catalogue")["assets"]
        return {asset["asset_id"]: asset["cover"]["snapshot"] or "" for asset in assets}

    def upload(self, asset_id: str, picture: bytes) -> None:
        """Somebody uploads a cover of their own."""
        answer = httpx.post(f"{self.url}/_emulator/cover", params={"asset_id": asset_id}, content=picture)
        answer.raise_for_status()

    def delete(self, asset_id: str) -> None:
        """Somebody deletes an asset."""
        httpx.delete(f"{self.url}/_emulator/asset", params={"asset_id": asset_id}).raise_for_status()

    def _get(self, what: str) -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{self.url}/_emulator/{what}").raise_for_status().json()
        return found


@contextmanager
def cloud(state: Path, given: options.EmulatorOptions | None = None) -> Iterator[Cloud]:
    """Serves the emulator on a free port of the loopback interface."""
    with closing(create_server(("127.0.0.1", 0))) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with serving(create_app(state, given or options.EmulatorOptions(), url), listening):
            yield Cloud(url)


@contextmanager
def server(app: ASGIApp) -> Iterator[str]:
    """Serves any app; gives its address."""
    with closing(create_server(("127.0.0.1", 0))) as listening, serving(app, listening):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
