"""Just before the PUT: go on, leave it, or keep off, by what has changed since the plan."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.fakes import ASSET, CDN, OTHER, desired, snapshot_url

from reconciler.decide.precondition import ChangeResult, PlannedChange, revisit
from reconciler.model import Content, Cover, Reason, SnapshotRef, State, Verdict

COPY = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"
ONE, TWO, THREE = (Cover(snapshot_url(offset=at), SnapshotRef("sample", n, at)) for n, at in enumerate((0, 5, 10)))
A, B = Content("a" * 64, 10), Content("b" * 64, 10)
URL = f"{snapshot_url(offset=5)}?auth_key=fresh"


def step(before: Cover, after: Cover = TWO) -> PlannedChange:
    return PlannedChange(desired(index=1), "A title", before, after)


def now(before: Cover, after: Cover = TWO, state: State = "update") -> Verdict:
    return Verdict(desired(index=1), state, before=before, after=after, put_url=URL if state == "update" else "")


@pytest.mark.parametrize(
    ("planned", "seen"),
    [
        (ONE, ONE),
        (Cover(), Cover()),
        (Cover(COPY, None, A), Cover(COPY, None, A)),
        (Cover(COPY, ONE.snapshot), Cover(COPY, ONE.snapshot)),
        (Cover(COPY, ONE.snapshot, A), Cover("https://other/x.jpg", ONE.snapshot)),
        (Cover(COPY), Cover(f"https://elsewhere.example/shield/asset/{ASSET}/cover/Cover0.jpg")),
        (Cover(COPY, None, A), Cover("https://elsewhere.example/Cover1.jpg", None, A)),
    ],
)
def test_as_planned_means_put_the_fresh_url(planned: Cover, seen: Cover) -> None:
    assert revisit(step(planned), now(seen)) == URL


@pytest.mark.parametrize(
    ("planned", "seen"),
    [
        (ONE, THREE),
        (Cover(), ONE),
        (ONE, Cover()),
        (Cover(COPY, None, A), Cover(COPY, None, B)),
        (Cover(COPY, ONE.snapshot), Cover(COPY, THREE.snapshot)),
        (Cover(COPY, ONE.snapshot, A), Cover(COPY, None, B)),
        (Cover(COPY, None, A), Cover(COPY, ONE.snapshot)),
        (Cover(COPY), Cover(f"{CDN}/asset/{ASSET}/cover/Cover1.jpg")),
        (Cover("https://x/1.jpg"), Cover("https://x/2.jpg")),
    ],
)
def test_another_cover_than_planned_is_not_touched(planned: Cover, seen: Cover) -> None:
    settled = revisit(step(planned), now(seen))

    assert isinstance(settled, ChangeResult)
    assert settled.outcome == "stale"
    assert settled.error is not None
    assert settled.error.type == "stale"


@pytest.mark.parametrize(
    "after",
    [
        THREE,
        Cover(snapshot_url(offset=10), TWO.snapshot),
        Cover(TWO.cover_url, SnapshotRef("dots", 1, 5)),
        Cover(TWO.cover_url, None),
        Cover(snapshot_url(OTHER, 5), TWO.snapshot, A),
    ],
)
@pytest.mark.parametrize("state", ["update", "in_sync"])
def test_an_index_that_names_another_picture_by_now_is_stale(after: Cover, state: State) -> None:
    planned = replace(TWO, content=after.content)
    settled = revisit(step(ONE, planned), now(ONE, after, state))

    assert isinstance(settled, ChangeResult)
    assert settled.outcome == "stale"


@pytest.mark.parametrize("content", [None, A])
def test_a_number_that_shifted_is_the_same_picture(content: Content | None) -> None:
    planned = Cover(TWO.cover_url, TWO.snapshot, content)

    assert revisit(step(ONE, planned), now(ONE, Cover(TWO.cover_url, SnapshotRef("sample", 2, 5), content))) == URL


@pytest.mark.parametrize("kept", [ONE.snapshot, SnapshotRef("sample", 1, 0), None])
def test_the_same_bytes_are_the_same_cover_whatever_is_known_of_its_snapshot(kept: SnapshotRef | None) -> None:
    assert revisit(step(Cover(COPY, ONE.snapshot, A)), now(Cover(COPY, kept, A))) == URL


def test_a_cover_whose_bytes_the_plan_knows_is_not_replaced_unread() -> None:
    settled = revisit(step(Cover(COPY, None, A)), now(Cover(COPY)))

    assert isinstance(settled, ChangeResult)
    assert settled.outcome == "failed"
    assert settled.error is not None
    assert settled.error.type == "content_unavailable"


def test_a_snapshot_with_other_bytes_than_planned_is_stale() -> None:
    planned = Cover(TWO.cover_url, TWO.snapshot, A)
    settled = revisit(step(ONE, planned), now(ONE, Cover(TWO.cover_url, TWO.snapshot, B)))

    assert isinstance(settled, ChangeResult)
    assert settled.outcome == "stale"
    assert settled.error is not None
    assert settled.error.type == "snapshot_changed"


def test_what_is_as_wanted_already_is_left_alone() -> None:
    assert revisit(step(ONE), now(TWO, state="in_sync")) == ChangeResult("unchanged")


def test_what_is_on_its_way_by_now_is_left_alone() -> None:
    """Another run has set it since the plan, and the old cover is still shown."""
    coming = replace(now(ONE), state="pending")
    assert revisit(step(ONE), coming) == ChangeResult("unchanged")


def test_what_became_unknown_fails_with_its_reason() -> None:
    settled = revisit(step(ONE), Verdict(desired(), "unknown", reason="foreign_snapshot", message="names another"))

    assert isinstance(settled, ChangeResult)
    assert settled.outcome == "failed"
    assert settled.error is not None
    assert (settled.error.type, settled.error.message) == ("foreign_snapshot", "names another")


@pytest.mark.parametrize("reason", ["no_snapshots", "no_snapshot_at_offset", "snapshot_out_of_range"])
def test_a_snapshot_that_is_gone_since_the_plan_is_stale(reason: Reason) -> None:
    settled = revisit(step(ONE), Verdict(desired(index=1), "unknown", reason=reason, message="There is none."))
    assert isinstance(settled, ChangeResult)
    assert settled.error is not None
    assert (settled.outcome, settled.error.type) == ("stale", "snapshot_changed")
    assert settled.error.message == "There is none. It was there when this was planned."


def test_what_is_not_managed_any_more_is_stale() -> None:
    settled = revisit(step(ONE), Verdict(desired(ignore=True), "ignored"))

    assert isinstance(settled, ChangeResult)
    assert settled.outcome == "stale"


def test_a_stale_change_says_what_changed() -> None:
    settled = revisit(step(ONE), now(THREE))

    assert isinstance(settled, ChangeResult)
    assert settled.error is not None
    assert "snapshot.index: 0 -> 2" in settled.error.message
    assert "auth_key" not in settled.error.message
