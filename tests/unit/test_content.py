"""Where the URL does not tell, the bytes do, whatever the CDN says of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import ASSET, CDN, NOWHERE, OTHER, FakeClock, FakeCloud, Picture, desired, observed, snapshot_url

from reconciler.decide.verdict import Question, judge
from reconciler.emulator.pictures import drawn
from reconciler.model import Compare, Content, Cover, Observed, SnapshotRef, Verdict
from reconciler.planning import content as compare
from reconciler.planning.by_eye import looks_wanted
from reconciler.state.settled_covers import Memory, SettledCover

COPY = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"
OFFSETS = (0, 5, 10)
SAME_ETAG = "0123456789abcdef" * 2


def body(number: int) -> bytes:
    """Pictures of equal length and different bytes."""
    return b"\xff\xd8 picture %03d" % number


# How a CDN may serve the same bytes.
MANNERS: dict[str, Callable[[bytes], Picture]] = {
    "ETag is the MD5": Picture.with_md5,
    "weak ETag": lambda data: Picture(data, {"ETag": f'W/"{hashlib.md5(data).hexdigest()}"'}),
    "random ETag": lambda data: Picture(data, {"ETag": f'"{hash(data) & 0xFFFF:x}-5f"'}),
    "the same ETag everywhere": lambda data: Picture(data, {"ETag": '"v1"'}),
    "no ETag": Picture,
    "no HEAD": lambda data: Picture(data, head=405),
    "HEAD fails": lambda data: Picture(data, head=500),
    "HEAD says length 0": lambda data: Picture(data, head_headers={"Content-Length": "0"}),
    "HEAD says nothing": lambda data: Picture(data, head_headers={}),
}


def cloud_with(
    cover: Picture | None, manner: Callable[[bytes], Picture] = Picture, offsets: tuple[int, ...] = OFFSETS
) -> FakeCloud:
    """A CDN where each snapshot's bytes are `body(offset)`."""
    cloud = FakeCloud()
    cloud.pictures = {snapshot_url(offset=offset): manner(body(offset)) for offset in offsets}
    if cover is not None:
        cloud.pictures[COPY] = cover
    return cloud


def answered(cloud: FakeCloud, seen: Observed, index: int = 0, *, replace_unreadable: bool = False) -> Verdict:
    clock = FakeClock()
    question = judge(desired(index=index), seen, "auto")
    assert isinstance(question, Question)
    return clock.run(
        compare.answer(question, cloud.reader(clock), Memory(NOWHERE), replace_unreadable=replace_unreadable)
    )


@pytest.mark.parametrize("manner", MANNERS)
def test_a_copy_of_the_wanted_snapshot_is_in_sync(manner: str) -> None:
    make = MANNERS[manner]

    assert answered(cloud_with(make(body(5)), make), observed(COPY), index=1).state == "in_sync"


@pytest.mark.parametrize("manner", MANNERS)
def test_a_copy_of_another_snapshot_is_drift_and_named(manner: str) -> None:
    make = MANNERS[manner]

    found = answered(cloud_with(make(body(10)), make), observed(COPY), index=1)

    assert found.state == "update"
    assert found.before is not None
    assert found.before.snapshot == SnapshotRef("sample", 2, 10)
    assert found.put_url == snapshot_url(offset=5)


@pytest.mark.parametrize("manner", MANNERS)
def test_a_custom_cover_is_drift_with_its_content(manner: str) -> None:
    make = MANNERS[manner]
    custom = body(999)

    found = answered(cloud_with(make(custom), make), observed(COPY))

    assert found.state == "update"
    assert found.before == Cover(COPY, None, Content(hashlib.sha256(custom).hexdigest(), len(custom)))


