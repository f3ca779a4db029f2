"""Answers that are lost, refused or interrupted while covers are set: what the report says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

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
    planned,
    refusal,
    run_recorder,
    snapshot_url,
    work_in_this_thread,
)

from reconciler.act.apply import Applier
from reconciler.decide.outcome import Outcome
from reconciler.decide.precondition import PlannedChange
from reconciler.emulator.pictures import drawn, recoded
from reconciler.errors import StateError
from reconciler.planning.planner import Planner
from reconciler.state.folder import make
from reconciler.state.journal import Journal, Record
from reconciler.state.runs import Runs
from reconciler.util.rate import READ_RATE, WRITE_RATE
from reconciler.vod.client import RateLimiters, VodClient
from reconciler.vod.fast_client import FastHttpClient
from reconciler.vod.rate_limit import RateLimiter
from reconciler.vod.redis_rate_limit import RedisWindow
from reconciler.vod.responses import ApiConnection

IDS = tuple(f"{n:032x}" for n in range(1, 13))
COPY = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"
OFFSETS = (0, 5, 10)
Hook = Callable[[], object]
THEIRS = drawn(OTHER, "sample", 0).data


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    work_in_this_thread(monkeypatch)


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


class Retakes(FakeCloud):
    """Its cover is a copy of the first snapshot, which is taken again while the first PUT is answered with a 503."""

    def _cover(self, request: httpx.Request) -> httpx.Response:
        if self.puts:
            return super()._cover(request)
        self.puts.append((ASSET, request.content))
        self.pictures[snapshot_url(offset=0)] = Picture(drawn(OTHER, "sample", 25).data)
        return httpx.Response(503)


def test_a_cover_that_exists_nowhere_else_by_the_second_attempt_is_saved(clock: FakeClock, tmp_path: Path) -> None:
    cloud = Retakes()
    cloud.add(ASSET, COPY, OFFSETS)
    cloud.pictures = {snapshot_url(offset=at): Picture(drawn(ASSET, "sample", at).data) for at in OFFSETS}
    first = cloud.pictures[snapshot_url(offset=0)].body
    cloud.pictures[COPY] = Picture(first)
    [outcome] = Run(clock, cloud.planner(clock, tmp_path), tmp_path).outcomes(planned(cloud, clock))
    assert (outcome.outcome, len(cloud.puts)) == ("applied", 2)
    assert outcome.saved_cover is not None
    assert Path(outcome.saved_cover).read_bytes() == first


class Changes(FakeCloud):
    """Its cover is another one from the third look on: after the plan, and after the look before the PUT."""

    looks = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if str(request.url) == COPY and request.method == "GET":
            self.looks += 1
            self.pictures[COPY] = Picture(THEIRS if self.looks < 3 else drawn(OTHER, "sample", 25).data)
        return await super().__call__(request)


def test_a_cover_that_changes_while_it_is_saved_is_not_replaced(clock: FakeClock, tmp_path: Path) -> None:
    cloud = Changes()
    cloud.add(ASSET, COPY, OFFSETS)
    cloud.pictures = {snapshot_url(offset=at): Picture(drawn(ASSET, "sample", at).data) for at in OFFSETS}
    [outcome] = Run(clock, cloud.planner(clock, tmp_path), tmp_path).outcomes(planned(cloud, clock))
    assert (outcome.outcome, cloud.puts) == ("stale", [])


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


class SlowStore(RedisWindow):
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
    http = FastHttpClient(base_url=BASE, transport=httpx.MockTransport(cloud))
    windows = RateLimiters(RateLimiter(READ_RATE, clock), RateLimiter(WRITE_RATE, clock, store))
    planner = replace(
        cloud.planner(clock, tmp_path), client=VodClient(ApiConnection(http, clock, 30), PROJECT, windows)
    )
    run = Run(clock, planner, tmp_path)
    store.interrupt = run.applier.stop
    assert names(run.outcomes(steps)) == ["applied"]
    assert (tmp_path / "journal.jsonl").read_text().count('"outcome":"applied"') == 1


class Full(Journal):
    """A journal on a disk that is full after so many records."""

    left = 3

    def append(self, record: Record) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise StateError("The journal can't be written: No space left on device")
        return super().append(record)


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
    assert not Runs(tmp_path, "http://127.0.0.1", "0" * 32).all()[0].may_have_changed


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


def test_a_put_that_is_tried_again_is_one_intent_in_the_journal(clock: FakeClock, tmp_path: Path) -> None:
    cloud = Retakes()
    cloud.add(ASSET, COPY, OFFSETS)
    cloud.pictures = {snapshot_url(offset=at): Picture(drawn(ASSET, "sample", at).data) for at in (*OFFSETS, 10)}
    cloud.pictures[COPY] = Picture(THEIRS)
    [outcome] = Run(clock, cloud.planner(clock, tmp_path), tmp_path).outcomes(planned(cloud, clock))
    assert (outcome.outcome, len(cloud.puts)) == ("applied", 2)
    assert (tmp_path / "journal.jsonl").read_text().count('"kind":"intent"') == 1
