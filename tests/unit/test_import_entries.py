"""The entry that import writes for one asset: what it shows, or why there is none."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from support.fakes import ASSET, CDN, OTHER, FakeClock, FakeCloud, Picture, observed, snapshot_url

from reconciler.desired.render import NewEntry
from reconciler.documents.imported import FailedDoc
from reconciler.model import Content, Cover, Observed, SnapshotRef
from reconciler.planning.import_entries import entry_for
from reconciler.state.runs import PastChange

COPY = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"


def cloud_with(cover: bytes) -> FakeCloud:
    cloud = FakeCloud()
    cloud.pictures = {snapshot_url(offset=at): Picture(b"picture %02d" % at) for at in (0, 5, 10)}
    cloud.pictures[COPY] = Picture(cover)
    return cloud


def entry(cloud: FakeCloud, seen: Observed, before: Cover | None = None) -> NewEntry | FailedDoc:
    """`before`: the cover that was replaced by the snapshot at 10 s a moment ago."""
    clock = FakeClock()
    planner = cloud.planner(clock)
    if before is not None:
        after = Cover(snapshot_url(offset=10), SnapshotRef("sample", 2, 10))
        planner = replace(planner, recent={ASSET: PastChange(ASSET, clock.now(), 1, before, after)})
    return clock.run(entry_for(planner, seen))


def test_a_copied_cover_is_the_snapshot_that_has_its_bytes() -> None:
    found = entry(cloud_with(b"picture 05"), observed(COPY))
    assert isinstance(found, NewEntry)
    assert (found.index, found.set) == (1, "sample")


def test_a_cover_that_is_none_of_the_snapshots_is_ignored() -> None:
    found = entry(cloud_with(b"their own"), observed(COPY))
    assert isinstance(found, NewEntry)
    assert found.index is None


THEIRS = b"their own"


@pytest.mark.parametrize(
    ("cover_url", "before"),
    [
        ("", Cover()),
        (COPY, Cover(COPY, None, Content(hashlib.sha256(THEIRS).hexdigest(), len(THEIRS)))),
    ],
    ids=["no cover", "the old cover"],
)
def test_while_what_was_applied_a_moment_ago_is_not_visible_there_is_no_entry(cover_url: str, before: Cover) -> None:
    found = entry(cloud_with(THEIRS), observed(cover_url), before)
    assert isinstance(found, FailedDoc)
    assert found.reason == "pending"


def test_a_cover_that_may_be_a_snapshot_that_cannot_be_read_is_left_out() -> None:
    cloud = cloud_with(THEIRS)
    del cloud.pictures[snapshot_url(offset=5)]
    found = entry(cloud, observed(COPY))
    assert isinstance(found, FailedDoc)
    assert found.reason == "content_unavailable"


def test_a_snapshot_that_no_entry_may_set_is_not_written_down() -> None:
    """The cover is plainly the first snapshot, but new ones are being taken."""
    seen = replace(observed(snapshot_url(offset=0)), thumbnail_status="THUMBNAILING")
    found = entry(cloud_with(THEIRS), seen, Cover(snapshot_url(OTHER)))
    assert isinstance(found, NewEntry)
    assert found.index is None
