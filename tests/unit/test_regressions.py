"""Faults that were found in use and in review: each test showed one of them."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.fakes import (
    ASSET,
    BASE,
    CDN,
    OTHER,
    PROJECT,
    FakeClock,
    FakeCloud,
    Picture,
    Script,
    desired,
    details_json,
    refusal,
    run_recorder,
    snapshot_url,
    vod_client,
)

from reconciler.act.apply import Applier
from reconciler.decide.precondition import PlannedChange
from reconciler.decide.verdict import judge
from reconciler.desired.load import load
from reconciler.emulator.pictures import drawn, recoded
from reconciler.errors import DesiredError, StateError
from reconciler.model import READ_RATE, WRITE_RATE, Cover, NoAnswer, Observed, Outcome, Verdict
from reconciler.observe.assets import observe
from reconciler.planning.planner import Planner
from reconciler.planning.selection import Selection
from reconciler.state.folder import make
from reconciler.state.journal import Journal, Record
from reconciler.state.settled_covers import Memory, SettledCover
from reconciler.vod.client import VodClient, Windows
from reconciler.vod.fast_client import DirectClient
from reconciler.vod.rate_limit import Window
from reconciler.vod.redis_rate_limit import SharedWindow
from reconciler.vod.responses import ApiConnection

IDS = tuple(f"{n:032x}" for n in range(1, 13))
COPY = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"
OFFSETS = (0, 5, 10)
Hook = Callable[[], object]


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that jumps would not wait for them."""

    async def parallelism(work: Callable[..., Any], *arguments: Any) -> Any:
        return work(*arguments)

    monkeypatch.setattr(asyncio, "to_thread", parallelism)


def planned(cloud: FakeCloud, clock: FakeClock, ids: Sequence[str] = (ASSET,)) -> list[PlannedChange]:
    """Steps towards the third snapshot of each, as a plan finds them."""
    entries = [desired(asset_id, index=2, line=n) for n, asset_id in enumerate(ids, start=1)]
    plan = clock.run(cloud.planner(clock).make_plan(entries, Selection(), 8, lambda: None))
    none = Cover("")
    return [PlannedChange(it.desired, it.title, it.before or none, it.after or none) for it in plan.changes]


class Run:
    """An apply that can be stopped from within the cloud that it talks to."""

    def __init__(self, clock: FakeClock, planner: Planner, folder: Path, parallelism: int = 4) -> None:
        self._clock = clock
        self.journal = Journal(make(folder))
        self.applier = Applier(planner, run_recorder(folder, self.journal, clock), parallelism, lambda: None)

    def outcomes(self, steps: Sequence[PlannedChange]) -> list[Outcome]:
        try:
            return self._clock.run(self.applier.apply(steps))
        finally:
            self.journal.close()


def names(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.outcome for outcome in outcomes]


def told(outcome: Outcome) -> str:
    return outcome.error.message if outcome.error else ""


def showing_the_first(*ids: str) -> FakeCloud:
    cloud = FakeCloud()
    for asset_id in ids:
        cloud.add(asset_id, snapshot_url(asset_id, 0))
    return cloud


class Loses(FakeCloud):
    """Carries out the PUT, re-encoding the picture, and drops the connection."""

    def __init__(self, becomes: bytes) -> None:
        super().__init__()
        self._becomes = becomes
        self.add(ASSET, COPY, OFFSETS)
        self.pictures = {
            snapshot_url(offset=offset): Picture(drawn(ASSET, "sample", offset).data) for offset in OFFSETS
        }
        self.pictures[COPY] = Picture(THEIRS)

    def _cover(self, request: httpx.Request) -> httpx.Response:
        self.puts.append((ASSET, request.content))
        self.pictures[COPY] = Picture(self._becomes)
        raise httpx.ReadError("reset after the change")


THEIRS = drawn(OTHER, "sample", 0).data


def test_a_lost_answer_and_a_re_encoded_cover_that_looks_as_wanted_are_applied(
    clock: FakeClock, tmp_path: Path
) -> None:
    cloud = Loses(recoded(ASSET, "sample", 10).data)
    [outcome] = Run(clock, cloud.planner(clock, tmp_path), tmp_path).outcomes(planned(cloud, clock))
    assert (outcome.outcome, len(cloud.puts)) == ("applied", 1)
    assert outcome.saved_cover is not None
    assert Path(outcome.saved_cover).read_bytes() == THEIRS


