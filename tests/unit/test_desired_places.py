"""Lines and columns of entries and problems in desired files."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fakes import ASSET, OTHER

from reconciler.desired.load import load
from reconciler.errors import DesiredError


def problems(text: str, folder: Path) -> list[tuple[int, int]]:
    file = folder / "covers.yaml"
    file.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(DesiredError) as caught:
        load([str(file)])
    return [(problem.line, problem.column) for problem in caught.value.problems]


@pytest.mark.parametrize("char", ["\u2028", "\u2029", "\x85"], ids=ascii)
def test_line_ends_that_no_editor_counts_shift_no_places(tmp_path: Path, char: str) -> None:
    before = f"# one{char}two\ncovers:\n  {ASSET}: {{snapshot: 0, note: 'three{char}four'}}\n"
    assert problems(f"{before}  {OTHER}: wrong\n", tmp_path) == [(4, 37)]


@pytest.mark.parametrize("char", ["\u2028", "\u2029", "\x85"], ids=ascii)
def test_they_shift_no_entrys_place_either(tmp_path: Path, char: str) -> None:
    file = tmp_path / "covers.yaml"
    file.write_text(f"# {char}\ncovers:\n  {ASSET}: 0 # {char}\n  {OTHER}: 1\n", encoding="utf-8", newline="")
    assert [(item.line, item.column) for item in load([str(file)]).covers] == [(3, 3), (4, 3)]


def test_a_thousand_problems_are_a_thousand(tmp_path: Path) -> None:
    entries = "".join(f"  {n:032x}: wrong\n" for n in range(1000))
    assert [line for line, _ in problems(f"covers:\n{entries}", tmp_path)] == list(range(2, 1002))
