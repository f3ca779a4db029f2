"""Which lock lines stay, move or go, as far as that takes no cloud."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired import lock_line
from reconciler.desired.load import load_with_locks
from reconciler.desired.lock_plan import LockPlan, check_written, lock_files_below, plan_locks
from reconciler.errors import DesiredError
from reconciler.model import LockLine

HEADER = '{"format_version": "1.0", "kind": "lock"}'
A, B, C = ("a" * 32, "b" * 32, "c" * 32)


def line(asset_id: str, index: int = 0, sha256: str = "1") -> str:
    return lock_line.written(LockLine(asset_id, "sample", index, 5 * index, 9, "s/5.jpg", sha256 * 64, "2" * 32, 7))


def folder(place: Path, lines: list[str], name: str = "a.yaml", **wanted: str) -> str:
    place.mkdir(parents=True, exist_ok=True)
    entries = "".join(f"  {asset_id}: {wanted}\n" for asset_id, wanted in wanted.items())
    (place / name).write_text(f"covers:\n{entries}" if entries else "covers: {}\n")
    if lines:
        (place / "covers.lock").write_text("\n".join([HEADER, *lines]) + "\n")
    return str(place)


def planned(*paths: str, whole: bool = True, only: str | None = None, below: str = "") -> LockPlan:
    state, locks = load_with_locks(paths, mend=True)
    elsewhere = lock_files_below(below, locks).values() if below else ()
    return plan_locks(
        state, locks, lambda one: only is None or one.asset_id == only, whole=whole, elsewhere=elsewhere
    )


def texts(plan: LockPlan) -> dict[str, list[str]]:
    return {Path(file.path).parent.name: text.splitlines()[1:] for _, file, text in plan.texts()}


def actions(plan: LockPlan) -> list[tuple[str, str]]:
    return [(change.asset_id[0], change.action) for change in plan.changes]


def test_current_lines_stay_to_the_byte_and_nothing_is_written(tmp_path: Path) -> None:
    plan = planned(folder(tmp_path / "d", [line(A), line(B, 2)], **{A: "0", B: "-7"}))
    assert (len(plan.kept), plan.tasks, plan.changes, texts(plan)) == (2, [], [], {})


def test_missing_and_outdated_lines_need_their_snapshot(tmp_path: Path) -> None:
    plan = planned(folder(tmp_path / "d", [line(A, 3)], **{A: "0", B: "1"}))
    assert [(task.desired.asset_id, task.outdated) for task in plan.tasks] == [(A, True), (B, False)]
    assert texts(plan) == {}


def test_lines_of_no_entry_go_where_the_whole_folder_was_loaded(tmp_path: Path) -> None:
    path = folder(tmp_path / "d", [line(A), line(B), line(C)], **{A: "0", B: "{snapshot: 0, ignore: true}"})
    assert actions(planned(path)) == [("b", "dropped"), ("c", "dropped")]
    assert texts(planned(path)) == {"d": [line(A)]}
    assert actions(planned(path, whole=False)) == []
    folder(tmp_path / "d", [], name="b.yaml", **{C: "0"})
    assert actions(planned(f"{path}/a.yaml")) == []
    assert actions(planned(f"{path}/a.yaml", f"{path}/b.yaml")) == [("b", "dropped")]


def test_folder_below_is_no_part_of_a_folder(tmp_path: Path) -> None:
    path = folder(tmp_path / "d", [line(A), line(B)], **{A: "0"})
    folder(tmp_path / "d" / "below", [line(C)], **{C: "0"})
    assert actions(planned(f"{path}/a.yaml")) == [("b", "dropped")]


def test_line_moves_with_its_entry(tmp_path: Path) -> None:
    old = folder(tmp_path / "old", [line(A), line(B)], **{B: "0"})
    new = folder(tmp_path / "new", [], **{A: "0"})
    both = planned(old, new)
    assert (actions(both), both.tasks) == ([("a", "moved")], [])
    assert texts(both) == {"old": [line(B)], "new": [line(A)]}
    alone = planned(new, below=str(tmp_path))
    assert (actions(alone), texts(alone)) == ([("a", "moved")], {"new": [line(A)]})
    assert planned(new).tasks != []


def test_line_about_another_snapshot_does_not_move(tmp_path: Path) -> None:
    old = folder(tmp_path / "old", [line(A)], **{B: "0"})
    new = folder(tmp_path / "new", [], **{A: "1"})
    assert [task.desired.asset_id for task in planned(old, new).tasks] == [B, A]


def test_equal_lines_become_one_and_contradicting_ones_need_the_snapshot(tmp_path: Path) -> None:
    equal = planned(folder(tmp_path / "one", [line(A), line(A), line(A, 4)], **{A: "0"}))
    assert (texts(equal), equal.tasks) == ({"one": [line(A)]}, [])
    two = planned(folder(tmp_path / "two", [line(A), line(A, sha256="9")], **{A: "0"}))
    assert [len(task.current) for task in two.tasks] == [2]


def test_lines_elsewhere_that_contradict_each_other_are_not_chosen_from(tmp_path: Path) -> None:
    old = folder(tmp_path / "old", [line(A), line(A, sha256="9")])
    new = folder(tmp_path / "new", [], **{A: "0"})
    [task] = planned(old, new).tasks
    assert len(task.current) == 2


def test_outdated_lines_of_which_there_are_several_go(tmp_path: Path) -> None:
    path = folder(tmp_path / "d", [line(A, 3), line(A, 4)], **{A: "0"})
    plan = planned(path)
    assert ([task.outdated for task in plan.tasks], texts(plan)) == ([True], {"d": []})


def test_contradicting_lines_of_an_entry_that_is_not_selected_stay(tmp_path: Path) -> None:
    path = folder(tmp_path / "d", [line(A), line(A, sha256="9"), line(B)], **{A: "0", B: "0"})
    plan = planned(path, whole=False, only=B)
    assert (plan.tasks, texts(plan)) == ([], {})


def test_only_selected_entries_change(tmp_path: Path) -> None:
    path = folder(tmp_path / "d", [line(A, 4), line(B, 4)], **{A: "0", B: "0"})
    assert [task.desired.asset_id for task in planned(path, whole=False, only=B).tasks] == [B]


def test_order_line_ends_and_spelling_are_mended(tmp_path: Path) -> None:
    path = folder(tmp_path / "d", [], **{A: "0", B: "0"})
    tight = json.dumps(json.loads(line(A)), separators=(",", ":"))
    (tmp_path / "d" / "covers.lock").write_bytes("\r\n".join([HEADER, line(B), "", tight]).encode())
    assert texts(planned(path)) == {"d": [line(A), line(B)]}


def test_keys_stand_in_our_order_and_those_of_a_newer_version_are_kept(tmp_path: Path) -> None:
    path = folder(tmp_path / "d", [], **{A: "0"})
    header = '{"format_version": "1.7", "kind": "lock", "made_by": "x"}'
    values = {"colour": "red", **dict(reversed(json.loads(line(A)).items())), "cover": None}
    (tmp_path / "d" / "covers.lock").write_text(f"{header}\n{json.dumps(values)}\n")
    [(_, _, text)] = planned(path).texts()
    assert text == f'{header}\n{line(A)[:-1]}, "colour": "red"}}\n'


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"{HEADER}\n{line(A)}\n{line(B)}\n{line(C)}\n", (4, "no entry needs this line")),
        (f"{HEADER}\r\n{line(A)}\r\n{line(C)}\r\n{line(B)}\r\n", (3, "no entry needs this line")),
        (f"{HEADER}\n{line(B)}\n{line(A)}\n", (2, "out of order, or in another spelling")),
        (f"{HEADER}\n{line(A)}\n{line(B)}", (3, "out of order, or in another spelling")),
        (f"{HEADER}\n{line(A)}\n\n{line(B)}\n", (3, "out of order, or in another spelling")),
    ],
)
def test_a_check_names_the_first_place_that_would_be_written_otherwise(
    tmp_path: Path, text: str, place: tuple[int, str]
) -> None:
    path = folder(tmp_path / "d", [], **{A: "0", B: "0"})
    (tmp_path / "d" / "covers.lock").write_bytes(text.encode())
    plan = planned(path)
    with pytest.raises(DesiredError) as caught:
        check_written(plan)
    [problem] = caught.value.problems
    assert (problem.file, problem.line) == (f"{path}/covers.lock", place[0])
    assert place[1] in problem.message


@pytest.mark.parametrize("version", ["1.0", "1.7"])
def test_version_is_kept(tmp_path: Path, version: str) -> None:
    path = folder(tmp_path / "d", [], **{A: "0"})
    header = HEADER.replace("1.0", version)
    (tmp_path / "d" / "covers.lock").write_text(f"{header}\n{line(B)}\n{line(A)}\n")
    [(_, _, text)] = planned(path, whole=False).texts()
    assert text == f"{header}\n{line(A)}\n{line(B)}\n"


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 2), st.sampled_from("19")), max_size=12),
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["0", "1", "-7", "{snapshot: 0, ignore: true}"])),
)
def test_locking_twice_changes_nothing_more(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[str, int, str]], wanted: dict[str, str]
) -> None:
    place = tmp_path_factory.mktemp("d")
    found = [line(digit * 32, index, sha256) for digit, index, sha256 in lines]
    path = folder(place, found or [line("0" * 32)], **{digit * 32: entry for digit, entry in wanted.items()})
    for _, file, text in planned(path).texts():
        (place / "covers.lock").write_text(text)
        assert [json.loads(one) for one in text.splitlines()[1:]] == sorted(
            (json.loads(one) for one in text.splitlines()[1:]), key=lambda one: str(one["asset_id"])
        )
        assert file.path == f"{path}/covers.lock"
    again = planned(path)
    assert (list(again.texts()), again.changes) == ([], [])
