"""The way back from a change, asset by asset: what is the run's own, what is still there, what nobody can restore."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.fakes import (
    ASSET,
    BASE,
    CDN,
    NOWHERE,
    OTHER,
    PROJECT,
    START,
    FakeClock,
    FakeCloud,
    Picture,
    details_json,
    planned,
    run_recorder,
    snapshot_url,
)

from reconciler.act.apply import Applier
from reconciler.errors import UsageError
from reconciler.model import Content, Cover, SnapshotRef
from reconciler.planning.planner import Planner
from reconciler.planning.rollback import RollbackPlan, RollbackPlanner
from reconciler.planning.selection import Selection
from reconciler.state.journal import Journal
from reconciler.state.project_state import ProjectState
from reconciler.state.runs import PastChange, Runs
from reconciler.state.settled_covers import SettledCover

COPY = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"
JOURNAL = Path("/state/journal.jsonl")


def content(body: bytes) -> Content:
    return Content(hashlib.sha256(body).hexdigest(), len(body))


def shot(offset: int, body: bytes | None = None, url: str = "") -> Cover:
    """A cover that was the snapshot at this second."""
    named = url or snapshot_url(offset=offset)
    return Cover(named, SnapshotRef("sample", offset // 5, offset), content(body) if body else None)


def change(before: Cover, after: Cover, snapshot: bytes | None = None, **more: Any) -> PastChange:
    """`snapshot` is what the journal knows the snapshot before to have been."""
    place = {"line": 7, "file": str(JOURNAL)}
    fields = {"asset_id": ASSET, "saved_cover": None, "certain": True, "at": START, **place, **more}
    known = content(snapshot).sha256 if snapshot else None
    return PastChange(before=before, after=after, snapshot_sha256=known, **fields)


def taken(offset: int, asset_id: str = ASSET) -> bytes:
    """What `showing` serves as the snapshot at that second."""
    return FakeCloud.snapshot(asset_id, offset)


def undo(
    cloud: FakeCloud, clock: FakeClock, *changes: PastChange, memory: Path | None = None, **which: Any
) -> RollbackPlan:
    return undo_with(cloud.planner(clock, memory) if memory else cloud.planner(clock), clock, *changes, **which)


def undo_with(
    planner: Planner,
    clock: FakeClock,
    *changes: PastChange,
    force: bool = False,
    folder: Path = NOWHERE,
    **which: Any,
) -> RollbackPlan:
    """`folder`: the state folder that covers were saved in."""
    rollback = RollbackPlanner(planner, ProjectState(folder, BASE, PROJECT, clock), force=force)
    return clock.run(rollback.make_plan(changes, Selection(**which), 4, lambda: None))


def reasons(found: RollbackPlan) -> list[str]:
    return [item.reason for item in found.blocked]


def drawn(kind: str, left: str) -> bytes:
    """A picture with something to be seen in it."""
    image = Image.new("RGB", (64, 64), "white")
    image.paste(left, (0, 0, 32, 64) if left == "red" else (0, 0, 64, 32))
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def copying() -> FakeCloud:
    """An asset whose cover is a copy of its snapshot at 10 s."""
    cloud = FakeCloud()
    cloud.add(ASSET, COPY)
    cloud.pictures = {snapshot_url(offset=at): Picture(b"picture %02d" % at) for at in (0, 5, 10)}
    cloud.pictures[COPY] = Picture(b"picture 10")
    return cloud


def showing(offset: int) -> FakeCloud:
    """An asset whose cover is its snapshot at that second, by URL."""
    cloud = FakeCloud()
    cloud.add(ASSET, snapshot_url(offset=offset))
    return cloud


def test_what_the_run_set_goes_back_to_what_was_there(clock: FakeClock) -> None:
    found = undo(showing(10), clock, change(shot(0), shot(10), taken(0)))
    [back] = found.plan.changes
    assert back.before is not None
    assert back.after is not None
    assert back.put_url == snapshot_url(offset=0)
    assert (back.before.snapshot, back.after.snapshot) == (shot(10).snapshot, shot(0).snapshot)
    assert (back.desired.file, back.desired.line, back.desired.column) == (str(JOURNAL), 7, 1)
    assert found.blocked == ()


def test_one_details_call_tells_that_nothing_is_to_be_undone(clock: FakeClock) -> None:
    cloud = showing(0)
    undo(cloud, clock, change(shot(0), shot(10)))
    assert cloud.asked == [("details", ASSET)]


def test_what_is_back_already_is_in_sync(clock: FakeClock) -> None:
    found = undo(showing(0), clock, change(shot(0), shot(10)))
    assert (found.plan.in_sync, found.plan.changes, found.blocked) == (1, (), ())


def test_a_cover_whose_url_names_the_snapshot_from_before_is_back_whatever_picture_that_is(clock: FakeClock) -> None:
    cloud = showing(0)
    cloud.pictures[snapshot_url(offset=0)] = Picture(b"taken anew")
    found = undo(cloud, clock, change(shot(0, b"picture 00"), shot(10), snapshot=b"picture 00"))
    assert (found.plan.in_sync, found.plan.changes, found.blocked) == (1, (), ())


def test_the_snapshot_is_found_by_its_second(clock: FakeClock) -> None:
    """Earlier ones may have been added since: the index then means another picture."""
    cloud = showing(10)
    cloud.assets[ASSET] = details_json(ASSET, snapshot_url(offset=10), (0, 2, 5, 10))
    [back] = undo(cloud, clock, change(shot(5), shot(10), taken(5))).plan.changes
    assert back.put_url == snapshot_url(offset=5)
    assert back.desired.index == 2


def test_of_two_at_one_second_the_one_with_its_index(clock: FakeClock) -> None:
    cloud = showing(10)
    sample = [{"offset": 5, "url": snapshot_url(offset=at)} for at in (1, 2, 3)] + [
        {"offset": 10, "url": snapshot_url(offset=10)}
    ]
    cloud.assets[ASSET]["thumbnail_info"]["sample"] = sample
    cloud.pictures |= {snapshot_url(offset=at): Picture(b"picture %02d" % at) for at in (1, 2, 3)}
    [back] = undo(cloud, clock, change(shot(5), shot(10), b"picture 02")).plan.changes
    assert back.put_url == snapshot_url(offset=2)


def test_a_snapshot_that_is_gone_was_taken_anew(clock: FakeClock) -> None:
    found = undo(showing(10), clock, change(shot(15), shot(10)))
    assert reasons(found) == ["snapshots_retaken"]
    assert found.plan.managed == 0


def test_snapshots_that_are_being_taken_may_come_yet(clock: FakeClock) -> None:
    cloud = showing(10)
    cloud.assets[ASSET]["thumbnail_info"] = {"thumbnail_status": "THUMBNAILING"}
    found = undo(cloud, clock, change(shot(0), shot(10)))
    assert reasons(found) == ["snapshots_in_progress"]
    assert [item.reason for item in found.plan.unknown] == ["snapshots_in_progress"]


def test_the_bytes_from_before_are_there(clock: FakeClock) -> None:
    done = change(shot(0, b"picture 00", COPY), shot(10, b"picture 10"))
    [back] = undo(copying(), clock, done).plan.changes
    assert back.put_url == snapshot_url(offset=0)


def test_a_snapshot_of_which_the_journal_holds_no_bytes_is_not_set_unchecked(clock: FakeClock) -> None:
    """As in journals of old versions."""
    cloud, done = showing(10), change(shot(0), shot(10))
    found = undo(cloud, clock, done)
    assert (reasons(found), found.plan.changes) == (["cannot_tell"], ())
    assert "`--force` sets it anyway" in found.blocked[0].message
    [back] = undo_with(cloud.planner(clock), clock, done, force=True).plan.changes
    assert back.put_url == snapshot_url(offset=0)


def test_after_an_apply_by_url_a_snapshot_that_was_taken_again_is_not_set(clock: FakeClock, tmp_path: Path) -> None:
    cloud = showing(0)
    planner, steps = cloud.planner(clock, tmp_path, compare="url"), planned(cloud, clock, compare="url")
    with closing(Journal(tmp_path)) as journal:
        recorder = run_recorder(tmp_path, journal, clock)
        clock.run(Applier(planner, recorder, 1, lambda: None).apply(steps))
    [done] = Runs(tmp_path, "http://127.0.0.1", "0" * 32).changes("run-1")
    assert (done.snapshot_sha256, done.before) == (content(taken(0)).sha256, shot(0, taken(0)))
    assert len(undo(cloud, clock, done).plan.changes) == 1
    cloud.pictures[snapshot_url(offset=0)] = Picture(b"another scene")
    assert reasons(undo(cloud, clock, done)) == ["snapshots_retaken"]


def test_other_bytes_at_that_second_were_taken_anew(clock: FakeClock) -> None:
    cloud = copying()
    cloud.pictures[snapshot_url(offset=0)] = Picture(b"another scene")
    done = change(shot(0, b"picture 00", COPY), shot(10, b"picture 10"), snapshot=b"picture 00")
    found = undo(cloud, clock, done)
    assert reasons(found) == ["snapshots_retaken"]
    assert found.plan.changes == ()


def test_the_cover_from_before_is_still_there_whatever_became_of_its_snapshot(clock: FakeClock) -> None:
    """The PUT had no effect, and then the snapshot was taken again."""
    cloud = copying()
    cloud.pictures[snapshot_url(offset=10)] = Picture(b"another scene")
    before = shot(10, b"picture 10", COPY)
    found = undo(cloud, clock, change(before, shot(0, b"picture 00"), snapshot=b"picture 10", certain=False))
    assert (found.plan.in_sync, found.plan.changes, found.blocked) == (1, (), ())


@pytest.mark.parametrize("visible", [True, False], ids=["visible", "on its way"])
def test_a_run_that_set_the_retaken_snapshot_cannot_bring_the_one_before_back(
    clock: FakeClock, visible: bool
) -> None:
    """Before and after are the same second of the same set, and two pictures."""
    cloud = copying()
    cloud.pictures[snapshot_url(offset=10)] = Picture(b"another")
    done = change(shot(10, b"picture 10"), shot(10, b"another"), snapshot=b"picture 10")
    planner = cloud.planner(clock)
    if visible:
        cloud.pictures[COPY] = Picture(b"another")
    else:
        planner = replace(planner, recent={ASSET: done}, undoing=True)
    found = undo_with(planner, clock, done)
    assert reasons(found) == ["snapshots_retaken"]
    assert found.plan.managed == 0
    assert reasons(undo_with(planner, clock, replace(done, snapshot_sha256=None))) == ["cannot_tell"]


def test_what_the_service_made_of_a_snapshot_counts_as_it(clock: FakeClock, tmp_path: Path) -> None:
    """A service that re-encodes never shows the snapshot's own bytes; the memory knows what came of which."""
    cloud = copying()
    done = change(shot(0, b"re-encoded 00", COPY), shot(10, b"picture 10"))
    [left] = undo(cloud, clock, done).blocked
    assert left.reason == "cannot_tell"
    assert left.message == (
        "The cover before was sample[0] at 0 s. It is not known whether that snapshot is still the same; "
        "`--force` sets it anyway."
    )
    planner = cloud.planner(clock, tmp_path)
    planner.memory.remember(
        [
            SettledCover(
                asset_id=ASSET,
                cover_sha256=content(b"re-encoded 00").sha256,
                snapshot_path="snapshot/sample/0.jpg",
                snapshot_sha256=content(b"picture 00").sha256,
            )
        ]
    )
    assert len(undo(cloud, clock, done, memory=tmp_path).plan.changes) == 1


