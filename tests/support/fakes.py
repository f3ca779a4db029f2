"""Stand-ins for time and for the cloud, shared by the unit tests."""

from __future__ import annotations

import asyncio
import hashlib
import json
import selectors
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from reconciler.commands.execute import steps_of
from reconciler.decide.precondition import PlannedChange
from reconciler.model import Compare, Desired, Observed, Snapshot
from reconciler.observe.pictures import Pictures
from reconciler.planning.planner import Planner
from reconciler.planning.selection import Selection
from reconciler.state.journal import Journal, RunRecord
from reconciler.state.recorder import RunRecorder
from reconciler.state.settled_covers import Memory
from reconciler.util.rate import READ_RATE, WRITE_RATE, Rate
from reconciler.vod.auth import Login
from reconciler.vod.client import RateLimiters, VodClient
from reconciler.vod.fast_client import FastHttpClient
from reconciler.vod.iam import LoginAuth
from reconciler.vod.rate_limit import RateLimiter
from reconciler.vod.responses import ApiConnection
from reconciler.vod.uploads import CoverUploads
from reconciler.vod.waits import Tell, discard

T = TypeVar("T")
Answer = httpx.Response | Exception
Handler = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]

BASE = "https://vod.cn-north-4.myhuaweicloud.com"
CDN = "https://cdn.example.com"
UPLOADS = "https://bucket.obs.example.com"
PROJECT = "0123456789abcdef0123456789abcdef"
ASSET = "6e76f92034ceae2fcdcef9413221511f"
OTHER = "41cff636d5b12a51e7eb2838bbf45201"
NOWHERE = Path("/proc/no-such-folder")
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_PATIENCE = 45.0


class FakeClock:
    """Time that jumps to the next timer as soon as nobody has anything to do.

    `run` drives a coroutine on an event loop that lives by this clock, so timers, time-outs and any number of
    sleepers are deterministic and cost nothing.
    """

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self.time = 0.0

    def monotonic(self) -> float:
        return self.time

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.time)

    async def sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(max(seconds, 0), _wake, woken)
        try:
            await woken
        finally:
            timer.cancel()

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=lambda: _VirtualLoop(self)) as runner:
            return runner.run(main)


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock: FakeClock) -> None:
        super().__init__(_Idle(clock))
        self._clock = clock

    def time(self) -> float:
        return self._clock.time

    async def shutdown_default_executor(self, *_: object) -> None:
        """Threads live by the real time: a timer for their end would be over at once."""
        await super().shutdown_default_executor()


