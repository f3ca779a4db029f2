"""Desired and observed in, the state and its reason out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import ASSET, CDN, OTHER, desired, observed, snapshot_url

from reconciler.decide.verdict import Question, choose, ignored, judge
from reconciler.model import Compare, Desired, NoAnswer, Observed, Reason, Snapshot, SnapshotRef, Verdict

COPY = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"


def verdict(entry: Desired, seen: Observed | NoAnswer, compare: Compare = "auto") -> Verdict:
    found = judge(entry, seen, compare)
    assert isinstance(found, Verdict)
    return found


def question(entry: Desired, seen: Observed) -> Question:
    found = judge(entry, seen, "auto")
    assert isinstance(found, Question)
    return found


def wanted(entry: Desired, seen: Observed) -> Snapshot:
    found = question(entry, seen).wanted
    assert isinstance(found, Snapshot)
    return found


def reason(entry: Desired, seen: Observed) -> tuple[str, Reason | None]:
    found = verdict(entry, seen)
    return found.state, found.reason


def test_the_wanted_snapshot_is_the_cover() -> None:
    found = verdict(desired(index=1), observed(snapshot_url(offset=5)))

    assert found.state == "in_sync"


def test_another_snapshot_is_the_cover() -> None:
    found = question(desired(index=2), observed(f"{snapshot_url(offset=5)}?auth_key=secret"))

    assert found.named is not None
    assert (found.named.ref, wanted(desired(index=2), observed(snapshot_url(offset=5))).ref) == (
        SnapshotRef("sample", 1, 5),
        SnapshotRef("sample", 2, 10),
    )


@pytest.mark.parametrize(
    "cover",
    [
        f"http://other-cdn.example.org/shield/asset/{ASSET}/snapshot/sample/5.jpg?auth_key=x",
        f"https://x/{'0' * 32}/65e1c0f0/asset/{ASSET.upper()}/snapshot/sample/5.jpg",
    ],
)
def test_the_same_picture_under_another_url_is_in_sync(cover: str) -> None:
    assert verdict(desired(index=1), observed(cover)).state == "in_sync"


@given(st.integers(-6, 6), st.lists(st.integers(0, 99), max_size=5, unique=True).map(sorted))
def test_an_index_is_pythons(index: int, offsets: list[int]) -> None:
    seen = observed(offsets=tuple(offsets))
    chosen = choose(desired(index=index), seen)

    try:
        expected = offsets[index]
    except IndexError:
        assert isinstance(chosen, NoAnswer)
        assert chosen.reason == ("snapshot_out_of_range" if offsets else "no_snapshots")
    else:
        assert isinstance(chosen, Snapshot)
        assert chosen.offset == expected
        assert chosen.index == offsets.index(expected)


@given(st.integers(0, 30), st.lists(st.integers(0, 30), min_size=1, max_size=6, unique=True).map(sorted))
def test_an_offset_is_exact(offset: int, offsets: list[int]) -> None:
    chosen = choose(desired(index=None, offset=offset), observed(offsets=tuple(offsets)))

    if offset in offsets:
        assert isinstance(chosen, Snapshot)
        assert chosen.offset == offset
    else:
        assert isinstance(chosen, NoAnswer)
        assert chosen.reason == "no_snapshot_at_offset"
        assert str(min(offsets, key=lambda at: (abs(at - offset), at))) in chosen.message


def test_offset_0_and_index_0_are_like_any_other() -> None:
    seen = observed(offsets=(5, 10))

    assert reason(desired(index=None, offset=0), seen) == ("unknown", "no_snapshot_at_offset")
    assert wanted(desired(index=0), seen).url == snapshot_url(offset=5)


def test_from_names_the_list_that_counts() -> None:
    dots = tuple(Snapshot("dots", i, at, snapshot_url(offset=at, name="dots")) for i, at in enumerate((3, 8)))
    seen = observed()
    seen = replace(seen, snapshots=(*seen.snapshots, *dots))

    assert wanted(desired(index=1, set="dots"), seen).url == snapshot_url(offset=8, name="dots")
    assert wanted(desired(index=1), seen).url == snapshot_url(offset=5)
    assert reason(desired(index=2, set="dots"), seen) == ("unknown", "snapshot_out_of_range")
    missing = verdict(desired(index=0, set="quantity"), seen)
    assert missing.reason == "no_snapshots"
    assert "dots and sample" in missing.message


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("THUMBNAILING", "snapshots_in_progress"),
        ("THUMBNAIL_FAILED", "no_snapshots"),
        ("UN_THUMBNAIL", "no_snapshots"),
        ("", "no_snapshots"),
        ("SOMETHING_NEW", "no_snapshots"),
    ],
)
def test_without_snapshots(status: str, expected: str) -> None:
    seen = replace(observed(offsets=()), thumbnail_status=status)

    assert reason(desired(), seen) == ("unknown", expected)


def test_while_new_snapshots_are_being_taken_the_old_ones_do_not_count() -> None:
    assert reason(desired(), replace(observed(), thumbnail_status="THUMBNAILING")) == (
        "unknown",
        "snapshots_in_progress",
    )


@pytest.mark.parametrize(
    "url",
    [
        snapshot_url(OTHER),
        f"{CDN}/asset/{OTHER}/x/asset/{ASSET}/snapshot/sample/0.jpg",
        f"{CDN}/asset/{ASSET}/../{OTHER}/snapshot/sample/0.jpg",
        "https://cdn.example.com/0.jpg",
        "",
        "not a url",
    ],
)
@pytest.mark.parametrize("compare", ["auto", "url", "content"])
def test_a_snapshot_of_another_asset_is_never_set(url: str, compare: Compare) -> None:
    seen = replace(observed(COPY), snapshots=(Snapshot("sample", 0, 0, url),))
    found = verdict(desired(), seen, compare)

    assert (found.state, found.reason) == ("unknown", "foreign_snapshot")
    assert found.put_url == ""


@pytest.mark.parametrize("why", ["asset_not_found", "api_error", "content_unavailable"])
def test_what_could_not_be_read_is_unknown_for_that_reason(why: Reason) -> None:
    found = verdict(desired(), NoAnswer(why, "because"))

    assert (found.state, found.reason, found.message) == ("unknown", why, "because")


def test_ignored_is_ignored() -> None:
    assert ignored(desired(index=None, ignore=True)).state == "ignored"


@pytest.mark.parametrize(
    ("cover", "compare", "expected"),
    [
        (COPY, "auto", "question"),
        (COPY, "url", "question"),
        (COPY, "content", "question"),
        (snapshot_url(offset=0), "auto", "in_sync"),
        (snapshot_url(offset=0), "url", "in_sync"),
        (snapshot_url(offset=0), "content", "question"),
        (snapshot_url(offset=5), "auto", "question"),
        (snapshot_url(offset=5), "url", "question"),
        (snapshot_url(offset=5), "content", "question"),
        (snapshot_url(OTHER), "auto", "question"),
        (snapshot_url(OTHER), "url", "question"),
        ("", "content", "question"),
    ],
)
def test_what_is_decided_by_url_and_what_by_content(cover: str, compare: Compare, expected: str) -> None:
    found: Any = judge(desired(), observed(cover), compare)

    assert ("question" if isinstance(found, Question) else found.state) == expected


def test_messages_have_no_urls_and_no_secrets() -> None:
    seen = replace(observed(), snapshots=(Snapshot("sample", 0, 0, f"{snapshot_url(OTHER)}?auth_key=secret"),))

    assert "secret" not in verdict(desired(), seen).message


def test_of_two_snapshots_at_one_second_a_plan_means_the_one_with_its_index() -> None:
    seen = observed(offsets=(0, 5, 5, 10))
    for index in (1, 2):
        found = choose(desired(index=index, offset=5), seen)
        assert isinstance(found, Snapshot)
        assert found.index == index


def test_a_cover_of_another_asset_is_no_snapshot_of_this_one_although_it_is_listed_so() -> None:
    foreign = snapshot_url(OTHER, 5)
    seen = observed(foreign)
    seen = replace(seen, snapshots=(*seen.snapshots[:1], replace(seen.snapshots[1], url=foreign)))
    assert question(desired(index=0), seen).named is None