@given(st.integers(0, 12), st.integers(0, 2), st.sampled_from(sorted(MANNERS)), st.sampled_from(sorted(MANNERS)))
def test_it_is_in_sync_exactly_when_the_bytes_are_equal(shown: int, index: int, one: str, other: str) -> None:
    found = answered(cloud_with(MANNERS[one](body(shown)), MANNERS[other]), observed(COPY), index)

    assert (found.state == "in_sync") is (shown == OFFSETS[index])
    if found.state == "update":
        assert found.before is not None
        expected = SnapshotRef("sample", OFFSETS.index(shown), shown) if shown in OFFSETS else None
        assert found.before.snapshot == expected


def test_equal_etags_prove_nothing_unless_the_lengths_are_equal_too() -> None:
    lying = Picture(b"short", {"ETag": f'"{SAME_ETAG}"'})
    cloud = cloud_with(lying, lambda data: Picture(data, {"ETag": f'"{SAME_ETAG}"'}))

    assert answered(cloud, observed(COPY)).state == "update"


def both(cloud: FakeCloud, *indices: int) -> list[Verdict]:
    """The verdicts on entries with these indices, in one run."""
    clock, verdicts = FakeClock(), []
    reader = cloud.reader(clock)

    async def main() -> None:
        for index in indices:
            question = judge(desired(index=index), observed(COPY), "auto")
            assert isinstance(question, Question)
            verdicts.append(await compare.answer(question, reader, Memory(NOWHERE), replace_unreadable=False))

    clock.run(main())
    return verdicts


def methods(cloud: FakeCloud) -> list[str]:
    return [method for method, _ in cloud.asked]


def test_equal_md5s_of_equal_length_need_no_download_once_a_download_confirmed_that_host() -> None:
    cloud = cloud_with(Picture.with_md5(body(0)), Picture.with_md5)

    first, second = both(cloud, 0, 0)

    assert (first.state, second.state) == ("in_sync", "in_sync")
    assert methods(cloud) == ["HEAD", "HEAD", "GET", "GET", "HEAD", "HEAD"]


def test_heads_never_make_an_update() -> None:
    cloud = cloud_with(Picture.with_md5(body(0)), Picture.with_md5)

    both(cloud, 0)
    cloud.pictures[COPY] = Picture(body(0), head_headers={"Content-Length": "77", "ETag": f'"{SAME_ETAG}"'})

    assert both(cloud, 0)[0].state == "in_sync"


def test_an_etag_that_is_no_md5_is_found_out() -> None:
    cloud = cloud_with(
        Picture(body(5), {"ETag": f'"{SAME_ETAG}"'}), lambda data: Picture(data, {"ETag": f'"{SAME_ETAG}"'})
    )

    assert [found.state for found in both(cloud, 0, 1, 0)] == ["update", "in_sync", "update"]
    assert methods(cloud).count("HEAD") == 2  # that host is not asked again


def test_a_host_that_is_right_only_of_lengths_proves_nothing_by_md5() -> None:
    """Its first pictures came without an ETag, later ones come with one that is no MD5."""
    cloud = cloud_with(Picture(body(0)))
    clock = FakeClock()
    reader = cloud.reader(clock)

    async def main() -> list[str]:
        states: list[str] = []
        for manner in (Picture, lambda data: Picture(data, {"ETag": f'"{SAME_ETAG}"'})):
            cloud.pictures |= {snapshot_url(offset=0): manner(body(0)), COPY: manner(body(len(states) * 5))}
            question = judge(desired(index=0), observed(COPY), "auto")
            assert isinstance(question, Question)
            found = await compare.answer(question, reader, Memory(NOWHERE), replace_unreadable=False)
            states.append(found.state)
        return states

    assert clock.run(main()) == ["in_sync", "update"]


def test_candidates_that_heads_rule_out_are_not_downloaded() -> None:
    cloud = cloud_with(Picture.with_md5(b"a custom cover of another length"), Picture.with_md5)

    assert answered(cloud, observed(COPY)).state == "update"
    assert [url for method, url in cloud.asked if method == "GET"] == [COPY, snapshot_url(offset=0)]