def test_what_the_service_made_of_it_for_another_cover_says_nothing(clock: FakeClock, tmp_path: Path) -> None:
    cloud = copying()
    planner = cloud.planner(clock, tmp_path)
    settled = SettledCover(
        asset_id=ASSET,
        cover_sha256=content(b"another cover").sha256,
        snapshot_path="snapshot/sample/0.jpg",
        snapshot_sha256=content(b"picture 00").sha256,
    )
    planner.memory.remember([settled])
    done = change(shot(0, b"re-encoded 00", COPY), shot(10, b"picture 10"))
    assert reasons(undo(cloud, clock, done, memory=tmp_path)) == ["cannot_tell"]


def test_the_journal_knows_the_snapshot_though_the_memory_is_lost(clock: FakeClock) -> None:
    cloud = copying()
    done = change(shot(0, b"re-encoded 00", COPY), shot(10, b"picture 10"), snapshot=b"picture 00")
    assert len(undo(cloud, clock, done).plan.changes) == 1
    cloud.pictures[snapshot_url(offset=0)] = Picture(b"another scene")
    assert reasons(undo(cloud, clock, done)) == ["snapshots_retaken"]


def test_force_goes_on_where_nobody_can_tell_but_not_where_it_is_known(clock: FakeClock) -> None:
    cloud = copying()
    before, after = shot(0, b"re-encoded 00", COPY), shot(10, b"picture 10")
    planner = cloud.planner(clock)
    [back] = undo_with(planner, clock, change(before, after), force=True).plan.changes
    assert back.put_url == snapshot_url(offset=0)
    known = change(before, after, snapshot=b"earlier")
    assert reasons(undo_with(planner, clock, known, force=True)) == ["snapshots_retaken"]
    unread = cloud.planner(clock, replace_unreadable=True)
    assert reasons(undo_with(unread, clock, change(before, after))) == ["cannot_tell"]


