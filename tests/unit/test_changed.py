"""What counts as a change of an entry: its meaning, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired.changed import compare
from reconciler.desired.load import load
from reconciler.model import Desired, DesiredState, LockLine

IDS = [f"{number:032x}" for number in range(6)]


@st.composite
def entry(draw: st.DrawFn, asset_id: str) -> Desired:
    at = draw(st.booleans())
    return Desired(
        asset_id,
        draw(st.sampled_from(["a.yaml", "b/c.yaml"])),
        draw(st.integers(1, 99)),
        draw(st.integers(1, 9)),
        draw(st.sampled_from(["sample", "dots", "quantity"])),
        None if at else draw(st.integers(-3, 3)),
        draw(st.integers(0, 3)) if at else None,
        draw(st.none() | st.text(max_size=3)),
        draw(st.booleans()),
    )


@st.composite
def states(draw: st.DrawFn) -> DesiredState:
    ids = draw(st.lists(st.sampled_from(IDS), unique=True))
    covers = tuple(draw(entry(asset_id)) for asset_id in ids)
    locked = draw(st.dictionaries(st.sampled_from(IDS), st.integers(1, 2)))

    def line(desired: Desired) -> LockLine | None:
        number = locked.get(desired.asset_id)
        if number is None or desired.ignore:
            return None
        return LockLine(desired.asset_id, desired.set, 0, 0, 9, "p", str(number) * 64, "0" * 32, 1)

    return DesiredState(covers, (), draw(st.sampled_from(["cn-north-1", "cn-north-4"])), locked=line)


@given(states(), states())
def test_what_is_left_out_means_the_same(earlier: DesiredState, now: DesiredState) -> None:
    found = compare(earlier, now)
    before = {one.asset_id: one for one in earlier.covers}
    if earlier.region != now.region:
        assert (found.covers, found.left_out) == (now.covers, 0)
        return
    for one in now.covers:
        old = before.get(one.asset_id)
        same = old is not None and old.ignore == one.ignore
        if same and old is not None and not one.ignore:
            same = (old.set, old.index, old.offset) == (one.set, one.index, one.offset)
            same = same and earlier.locked(old) == now.locked(one)
        assert (one in found.covers) == (not same)
    assert set(found.removed) == before.keys() - {one.asset_id for one in now.covers}
    assert found.left_out == sum(not one.ignore for one in now.covers) - sum(not one.ignore for one in found.covers)


@given(states())
def test_order_places_and_notes_do_not_count(state: DesiredState) -> None:
    covers = [replace(one, file="z.yaml", line=1, column=1, note="x") for one in reversed(state.covers)]
    found = compare(state, replace(state, covers=tuple(covers)))
    assert (found.covers, found.removed) == ((), ())


LOCK_LINE = (
    '{"asset_id": "%s", "from": "sample", "index": 0, "offset": 0, "of": 9, "path": "p", "sha256": "%s", '
    '"md5": "%s", "length": 1}'
)


def loaded(folder: Path, *lock_lines: str) -> DesiredState:
    folder.mkdir(parents=True)
    (folder / "x.yaml").write_text("".join(["covers:\n", *(f"  {asset_id}: 0\n" for asset_id in IDS)]))
    (folder / "covers.lock").write_text("\n".join(['{"format_version": "1.0", "kind": "lock"}', *lock_lines]))
    return load([str(folder)])


def test_lock_lines_count_by_what_they_say(tmp_path: Path) -> None:
    lines = [LOCK_LINE % (asset_id, "1" * 64, "2" * 32) for asset_id in IDS[:4]]
    other = [
        lines[0].replace(" ", ""),
        lines[1].replace("1" * 64, "3" * 64),
        lines[3],
        lines[3].replace(IDS[3], IDS[4]),
    ]
    found = compare(loaded(tmp_path / "a", *lines), loaded(tmp_path / "b" / "c", *other))
    assert [one.asset_id for one in found.covers] == [IDS[1], IDS[2], IDS[4]]


def test_equal_lock_lines_are_not_parsed(tmp_path: Path) -> None:
    """With many entries that would take as long as all else."""

    def parse(_: Desired) -> LockLine | None:
        raise AssertionError

    lines = [LOCK_LINE % (asset_id, "1" * 64, "2" * 32) for asset_id in IDS]
    earlier = replace(loaded(tmp_path / "a", *lines), locked=parse)
    assert compare(earlier, replace(loaded(tmp_path / "b", *lines), locked=parse)).left_out == len(IDS)