@pytest.mark.parametrize(
    "becomes",
    [b"\xff\xd8\xff cannot be decoded", drawn(OTHER, "sample", 25).data, drawn(ASSET, "sample", 5).data],
    ids=["no picture", "another picture", "another snapshot"],
)
def test_a_lost_answer_and_a_cover_that_is_neither_old_nor_wanted_may_have_been_ours(
    clock: FakeClock, tmp_path: Path, becomes: bytes
) -> None:
    cloud = Loses(becomes)
    [outcome] = Run(clock, cloud.planner(clock, tmp_path), tmp_path).outcomes(planned(cloud, clock))
    assert (outcome.outcome, len(cloud.puts)) == ("failed", 1)
    assert "may have been set" in told(outcome)
    assert "not touched" not in told(outcome)
    assert outcome.saved_cover is not None
    assert Path(outcome.saved_cover).read_bytes() == THEIRS


def test_a_refusal_after_a_lost_answer_does_not_make_the_first_unsent(clock: FakeClock, tmp_path: Path) -> None:
    cloud = showing_the_first(ASSET)
    steps = planned(cloud, clock)
    cloud.answers["cover", ASSET] = [httpx.ReadError("reset"), refusal(403, "VOD.10074", "no permission")]
    [outcome] = Run(clock, cloud.planner(clock, tmp_path), tmp_path).outcomes(steps)
    assert outcome.outcome == "failed"
    assert "VOD.10074" in told(outcome)
    assert "may have been set" in told(outcome)


def test_a_refusal_alone_leaves_nothing_in_doubt(clock: FakeClock, tmp_path: Path) -> None:
    cloud = showing_the_first(ASSET)
    steps = planned(cloud, clock)
    cloud.answers["cover", ASSET] = [refusal(403, "VOD.10074", "no permission")]
    [outcome] = Run(clock, cloud.planner(clock, tmp_path), tmp_path).outcomes(steps)
    assert outcome.outcome == "failed"
    assert "may have been set" not in told(outcome)


class SlowStore(SharedWindow):
    """A shared store that takes its time over being told of an answer; somebody interrupts meanwhile."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.interrupt: Hook = lambda: None
        self.told: list[str] = []

    async def acquire(self) -> tuple[str, float]:
        return "ticket", 0.0

    async def answered(self, ticket: str) -> None:
        self.interrupt()
        await self._clock.sleep(3)
        self.told.append(ticket)

    async def unused(self, ticket: str) -> None:
        raise AssertionError("each slot is used here")


def test_an_interrupt_right_after_the_answer_does_not_lose_the_outcome(clock: FakeClock, tmp_path: Path) -> None:
    cloud = showing_the_first(ASSET)
    steps = planned(cloud, clock)
    store = SlowStore(clock)
    http = DirectClient(base_url=BASE, transport=httpx.MockTransport(cloud))
    windows = Windows(Window(READ_RATE, clock), Window(WRITE_RATE, clock, store))
    planner = replace(
        cloud.planner(clock, tmp_path), client=VodClient(ApiConnection(http, clock, 30), PROJECT, windows)
    )
    run = Run(clock, planner, tmp_path)
    store.interrupt = run.applier.stop
    assert names(run.outcomes(steps)) == ["applied"]
    assert (tmp_path / "journal.jsonl").read_text().count('"outcome":"applied"') == 1


def test_two_snapshots_of_the_same_bytes_are_one_picture_to_the_memory(clock: FakeClock, tmp_path: Path) -> None:
    cloud = FakeCloud()
    cloud.add(ASSET, COPY, OFFSETS)
    black, cover = b"two black frames", b"what the service made of it"
    cloud.pictures = {snapshot_url(offset=0): Picture(black), snapshot_url(offset=5): Picture(black)}
    cloud.pictures |= {snapshot_url(offset=10): Picture(b"another"), COPY: Picture(cover)}
    memory = Memory(make(tmp_path))
    hashes = (hashlib.sha256(cover).hexdigest(), hashlib.sha256(black).hexdigest())
    path = "snapshot/sample/0.jpg"
    memory.remember(
        [SettledCover(asset_id=ASSET, cover_sha256=hashes[0], snapshot_path=path, snapshot_sha256=hashes[1])]
    )
    memory.close()

    def state(index: int) -> str:
        return clock.run(cloud.planner(clock, tmp_path).check(desired(index=index))).state

    assert [state(index) for index in range(3)] == ["in_sync", "in_sync", "update"]


class Full(Journal):
    """A journal on a disk that is full after so many records."""

    left = 3

    def append(self, record: Record) -> None:
        self.left -= 1
        if self.left < 0:
            raise StateError("The journal can't be written: No space left on device")
        super().append(record)


def test_when_the_journal_fails_whoever_is_left_out_is_told_why(clock: FakeClock, tmp_path: Path) -> None:
    cloud = showing_the_first(*IDS)
    steps = planned(cloud, clock, IDS)
    journal = Full(make(tmp_path))
    applier = Applier(cloud.planner(clock, tmp_path), run_recorder(tmp_path, journal, clock), 1, lambda: None)
    outcomes = clock.run(applier.apply(steps))
    journal.close()
    assert names(outcomes)[:2] == ["applied", "applied"]
    left_out = outcomes[2:]
    assert set(names(left_out)) == {"not_attempted"}
    assert len(cloud.puts) == 2
    assert all("No space left on device" in told(outcome) for outcome in left_out)
    assert {outcome.error.type for outcome in left_out if outcome.error} == {"state"}


class Throttles(FakeCloud):
    """Takes a second for each PUT, in which somebody interrupts, and refuses it for the quota."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self.interrupt: Hook = lambda: None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method != "PUT":
            return await super().__call__(request)
        self.puts.append((ASSET, request.content))
        await self._clock.sleep(1)
        self.interrupt()
        await self._clock.sleep(1)
        return refusal(429, "APIGW.0308", "over ratelimit")