def test_a_cover_that_cannot_be_read_is_replaced_if_that_is_asked_for(clock: FakeClock) -> None:
    cloud = copying()
    del cloud.pictures[COPY]
    done = change(shot(0, b"picture 00", COPY), shot(10, b"picture 10"))
    [left] = undo(cloud, clock, done).blocked
    assert left.reason == "content_unavailable"
    assert left.message.endswith("HTTP 404. `--replace-unreadable` replaces the cover anyway.")
    forced = undo_with(cloud.planner(clock, replace_unreadable=True), clock, done)
    assert ([back.put_url for back in forced.plan.changes], forced.blocked) == ([snapshot_url(offset=0)], ())


def test_force_takes_away_nobodys_cover(clock: FakeClock) -> None:
    """Neither one that can be read, nor one that nobody tried to read."""
    cloud = copying()
    done = change(shot(0, b"picture 00", COPY), shot(10, b"picture 10"))
    cloud.pictures[COPY] = Picture(b"hand-made")
    assert reasons(undo_with(cloud.planner(clock, replace_unreadable=True), clock, done)) == ["changed_since"]
    by_url = cloud.planner(clock, compare="url", replace_unreadable=True)
    assert reasons(undo_with(by_url, clock, change(shot(0), shot(10)))) == ["changed_since"]