class _Idle(selectors.DefaultSelector):
    """Where the loop would wait, time moves on instead."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            # No timer: only another thread could still wake somebody.
            ready = super().select(_PATIENCE)
            if not ready:
                raise RuntimeError("everybody waits for ever")
            return ready
        ready = super().select(0)
        if not ready and timeout > 0:
            self._clock.time += timeout
        return ready


def vod_client(
    handler: Handler,
    clock: FakeClock,
    *,
    auth: httpx.Auth | None = None,
    reads: Rate = READ_RATE,
    writes: Rate = WRITE_RATE,
    timeout: float = 30,
    tell: Tell = discard,
) -> VodClient:
    """Our client, talking to a function."""
    http = FastHttpClient(base_url=BASE, transport=httpx.MockTransport(handler), auth=auth)
    windows = RateLimiters(RateLimiter(reads, clock, tell=tell), RateLimiter(writes, clock, tell=tell))
    return VodClient(ApiConnection(http, clock, timeout, tell), PROJECT, windows)


def login_auth(handler: Handler, clock: FakeClock, login: Login, iam: str, tell: Tell = discard) -> LoginAuth:
    """Our login, talking to a function."""
    http = FastHttpClient(base_url=iam, transport=httpx.MockTransport(handler))
    return LoginAuth(login, ApiConnection(http, clock, 30, tell), iam)


def run_recorder(folder: Path, journal: Journal, clock: FakeClock) -> RunRecorder:
    """A run that is the only one in its journal."""
    run = RunRecord(run="run-1", endpoint="http://127.0.0.1", project_id="0" * 32)
    return RunRecorder(folder, journal, clock, run)


class Script:
    """A server that answers from a list, the last answer again and again, and keeps what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers[min(len(self.requests), len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer


def snapshot_url(asset_id: str = ASSET, offset: int = 0, name: str = "sample") -> str:
    return f"{CDN}/asset/{asset_id}/snapshot/{name}/{offset}.jpg"


def details_json(asset_id: str = ASSET, cover: str | None = None, offsets: tuple[int, ...] = (0, 5, 10)) -> Any:
    """The body of a details answer, sample snapshots at `offsets`."""
    sample = [{"offset": offset, "url": snapshot_url(asset_id, offset)} for offset in offsets]
    covers = [] if cover is None else [{"cover_url": cover}]
    return {
        "asset_id": asset_id,
        "base_info": {"title": f"Title of {asset_id[:4]}", "cover_info_array": covers},
        "thumbnail_info": {"sample": sample, "thumbnail_status": "THUMBNAIL_SUCCEED"},
    }


def details_answer(asset_id: str = ASSET, cover: str | None = None) -> httpx.Response:
    return httpx.Response(200, json=details_json(asset_id, cover))


def refusal(
    status: int, code: str = "", message: str = "no", headers: dict[str, str] | None = None
) -> httpx.Response:
    return httpx.Response(status, json={"error_code": code, "error_msg": message}, headers=headers)


def desired(asset_id: str = ASSET, index: int | None = 0, line: int = 1, **more: Any) -> Desired:
    return Desired(asset_id, "desired/a.yaml", line, 3, index=index, **more)


def observed(cover_url: str = "", offsets: tuple[int, ...] = (0, 5, 10), asset_id: str = ASSET) -> Observed:
    snapshots = tuple(Snapshot("sample", i, at, snapshot_url(asset_id, at)) for i, at in enumerate(offsets))
    return Observed(asset_id, "A title", cover_url, "THUMBNAIL_SUCCEED", snapshots)


def served(body: bytes, headers: dict[str, str] | None = None, status: int = 200) -> httpx.Response:
    """An answer whose body comes as a stream, as it does from a real server."""
    whole = {"Content-Length": str(len(body)), **(headers or {})}
    return httpx.Response(status, headers=whole, stream=httpx.ByteStream(body))


@dataclass
class Picture:
    """A file on the fake CDN, and how the CDN serves it."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    head: int = 200
    head_headers: dict[str, str] | None = None

    @classmethod
    def with_md5(cls, body: bytes) -> Picture:
        return cls(body, {"ETag": f'"{hashlib.md5(body).hexdigest()}"'})

    def answer(self, method: str) -> httpx.Response:
        if method == "HEAD":
            headers = self.headers if self.head_headers is None else self.head_headers
            length = {} if self.head_headers is not None else {"Content-Length": str(len(self.body))}
            return httpx.Response(self.head, headers={**length, **headers})
        return served(self.body, self.headers)


class FakeCloud:
    """VOD and its CDN in one function: assets as details bodies, pictures by URL; counts what it is asked.

    `answers[(operation, asset_id)]` are served first, one after the other. A PUT makes the snapshot's URL the
    cover, or with `copies` puts its bytes behind the cover's own URL. Uploads always get the cover's own URL.
    """

    def __init__(self) -> None:
        self.assets: dict[str, Any] = {}
        self.pictures: dict[str, Picture] = {}
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.asked: list[tuple[str, str]] = []
        self.puts: list[tuple[str, bytes]] = []
        self.copies = False
        self.announced: list[Any] = []
        self.uploads: list[httpx.Request] = []
        self.made: Callable[[bytes], bytes] = bytes
        """What becomes of an uploaded picture."""

    def add(self, asset_id: str = ASSET, cover: str | None = None, offsets: tuple[int, ...] = (0, 5, 10)) -> None:
        self.assets[asset_id] = details_json(asset_id, cover, offsets)
        for offset in offsets:
            url = snapshot_url(asset_id, offset)
            self.pictures.setdefault(url, Picture(self.snapshot(asset_id, offset)))

    @staticmethod
    def snapshot(asset_id: str, offset: int) -> bytes:
        """The picture that `add` makes of that second."""
        return f"\xff\xd8 {asset_id} {offset}".encode("latin-1")

    def cover(self, asset_id: str = ASSET) -> str:
        return str(self.assets[asset_id]["base_info"]["cover_info_array"][0]["cover_url"])

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == f"/v1.0/{PROJECT}/asset/details":
            return self._details(request.url.params["asset_id"])
        if request.url.path == f"/v1.0/{PROJECT}/asset/cover" and request.method == "PUT":
            return self._cover(request)
        if request.url.path == f"/v1.0/{PROJECT}/asset/list":
            return self._list(int(request.url.params["page"]), int(request.url.params["size"]))
        if request.url.path == f"/v1.0/{PROJECT}/asset/info":
            return self._info(request.url.params.get_list("asset_id"))
        if request.url.path == f"/v1.0/{PROJECT}/asset" and request.method == "PUT":
            return self._announced(json.loads(request.content))
        if request.method == "PUT":
            return self._uploaded(request)
        url = str(request.url)
        self.asked.append((request.method, url))
        found = self.pictures.get(url) or self.pictures.get(url.partition("?")[0])
        return found.answer(request.method) if found else httpx.Response(404)

    def _scripted(self, operation: str, asset_id: str) -> httpx.Response | None:
        waiting = self.answers.get((operation, asset_id))
        if not waiting:
            return None
        answer = waiting.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _list(self, page: int, size: int) -> httpx.Response:
        """The same covers and titles as the details show."""
        self.asked.append(("list", str(page)))
        shown = list(self.assets.values())[page * size : (page + 1) * size]
        assets = [
            {
                "asset_id": body["asset_id"],
                "title": body["base_info"]["title"],
                "covers": body["base_info"].get("cover_info_array"),
                "thumbnail_status": (body.get("thumbnail_info") or {}).get("thumbnail_status", "UN_THUMBNAIL"),
            }
            for body in shown
        ]
        return httpx.Response(200, json={"total": len(self.assets), "assets": assets})

    def _info(self, asset_ids: Sequence[str]) -> httpx.Response:
        """Titles and covers as the details show them."""
        self.asked.append(("info", ",".join(asset_ids)))
        known = {asset_id: self.assets[asset_id] for asset_id in asset_ids if asset_id in self.assets}
        found = [
            {"asset_id": asset_id, "status": "PUBLISHED", "base_info": known[asset_id]["base_info"]}
            if asset_id in known
            else {"asset_id": asset_id, "status": "NO_ASSET"}
            for asset_id in asset_ids
        ]
        return httpx.Response(200, json={"asset_info_array": found})

    def _details(self, asset_id: str) -> httpx.Response:
        self.asked.append(("details", asset_id))
        scripted = self._scripted("details", asset_id)
        if scripted is not None:
            return scripted
        if asset_id not in self.assets:
            return refusal(400, "VOD.10062", "asset does not exist")
        return httpx.Response(200, json=self.assets[asset_id])

    def _cover(self, request: httpx.Request) -> httpx.Response:
        url = json.loads(request.content)["thumbnailUrl"]
        asset_id = url.partition("/asset/")[2][:32]
        self.puts.append((asset_id, request.content))
        scripted = self._scripted("cover", asset_id)
        if scripted is not None and not scripted.is_success:
            return scripted
        covers = self.assets[asset_id]["base_info"]["cover_info_array"]
        if self.copies and covers:
            self.pictures[covers[0]["cover_url"]] = self.pictures[url]
        else:
            self.assets[asset_id]["base_info"]["cover_info_array"] = [{"cover_url": url}]
        return httpx.Response(204)

    def _announced(self, body: Any) -> httpx.Response:
        self.announced.append(body)
        scripted = self._scripted("asset", body["asset_id"])
        if scripted is not None:
            return scripted
        url = f"{UPLOADS}/{body['asset_id']}?AccessKeyId=AK&Signature=s3cr3t"
        return httpx.Response(200, json={"asset_id": body["asset_id"], "cover_upload_url": url})

    def _uploaded(self, request: httpx.Request) -> httpx.Response:
        self.uploads.append(request)
        asset_id = request.url.path.strip("/")
        scripted = self._scripted("upload", asset_id)
        if scripted is not None:
            return scripted
        url = f"{CDN}/asset/{asset_id}/cover/Cover0.jpg"
        self.pictures[url] = Picture(self.made(request.content))
        self.assets[asset_id]["base_info"]["cover_info_array"] = [{"cover_url": url}]
        return httpx.Response(200)

    def client(self, clock: FakeClock) -> VodClient:
        return vod_client(self, clock)

    def reader(self, clock: FakeClock, *, trusted: bool = False) -> Pictures:
        http = FastHttpClient(transport=httpx.MockTransport(self))
        return Pictures(http, trusted=trusted, clock=clock, timeout=30)

    def uploader(self, *, trusted: bool = False, handler: Handler | None = None) -> CoverUploads:
        http = FastHttpClient(transport=httpx.MockTransport(handler or self), headers={"User-Agent": "ours"})
        return CoverUploads(http, trusted=trusted, timeout=30)

    def planner(
        self, clock: FakeClock, folder: Path = NOWHERE, compare: Compare = "auto", *, replace_unreadable: bool = False
    ) -> Planner:
        return Planner(self.client(clock), self.reader(clock), Memory(folder), compare, replace_unreadable)


def planned(
    cloud: FakeCloud, clock: FakeClock, ids: Sequence[str] = (ASSET,), compare: Compare = "auto"
) -> list[PlannedChange]:
    """Steps towards the third snapshot of each, as a plan finds them."""
    entries = [desired(asset_id, index=2, line=n) for n, asset_id in enumerate(ids, start=1)]
    plan = clock.run(cloud.planner(clock, compare=compare).make_plan(entries, Selection(), 8, lambda: None))
    return steps_of(plan)


def work_in_this_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """For work that is sent to other threads: time that jumps would not wait for them."""

    async def in_this_thread(work: Callable[..., Any], *arguments: Any) -> Any:
        return work(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", in_this_thread)
