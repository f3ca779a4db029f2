"""Choices written into desired files: each entry means what was chosen, and all else is byte for byte what it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_desired_edit_properties import files

from reconciler.desired.edit_choice import Choice, with_choices
from reconciler.desired.load import load
from reconciler.errors import DesiredError
from reconciler.model import SET_NAMES, Desired

ID, OTHER = "a" * 32, "b" * 32
DOTS, SECOND, THIRD = Choice("dots", 2, None), Choice("dots", None, 37), Choice("sample", 3, None)


@pytest.mark.parametrize(
    ("line", "choice", "after"),
    [
        ("ID: 0  # c", THIRD, "ID: 3  # c"),
        ("ID: -1", THIRD, "ID: 3"),
        ("ID: 0  # c", DOTS, "ID: {snapshot: 2, from: dots}  # c"),
        ("ID: 0", SECOND, "ID: {offset: 37, from: dots}"),
        ("ID: 0", Choice("sample", None, 15), "ID: {offset: 15}"),
        ("ID: {snapshot: 0}", DOTS, "ID: {snapshot: 2, from: dots}"),
        ("ID: {from: quantity, snapshot: 0 }", DOTS, "ID: {from: dots, snapshot: 2 }"),
        ("ID: {'offset': 5, from: dots}", DOTS, "ID: {snapshot: 2, from: dots}"),
        ("ID: {offset: 5, from: dots}", THIRD, "ID: {snapshot: 3, from: sample}"),
        ("ID: {offset: 5, note: x}", SECOND, "ID: {offset: 37, from: dots, note: x}"),
        ("ID:\n    snapshot: 0 # c\n    note: x", DOTS, "ID:\n    snapshot: 2 # c\n    from: dots\n    note: x"),
        ("ID:\n    offset: 0", DOTS, "ID:\n    snapshot: 2\n    from: dots"),
        ("ID:\n    from: dots\n    snapshot: 0", THIRD, "ID:\n    from: sample\n    snapshot: 3"),
        ("ID:\r\n    snapshot: 0\r\n    note: x", DOTS, "ID:\r\n    snapshot: 2\r\n    from: dots\r\n    note: x"),
    ],
)
def test_the_smallest_edit(line: str, choice: Choice, after: str) -> None:
    frame = (
        "# top\ncovers:\n  {}\n  {}: 7 # rest\n" if "\r" not in line else "# top\r\ncovers:\r\n  {}\r\n  {}: 7\r\n"
    )
    before, wanted = (frame.format(text.replace("ID", ID), OTHER).encode() for text in (line, after))
    assert with_choices(before, {ID: choice}, file="a.yaml") == wanted
    assert with_choices(wanted, {ID: choice}, file="a.yaml") == wanted


def test_a_file_without_a_last_line_end() -> None:
    data = f"\ufeffcovers:\n  {ID}:\n    snapshot: 1".encode()
    assert with_choices(data, {ID: DOTS}, file="a.yaml") == data.replace(b"t: 1", b"t: 2\n    from: dots")


@pytest.mark.parametrize("entry", ["{ignore: true}", "1"])
def test_what_has_no_number_is_not_edited(entry: str) -> None:
    data = f"covers:\n  {ID if entry != '1' else OTHER}: {entry}\n".encode()
    with pytest.raises(DesiredError, match=ID):
        with_choices(data, {ID: DOTS}, file="a.yaml")


choices = st.builds(
    lambda name, number, by_second: Choice(name, None if by_second else number, number if by_second else None),
    st.sampled_from(SET_NAMES),
    st.integers(0, 999_999),
    st.booleans(),
)


def meaning(covers: tuple[Desired, ...]) -> dict[str, tuple[object, ...]]:
    return {one.asset_id: (one.set, one.index, one.offset, one.note, one.ignore) for one in covers}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_file_means_what_was_chosen(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    file = data.draw(files())
    numbers = tuple(data.draw(file.numbers(position)) for position in range(len(file.pieces) - 1))
    text = file.text(numbers)
    path: Path = tmp_path_factory.mktemp("edit") / "a.yaml"
    path.write_bytes(text)
    before = meaning(load([str(path)]).covers)
    editable = list(dict.fromkeys(one.lower() for one in file.ids))
    chosen = data.draw(st.dictionaries(st.sampled_from(editable), choices, max_size=3)) if editable else {}
    path.write_bytes(with_choices(text, chosen, file="a.yaml"))
    after = meaning(load([str(path)]).covers)
    assert {key: value for key, value in after.items() if key not in chosen} == {
        key: value for key, value in before.items() if key not in chosen
    }
    for asset_id, choice in chosen.items():
        assert after[asset_id][:3] == (choice.set, choice.index, choice.offset)
        assert after[asset_id][3:] == before[asset_id][3:]
    assert with_choices(path.read_bytes(), chosen, file="a.yaml") == path.read_bytes()