def test_a_re_encoded_cover_that_plainly_is_back_already_is_in_sync(clock: FakeClock) -> None:
    """Nobody waited to learn what came of the snapshot."""
    cloud = copying()
    cloud.pictures[snapshot_url(offset=0)] = Picture(drawn("PNG", "red"))
    cloud.pictures[snapshot_url(offset=10)] = Picture(drawn("PNG", "blue"))
    cloud.pictures[COPY] = Picture(drawn("JPEG", "red"))
    found = undo(cloud, clock, change(shot(0, drawn("PNG", "red")), shot(10, drawn("PNG", "blue"))))
    assert (found.plan.in_sync, found.plan.changes, found.blocked) == (1, (), ())


def test_what_a_later_run_set_a_moment_ago_is_not_this_runs(clock: FakeClock) -> None:
    """Its cover is not visible yet, and would appear all the same."""
    later = PastChange(ASSET, clock.now(), 9, shot(5), shot(10))
    planner = replace(showing(5).planner(clock), recent={ASSET: later}, undoing=True)
    [left] = undo_with(planner, clock, change(shot(0), shot(5))).blocked
    assert left.message == "Someone changed it since: the cover is sample[2] at 10 s now."


def test_what_the_run_set_a_moment_ago_is_undone_before_it_is_visible(clock: FakeClock) -> None:
    cloud = copying()
    cloud.pictures[COPY] = Picture(b"picture 00")
    done = change(shot(0, b"picture 00", COPY), shot(10, b"picture 10"), at=clock.now())
    planner = replace(cloud.planner(clock), recent={ASSET: done}, undoing=True)
    found = undo_with(planner, clock, done)
    assert ([back.put_url for back in found.plan.changes], found.blocked) == ([snapshot_url(offset=0)], ())


