"""The way back to covers that were none of the snapshots: uploaded again where they were saved, else named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.fakes import ASSET, START, FakeClock, FakeCloud, Picture, snapshot_url, work_in_this_thread
from support.state import FakeStore, machine
from test_rollback_planner import COPY, change, content, copying, drawn, reasons, shot, showing, undo_with

from reconciler.emulator.pictures import drawn as scene
from reconciler.emulator.pictures import reencoded
from reconciler.model import Content, Cover
from reconciler.observe.picture_answers import MOST_BYTES
from reconciler.planning.rollback import RollbackPlan, RollbackPlanner
from reconciler.planning.selection import Selection
from reconciler.state import cover_backup
from reconciler.state.runs import PastChange

THEIRS = b"\xff\xd8\xff hand-made"
DRAWN = drawn("JPEG", "red")


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    work_in_this_thread(monkeypatch)


def none_of_them(data: bytes) -> Cover:
    return Cover(COPY, None, content(data))


def saved(folder: Path, data: bytes = THEIRS) -> Path:
    return cover_backup.save(folder, ASSET, content(data).sha256, data)


def past(data: bytes = THEIRS, file: object = "/state/covers/x.jpg", **more: Any) -> PastChange:
    """A run set the snapshot at 10 s in the place of this picture."""
    saved_cover = None if file is None else str(file)
    return change(none_of_them(data), shot(10, b"picture 10"), saved_cover=saved_cover, **more)


def undo(cloud: FakeCloud, clock: FakeClock, done: PastChange, folder: Path, **more: bool) -> RollbackPlan:
    return undo_with(cloud.planner(clock), clock, done, folder=folder, **more)


@pytest.mark.parametrize("data", [THEIRS, b"\x89PNG\r\n\x1a\n hand-made"])
def test_the_saved_picture_is_uploaded_again(clock: FakeClock, tmp_path: Path, data: bytes) -> None:
    file = saved(tmp_path, data)
    found = undo(copying(), clock, past(data, file), tmp_path)
    [back] = found.plan.changes
    assert (back.restored_from, back.put_url) == (str(file), "")
    assert back.before == Cover(COPY, shot(10).snapshot, content(b"picture 10"))
    assert back.after == none_of_them(data)
    assert (back.desired.line, found.blocked) == (7, ())


def test_a_saved_picture_is_found_though_the_journals_line_about_it_is_torn(clock: FakeClock, tmp_path: Path) -> None:
    file = saved(tmp_path)
    [back] = undo(copying(), clock, past(file=None), tmp_path).plan.changes
    assert back.restored_from == str(file)


def test_a_cover_that_is_back_already_is_in_sync_and_needs_no_file(clock: FakeClock, tmp_path: Path) -> None:
    cloud = copying()
    cloud.pictures[COPY] = Picture(THEIRS)
    found = undo(cloud, clock, past(), tmp_path)
    assert (found.plan.in_sync, found.plan.changes, found.blocked) == (1, (), ())


OTHER_BYTES = "It was saved in {file}, but that file has other bytes now (another SHA-256): bring that file back"


def changed(file: Path) -> None:
    file.write_bytes(b"\xff\xd8\xff edited")


def too_long(file: Path) -> None:
    file.write_bytes(THEIRS + b"x" * MOST_BYTES)


def is_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (Path.unlink, "It was saved in {file}, but that file is gone: bring that file back and run this again, or "),
        (
            changed,
            OTHER_BYTES,
        ),
        (
            too_long,
            OTHER_BYTES,
        ),
        (
            is_folder,
            OTHER_BYTES,
        ),
    ],
)
def test_a_file_that_is_not_what_was_saved_is_named(
    clock: FakeClock, tmp_path: Path, spoil: Callable[[Path], None], told: str
) -> None:
    file = saved(tmp_path)
    spoil(file)
    found = undo(copying(), clock, past(file=file), tmp_path)
    [left] = found.blocked
    assert (left.reason, found.plan.changes) == ("not_a_snapshot", ())
    assert left.message.startswith(f"The cover before was none of its snapshots. {told.format(file=file)}")
    assert left.message.endswith("upload the picture in the console.")


@pytest.mark.parametrize("data", [b"RIFF    WEBP", b"GIF89a", b"<html>", b""])
def test_a_picture_that_is_neither_jpeg_nor_png_is_named(clock: FakeClock, tmp_path: Path, data: bytes) -> None:
    file = saved(tmp_path, data)
    [left] = undo(copying(), clock, past(data, file), tmp_path).blocked
    assert left.reason == "not_a_snapshot"
    assert (
        f"It is saved in {file}, and is neither a JPEG nor a PNG picture: upload it in the console." in left.message
    )


def test_a_cover_that_was_never_saved_is_said_to_be(clock: FakeClock, tmp_path: Path) -> None:
    [left] = undo(copying(), clock, past(file=None), tmp_path).blocked
    assert left.message == "The cover before was none of its snapshots. It was not saved."


@pytest.mark.parametrize("sha256", ["../../*", "**", "", "x" * 64])
def test_what_a_journal_calls_a_sha256_names_no_other_file(clock: FakeClock, tmp_path: Path, sha256: str) -> None:
    done = replace(past(file=None), before=Cover(COPY, None, Content(sha256, 5)))
    assert reasons(undo(copying(), clock, done, tmp_path)) == ["not_a_snapshot"]


@pytest.mark.parametrize("force", [False, True])
def test_a_cover_that_somebody_changed_since_stays(clock: FakeClock, tmp_path: Path, force: bool) -> None:
    cloud = copying()
    cloud.pictures[COPY] = Picture(b"\xff\xd8\xff by somebody else")
    [left] = undo(cloud, clock, past(file=saved(tmp_path)), tmp_path, force=force).blocked
    assert (left.reason, left.message) == (
        "changed_since",
        "Someone changed it since: the cover is none of its snapshots now.",
    )


def test_that_somebody_changed_it_matters_more_than_that_it_is_not_saved(clock: FakeClock, tmp_path: Path) -> None:
    assert reasons(undo(showing(5), clock, past(), tmp_path)) == ["changed_since"]


def test_the_runs_snapshot_may_be_gone(clock: FakeClock, tmp_path: Path) -> None:
    """Its bytes are the cover's all the same."""
    cloud = copying()
    cloud.add(ASSET, COPY, (0, 5))
    [back] = undo(cloud, clock, past(file=saved(tmp_path)), tmp_path).plan.changes
    assert back.before == none_of_them(b"picture 10")


