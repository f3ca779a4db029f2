"""Which covers an entry may take over, and why not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import ASSET, OTHER, desired, observed, snapshot_url

from reconciler.decide.adoption import Adoption, NotAdopted, accept
from reconciler.decide.verdict import choose
from reconciler.model import Content, Cover, Desired, Observed, SetName, Snapshot, SnapshotRef
from reconciler.util.sanitize import bare_url

URL = "https://cdn.example.com/asset/" + ASSET + "/cover/Cover0.jpg"
SEEN = observed(URL)


def shown(index: int, offset: int | None = None, name: SetName = "sample") -> Cover:
    return Cover(URL, SnapshotRef(name, index, 5 * index if offset is None else offset))


def refusal(
    entry: Desired,
    seen: Observed,
    cover: Cover,
    *,
    first: Cover | None = None,
    recent: tuple[list[Cover], Cover] | None = None,
) -> NotAdopted:
    found = accept(entry, seen, cover, first, recent)
    assert isinstance(found, NotAdopted)
    assert (found.asset_id, found.source, found.title) == (entry.asset_id, entry.source, seen.title or None)
    return found


@given(
    offsets=st.lists(st.integers(0, 30), min_size=1, max_size=6).map(sorted),
    data=st.data(),
    by_offset=st.booleans(),
    old=st.integers(-9, 40),
)
def test_what_is_accepted_is_what_the_entry_wants_then(
    offsets: list[int], data: st.DataObject, by_offset: bool, old: int
) -> None:
    """And nothing else is refused than a second at which two snapshots were taken, or what is wanted already."""
    seen = observed(URL, tuple(offsets))
    index = data.draw(st.integers(0, len(offsets) - 1))
    entry = desired(index=None, offset=abs(old)) if by_offset else desired(index=old)

    found = accept(entry, seen, shown(index, offsets[index]), None, None)

    if isinstance(found, Adoption):
        assert found.old == (abs(old) if by_offset else old)
        new = replace(entry, offset=found.new) if by_offset else replace(entry, index=found.new)
        wanted = choose(new, seen)
        assert isinstance(wanted, Snapshot)
        assert (wanted.index, found.new >= 0) == (index, True)
    elif found.reason == "same_offset":
        assert by_offset
        assert offsets.index(offsets[index]) < index
    else:
        assert found.reason == "changed_meanwhile"
        assert choose(entry, seen) == seen.snapshots[index]


def test_two_snapshots_at_one_second_are_told_apart_by_index_only() -> None:
    seen = observed(URL, (0, 7, 7))
    found = refusal(desired(index=None, offset=0), seen, shown(2, 7))
    assert found.reason == "same_offset"
    assert found.message == (
        "Its cover is sample[2], but 7 s is also where sample[1] was taken: "
        "write `snapshot: 2` instead of `offset` by hand."
    )
    assert isinstance(accept(desired(index=0), seen, shown(2, 7), None, None), Adoption)


@pytest.mark.parametrize(
    ("entry", "told"),
    [(desired(index=0), "`snapshot: 1` and `from: dots`"), (desired(index=None, offset=3), "`offset: 5` and `from:")],
)
def test_one_number_cannot_name_another_set(entry: Desired, told: str) -> None:
    found = refusal(entry, SEEN, shown(1, name="dots"))
    assert found.reason == "other_set"
    assert told in found.message


@pytest.mark.parametrize(
    ("seen", "cover", "reason"),
    [
        (observed(""), Cover(), "no_cover"),
        (SEEN, Cover(URL, None, Content("a" * 64, 9)), "not_a_snapshot"),
        (observed(URL, (0,)), shown(1), "snapshot_out_of_range"),
        (observed(URL, (0, 6)), shown(1), "changed_meanwhile"),
        (replace(SEEN, thumbnail_status="THUMBNAILING"), shown(1), "snapshots_in_progress"),
        (replace(SEEN, snapshots=tuple(replace(one, url=snapshot_url(OTHER)) for one in SEEN.snapshots)), shown(1),
         "foreign_snapshot"),
    ],
)  # fmt: skip
def test_what_is_refused(seen: Observed, cover: Cover, reason: str) -> None:
    assert refusal(desired(index=0), seen, cover).reason == reason


@pytest.mark.parametrize("index", [1, -2])
def test_an_entry_that_names_the_cover_already_stays_as_it_is_written(index: int) -> None:
    assert refusal(desired(index=index), SEEN, shown(1)).reason == "changed_meanwhile"


@pytest.mark.parametrize("offset", [-1, 1_000_000])
def test_no_number_is_written_that_would_not_load(offset: int) -> None:
    seen = observed(URL, (0, offset))
    assert refusal(desired(index=None, offset=3), seen, shown(1, offset)).reason == "not_writable"


COMING = Cover(snapshot_url(offset=10), SnapshotRef("sample", 2, 10))


def test_what_was_applied_a_moment_ago_must_be_seen_first() -> None:
    assert refusal(desired(index=0), SEEN, shown(1), recent=([shown(1)], COMING)).reason == "pending"
    assert isinstance(accept(desired(index=0), SEEN, shown(2), None, ([shown(1)], COMING)), Adoption)


def test_what_somebody_changed_a_moment_after_an_apply_is_accepted() -> None:
    assert isinstance(accept(desired(index=2), SEEN, shown(1), None, ([shown(0)], COMING)), Adoption)


def test_what_is_not_visible_yet_did_not_change_meanwhile() -> None:
    """The plan takes what is coming for the cover there is."""
    assert refusal(desired(index=0), SEEN, shown(1), first=COMING, recent=([shown(1)], COMING)).reason == "pending"


@pytest.mark.parametrize("first", [shown(2), Cover(URL, None, Content("a" * 64, 9)), Cover(snapshot_url(OTHER))])
def test_a_cover_that_became_another_one_behind_the_same_url_is_not_written_down(first: Cover) -> None:
    assert refusal(desired(index=0), SEEN, shown(1), first=first).reason == "changed_meanwhile"
    assert isinstance(accept(desired(index=0), SEEN, shown(1), shown(1), None), Adoption)


def test_a_snapshots_own_url_tells_that_nothing_changed_whatever_the_bytes_say() -> None:
    """With --compare content the plan may name another snapshot of the same picture."""
    url = snapshot_url(offset=5)
    first = Cover(url, SnapshotRef("sample", 0, 0), Content("a" * 64, 9))
    now = Cover(url, SnapshotRef("sample", 1, 5))
    found = accept(desired(index=2), observed(url), now, first, None)
    assert isinstance(found, Adoption)
    assert found.new == 1


def test_a_cover_behind_another_signature_is_the_same_cover() -> None:
    seen = observed(f"http://other.example.com/shield/asset/{ASSET}/cover/Cover0.jpg?auth_key=1")
    unidentified = Cover(bare_url(seen.cover_url), None)
    assert refusal(desired(index=0), seen, unidentified, first=Cover(URL)).reason == "not_a_snapshot"