def test_a_cover_that_nobody_read_before_nor_now_is_not_known_to_be_back(clock: FakeClock) -> None:
    cloud = copying()
    del cloud.pictures[COPY]
    planner = cloud.planner(clock, replace_unreadable=True)
    assert reasons(undo_with(planner, clock, change(Cover(COPY), shot(10)))) == ["not_a_snapshot"]


def test_a_snapshot_that_cannot_be_read_is_unknown(clock: FakeClock) -> None:
    cloud = copying()
    del cloud.pictures[snapshot_url(offset=0)]
    cloud.pictures[COPY] = Picture(b"picture 10")
    found = undo(cloud, clock, change(shot(0, b"picture 00", COPY), shot(10, b"picture 10")))
    assert reasons(found) == ["content_unavailable"]


def test_while_the_picture_that_the_run_set_cannot_be_read_it_is_unknown_whose_the_cover_is(clock: FakeClock) -> None:
    cloud = copying()
    del cloud.pictures[snapshot_url(offset=10)]
    done = change(shot(0, b"picture 00", COPY), shot(10, b"as it was"))
    assert reasons(undo(cloud, clock, done)) == ["content_unavailable"]


@pytest.mark.parametrize(
    ("certain", "told"),
    [(True, "Someone changed it since: "), (False, "Someone changed it since, or the run never did: ")],
)
def test_what_another_set_is_theirs(clock: FakeClock, certain: bool, told: str) -> None:
    found = undo(showing(5), clock, change(shot(0), shot(10), certain=certain))
    assert reasons(found) == ["changed_since"]
    assert found.blocked[0].message == f"{told}the cover is sample[1] at 5 s now."


def test_a_cover_taken_away_since_is_theirs_too(clock: FakeClock) -> None:
    cloud = FakeCloud()
    cloud.add(ASSET, None)
    [left] = undo(cloud, clock, change(shot(0), shot(10))).blocked
    assert (left.reason, left.message) == ("changed_since", "Someone changed it since: the cover is none now.")


def test_a_picture_of_their_own_uploaded_since_is_theirs(clock: FakeClock) -> None:
    cloud = copying()
    cloud.pictures[COPY] = Picture(b"hand-made")
    found = undo(cloud, clock, change(shot(0, b"picture 00", COPY), shot(10, b"picture 10")))
    assert reasons(found) == ["changed_since"]


@pytest.mark.parametrize("offsets", [(0, 5), (0, 5, 10)], ids=["gone", "other bytes"])
def test_the_runs_own_picture_is_its_own_though_its_snapshot_is_not_there_any_more(
    clock: FakeClock, offsets: tuple[int, ...]
) -> None:
    cloud = copying()
    cloud.assets[ASSET] = details_json(ASSET, COPY, offsets)
    cloud.pictures[snapshot_url(offset=10)] = Picture(b"taken anew")
    found = undo(cloud, clock, change(shot(0, b"picture 00", COPY), shot(10, b"picture 10")))
    assert (len(found.plan.changes), found.blocked) == (1, ())