def test_an_interrupt_while_a_put_is_refused_for_the_quota_leaves_nothing_in_doubt(
    clock: FakeClock, tmp_path: Path
) -> None:
    cloud = Throttles(clock)
    cloud.add(ASSET, snapshot_url(offset=0))
    steps = planned(cloud, clock)
    run = Run(clock, cloud.planner(clock, tmp_path), tmp_path)
    cloud.interrupt = run.applier.stop
    [outcome] = run.outcomes(steps)
    assert (outcome.outcome, outcome.error, len(cloud.puts)) == ("not_attempted", None, 1)


class LosesItsRights(FakeCloud):
    """From the fourth PUT on every one is a 401; PUTs take a while, so several are on their way at once."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self.arrived = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            self.arrived += 1
            number = self.arrived
            await self._clock.sleep(1)
            if number >= 4:
                return refusal(401, "APIGW.0301", "the key was withdrawn")
        return await super().__call__(request)


@pytest.mark.parametrize("parallelism", [1, 4, 12])
def test_a_401_in_mid_run_is_told_once(clock: FakeClock, tmp_path: Path, parallelism: int) -> None:
    cloud = LosesItsRights(clock)
    for asset_id in IDS:
        cloud.add(asset_id, snapshot_url(asset_id, 0))
    outcomes = Run(clock, cloud.planner(clock, tmp_path), tmp_path, parallelism).outcomes(planned(cloud, clock, IDS))
    assert sorted(names(outcomes)) == ["applied"] * 3 + ["failed"] + ["not_attempted"] * 8
    [error] = [outcome.error for outcome in outcomes if outcome.error]
    assert (error.type, error.status) == ("authentication", 401)


def read(clock: FakeClock, body: Any) -> tuple[Observed | NoAnswer, int]:
    """What one asset's details come to, and how many requests that took."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    server = Script(httpx.Response(200, content=content))
    return clock.run(observe(vod_client(server, clock), ASSET)), len(server.requests)