@pytest.mark.parametrize("cover", ["", COPY, snapshot_url(offset=5)])
@pytest.mark.parametrize("mode", ["auto", "url", "content"])
def test_every_update_carries_the_bytes_that_it_would_put(cover: str, mode: Compare) -> None:
    seen = observed(f"{cover}?auth_key=secret" if cover else "")
    question = judge(desired(), seen, mode)
    assert isinstance(question, Question)
    clock, cloud = FakeClock(), cloud_with(Picture(body(10)))

    def answer() -> Verdict:
        reader = cloud.reader(clock)
        return clock.run(compare.answer(question, reader, Memory(NOWHERE), replace_unreadable=False))

    found = answer()

    assert (found.state, found.put_url) == ("update", snapshot_url(offset=0))
    assert found.before is not None
    assert found.after is not None
    assert found.before.cover_url == (cover or None)
    assert (found.before.content is not None) is (bool(cover) and mode != "url")
    assert found.after.content == Content(hashlib.sha256(body(0)).hexdigest(), len(body(0)))

    del cloud.pictures[snapshot_url(offset=0)]
    assert answer().reason == "content_unavailable"


def test_a_cover_whose_url_names_the_wanted_snapshot_is_read_where_the_bytes_are_to_decide() -> None:
    """Another edge, or another prefix, may serve an older picture behind the same path."""
    by_url = snapshot_url(offset=5).replace("/asset/", "/shield/asset/")
    cloud = cloud_with(None)
    cloud.pictures[by_url] = Picture(body(999))
    clock = FakeClock()
    planner = cloud.planner(clock, compare="content")
    assert clock.run(planner.decide(desired(index=1), observed(by_url))).state == "update"
    cloud.pictures[by_url] = Picture(body(5))
    assert clock.run(planner.decide(desired(index=1), observed(by_url))).state == "in_sync"


def test_at_most_a_hundred_candidates_are_looked_at() -> None:
    offsets = tuple(range(300))
    cloud = cloud_with(Picture(body(999)), offsets=offsets)

    found = answered(cloud, observed(COPY, offsets))

    assert found.state == "update"
    assert found.before is not None
    assert found.before.snapshot is None
    assert len({url for _, url in cloud.asked} - {COPY, snapshot_url(offset=0)}) == compare.MOST_CANDIDATES == 100


def test_no_picture_is_downloaded_twice() -> None:
    cloud = cloud_with(Picture(body(999)))

    answered(cloud, observed(COPY))

    downloads = [url for method, url in cloud.asked if method == "GET"]
    assert len(downloads) == len(set(downloads))


def test_a_cover_whose_url_names_another_snapshot_costs_two_downloads_and_no_head() -> None:
    cloud = cloud_with(None)
    answered(cloud, observed(snapshot_url(offset=0)), index=1)
    assert cloud.asked == [("GET", snapshot_url(offset=0)), ("GET", snapshot_url(offset=5))]


def test_a_cover_that_cannot_be_read_is_unknown_and_never_in_sync() -> None:
    found = answered(cloud_with(None), observed(COPY))

    assert (found.state, found.reason) == ("unknown", "content_unavailable")
    assert found.put_url == ""


def test_a_cover_that_cannot_be_read_is_replaced_when_that_is_wanted() -> None:
    found = answered(cloud_with(None), observed(COPY), replace_unreadable=True)

    assert found.state == "update"
    assert found.before == Cover(COPY)
    assert found.put_url == snapshot_url(offset=0)


@pytest.mark.parametrize("replace_unreadable", [True, False])
def test_a_wanted_snapshot_that_cannot_be_read_is_unknown_in_any_case(replace_unreadable: bool) -> None:
    cloud = cloud_with(Picture(body(5), head=405))
    del cloud.pictures[snapshot_url(offset=0)]

    found = answered(cloud, observed(COPY), replace_unreadable=replace_unreadable)

    assert (found.state, found.reason) == ("unknown", "content_unavailable")


