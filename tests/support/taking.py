"""Applies that have snapshots taken, against the emulator, in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from reconciler.act.apply import Applier
from reconciler.act.take import Taker
from reconciler.decide.outcome import Outcome
from reconciler.decide.precondition import PlannedChange
from reconciler.emulator import options
from reconciler.emulator.app import create_app
from reconciler.emulator.catalogue import ordinary
from reconciler.emulator.store import AssetStore
from reconciler.model import Cover, Desired, LockLine, Plan
from reconciler.observe.pictures import Pictures
from reconciler.planning.planner import Planner
from reconciler.planning.selection import Selection
from reconciler.planning.taking import Taking
from reconciler.state.folder import make
from reconciler.state.journal import Journal, Record, RunRecord
from reconciler.state.project_state import ProjectState
from reconciler.state.recorder import RunRecorder
from reconciler.util.rate import READ_RATE, WRITE_RATE, Rate
from reconciler.vod.auth import AccessKey, AccessKeyAuth
from reconciler.vod.client import RateLimiters, VodClient
from reconciler.vod.fast_client import FastHttpClient
from reconciler.vod.rate_limit import RateLimiter
from reconciler.vod.responses import ApiConnection
from support.fakes import FakeClock

BASE = "http://127.0.0.1"
POST, PUT, LIST, DETAILS, TASKS = "POST process", "PUT cover", "GET list", "GET details", "GET tasks"


class KilledError(BaseException):
    """The process ends here and now."""


_WITHOUT_DOTS = [number for number in range(48) if "dots" not in ordinary(number).sets]


def frame(number: int, offset: int) -> Desired:
    """An entry for the frame at that second of one of the ordinary assets that have no dots."""
    asset_id = ordinary(_WITHOUT_DOTS[number]).asset_id
    return Desired(asset_id, "desired/covers.yaml", 3 + number, 3, "dots", None, offset)


class _Journal(Journal):
    """A process may end just before a record is written, and just after."""

    def __init__(self, folder: Path, killed: Callable[[], None]) -> None:
        super().__init__(folder)
        self._killed = killed

    def append(self, record: Record) -> bytes:
        self._killed()
        line = super().append(record)
        self._killed()
        return line


@dataclass
class Machine:
    """A machine with a state folder, and the emulator.

    Attributes:
        asked: what the API was asked, as "POST process".
        faults: answers instead of the emulator's, by such a name, each once, and whether the emulator does what it
            was asked nevertheless.
        killed: called before and after each request and each record of the journal; may raise KilledError.
        notes: what the user was told.
        state: its folder; another one makes it another machine.
        edits: change the emulator's answers, by such a name.
    """

    folder: Path
    clock: FakeClock
    emulator: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bodies: list[httpx.Request] = field(default_factory=list)
    faults: dict[str, list[tuple[httpx.Response, bool]]] = field(default_factory=dict)
    killed: Callable[[], None] = lambda: None
    notes: list[str] = field(default_factory=list)
    state: str = "state"
    edits: dict[str, Callable[[dict[str, Any]], None]] = field(default_factory=dict)
    runs: int = 0

    def __post_init__(self) -> None:
        self._given = options.EmulatorOptions(quota=(0, 0), assets=48, **self.emulator)
        file = self.folder / "cloud.sqlite"
        app = create_app(file, self._given, BASE, clock=lambda: self.clock.now().timestamp())
        self._transport = httpx.ASGITransport(app)
        self._state = ProjectState(self.folder / self.state, BASE, options.PROJECT_ID, self.clock)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        name = f"{request.method} {request.url.path.rpartition('/')[2]}"
        self.asked.append(name)
        self.bodies.append(request)
        self.killed()
        waiting = self.faults.get(name)
        fault, carried_out = waiting.pop(0) if waiting else (None, True)
        if carried_out:
            answer = await self._transport.handle_async_request(request)
            await answer.aread()
            if edit := self.edits.get(name):
                changed = json.loads(answer.content)
                edit(changed)
                answer = httpx.Response(answer.status_code, json=changed)
        answer = fault or answer
        self.killed()
        return answer

    def count(self, name: str) -> int:
        return self.asked.count(name)

    def billed(self) -> int:
        """How many pictures are paid for."""

        async def ask() -> int:
            answer = await self._transport.handle_async_request(httpx.Request("GET", f"{BASE}/_emulator/billing"))
            return int(json.loads(await answer.aread())["pictures"])

        return self.clock.run(ask())

    @staticmethod
    def body(request: httpx.Request) -> dict[str, Any]:
        found = json.loads(request.content)
        assert isinstance(found, dict)
        return found

    def upload(self, asset_id: str, picture: bytes) -> None:
        """Somebody uploads a cover of their own."""
        self._store().upload_cover(asset_id, picture, self.clock.now().timestamp())

    def delete(self, asset_id: str) -> None:
        """Somebody deletes an asset."""
        self._store().delete(asset_id)

    def _store(self) -> AssetStore:
        given = self._given
        return AssetStore(
            self.folder / "cloud.sqlite",
            assets=given.assets,
            odd_assets=given.odd_assets,
            mode=given.cover_mode,
            dots=given.dots,
            propagation=given.propagation,
            history=given.edge_delay,
        )

    def client(self, writes: Rate = WRITE_RATE) -> VodClient:
        transport = httpx.MockTransport(self)
        auth = AccessKeyAuth(AccessKey(options.ACCESS_KEY, options.SECRET_KEY), self.clock)
        http = FastHttpClient(base_url=BASE, transport=transport, auth=auth)
        limiters = RateLimiters(RateLimiter(READ_RATE, self.clock), RateLimiter(writes, self.clock))
        connection = ApiConnection(http, self.clock, 30, self.notes.append)
        return VodClient(connection, options.PROJECT_ID, limiters)

    async def planner(
        self, *, take: bool = True, locked: Mapping[str, LockLine] | None = None, writes: Rate = WRITE_RATE
    ) -> Planner:
        remembered = await self._state.recall()
        pictures = Pictures(
            FastHttpClient(transport=httpx.MockTransport(self)), trusted=True, clock=self.clock, timeout=30
        )
        lines = locked or {}

        def locked_dot(desired: Desired) -> int | None:
            line = lines.get(desired.asset_id)
            return line.offset if line is not None else None

        taking = Taking(locked_dot, await self._state.open_tasks()) if take else None
        return Planner(self.client(writes), pictures, remembered.memory, recent=remembered.recent, taking=taking)

    def plan(self, *wanted: Desired, take: bool = True, locked: Mapping[str, LockLine] | None = None) -> Plan:
        async def main() -> Plan:
            planner = await self.planner(take=take, locked=locked)
            return await planner.make_plan(wanted, Selection(), 8, lambda: None)

        return self.clock.run(main())

    def killed_while_taking(self, wanted: Desired) -> None:
        """An apply whose process ends while its snapshot is taken."""

        def kill() -> None:
            if self.asked[-1:] == [LIST]:
                raise KilledError

        self.killed = kill
        with suppress(KilledError):
            self.apply(wanted)
        self.killed = lambda: None

    def apply(
        self,
        *wanted: Desired,
        plan: Plan | None = None,
        planned: Sequence[PlannedChange] | None = None,
        parallelism: int = 8,
        seconds: float = 600.0,
        writes: Rate = WRITE_RATE,
        stop: float | None = None,
    ) -> list[Outcome]:
        """Plans, unless a plan is given or its changes are, and applies.

        Args:
            seconds: how long to wait for a snapshot.
            stop: the run is stopped after so many seconds.
        """
        self.runs += 1
        folder = make(self._state.folder)
        run = RunRecord(run=f"run-{self.runs}", at=self.clock.now(), endpoint=BASE, project_id=options.PROJECT_ID)

        async def main() -> list[Outcome]:
            planner = await self.planner(writes=writes)
            made = plan or await planner.make_plan(wanted, Selection(), parallelism, lambda: None)
            changes = steps(made) if planned is None else planned
            recorder = RunRecorder(folder, journal, self.clock, run)
            await recorder.start()
            taker = Taker(planner, recorder, parallelism, seconds=seconds)
            applier = Applier(planner, recorder, parallelism, lambda: None, taker=taker)
            if stop is None:
                return await applier.apply(changes)
            applying = asyncio.ensure_future(applier.apply(changes))
            await self.clock.sleep(stop)
            applier.stop()
            return await applying

        journal = _Journal(folder, self.killed)
        try:
            return self.clock.run(main())
        finally:
            journal.close()


def steps(plan: Plan) -> Sequence[PlannedChange]:
    return [
        PlannedChange(one.desired, one.title, one.before or Cover(), one.after or Cover(), one.take)
        for one in plan.changes
    ]