def test_what_the_service_made_of_the_runs_own_picture_is_its_own_though_its_snapshot_was_taken_again(
    clock: FakeClock, tmp_path: Path
) -> None:
    cloud = copying()
    cloud.pictures |= {COPY: Picture(b"re-encoded 10"), snapshot_url(offset=10): Picture(b"taken anew")}
    done = change(shot(0, b"picture 00", COPY), shot(10, b"picture 10"))
    assert reasons(undo(cloud, clock, done)) == ["changed_since"]
    settled = SettledCover(
        asset_id=ASSET,
        cover_sha256=content(b"re-encoded 10").sha256,
        snapshot_path="snapshot/sample/10.jpg",
        snapshot_sha256=content(b"picture 10").sha256,
    )
    planner = cloud.planner(clock, tmp_path)
    planner.memory.remember([settled])
    found = undo_with(planner, clock, done)
    assert (len(found.plan.changes), found.blocked) == (1, ())


@pytest.mark.parametrize("made", [Picture, Picture.with_md5], ids=["read", "told by HEAD"])
def test_the_runs_snapshot_as_it_was_taken_again_and_set_since_is_theirs(
    clock: FakeClock, made: Callable[[bytes], Picture]
) -> None:
    """The same second of the same set is another picture by now."""
    cloud = copying()
    cloud.pictures = {url: made(one.body) for url, one in cloud.pictures.items()}
    cloud.pictures |= {url: made(b"taken anew") for url in (COPY, snapshot_url(offset=10))}
    found = undo(cloud, clock, change(shot(0, b"picture 00", COPY), shot(10, b"picture 10")))
    assert reasons(found) == ["changed_since"]


def test_the_same_by_url(clock: FakeClock) -> None:
    cloud = FakeCloud()
    cloud.add(ASSET, snapshot_url(offset=10), (0, 5))
    cloud.pictures = {snapshot_url(offset=at): Picture(b"picture %02d" % at) for at in (0, 5, 10)}
    found = undo(cloud, clock, change(shot(0), shot(10), b"picture 00"))
    assert (len(found.plan.changes), found.blocked) == (1, ())


def test_one_that_nobody_looked_at_is_not_claimed_to_be_theirs(clock: FakeClock) -> None:
    [left] = undo(copying(), clock, change(Cover(COPY), shot(10))).blocked
    assert left.message == "The cover before was not identified as a snapshot. It was not saved."


def test_no_cover_before_cannot_be_had_again(clock: FakeClock) -> None:
    assert reasons(undo(showing(10), clock, change(Cover(), shot(10)))) == ["no_cover_before"]


def test_a_change_that_never_came_about_needs_no_way_back(clock: FakeClock) -> None:
    cloud = copying()
    cloud.pictures[COPY] = Picture(b"hand-made")
    theirs = Cover(COPY, None, content(b"hand-made"))
    killed = change(theirs, shot(10, b"picture 10"), certain=False)
    assert (undo(cloud, clock, killed).plan.in_sync, undo(cloud, clock, killed).blocked) == (1, ())
    bare = FakeCloud()
    bare.add(ASSET, None)
    assert undo(bare, clock, change(Cover(), shot(10), certain=False)).plan.in_sync == 1


def test_an_asset_that_is_gone_is_unknown(clock: FakeClock) -> None:
    found = undo(FakeCloud(), clock, change(shot(0), shot(10)))
    assert reasons(found) == ["asset_not_found"]
    assert len(found.plan.unknown) == 1


def test_only_what_is_selected_is_read(clock: FakeClock) -> None:
    cloud = showing(10)
    changes = [change(shot(0), shot(10), taken(0)), change(shot(0), shot(10), asset_id=OTHER)]
    found = undo(cloud, clock, *changes, targets=(ASSET,))
    assert [verdict.desired.asset_id for verdict in found.plan.changes] == [ASSET]
    assert ("details", OTHER) not in cloud.asked
    with pytest.raises(UsageError, match="Nothing matches"):
        undo(cloud, clock, *changes, targets=("ffff*",))
