"""Waiting for new covers: as long as was said, believing only what is seen, losing nothing of it."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageDraw
from support.fakes import (
    ASSET,
    CDN,
    OTHER,
    FakeClock,
    FakeCloud,
    Picture,
    planned,
    refusal,
    snapshot_url,
    work_in_this_thread,
)

from reconciler.act.verify import Verifier
from reconciler.decide.outcome import Outcome
from reconciler.decide.precondition import PlannedChange
from reconciler.emulator.pictures import drawn, recoded
from reconciler.errors import AuthenticationError
from reconciler.observe.similarity import alike
from reconciler.state.settled_covers import Memory, SettledCover

COPY = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"
OFFSETS = (0, 5, 10)
WANTED = drawn(ASSET, "sample", 10).data


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    work_in_this_thread(monkeypatch)


class Timed(FakeCloud):
    """A cloud in which things happen at their time; keeps when it was asked."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self.events: list[tuple[float, Callable[[], object]]] = []
        self.asked_at: list[float] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked_at.append(self._clock.time)
        while self.events and self.events[0][0] <= self._clock.time:
            self.events.pop(0)[1]()
        return await super().__call__(request)


def applied(steps: Sequence[PlannedChange]) -> list[Outcome]:
    return [Outcome(step.desired.asset_id, "applied", step.desired.source, step.before, step.after) for step in steps]


def watched(
    cloud: FakeCloud,
    clock: FakeClock,
    steps: Sequence[PlannedChange],
    folder: Path,
    seconds: float,
    stop: float | None = None,
    looks: int = 2,
) -> list[Outcome]:
    """What is known after waiting for these covers; `stop`: interrupted after so many seconds."""
    verifier = Verifier(cloud.planner(clock, folder), 4, looks, lambda: None)
    outcomes = applied(steps)

    async def wait() -> None:
        if stop is None:
            await verifier.watch(outcomes, seconds)
            return
        watching = asyncio.ensure_future(verifier.watch(outcomes, seconds))
        await clock.sleep(stop)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching

    clock.run(wait())
    return verifier.verified(outcomes, finished=stop is None)


def verified(outcomes: Sequence[Outcome]) -> list[bool | None]:
    return [outcome.verified for outcome in outcomes]


def remembered(folder: Path) -> tuple[SettledCover, ...]:
    return Memory(folder).all()


def refer(cloud: FakeCloud, asset_id: str = ASSET, offset: int = 10) -> Callable[[], object]:
    return lambda: cloud.add(asset_id, snapshot_url(asset_id, offset))