def test_a_copy_is_read_even_where_covers_are_compared_by_url(clock: FakeClock, tmp_path: Path) -> None:
    """Its URL says nothing."""
    cloud = copying()
    planner, done = cloud.planner(clock, compare="url"), past(file=saved(tmp_path))
    [back] = undo_with(planner, clock, done, folder=tmp_path).plan.changes
    assert back.before == none_of_them(b"picture 10")
    cloud.pictures[COPY] = Picture(THEIRS)
    assert undo_with(planner, clock, done, folder=tmp_path).plan.in_sync == 1
    del cloud.pictures[COPY]
    assert reasons(undo_with(planner, clock, done, folder=tmp_path)) == ["changed_since"]


def test_by_url_a_cover_that_names_the_runs_snapshot_is_the_runs(clock: FakeClock, tmp_path: Path) -> None:
    cloud = showing(10)
    done = replace(past(file=saved(tmp_path)), after=shot(10, FakeCloud.snapshot(ASSET, 10)))
    [back] = undo_with(cloud.planner(clock, compare="url"), clock, done, folder=tmp_path).plan.changes
    assert back.before == shot(10, FakeCloud.snapshot(ASSET, 10))


def test_a_cover_that_cannot_be_read_is_replaced_only_if_that_is_asked_for(clock: FakeClock, tmp_path: Path) -> None:
    cloud = copying()
    del cloud.pictures[COPY]
    done = past(file=saved(tmp_path))
    [left] = undo(cloud, clock, done, tmp_path).blocked
    assert left.reason == "content_unavailable"
    assert left.message.endswith("`--replace-unreadable` replaces the cover anyway.")
    planner = cloud.planner(clock, replace_unreadable=True)
    assert len(undo_with(planner, clock, done, folder=tmp_path).plan.changes) == 1


def test_while_snapshots_are_taken_the_cover_may_change_by_itself(clock: FakeClock, tmp_path: Path) -> None:
    cloud = copying()
    cloud.assets[ASSET]["thumbnail_info"] = {"thumbnail_status": "THUMBNAILING"}
    assert reasons(undo(cloud, clock, past(file=saved(tmp_path)), tmp_path)) == ["snapshots_in_progress"]


def test_what_the_run_set_a_moment_ago_is_undone_before_it_is_visible(clock: FakeClock, tmp_path: Path) -> None:
    cloud = copying()
    cloud.pictures[COPY] = Picture(THEIRS)
    done = past(file=saved(tmp_path), at=clock.now())
    planner = replace(cloud.planner(clock), recent={ASSET: done}, undoing=True)
    [back] = undo_with(planner, clock, done, folder=tmp_path).plan.changes
    assert (back.before, back.shown) == (done.after, none_of_them(THEIRS))


def test_what_is_being_restored_already_is_not_uploaded_twice(clock: FakeClock, tmp_path: Path) -> None:
    """The run's snapshot is still shown."""
    restored = PastChange(ASSET, clock.now(), 9, shot(10, b"picture 10", COPY), none_of_them(THEIRS))
    planner = replace(copying().planner(clock), recent={ASSET: restored}, undoing=True)
    found = undo_with(planner, clock, past(file=saved(tmp_path)), folder=tmp_path)
    assert (found.plan.in_sync, found.plan.changes, found.blocked) == (1, (), ())


