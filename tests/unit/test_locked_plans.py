"""Plans with lock lines, on a model of the service: whatever happened to covers and snapshots, and however the CDN
describes its pictures, the locked bytes alone decide."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import CDN, NOWHERE, FakeClock, FakeCloud, Picture, desired, snapshot_url

from reconciler.model import Compare, Desired, LockLine, PictureBytes, Plan
from reconciler.observe.covers import ListedAsset
from reconciler.planning.planner import Planner
from reconciler.planning.selection import Selection
from reconciler.state.settled_covers import Memory, SettledCover

OFFSETS = (0, 5, 10)
ETags = Literal["strong", "weak", "random", "wrong", "none"]
Conditions = Literal["ignored", "honest", "always 304"]
LATER = "a snapshot that was taken again"


def ids(count: int) -> list[str]:
    return [f"{number:032x}" for number in range(1, count + 1)]


def cover_url(asset_id: str) -> str:
    return f"{CDN}/asset/{asset_id}/cover/Cover0.jpg"


def first_picture(asset_id: str, offset: int) -> bytes:
    return f"\xff\xd8 {asset_id} {offset:03}".encode("latin-1")


class Service(FakeCloud):
    """A service that copies covers, whose CDN has manners of its own."""

    def __init__(self, count: int, etags: ETags, conditions: Conditions, *, head: bool) -> None:
        super().__init__()
        self.copies = True
        self._etags = etags
        self._conditions = conditions
        self._head = head
        for asset_id in ids(count):
            self.add(asset_id, cover_url(asset_id))
            for offset in OFFSETS:
                self.put(snapshot_url(asset_id, offset), first_picture(asset_id, offset))

    def put(self, url: str, data: bytes) -> None:
        md5 = hashlib.md5(data).hexdigest()
        tags = {
            "strong": f'"{md5}"',
            "weak": f'W/"{md5}"',
            "random": f'"{len(self.asked)}-x"',
            "wrong": f'"{"0" * 32}"',
        }
        headers = {"ETag": tags[self._etags]} if self._etags in tags else {}
        self.pictures[url] = Picture(data, headers, 200 if self._head else 405)

    def shown(self, asset_id: str) -> bytes | None:
        found = self.pictures.get(cover_url(asset_id))
        return found.body if found is not None else None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        condition = request.headers.get("If-None-Match")
        found = self.pictures.get(str(request.url))
        if condition and found is not None and self._conditions != "ignored":
            tag = found.headers.get("ETag", "")
            if self._conditions == "always 304" or (tag and tag.removeprefix("W/") in condition):
                self.asked.append(("304", str(request.url)))
                return httpx.Response(304, headers=found.headers)
        return await super().__call__(request)

    def planner_of(self, clock: FakeClock, locks: Callable[[Desired], LockLine | None], folder: Path) -> Planner:
        return replace(self.planner(clock, folder), locked=locks)


def line_of(asset_id: str, offset: int, cover: PictureBytes | None = None) -> LockLine:
    picture = bytes_of(first_picture(asset_id, offset))
    index, path = OFFSETS.index(offset), f"snapshot/sample/{offset}.jpg"
    return LockLine(asset_id, "sample", index, offset, 3, path, picture.sha256, picture.md5, picture.length, cover)


def bytes_of(data: bytes) -> PictureBytes:
    return PictureBytes(hashlib.sha256(data).hexdigest(), hashlib.md5(data).hexdigest(), len(data))


def encoded(data: bytes) -> bytes:
    """What a service that re-encodes makes of a picture, of the same length."""
    return b"\xff\xd8" + data[2:][::-1]


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, str, int]]:
    """What happens to each asset: (ID, what, at which second)."""
    kinds = [
        "set",
        "set",
        "encode",
        "upload",
        "retake",
        "retake and set",
        "delete cover",
        "delete snapshots",
        "unread",
    ]
    return [
        (asset_id, draw(st.sampled_from(kinds)), draw(st.sampled_from(OFFSETS)))
        for asset_id in ids(draw(st.integers(1, 4)))
        for _ in range(draw(st.integers(1, 3)))
    ]


def play(service: Service, happened: list[tuple[str, str, int]]) -> None:
    for asset_id, what, offset in happened:
        snapshot, cover = snapshot_url(asset_id, offset), cover_url(asset_id)
        body = service.assets[asset_id]
        if what.startswith("retake") and snapshot in service.pictures:
            service.put(snapshot, f"\xff\xd8 {asset_id} {offset + 500:03}".encode("latin-1"))
        if what in ("set", "encode", "retake and set") and snapshot in service.pictures:
            data = service.pictures[snapshot].body
            service.put(cover, encoded(data) if what == "encode" else data)
            body["base_info"]["cover_info_array"] = [{"cover_url": cover}]
        elif what == "upload":
            service.put(cover, f"\xff\xd8 an upload {offset}".encode("latin-1"))
            body["base_info"]["cover_info_array"] = [{"cover_url": cover}]
        elif what == "delete cover":
            service.pictures.pop(cover, None)
            body["base_info"]["cover_info_array"] = []
        elif what == "delete snapshots":
            body["thumbnail_info"] = None
        elif what == "unread":
            service.pictures.pop(cover, None)


def planned(planner: Planner, clock: FakeClock, entries: list[Desired]) -> Plan:
    return clock.run(planner.make_plan(entries, Selection(), 4, lambda: None))


@given(
    histories(),
    st.sampled_from(["strong", "weak", "random", "wrong", "none"]),
    st.sampled_from(["ignored", "honest", "always 304"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["auto", "content"]),
)
def test_locked_bytes_decide_whatever_happened(
    happened: list[tuple[str, str, int]],
    etags: ETags,
    conditions: Conditions,
    head: bool,
    settled: bool,
    compare: Compare,
) -> None:
    service, clock = Service(4, etags, conditions, head=head), FakeClock()
    play(service, happened)
    cover = {one: bytes_of(encoded(first_picture(one, 5))) if settled else None for one in ids(4)}
    lines = {asset_id: line_of(asset_id, 5, cover[asset_id]) for asset_id in ids(4)}
    entries = [desired(asset_id, index=1, line=number) for number, asset_id in enumerate(ids(4), start=1)]
    planner = replace(service.planner_of(clock, lambda one: lines[one.asset_id], NOWHERE), compare=compare)
    plan = planned(planner, clock, entries)
    changes = {item.desired.asset_id: item for item in plan.changes}
    unknown = {item.desired.asset_id: item.reason for item in plan.unknown}
    for asset_id in ids(4):
        shown = service.shown(asset_id)
        right = shown is not None and bytes_of(shown) in lines[asset_id].pictures
        in_sync = asset_id not in changes and asset_id not in unknown
        if service.assets[asset_id]["base_info"]["cover_info_array"]:
            assert in_sync == right, (asset_id, unknown.get(asset_id))
        else:
            assert not in_sync
        wanted = service.pictures.get(snapshot_url(asset_id, 5))
        if asset_id in changes:
            after = changes[asset_id].after
            assert after is not None
            assert after.content == bytes_of(first_picture(asset_id, 5)).content
            assert wanted is not None
            assert wanted.body == first_picture(asset_id, 5)
        if unknown.get(asset_id) == "snapshot_changed":
            assert wanted is not None
            assert wanted.body != first_picture(asset_id, 5)
    by_details = {one.asset_id: clock.run(planner.check(one)) for one in entries}
    for asset_id, verdict in by_details.items():
        cheap = "update" if asset_id in changes else "unknown" if asset_id in unknown else "in_sync"
        assert (verdict.state, verdict.reason) == (cheap, unknown.get(asset_id))


@pytest.mark.parametrize("head", [True, False])
def test_covers_that_are_right_take_one_look_each_at_an_honest_host(head: bool) -> None:
    service, clock = Service(30, "strong", "honest", head=head), FakeClock()
    play(service, [(asset_id, "set", 5) for asset_id in ids(30)])
    planner = service.planner_of(clock, lambda one: line_of(one.asset_id, 5), NOWHERE)
    plan = planned(planner, clock, [desired(asset_id, index=1) for asset_id in ids(30)])
    assert (plan.in_sync, plan.evidence["lock"]) == (30, 30)
    assert planner.pictures.traffic.bytes < 3 * len(first_picture(ids(1)[0], 5))
    calls = [method for method, _ in service.asked if method in ("details", "list", "info")]
    assert calls == ["list", "list"]


@pytest.mark.parametrize(
    ("etags", "conditions"), [("wrong", "honest"), ("strong", "always 304"), ("none", "ignored")]
)
def test_a_host_that_is_not_honest_is_read_in_full(etags: ETags, conditions: Conditions) -> None:
    service, clock = Service(12, etags, conditions, head=True), FakeClock()
    play(service, [(asset_id, "set", 5) for asset_id in ids(12)])
    planner = service.planner_of(clock, lambda one: line_of(one.asset_id, 5), NOWHERE)
    assert planned(planner, clock, [desired(asset_id, index=1) for asset_id in ids(12)]).in_sync == 12
    read = {url for method, url in service.asked if method == "GET"}
    assert read == {cover_url(asset_id) for asset_id in ids(12)}


def test_a_host_that_lies_late_is_not_believed_about_what_it_said_before() -> None:
    """Its third picture has a wrong ETag, and its second only seemed to be right."""
    service, clock = Service(3, "strong", "honest", head=True), FakeClock()
    first, second, third = ids(3)
    play(service, [(first, "set", 5), (second, "upload", 0), (third, "upload", 5)])
    told = {
        "ETag": f'"{bytes_of(first_picture(second, 5)).md5}"',
        "Content-Length": str(len(first_picture(second, 5))),
    }
    service.pictures[cover_url(second)].head_headers = told
    service.pictures[cover_url(third)].headers = {"ETag": f'"{"1" * 32}"'}
    planner = service.planner_of(clock, lambda one: line_of(one.asset_id, 5), NOWHERE)
    plan = planned(planner, clock, [desired(asset_id, index=1) for asset_id in ids(3)])
    assert {item.desired.asset_id for item in plan.changes} == {second, third}


def test_a_settled_cover_that_only_memory_knows_is_in_sync(tmp_path: Path) -> None:
    service, clock = Service(1, "strong", "honest", head=True), FakeClock()
    [asset_id] = ids(1)
    play(service, [(asset_id, "encode", 5)])
    made, of = encoded(first_picture(asset_id, 5)), first_picture(asset_id, 5)
    settled = SettledCover(asset_id, bytes_of(made).sha256, "snapshot/sample/5.jpg", bytes_of(of).sha256)
    Memory(tmp_path).remember([settled])
    planner = service.planner_of(clock, lambda one: line_of(one.asset_id, 5), tmp_path)
    assert planned(planner, clock, [desired(asset_id, index=1)]).evidence["lock"] == 1
    assert planned(replace(planner, memory=Memory(NOWHERE)), clock, [desired(asset_id, index=1)]).changes


def test_a_cover_is_not_read_again_with_its_details() -> None:
    service, clock = Service(1, "none", "ignored", head=False), FakeClock()
    [asset_id] = ids(1)
    play(service, [(asset_id, "set", 10)])
    planner = service.planner_of(clock, lambda one: line_of(one.asset_id, 5), NOWHERE)
    assert planned(planner, clock, [desired(asset_id, index=1)]).changes
    assert [url for method, url in service.asked if method == "GET"].count(cover_url(asset_id)) == 1


def test_another_assets_cover_proves_nothing() -> None:
    service, clock = Service(2, "strong", "honest", head=True), FakeClock()
    first, second = ids(2)
    play(service, [(first, "set", 5)])
    service.put(cover_url(second), first_picture(first, 5))
    service.assets[first]["base_info"]["cover_info_array"] = [{"cover_url": cover_url(second)}]
    planner = service.planner_of(clock, lambda one: line_of(one.asset_id, 5), NOWHERE)
    assert planned(planner, clock, [desired(first, index=1)]).evidence["lock"] == 0


def test_while_snapshots_are_taken_a_locked_entry_is_unknown() -> None:
    """The task makes its first picture the cover: what is shown now may be gone a moment later."""
    service, clock = Service(2, "strong", "honest", head=True), FakeClock()
    play(service, [(asset_id, "set", 5) for asset_id in ids(2)])
    service.assets[ids(2)[0]]["thumbnail_info"]["thumbnail_status"] = "THUMBNAILING"
    planner = service.planner_of(clock, lambda one: line_of(one.asset_id, 5), NOWHERE)
    listed = {asset_id: ListedAsset("A", cover_url(asset_id), asset_id == ids(2)[0]) for asset_id in ids(2)}
    plan = planned(replace(planner, listed=listed), clock, [desired(asset_id, index=1) for asset_id in ids(2)])
    assert [(item.desired.asset_id, item.reason) for item in plan.unknown] == [(ids(2)[0], "snapshots_in_progress")]
    assert (plan.in_sync, plan.evidence["lock"]) == (1, 1)


class Crowded(Service):
    """More assets were created within one second than the list reaches: some are on no page."""

    def _list(self, page: int, size: int) -> httpx.Response:
        self.asked.append(("list", str(page)))
        shown = [] if page else [{"asset_id": one, "covers": [{"cover_url": cover_url(one)}]} for one in ids(15)]
        return httpx.Response(200, json={"total": 15, "assets": shown})


def test_what_the_list_leaves_out_is_asked_by_id() -> None:
    service, clock = Crowded(25, "strong", "honest", head=True), FakeClock()
    play(service, [(asset_id, "set", 5) for asset_id in ids(25)])
    planner = service.planner_of(clock, lambda one: line_of(one.asset_id, 5), NOWHERE)
    assert planned(planner, clock, [desired(asset_id, index=1) for asset_id in ids(25)]).evidence["lock"] == 25
    assert [method for method, _ in service.asked if method in ("details", "list", "info")] == [
        "list",
        "list",
        "info",
    ]