def nearly(data: bytes) -> bytes:
    """The next frame of the same scene."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    ImageDraw.Draw(image).rectangle((150, 60, 156, 66), fill=(120, 120, 120))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def copying(clock: FakeClock, cover: bytes, first: bytes | None = None) -> Timed:
    """A service whose covers keep a URL of their own."""
    cloud = Timed(clock)
    cloud.add(ASSET, COPY, OFFSETS)
    cloud.pictures = {snapshot_url(offset=offset): Picture(drawn(ASSET, "sample", offset).data) for offset in OFFSETS}
    if first is not None:
        cloud.pictures[snapshot_url(offset=0)] = Picture(first)
    cloud.pictures[COPY] = Picture(cover)
    return cloud


@pytest.mark.parametrize("seconds", [0.5, 5, 60, 100, 600])
def test_it_waits_as_long_as_was_said_and_looks_at_the_very_end(
    clock: FakeClock, tmp_path: Path, seconds: float
) -> None:
    cloud = Timed(clock)
    refer(cloud, offset=0)()
    steps = planned(cloud, clock)
    started = clock.time
    assert verified(watched(cloud, clock, steps, tmp_path, seconds)) == [False]
    assert clock.time - started == pytest.approx(seconds)
    assert cloud.asked_at[-1] - started == pytest.approx(seconds)


def test_what_appears_in_the_last_second_is_seen(clock: FakeClock, tmp_path: Path) -> None:
    cloud = Timed(clock)
    refer(cloud, offset=0)()
    steps = planned(cloud, clock)
    cloud.events = [(clock.time + 59.5, refer(cloud))]
    assert verified(watched(cloud, clock, steps, tmp_path, 60, looks=1)) == [True]


def test_what_appears_after_the_time_is_not(clock: FakeClock, tmp_path: Path) -> None:
    cloud = Timed(clock)
    refer(cloud, offset=0)()
    steps = planned(cloud, clock)
    cloud.events = [(clock.time + 60.5, refer(cloud))]
    assert verified(watched(cloud, clock, steps, tmp_path, 60, looks=1)) == [False]


def test_it_ends_as_soon_as_all_are_seen(clock: FakeClock, tmp_path: Path) -> None:
    cloud = Timed(clock)
    refer(cloud, offset=0)()
    steps = planned(cloud, clock)
    cloud.events = [(clock.time + 10, refer(cloud))]
    started = clock.time
    assert verified(watched(cloud, clock, steps, tmp_path, 600)) == [True]
    assert clock.time - started < 20


def test_an_old_cover_that_names_another_snapshot_is_not_the_new_one_however_alike(
    clock: FakeClock, tmp_path: Path
) -> None:
    cloud = copying(clock, b"", first=nearly(WANTED))
    cloud.add(ASSET, snapshot_url(offset=0), OFFSETS)
    assert alike(nearly(WANTED), WANTED) is True
    assert verified(watched(cloud, clock, planned(cloud, clock), tmp_path, 60)) == [False]
    assert remembered(tmp_path) == ()


def test_an_old_cover_with_another_snapshots_bytes_is_not_the_new_one_however_alike(
    clock: FakeClock, tmp_path: Path
) -> None:
    cloud = copying(clock, nearly(WANTED), first=nearly(WANTED))
    steps = planned(cloud, clock)
    assert steps[0].before.snapshot is not None
    assert verified(watched(cloud, clock, steps, tmp_path, 60)) == [False]
    assert remembered(tmp_path) == ()


def test_an_old_cover_stays_another_snapshot_although_that_is_taken_again_while_waiting(
    clock: FakeClock, tmp_path: Path
) -> None:
    cloud = copying(clock, nearly(WANTED), first=nearly(WANTED))
    steps = planned(cloud, clock)
    cloud.pictures[snapshot_url(offset=0)] = Picture(drawn(OTHER, "sample", 0).data)
    assert verified(watched(cloud, clock, steps, tmp_path, 60)) == [False]
    assert remembered(tmp_path) == ()


def test_another_snapshot_that_somebody_sets_after_our_put_is_not_learned_however_alike(
    clock: FakeClock, tmp_path: Path
) -> None:
    cloud = copying(clock, drawn(ASSET, "dots", 3).data, first=nearly(WANTED))
    steps = planned(cloud, clock)
    theirs = Picture(nearly(WANTED))
    cloud.events = [(clock.time + 5, lambda: cloud.pictures.update({COPY: theirs}))]
    assert verified(watched(cloud, clock, steps, tmp_path, 120)) == [False]
    assert remembered(tmp_path) == ()


def test_an_old_cover_that_looks_like_the_new_one_is_not_learned_while_that_may_still_come(
    clock: FakeClock, tmp_path: Path
) -> None:
    cloud = copying(clock, nearly(WANTED))
    steps = planned(cloud, clock)
    ours = recoded(ASSET, "sample", 10).data
    cloud.events = [(clock.time + 20, lambda: cloud.pictures.update({COPY: Picture(ours)}))]
    assert verified(watched(cloud, clock, steps, tmp_path, 120)) == [True]
    assert [item.cover_sha256 for item in remembered(tmp_path)] == [hashlib.sha256(ours).hexdigest()]


def test_a_re_encoded_cover_is_learned(clock: FakeClock, tmp_path: Path) -> None:
    cloud = copying(clock, drawn(ASSET, "dots", 3).data)
    steps = planned(cloud, clock)
    ours = Picture(recoded(ASSET, "sample", 10).data)
    cloud.events = [(clock.time + 20, lambda: cloud.pictures.update({COPY: ours}))]
    assert verified(watched(cloud, clock, steps, tmp_path, 120)) == [True]
    assert [item.snapshot_path for item in remembered(tmp_path)] == ["snapshot/sample/10.jpg"]


def test_a_cover_that_somebody_uploads_after_our_put_is_not_learned(clock: FakeClock, tmp_path: Path) -> None:
    """Its bytes have changed and stay the same, but it plainly shows something else."""
    cloud = copying(clock, drawn(ASSET, "dots", 3).data)
    steps = planned(cloud, clock)
    theirs = Picture(drawn(OTHER, "sample", 0).data)
    cloud.events = [(clock.time + 5, lambda: cloud.pictures.update({COPY: theirs}))]
    assert verified(watched(cloud, clock, steps, tmp_path, 120)) == [False]
    assert remembered(tmp_path) == ()


class Edges(Timed):
    """A CDN whose edges answer in turn; each shows covers of its own."""

    def __init__(self, clock: FakeClock, *covers: bytes) -> None:
        super().__init__(clock)
        self.headers: list[str | None] = []
        self._covers = covers
        self._turn = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if str(request.url) == COPY:
            self.headers.append(request.headers.get("Cache-Control"))
            self._turn += request.method == "GET"
            self.pictures[COPY] = Picture(self._covers[min(self._turn, len(self._covers)) - 1])
        return await super().__call__(request)


def edges(clock: FakeClock, *covers: bytes) -> Edges:
    """What the looks after the plan find, one after the other."""
    cloud = Edges(clock, *covers)
    cloud.add(ASSET, COPY, OFFSETS)
    cloud.pictures = {snapshot_url(offset=offset): Picture(drawn(ASSET, "sample", offset).data) for offset in OFFSETS}
    return cloud


OLD = drawn(ASSET, "dots", 3).data


def test_one_edge_that_shows_the_new_cover_is_not_enough(clock: FakeClock, tmp_path: Path) -> None:
    plan_reads = 1
    cloud = edges(clock, *[OLD] * plan_reads, WANTED, OLD, WANTED, OLD)
    steps = planned(cloud, clock)
    assert verified(watched(cloud, clock, steps, tmp_path, 60)) == [False]


def test_so_many_agreeing_looks_are_needed_as_was_asked_for(clock: FakeClock, tmp_path: Path) -> None:
    cloud = edges(clock, OLD, WANTED)
    steps = planned(cloud, clock)
    started = len(cloud.headers)
    assert verified(watched(cloud, clock, steps, tmp_path, 60, looks=4)) == [True]
    assert len(cloud.headers) - started == 4


def test_caches_are_told_to_ask_the_origin(clock: FakeClock, tmp_path: Path) -> None:
    cloud = edges(clock, OLD, WANTED)
    steps = planned(cloud, clock)
    assert set(cloud.headers) == {None}
    cloud.headers.clear()
    watched(cloud, clock, steps, tmp_path, 60)
    assert set(cloud.headers) == {"no-cache"}


def test_what_cannot_be_decoded_as_a_picture_never_settles(clock: FakeClock, tmp_path: Path) -> None:
    cloud = edges(clock, OLD, b"GIF89a a placeholder until the cover is made")
    assert verified(watched(cloud, clock, planned(cloud, clock), tmp_path, 120)) == [False]
    assert remembered(tmp_path) == ()


def test_a_snapshot_that_is_added_meanwhile_shifts_nothing(clock: FakeClock, tmp_path: Path) -> None:
    """The entry's index names another snapshot then; what was PUT is seen all the same."""
    cloud = edges(clock, OLD, WANTED)
    steps = planned(cloud, clock)
    cloud.add(ASSET, COPY, (0, 3, 5, 10))
    assert verified(watched(cloud, clock, steps, tmp_path, 60)) == [True]


