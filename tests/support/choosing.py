"""The server of `reconcile choose`: against the emulator in virtual time and without a socket, or as a process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from reconciler.choose.app import ChooseApp
from reconciler.choose.choices import Choices
from reconciler.choose.guard import Guard
from reconciler.choose.items import Items
from reconciler.choose.pictures import Thumbnails
from reconciler.choose.reader import Reader
from reconciler.choose.workspace import Workspace
from reconciler.desired.load import load_with_locks
from support.taking import Machine

T = TypeVar("T")
PORT = 8080
ORIGIN = f"http://127.0.0.1:{PORT}"


@dataclass
class Page:
    """A browser tab that is let in.

    Attributes:
        told: what the user was told in the terminal.
    """

    machine: Machine
    paths: tuple[str, ...] = ("desired",)
    told: list[str] = field(default_factory=list)

    def use(self, work: Callable[[Tab], Awaitable[T]]) -> T:
        """Starts the server, and uses the page; the end of the block is the end of the server."""

        async def main() -> T:
            planner = await self.machine.planner(take=False)
            choices = Choices(self.machine.folder / "state")
            items, thumbnails = Items(choices), Thumbnails(planner.pictures)
            reader = Reader(planner, items, thumbnails, 8, self.told.append)
            workspace = Workspace(self.paths, load_with_locks(self.paths), items, choices, reader, thumbnails)
            guard = Guard(ChooseApp(workspace, "cn-north-4 / 0123").starlette(), PORT)
            await reader.run()
            transport = httpx.ASGITransport(guard, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, follow_redirects=True) as client:
                return await work(Tab(client, guard, workspace))

        return self.machine.clock.run(main())


@dataclass(frozen=True)
class Tab:
    client: httpx.AsyncClient
    guard: Guard
    workspace: Workspace

    async def enter(self) -> None:
        await self.client.get("/", params={"token": self.guard.token})

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any, status: int = 200) -> Any:
        answer = await self.client.post(path, json=body, headers={"Origin": ORIGIN})
        assert answer.status_code == status, answer.text
        return answer.json()

    async def choose(self, asset_id: str, index: int, name: str = "sample") -> Any:
        return await self.post("/api/choose", {"asset_id": asset_id, "set": name, "index": index})


class Served:
    """A server that was started, and a browser that entered."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:[0-9]+/\?token=\S+", said)
        assert found is not None, said
        self.address = found[0]
        self.base = self.address.partition("/?")[0]
        self.client = httpx.Client(base_url=self.base, headers={"Origin": self.base}, trust_env=False)
        assert self.client.get(self.address).status_code == 303

    def stop(self) -> str:
        """Ctrl-C; what was said at the end."""
        self.process.send_signal(signal.SIGINT)
        _, err = self.process.communicate(timeout=60)
        assert self.process.returncode == 130
        return err


@contextmanager
def choosing(*arguments: str) -> Iterator[Served]:
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "choose", "--no-open", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    try:
        server = Served(process)
        with closing(server.client):
            yield server
    finally:
        process.kill()
        process.communicate()