@pytest.mark.parametrize("offset", [{}, {"offset": None}], ids=["missing", "null"])
def test_a_snapshot_without_its_offset_is_placed_by_its_file_name(clock: FakeClock, offset: dict[str, None]) -> None:
    body = details_json()
    body["thumbnail_info"]["sample"] = [
        {"offset": 20, "url": snapshot_url(offset=20)},
        {**offset, "url": f"{snapshot_url(offset=10)}?auth_key=1-2-3"},
        {"offset": 0, "url": snapshot_url(offset=0)},
        {**offset, "url": snapshot_url(offset=5)},
    ]
    seen, _ = read(clock, body)
    assert isinstance(seen, Observed)
    assert [(item.index, item.offset) for item in seen.snapshots] == [(0, 0), (1, 5), (2, 10), (3, 20)]
    assert seen.snapshots[2].url.endswith("/10.jpg?auth_key=1-2-3")


@pytest.mark.parametrize("name", ["cover.jpg", "a10.jpg", "10", ""])
def test_a_snapshot_that_has_no_place_makes_the_asset_unknown_after_one_read(clock: FakeClock, name: str) -> None:
    """Without it no index would be sure; and asking again brings the same answer."""
    body = details_json()
    url = f"{CDN}/asset/{ASSET}/snapshot/sample/{name}"
    body["thumbnail_info"]["sample"][1] = {"offset": None, "url": url}
    seen, requests = read(clock, body)
    assert isinstance(seen, NoAnswer)
    assert (seen.reason, requests) == ("api_error", 1)
    assert "at which second" in seen.message


def test_half_a_surrogate_pair_in_a_title_is_no_reason_not_to_read_the_rest(clock: FakeClock) -> None:
    body = json.dumps(details_json()).replace("Title of", "Half \\ud800 of").encode()
    assert b"\\ud800" in body
    seen, requests = read(clock, body)
    assert isinstance(seen, Observed)
    assert requests == 1
    assert seen.title.startswith("Half ")
    assert len(seen.snapshots) == 3
    seen.title.encode()


@pytest.mark.parametrize("place", ["thumbnail_info", "base_info", None], ids=["with the others", "base", "top"])
def test_snapshots_in_progress_are_known_wherever_the_service_says_so(clock: FakeClock, place: str | None) -> None:
    body = details_json()
    body["thumbnail_info"] = {}
    (body[place] if place else body)["thumbnail_status"] = "THUMBNAILING"
    seen, _ = read(clock, body)
    assert isinstance(seen, Observed)
    verdict = judge(desired(), seen, "auto")
    assert isinstance(verdict, Verdict)
    assert verdict.reason == "snapshots_in_progress"


def problems(text: str, folder: Path) -> list[tuple[int, int]]:
    file = folder / "covers.yaml"
    file.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(DesiredError) as caught:
        load([str(file)])
    return [(problem.line, problem.column) for problem in caught.value.problems]


@pytest.mark.parametrize("char", ["\u2028", "\u2029", "\x85"], ids=ascii)
def test_line_ends_that_no_editor_counts_shift_no_places(tmp_path: Path, char: str) -> None:
    before = f"# one{char}two\ncovers:\n  {ASSET}: {{snapshot: 0, note: 'three{char}four'}}\n"
    assert problems(f"{before}  {OTHER}: wrong\n", tmp_path) == [(4, 37)]


@pytest.mark.parametrize("char", ["\u2028", "\u2029", "\x85"], ids=ascii)
def test_they_shift_no_entrys_place_either(tmp_path: Path, char: str) -> None:
    file = tmp_path / "covers.yaml"
    file.write_text(f"# {char}\ncovers:\n  {ASSET}: 0 # {char}\n  {OTHER}: 1\n", encoding="utf-8", newline="")
    assert [(item.line, item.column) for item in load([str(file)]).covers] == [(3, 3), (4, 3)]


def test_two_thousand_problems_are_two_thousand(tmp_path: Path) -> None:
    entries = "".join(f"  {n:032x}: wrong\n" for n in range(2000))
    assert [line for line, _ in problems(f"covers:\n{entries}", tmp_path)] == list(range(2, 2002))


def test_everything_taken_and_everything_left_out_again_is_no_idle_glob() -> None:
    selection = Selection(["*"], ["*"])
    assert selection.by_id(ASSET) is False
    selection.check_all_matched()


def test_a_target_that_only_meets_excluded_assets_is_not_idle() -> None:
    selection = Selection([f"{ASSET[:6]}*"], [ASSET])
    assert selection.by_id(ASSET) is False
    selection.check_all_matched()