def test_a_custom_cover_that_can_be_stamped_but_not_saved_is_not_replaced() -> None:
    cloud = cloud_with(None)
    cloud.pictures[COPY] = Picture(b"", head_headers={"Content-Length": "99"})

    found = answered(cloud, observed(COPY))

    assert (found.state, found.reason) == ("unknown", "content_unavailable")
    assert answered(cloud, observed(COPY), replace_unreadable=True).state == "update"


def test_snapshots_of_other_assets_are_no_candidates() -> None:
    seen = observed(COPY)
    foreign = observed(offsets=(77,), asset_id=OTHER).snapshots
    both = Observed(seen.asset_id, seen.title, seen.cover_url, seen.thumbnail_status, seen.snapshots + foreign)
    cloud = cloud_with(Picture(body(77)))
    cloud.pictures[snapshot_url(OTHER, 77)] = Picture(body(77))

    found = answered(cloud, both)

    assert found.before is not None
    assert found.before.snapshot is None
    assert snapshot_url(OTHER, 77) not in {url for _, url in cloud.asked}


def identified(cloud: FakeCloud, seen: Observed, memory: Memory | None = None) -> compare.IdentifiedCover:
    clock = FakeClock()
    return clock.run(compare.identify_cover(seen, cloud.reader(clock), memory or Memory(NOWHERE)))


def test_what_the_cover_is_can_be_asked_without_wanting_anything() -> None:
    found = identified(cloud_with(Picture(body(5))), observed(COPY))

    assert found.cover.snapshot == SnapshotRef("sample", 1, 5)
    assert (found.cover.cover_url, found.unread) == (COPY, None)


def test_a_cover_whose_url_tells_is_not_downloaded_to_show_it() -> None:
    cloud = cloud_with(None)

    found = identified(cloud, observed(snapshot_url(offset=10)))

    assert (found.cover.snapshot, found.unread) == (SnapshotRef("sample", 2, 10), None)
    assert cloud.asked == []


def test_a_cover_that_is_the_last_of_very_many_snapshots_is_found() -> None:
    offsets = tuple(range(compare.MOST_CANDIDATES + 20))

    found = identified(cloud_with(Picture(body(119)), offsets=offsets), observed(COPY, offsets))

    assert found.cover.snapshot == SnapshotRef("sample", 119, 119)


def test_a_cover_that_lengths_tell_from_all_snapshots_is_read_once_to_be_known() -> None:
    body = b"a custom cover of another length"
    cloud = cloud_with(Picture(body))

    found = identified(cloud, observed(COPY))

    known = Content(hashlib.sha256(body).hexdigest(), len(body))
    assert (found.cover, found.unread) == (Cover(COPY, None, known), None)
    assert [url for method, url in cloud.asked if method == "GET"] == [COPY]


def test_a_cover_that_cannot_be_read_may_be_anything() -> None:
    found = identified(cloud_with(None), observed(COPY))

    assert (found.cover, found.unread_snapshot) == (Cover(COPY), None)
    assert found.unread is found.unread_cover
    assert found.unread is not None
    assert (found.unread.reason, found.unread.permanent) == ("content_unavailable", "HTTP 404")


def test_a_cover_may_be_the_snapshot_that_cannot_be_read() -> None:
    cloud = cloud_with(Picture(body(999)))
    cloud.pictures[snapshot_url(offset=5)] = Picture(b"cut short", {"Content-Length": "99"}, head=405)

    found = identified(cloud, observed(COPY))

    assert (found.cover.snapshot, found.unread_cover) == (None, None)
    assert found.unread is not None
    assert snapshot_url(offset=5) in found.unread.message
    assert found.unread.permanent == ""


def test_a_cover_that_is_found_leaves_no_doubt_whatever_else_cannot_be_read() -> None:
    cloud = cloud_with(Picture(body(10)))
    del cloud.pictures[snapshot_url(offset=5)]

    found = identified(cloud, observed(COPY))

    assert (found.cover.snapshot, found.unread) == (SnapshotRef("sample", 2, 10), None)


