"""A fast audit reads covers 100 at a time, and says what a full one says."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import ASSET, CDN, FakeClock, FakeCloud, Picture, desired, observed, snapshot_url

from reconciler.decide.fast_path import Listed, evidence_of_sync
from reconciler.model import Compare, Desired, Plan, SetName
from reconciler.planning.asset_index import AssetIndex, read_covers
from reconciler.planning.selection import Selection
from reconciler.state.snapshot_cache import NAME, Readings

DAY = timedelta(days=1)
COPY = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"


async def surveyed(cloud: FakeCloud, clock: FakeClock, folder: Path, covers: list[Desired], **more: Any) -> Plan:
    """A full audit's plan, or with `fast` a fast one's."""
    compare: Compare = more.get("compare", "auto")
    planner = cloud.planner(clock, folder, compare)
    if more.get("fast"):
        listed = await read_covers(planner.client)
        listing = AssetIndex(listed, planner.readings, clock.now(), more.get("max_age", DAY), compare)
        planner = replace(planner, asset_index=listing)
    try:
        return await planner.make_plan(covers, Selection(), 4, lambda: None)
    finally:
        planner.readings.close()


def reads(cloud: FakeCloud) -> list[str]:
    return [asset_id for operation, asset_id in cloud.asked if operation == "details"]


@st.composite
def catalogues(draw: st.DrawFn) -> tuple[FakeCloud, list[Desired], list[str]]:
    """A cloud, the entries for it, and for each asset the cover that it will have got a moment later."""
    cloud = FakeCloud()
    entries: list[Desired] = []
    moved: list[str] = []
    for number in range(draw(st.integers(1, 6))):
        asset_id = f"{number:032x}"
        prefix = draw(st.sampled_from(["", "/shield", "/20260101/" + "a" * 32]))
        query = draw(st.sampled_from(["", "?auth_key=1-0-0-secret"]))
        offsets = draw(st.lists(st.integers(0, 30), max_size=4, unique=True))
        dots = draw(st.lists(st.integers(0, 30), max_size=2, unique=True))
        shown = [
            f"{CDN}{prefix}/asset/{asset_id}/snapshot/{name}/{at}.jpg{query}"
            for name, found in (("sample", offsets), ("dots", dots))
            for at in found
        ]
        copied = f"{CDN}/asset/{asset_id}/cover/Cover0.jpg"
        foreign = snapshot_url("f" * 32, 5)
        for position, url in enumerate(shown):
            cloud.pictures[url] = Picture(bytes([number, position]) * 9)
        cloud.pictures[copied] = Picture(bytes([number, draw(st.integers(0, 7))]) * 9)
        choices = st.sampled_from([*shown, copied, foreign, ""])
        cloud.add(asset_id, draw(choices) or None)
        moved.append(draw(choices))
        status = draw(st.sampled_from(["THUMBNAIL_SUCCEED"] * 5 + ["THUMBNAILING"]))
        cloud.assets[asset_id]["thumbnail_info"] = {
            "sample": [{"offset": at, "url": shown[i]} for i, at in enumerate(offsets)],
            "dots": [{"offset": at, "url": shown[len(offsets) + i]} for i, at in enumerate(dots)],
            "thumbnail_status": status,
        }
        name: SetName = draw(st.sampled_from(["sample", "dots"]))
        wanted = draw(st.one_of(st.integers(-4, 4), st.none()))
        offset = draw(st.sampled_from([*offsets, *dots, 7])) if wanted is None else None
        ignore = draw(st.integers(0, 9)) == 0
        entries.append(desired(asset_id, wanted, line=number + 1, set=name, offset=offset, ignore=ignore))
    return cloud, entries, moved


@given(catalogue=catalogues(), read_before=st.booleans(), compare=st.sampled_from(["auto", "url", "content"]))
def test_never_differs_from_a_full_audit_but_by_unknown(
    catalogue: tuple[FakeCloud, list[Desired], list[str]], read_before: bool, compare: Compare
) -> None:
    cloud, entries, moved = catalogue
    clock = FakeClock()

    async def both() -> tuple[Plan, Plan]:
        with TemporaryDirectory() as place:
            folder = Path(place)
            if read_before:
                await surveyed(cloud, clock, folder, entries)
            for entry, cover in zip(entries, moved, strict=True):
                covers = [{"cover_url": cover}] if cover else []
                cloud.assets[entry.asset_id]["base_info"]["cover_info_array"] = covers
            clock.time += 60
            fast = await surveyed(cloud, clock, folder, entries, fast=True, compare=compare)
            return fast, await surveyed(cloud, clock, folder, entries, compare=compare)

    fast, full = clock.run(both())
    undecided = {verdict.desired.asset_id for verdict in (*fast.unknown, *full.unknown)}
    assert changes(fast, undecided) == changes(full, undecided)
    assert fast.ignored == full.ignored
    if not undecided:
        assert fast.in_sync == full.in_sync


def changes(plan: Plan, undecided: set[str]) -> list[Any]:
    return [
        (verdict.desired, verdict.before, verdict.after)
        for verdict in plan.changes
        if verdict.desired.asset_id not in undecided
    ]


def test_an_entry_by_index_takes_one_read_and_then_none(tmp_path: Path) -> None:
    cloud, clock = FakeCloud(), FakeClock()
    cloud.add(ASSET, snapshot_url(offset=5))

    async def audits() -> None:
        for _ in range(3):
            plan = await surveyed(cloud, clock, tmp_path, [desired(index=1)], fast=True)
            assert plan.in_sync == 1

    clock.run(audits())
    assert reads(cloud) == [ASSET]


def test_an_entry_by_offset_takes_no_read_at_all(tmp_path: Path) -> None:
    cloud, clock = FakeCloud(), FakeClock()
    cloud.add(ASSET, snapshot_url(offset=5))
    plan = clock.run(surveyed(cloud, clock, tmp_path, [desired(index=None, offset=5)], fast=True))
    assert plan.in_sync == 1
    assert reads(cloud) == []


@pytest.mark.parametrize(("age", "expected"), [(timedelta(hours=1), 1), (timedelta(hours=3), 2)])
def test_old_snapshots_are_read_again(tmp_path: Path, age: timedelta, expected: int) -> None:
    cloud, clock = FakeCloud(), FakeClock()
    cloud.add(ASSET, snapshot_url(offset=5))

    async def audits() -> None:
        await surveyed(cloud, clock, tmp_path, [desired(index=1)])
        clock.time += age.total_seconds()
        await surveyed(cloud, clock, tmp_path, [desired(index=1)], fast=True, max_age=timedelta(hours=2))

    clock.run(audits())
    assert len(reads(cloud)) == expected


def test_readings_from_the_future_are_not_believed(tmp_path: Path) -> None:
    cloud, ahead, clock = FakeCloud(), FakeClock(), FakeClock()
    cloud.add(ASSET, snapshot_url(offset=5))
    ahead.time += 3600
    ahead.run(surveyed(cloud, ahead, tmp_path, [desired(index=1)]))
    clock.run(surveyed(cloud, clock, tmp_path, [desired(index=1)], fast=True))
    assert len(reads(cloud)) == 2


def test_a_copied_cover_is_never_decided_by_the_list(tmp_path: Path) -> None:
    cloud, clock = FakeCloud(), FakeClock()
    cloud.add(ASSET, COPY)
    for url in (COPY, snapshot_url(offset=5)):
        cloud.pictures[url] = Picture(b"the same bytes")

    async def audits() -> None:
        for _ in range(2):
            plan = await surveyed(cloud, clock, tmp_path, [desired(index=1)], fast=True)
            assert plan.in_sync == 1

    clock.run(audits())
    assert len(reads(cloud)) == 2


@pytest.mark.parametrize("spoilt", [b"no database at all", b""])
def test_a_spoilt_cache_costs_reads_and_nothing_else(tmp_path: Path, spoilt: bytes) -> None:
    cloud, clock = FakeCloud(), FakeClock()
    cloud.add(ASSET, snapshot_url(offset=5))
    (tmp_path / NAME).write_bytes(spoilt)

    async def audits() -> None:
        for _ in range(2):
            plan = await surveyed(cloud, clock, tmp_path, [desired(index=1)], fast=True)
            assert plan.in_sync == 1

    clock.run(audits())
    assert len(reads(cloud)) == 1


@pytest.mark.parametrize(
    "sets", ["{}", "[]", "null", '{"sample": 5}', '{"sample": [[1]]}', '{"sample": [["x", "y"]]}', "{"]
)
def test_a_reading_that_somebody_wrote_decides_nothing(tmp_path: Path, sets: str) -> None:
    with closing(Readings(tmp_path)) as readings:
        readings.keep(observed(), FakeClock().now())
    with closing(sqlite3.connect(tmp_path / NAME)) as database, database:
        database.execute("UPDATE reading SET sets = ?", (sets,))
    cloud, clock = FakeCloud(), FakeClock()
    cloud.add(ASSET, snapshot_url(offset=5))
    plan = clock.run(surveyed(cloud, clock, tmp_path, [desired(index=1)], fast=True))
    assert (plan.in_sync, reads(cloud)) == (1, [ASSET])


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.mark.parametrize(
    "trap",
    [
        f"DROP TABLE reading; CREATE VIEW reading AS SELECT '{ASSET}' AS asset_id, ({ENDLESS}) AS at, '' AS sets",
        f"CREATE TRIGGER busy BEFORE INSERT ON reading BEGIN SELECT ({ENDLESS}); END",
        "DROP TABLE reading; CREATE TABLE reading (asset_id TEXT PRIMARY KEY, at REAL, sets TEXT CHECK (1))",
    ],
    ids=["a view", "a trigger", "another table"],
)
def test_a_cache_that_holds_sql_of_others_is_thrown_away(tmp_path: Path, trap: str) -> None:
    with closing(Readings(tmp_path)) as readings:
        readings.keep(observed(), FakeClock().now())
    with closing(sqlite3.connect(tmp_path / NAME)) as database:
        database.executescript(trap)
    cloud, clock = FakeCloud(), FakeClock()
    cloud.add(ASSET, snapshot_url(offset=5))
    plan = clock.run(surveyed(cloud, clock, tmp_path, [desired(index=1)], fast=True))
    assert (plan.in_sync, reads(cloud)) == (1, [ASSET])


def test_a_folder_that_cannot_be_written_costs_reads_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cloud, clock = FakeCloud(), FakeClock()
    cloud.add(ASSET, snapshot_url(offset=5))
    plan = clock.run(surveyed(cloud, clock, tmp_path / "file" / "state", [desired(index=1)], fast=True))
    assert plan.in_sync == 1


def test_memory_speaks_against_a_file_that_is_named_after_another_second() -> None:
    listed = Listed("", snapshot_url(offset=15), "THUMBNAIL_SUCCEED")
    entry = desired(index=None, offset=15)
    assert evidence_of_sync(entry, listed, None) == "url"
    assert evidence_of_sync(entry, listed, {"sample": [(15, "snapshot/sample/15.jpg")]}) == "url"
    assert (
        evidence_of_sync(entry, listed, {"sample": [(15, "snapshot/sample/a.jpg"), (20, "snapshot/sample/15.jpg")]})
        is None
    )


def test_snapshots_being_taken_are_not_decided_by_the_list() -> None:
    listed = Listed("", snapshot_url(offset=15), "THUMBNAILING")
    assert evidence_of_sync(desired(index=None, offset=15), listed, None) is None


def test_a_catalogue_of_20_000_takes_at_most_210_calls(tmp_path: Path) -> None:
    cloud, clock = FakeCloud(), FakeClock()
    ids = [f"{number:032x}" for number in range(20_000)]
    with closing(Readings(tmp_path)) as readings:
        for asset_id in ids:
            cloud.add(asset_id, snapshot_url(asset_id, 5))
            readings.keep(observed(asset_id=asset_id), clock.now())
    entries = [desired(asset_id, 1, line=line) for line, asset_id in enumerate(ids)]
    plan = clock.run(surveyed(cloud, clock, tmp_path, entries, fast=True))
    assert plan.in_sync == 20_000
    assert len(cloud.asked) <= 210