def test_another_picture_that_the_index_names_meanwhile_is_not_the_one_that_was_put(
    clock: FakeClock, tmp_path: Path
) -> None:
    now_third = drawn(ASSET, "sample", 5).data
    cloud = edges(clock, OLD, now_third)
    steps = planned(cloud, clock)
    cloud.add(ASSET, COPY, (0, 3, 5, 10))
    assert verified(watched(cloud, clock, steps, tmp_path, 60)) == [False]


def test_a_401_ends_the_wait_at_once(clock: FakeClock, tmp_path: Path) -> None:
    cloud = edges(clock, OLD)
    steps = planned(cloud, clock)
    cloud.answers["details", ASSET] = [refusal(401, "APIGW.0301", "the key was withdrawn")]
    with pytest.raises(AuthenticationError):
        watched(cloud, clock, steps, tmp_path, 600)
    assert clock.time < 60


def test_an_interrupt_keeps_what_was_seen(clock: FakeClock, tmp_path: Path) -> None:
    cloud = Timed(clock)
    for asset_id in (ASSET, OTHER):
        refer(cloud, asset_id, 0)()
    steps = planned(cloud, clock, (ASSET, OTHER))
    cloud.events = [(clock.time + 5, refer(cloud, OTHER))]
    assert verified(watched(cloud, clock, steps, tmp_path, 600, stop=40)) == [None, True]