def test_a_re_encoded_cover_is_in_doubt_while_the_snapshot_that_it_came_of_cannot_be_read(tmp_path: Path) -> None:
    recoded = b"the third snapshot, encoded anew"
    cloud = cloud_with(Picture(recoded))
    memory = Memory(tmp_path)
    snapshot, cover = (hashlib.sha256(data).hexdigest() for data in (body(10), recoded))
    path = "snapshot/sample/10.jpg"
    settled = SettledCover(asset_id=ASSET, cover_sha256=cover, snapshot_path=path, snapshot_sha256=snapshot)
    memory.remember([settled])
    assert identified(cloud, observed(COPY), memory).cover.snapshot == SnapshotRef("sample", 2, 10)

    cloud.pictures[snapshot_url(offset=10)] = Picture(b"", head_headers={"Content-Length": "7"})

    found = identified(cloud, observed(COPY), memory)
    assert found.cover.snapshot is None
    assert found.unread_snapshot is not None


def test_a_cover_that_may_be_a_remembered_one_is_in_doubt_while_it_cannot_be_read(tmp_path: Path) -> None:
    cloud = cloud_with(Picture(b"", head_headers={"Content-Length": "7"}))  # no snapshot has this length
    settled = SettledCover(
        asset_id=ASSET, cover_sha256="a" * 64, snapshot_path="snapshot/sample/10.jpg", snapshot_sha256="b" * 64
    )
    memory = Memory(tmp_path)
    memory.remember([settled])

    found = identified(cloud, observed(COPY), memory)

    assert found.unread_cover is not None
    assert found.cover.snapshot is None


def test_a_snapshot_that_was_taken_anew_is_not_what_a_remembered_cover_is(tmp_path: Path) -> None:
    recoded = b"the third snapshot, encoded anew"
    settled = SettledCover(
        asset_id=ASSET,
        cover_sha256=hashlib.sha256(recoded).hexdigest(),
        snapshot_path="snapshot/sample/10.jpg",
        snapshot_sha256=hashlib.sha256(b"as it was").hexdigest(),
    )
    memory = Memory(tmp_path)
    memory.remember([settled])
    found = identified(cloud_with(Picture(recoded)), observed(COPY), memory)
    assert (found.cover.snapshot, found.unread) == (None, None)


@pytest.mark.parametrize(("ref", "looks"), [(None, True), (SnapshotRef("sample", 0, 0), False)])
def test_a_cover_that_is_known_to_be_another_snapshot_never_looks_like_the_wanted_one(
    ref: SnapshotRef | None, looks: bool
) -> None:
    cloud, clock = cloud_with(None), FakeClock()
    cloud.pictures[COPY] = cloud.pictures[snapshot_url(offset=5)] = Picture(drawn(ASSET, "sample", 5).data)
    seen = Verdict(desired(), "update", before=Cover(COPY, ref), put_url=snapshot_url(offset=5), cover_url=COPY)
    assert clock.run(looks_wanted(seen, cloud.reader(clock))) is looks


class Slow(FakeCloud):
    """Each HEAD takes a second."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "HEAD":
            await self._clock.sleep(1)
        return await super().__call__(request)


def test_several_snapshots_are_asked_at_a_time_and_the_first_proof_ends_it() -> None:
    offsets, clock = tuple(range(0, 240, 5)), FakeClock()
    cloud = Slow(clock)
    cloud.pictures = {snapshot_url(offset=at): Picture.with_md5(body(at)) for at in offsets}
    cloud.pictures[COPY] = Picture.with_md5(body(60))
    question = judge(desired(index=0), observed(COPY, offsets), "auto")
    assert isinstance(question, Question)
    found = clock.run(compare.answer(question, cloud.reader(clock), Memory(NOWHERE), replace_unreadable=False))
    assert found.before is not None
    assert found.before.snapshot == SnapshotRef("sample", 12, 60)
    assert clock.time <= 5
    assert [method for method, _ in cloud.asked].count("HEAD") <= 20
