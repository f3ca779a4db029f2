"""What was written into a file comes back, whatever style it was written in, with its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.desired.load import load
from reconciler.model import SET_NAMES, Desired, SetName

hex_ids = st.text("0123456789abcdef", min_size=32, max_size=32)
digit_ids = st.text("0123456789", min_size=32, max_size=32)
exponent_ids = st.builds(lambda digits, at: f"{digits[:at]}e{digits[at + 1 :]}", digit_ids, st.integers(1, 30))
asset_ids = st.one_of(hex_ids, digit_ids, exponent_ids)
notes = st.text("abc é片😀#:'\"\\-[]{}&*!|>%@`,", min_size=1, max_size=12)


@dataclass(frozen=True)
class Wanted:
    set: SetName
    index: int | None
    offset: int | None
    note: str | None
    ignore: bool


@dataclass(frozen=True)
class Style:
    """How one entry is written."""

    quote: str
    upper: bool
    flow: bool
    comment: str
    indent: int


wanted = st.builds(
    lambda set_, number, by_offset, note, ignore: Wanted(
        set_, None if by_offset else number, abs(number) if by_offset else None, note, ignore
    ),
    st.sampled_from(SET_NAMES),
    st.integers(-999_999, 999_999),
    st.booleans(),
    st.none() | notes,
    st.booleans(),
)
styles = st.builds(
    Style,
    st.sampled_from(["", "'", '"']),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "  # 片头 😀: {x}"]),
    st.integers(1, 4),
)


def written(asset_id: str, want: Wanted, style: Style, indent: str) -> list[str]:
    """The lines of one entry; a plain index is written flat."""
    key = f"{style.quote}{asset_id.upper() if style.upper else asset_id}{style.quote}"
    if want == Wanted("sample", want.index, None, None, False):
        return [f"{indent}{key}: {want.index}{style.comment}"]
    pairs = [f"snapshot: {want.index}" if want.offset is None else f"offset: {want.offset}", f"from: {want.set}"]
    if want.note is not None:
        pairs.append("note: '{}'".format(want.note.replace("'", "''")))
    if want.ignore:
        pairs.append("ignore: true")
    if style.flow:
        return [f"{indent}{key}: {{{', '.join(pairs)}}}{style.comment}"]
    inner = indent + " " * style.indent
    return [f"{indent}{key}:{style.comment}", *(f"{inner}{pair}" for pair in pairs)]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("properties") / "covers.yaml"


@settings(max_examples=200, deadline=None)
@given(
    entries=st.dictionaries(asset_ids, st.tuples(wanted, styles), max_size=6),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from(["", "\ufeff"]),
    indent=st.integers(1, 4),
)
def test_what_was_written_comes_back(
    file: Path, entries: dict[str, tuple[Wanted, Style]], end: str, mark: str, indent: int
) -> None:
    lines = ["# 注释", "covers:" if entries else "covers: {}"]
    expected = []
    for asset_id, (want, style) in entries.items():
        lines.append("")
        values = want.set, want.index, want.offset, want.note, want.ignore
        expected.append(Desired(asset_id, str(file), len(lines) + 1, indent + 1, *values))
        lines += written(asset_id, want, style, " " * indent)
    file.write_bytes((mark + end.join([*lines, ""])).encode())
    assert load([str(file)]).covers == tuple(expected)


@settings(max_examples=100, deadline=None)
@given(
    ids=st.lists(asset_ids, unique=True, min_size=1, max_size=6),
    glue=st.sampled_from([", ", ",\n ", ", # é😀\r\n  "]),
)
def test_places_point_at_the_keys_of_flow_style(file: Path, ids: list[str], glue: str) -> None:
    text = "covers: {" + glue.join(f"{asset_id}: {number}" for number, asset_id in enumerate(ids)) + " }\n"
    file.write_bytes(text.encode())
    covers = load([str(file)]).covers
    assert [cover.asset_id for cover in covers] == ids
    lines = text.replace("\r\n", "\n").split("\n")
    for cover in covers:
        assert lines[cover.line - 1][cover.column - 1 :].startswith(cover.asset_id)
