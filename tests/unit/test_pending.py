"""A cover that was set a moment ago is pending, whatever the edges of a CDN show until all of them have it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from support.fakes import (
    ASSET,
    CDN,
    NOWHERE,
    OTHER,
    FakeClock,
    FakeCloud,
    Picture,
    desired,
    run_recorder,
    snapshot_url,
)

from reconciler.act.apply import Applier
from reconciler.decide.equality import not_visible_yet
from reconciler.decide.precondition import PlannedChange
from reconciler.emulator.pictures import drawn, recoded
from reconciler.model import Content, Cover, SnapshotRef, State
from reconciler.planning.planner import Planner
from reconciler.state.folder import make
from reconciler.state.journal import Journal
from reconciler.state.runs import PastChange
from reconciler.state.settled_covers import SettledCover

COPY = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"
WANTED = drawn(ASSET, "sample", 5).data
NEW = recoded(ASSET, "sample", 5).data
OLD = recoded(ASSET, "dots", 3).data
PLACEHOLDER = b"GIF89a a placeholder until the cover is made"
THEIRS = drawn(OTHER, "sample", 0).data


class Edges(FakeCloud):
    """A CDN whose edges answer in turn."""

    def __init__(self, *covers: bytes) -> None:
        super().__init__()
        self._covers = covers
        self._turn = 0
        self.add(ASSET, COPY, (0, 5))
        self.pictures = {snapshot_url(offset=at): Picture(drawn(ASSET, "sample", at).data) for at in (0, 5)}

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if str(request.url) == COPY and request.method == "GET":
            self.pictures[COPY] = Picture(self._covers[self._turn % len(self._covers)])
            self._turn += 1
        return await super().__call__(request)


def content(data: bytes) -> Content:
    return Content(hashlib.sha256(data).hexdigest(), len(data))


AFTER = Cover(snapshot_url(offset=5), SnapshotRef("sample", 1, 5), content(WANTED))


def a_moment_after(clock: FakeClock, cloud: FakeCloud, before: bytes = OLD, folder: Path = NOWHERE) -> Planner:
    """The snapshot at 5 s was set instead of the cover before."""
    applied = PastChange(ASSET, clock.now(), 1, Cover(COPY, None, content(before)), AFTER)
    return replace(cloud.planner(clock, folder), recent={ASSET: applied})


def state(clock: FakeClock, *covers: bytes) -> State:
    """What stands for the entry of the snapshot that was set."""
    return clock.run(a_moment_after(clock, Edges(*covers)).check(desired(index=1))).state


@pytest.mark.parametrize(
    "covers",
    [(OLD,), (NEW,), (NEW, OLD), (OLD, NEW), (PLACEHOLDER,), (NEW, PLACEHOLDER), (PLACEHOLDER, OLD)],
    ids=[
        "old",
        "new",
        "new, then old",
        "old, then new",
        "placeholder",
        "new, then placeholder",
        "placeholder, then old",
    ],
)
def test_what_the_edges_show_until_all_have_the_new_cover_is_pending(
    clock: FakeClock, covers: tuple[bytes, ...]
) -> None:
    assert state(clock, *covers) == "pending"


@pytest.mark.parametrize("theirs", [THEIRS, THEIRS[:-200]], ids=["whole", "its end missing"])
def test_a_picture_that_somebody_else_set_is_drift_at_once(clock: FakeClock, theirs: bytes) -> None:
    assert state(clock, theirs) == "update"


def test_another_snapshot_is_drift_at_once_although_it_looks_like_the_one_that_was_set(clock: FakeClock) -> None:
    cloud = Edges(NEW)
    cloud.pictures[snapshot_url(offset=0)] = Picture(NEW)
    assert clock.run(a_moment_after(clock, cloud).check(desired(index=1))).state == "update"


def test_what_shows_the_wanted_snapshot_is_in_sync_if_it_did_so_before(clock: FakeClock, tmp_path: Path) -> None:
    planner = a_moment_after(clock, Edges(NEW), NEW, tmp_path)
    made = SettledCover(
        asset_id=ASSET,
        cover_sha256=content(NEW).sha256,
        snapshot_path="snapshot/sample/5.jpg",
        snapshot_sha256=content(WANTED).sha256,
    )
    planner.memory.remember([made])
    assert clock.run(planner.check(desired(index=1))).state == "in_sync"


def test_a_snapshot_that_was_taken_again_is_not_the_one_on_its_way(clock: FakeClock) -> None:
    cloud = Edges(OLD)
    cloud.pictures[snapshot_url(offset=5)] = Picture(THEIRS)
    found = clock.run(a_moment_after(clock, cloud).check(desired(index=1)))
    assert (found.state, found.before) == ("update", AFTER)


def test_what_is_on_its_way_is_the_wanted_snapshot_although_it_has_another_number_by_now(clock: FakeClock) -> None:
    cloud = Edges(OLD)
    cloud.add(ASSET, COPY, (0, 3, 5))
    cloud.pictures[snapshot_url(offset=3)] = Picture(THEIRS)
    assert clock.run(a_moment_after(clock, cloud).check(desired(index=2))).state == "pending"


def test_an_entry_that_follows_what_is_still_shown_is_in_sync(clock: FakeClock) -> None:
    first = drawn(ASSET, "sample", 0).data
    planner = a_moment_after(clock, Edges(first), first)
    assert clock.run(planner.check(desired(index=0))).state == "in_sync"
    assert clock.run(replace(planner, undoing=True).check(desired(index=0))).state == "update"


def test_what_somebody_else_set_is_the_cover_and_not_what_is_on_its_way(clock: FakeClock) -> None:
    found = clock.run(a_moment_after(clock, Edges(THEIRS)).check(desired(index=0)))
    assert found.state == "update"
    assert found.before == Cover(COPY, None, content(THEIRS))


def test_an_old_cover_that_is_none_of_the_snapshots_is_saved_although_another_is_on_its_way(
    clock: FakeClock, tmp_path: Path
) -> None:
    """Perhaps somebody set it again since, and its snapshot was taken anew: it exists nowhere else."""
    planner = a_moment_after(clock, Edges(OLD))
    entry = desired(index=0)
    found = clock.run(planner.check(entry))
    assert found.before == AFTER
    assert found.after is not None
    journal = Journal(make(tmp_path))
    applier = Applier(planner, run_recorder(tmp_path, journal, clock), 1, lambda: None)
    [outcome] = clock.run(applier.apply([PlannedChange(entry, "A title", AFTER, found.after)]))
    journal.close()
    assert outcome.outcome == "applied"
    [saved] = (tmp_path / "covers").iterdir()
    assert saved.read_bytes() == OLD


def test_a_cover_that_was_set_again_after_another_is_visible_although_it_is_an_old_one_too() -> None:
    """Otherwise import would leave it out for five minutes, and a rollback would take it for one on its way."""
    first, second = Cover(COPY, None, content(OLD)), Cover(COPY, None, content(THEIRS))
    assert not not_visible_yet([second, first], first, first)
    assert not_visible_yet([second, first], first, second)