def recoding(cover: bytes) -> FakeCloud:
    """An asset with pictures to be seen, at a service that re-encodes covers."""
    cloud = copying()
    cloud.pictures = {snapshot_url(offset=at): Picture(scene(ASSET, "sample", at).data) for at in (0, 5, 10)}
    cloud.pictures[COPY] = Picture(reencoded(cover))
    return cloud


def set_in_place_of(data: bytes, folder: Path) -> PastChange:
    return replace(past(data, saved(folder, data)), after=shot(10, scene(ASSET, "sample", 10).data))


def test_a_re_encoded_cover_that_plainly_is_back_is_in_sync(clock: FakeClock, tmp_path: Path) -> None:
    found = undo(recoding(DRAWN), clock, set_in_place_of(DRAWN, tmp_path), tmp_path)
    assert (found.plan.in_sync, found.plan.changes, found.blocked) == (1, (), ())


def test_a_re_encoded_cover_that_plainly_is_the_runs_is_undone(clock: FakeClock, tmp_path: Path) -> None:
    shown = scene(ASSET, "sample", 10).data
    found = undo(recoding(shown), clock, set_in_place_of(DRAWN, tmp_path), tmp_path)
    assert (len(found.plan.changes), found.blocked) == (1, ())


def test_one_that_looks_like_both_is_uploaded_once_more(clock: FakeClock, tmp_path: Path) -> None:
    """Somebody had retouched the very frame that the run set."""
    retouched = reencoded(scene(ASSET, "sample", 10).data) + b" "
    found = undo(recoding(retouched), clock, set_in_place_of(retouched, tmp_path), tmp_path)
    assert (len(found.plan.changes), found.blocked) == (1, ())


def restored(data: bytes) -> PastChange:
    """A rollback uploaded this picture in the place of the snapshot at 10 s."""
    return change(shot(10, b"picture 10", COPY), none_of_them(data), snapshot=b"picture 10")


def test_a_restored_cover_can_be_undone_in_turn(clock: FakeClock, tmp_path: Path) -> None:
    cloud = copying()
    cloud.pictures[COPY] = Picture(THEIRS)
    [back] = undo(cloud, clock, restored(THEIRS), tmp_path).plan.changes
    assert (back.put_url, back.restored_from) == (snapshot_url(offset=10), None)


def test_what_somebody_uploaded_after_that_is_theirs_though_its_url_is_the_same(
    clock: FakeClock, tmp_path: Path
) -> None:
    cloud = copying()
    cloud.pictures[COPY] = Picture(b"\xff\xd8\xff by somebody else")
    saved(tmp_path)
    assert reasons(undo(cloud, clock, restored(THEIRS), tmp_path)) == ["changed_since"]


def test_a_restored_cover_that_was_re_encoded_is_known_by_its_looks(clock: FakeClock, tmp_path: Path) -> None:
    saved(tmp_path, DRAWN)
    first = scene(ASSET, "sample", 10).data
    done = change(shot(10, first, COPY), none_of_them(DRAWN), snapshot=first)
    [back] = undo(recoding(DRAWN), clock, done, tmp_path).plan.changes
    assert back.put_url == snapshot_url(offset=10)
    assert reasons(undo(recoding(drawn("JPEG", "blue")), clock, done, tmp_path)) == ["changed_since"]


def test_one_picture_of_their_own_in_the_place_of_another(clock: FakeClock, tmp_path: Path) -> None:
    """What a rollback restored in the place of a picture that was a snapshot no longer."""
    old, new = b"\xff\xd8\xff one", b"\xff\xd8\xff two"
    cloud = copying()
    cloud.pictures[COPY] = Picture(new)
    done = change(none_of_them(old), none_of_them(new), saved_cover=str(saved(tmp_path, old)))
    [back] = undo(cloud, clock, done, tmp_path).plan.changes
    assert (back.before, back.after) == (none_of_them(new), none_of_them(old))


def test_a_cover_that_another_machine_saved_is_fetched(clock: FakeClock, tmp_path: Path) -> None:
    store = FakeStore(clock)
    state = machine(tmp_path, store, clock)
    sha256 = content(THEIRS).sha256

    def plan() -> RollbackPlan:
        planner = RollbackPlanner(copying().planner(clock), state, force=False)
        done = past(file="/home/alice/covers/x.jpg", at=START)
        return clock.run(planner.make_plan([done], Selection(), 4, lambda: None))

    store.down = True
    [left] = plan().blocked
    assert "Where it was saved cannot be read: s3://bucket/team does not answer" in left.message
    store.down = False
    store.objects[f"covers/{sha256}"] = b"damaged", 0.0
    assert reasons(plan()) == ["not_a_snapshot"]
    store.objects[f"covers/{sha256}"] = THEIRS, 0.0
    [back] = plan().plan.changes
    assert back.restored_from is not None
    assert Path(back.restored_from).read_bytes() == THEIRS
    assert Path(back.restored_from).is_relative_to(tmp_path)
