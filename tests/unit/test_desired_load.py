"""What a desired file may say, and the messages for one that is wrong."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from reconciler.desired.load import load
from reconciler.errors import DesiredError, Problem
from reconciler.model import Desired, DesiredState

if TYPE_CHECKING:
    from pathlib import Path

A = "6e76f92034ceae2fcdcef9413221511f"
B = "41cff636d5b12a51e7eb2838bbf45201"
DIGITS = "12345678901234567890123456789012"
OFFSET = "offset must be a whole number of seconds like 0 or 15"
INFINITE = "1234567890123456e789012345678901"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path.name


def state_of(tmp_path: Path, text: str | bytes) -> DesiredState:
    return load([write(tmp_path / "c.yaml", text)])


def problems_of(tmp_path: Path, text: str | bytes) -> list[str]:
    """`line:column: message` of each problem."""
    with pytest.raises(DesiredError) as caught:
        state_of(tmp_path, text)
    assert {problem.file for problem in caught.value.problems} == {"c.yaml"}
    return [f"{p.line}:{p.column}: {p.message}" for p in caught.value.problems]


def entry_problems(tmp_path: Path, entry: str) -> list[str]:
    return problems_of(tmp_path, f"covers:\n  {A}: {entry}\n")


def test_the_contract_example(tmp_path: Path) -> None:
    text = f"""\
# yaml-language-server: $schema=desired.json
version: 1
region: cn-north-4
project_id: {DIGITS}
covers:
  {A}: 0      # the first
  {B}: -1
  652c1e4085afeb22fdc256c6757d751b:
    snapshot: 2
    from: dots
    note: opening title
  67d1470893419bfcb9663103dd8a66ac:
    offset: 15
  203f36f3fb707deef9d5a77f27abb873:
    ignore: true
"""
    state = state_of(tmp_path, text)
    assert state.files == ("c.yaml",)
    assert (state.region, state.project_id) == ("cn-north-4", DIGITS)
    assert state.covers == (
        Desired(A, "c.yaml", 6, 3, index=0),
        Desired(B, "c.yaml", 7, 3, index=-1),
        Desired("652c1e4085afeb22fdc256c6757d751b", "c.yaml", 8, 3, "dots", index=2, note="opening title"),
        Desired("67d1470893419bfcb9663103dd8a66ac", "c.yaml", 12, 3, offset=15),
        Desired("203f36f3fb707deef9d5a77f27abb873", "c.yaml", 14, 3, ignore=True),
    )


def test_ids_that_look_like_numbers_stay_text(tmp_path: Path) -> None:
    state = state_of(tmp_path, f"covers:\n  {DIGITS}: 1\n  {INFINITE}: 2\n  {'0' * 32}: 3\n")
    assert [cover.asset_id for cover in state.covers] == [DIGITS, INFINITE, "0" * 32]


def test_upper_case_is_folded_and_quotes_are_fine(tmp_path: Path) -> None:
    text = f"project_id: {B.upper()}\ncovers:\n  {A.upper()}: 0\n  \"{B}\": 1\n  '{DIGITS}': 2\n"
    state = state_of(tmp_path, text)
    assert [cover.asset_id for cover in state.covers] == [A, B, DIGITS]
    assert state.project_id == B


@pytest.mark.parametrize(
    "text",
    [
        "region: cn-north-4\n",
        "covers: {}\n",
        "{}\n",
        "%YAML 1.1\n---\nversion: 1\n",
        "%YAML 1.2 # a comment\n---\nversion: 1\n...\n",
    ],
)
def test_a_file_without_entries_is_fine(tmp_path: Path, text: str) -> None:
    assert state_of(tmp_path, text).covers == ()


def test_a_byte_order_mark_is_let_pass_and_shifts_no_column(tmp_path: Path) -> None:
    assert state_of(tmp_path, f"\ufeffcovers: {{{A}: 1}}\n").covers == (Desired(A, "c.yaml", 1, 10, index=1),)
    assert problems_of(tmp_path, "\ufeffcover: 1\n")[0].startswith("1:1: ")


@pytest.mark.parametrize(
    ("note", "text"),
    [
        ("5", "5"),
        ("true", "true"),
        ('""', ""),
        ("'null'", "null"),
        ("片头 # c", "片头"),
        ("|\n      a\n      b", "a\nb\n"),
    ],
)
def test_a_note_is_any_text(tmp_path: Path, note: str, text: str) -> None:
    state = state_of(tmp_path, f"covers:\n  {A}:\n    snapshot: 0\n    note: {note}\n")
    assert state.covers[0].note == text


@pytest.mark.parametrize("word", ["true", "True", "TRUE"])
def test_an_ignored_entry_keeps_its_other_keys(tmp_path: Path, word: str) -> None:
    (cover,) = state_of(tmp_path, f"covers: {{{A}: {{ignore: {word}, snapshot: -0, note: later}}}}\n").covers
    assert (cover.ignore, cover.index, cover.note) == (True, 0, "later")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('"3"', 'the text "3"; write it without quotes'),
        ("true", "true"),
        ("3.0", "3.0"),
        ("1_000", "1_000"),
        ("0x1", "0x1"),
        ("+1", "+1"),
        ("01", "01"),
        ("1e3", "1e3"),
        ("", "an empty value"),
        ("~", "an empty value"),
        ("first", 'the text "first"'),
        ("1000000", "1000000; it may have at most six digits"),
        ("[1]", "a list"),
        ("{}", "a mapping"),
        ("|-\n      3", 'the text "3"'),
    ],
)
def test_what_is_not_an_index(tmp_path: Path, value: str, found: str) -> None:
    (spelled,) = entry_problems(tmp_path, f"\n    snapshot: {value}\n")
    assert spelled.endswith(f": snapshot must be a whole number like 0 or -1, not {found}")
    if value != "{}":
        (flat,) = entry_problems(tmp_path, value)
        assert flat.endswith(f", or a mapping with snapshot or offset, not {found}")


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{}", "2:3: this entry needs snapshot, offset or ignore: true"),
        ("{ignore: false}", "2:3: this entry needs snapshot, offset or ignore: true"),
        ("{note: x}", "2:3: this entry needs snapshot, offset or ignore: true"),
        ("{snapshot: 1, offset: 0}", "2:3: this entry has both snapshot and offset; keep one of them"),
        (
            "{ignore: true, snapshot: 1, offset: 0}",
            "2:3: this entry has both snapshot and offset; keep one of them",
        ),
        ("{snapshto: 1, offset: 0}", '2:38: unknown key "snapshto" in this entry; did you mean snapshot?'),
        (
            "{offset: -5}",
            f"2:46: {OFFSET}, not -5; it counts from the start of the video",
        ),
        ("{offset: 1, from: Dots}", '2:55: from must be sample, dots or quantity, not the text "Dots"'),
        ("{offset: 1, note: }", "2:55: note must be text, not an empty value; write the text or remove the key"),
        ("{offset: 1, note: [a]}", "2:55: note must be text, not a list"),
        ("{ignore: 'true'}", '2:46: ignore must be true or false, not the text "true"; write it without quotes'),
        ("{ignore: yes}", '2:46: ignore must be true or false, not the text "yes"'),
        (
            "{offset: 1, offset: 2}",
            "2:49: the key offset is given twice; existing: c.yaml:2:38, new: c.yaml:2:49",
        ),
        ("&x 3", "2:37: anchors (&x) are not allowed; write each value out"),
        ("*x", "2:37: aliases (*x) are not allowed; write the value out"),
        ("!!int 3", '2:37: tags (here "tag:yaml.org,2002:int") are not allowed'),
        ("!x {snapshot: 1}", '2:37: tags (here "!x") are not allowed'),
        ("{<<: {snapshot: 1}, offset: 3}", "2:38: merge keys (<<) are not allowed; write each value out"),
        ("{? [a] : 1, offset: 3}", "2:40: a key must be text, not a list"),
    ],
)
def test_a_wrong_entry(tmp_path: Path, entry: str, problem: str) -> None:
    assert entry_problems(tmp_path, entry) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: this file is empty; it needs at least covers:"),
        ("# only a comment\n", "1:1: this file is empty; it needs at least covers:"),
        ("---\n", "2:1: this file is empty; it needs at least covers:"),
        ("- a\n", "1:1: a desired file must be a mapping with the key covers, not a list"),
        ("covers:\n", "1:8: covers must be a mapping from asset IDs to snapshots, not an empty value"),
        ("covers: []\n", "1:9: covers must be a mapping from asset IDs to snapshots, not a list"),
        ("version: 2\n", "1:10: version must be 1, not 2"),
        ("version: '1'\n", '1:10: version must be 1, not the text "1"'),
        (
            "region: cn-north-4.evil.example/#\n",
            '1:9: region must look like cn-north-4, not the text "cn-north-4.evil.example/#"',
        ),
        ('region: "cn-north-4\\n"\n', '1:9: region must look like cn-north-4, not the text "cn-north-4\\n"'),
        ("project_id: 5\n", "1:13: project_id must be 32 hexadecimal digits, not 5"),
        ("reigon: x\n", '1:1: unknown key "reigon" at the top level; did you mean region?'),
        ("covers: {}\ncovers: {}\n", "2:1: the key covers is given twice; existing: c.yaml:1:1, new: c.yaml:2:1"),
        ("version: 1\n---\nversion: 1\n", "2:1: a second YAML document starts here; a file may contain only one"),
        ("version: 1\n...\ngarbage\n", "3:1: not valid YAML: did not find expected <document start>"),
        ("%TAG ! tag:x,2000:\n---\nversion: 1\n", "1:1: tags (here a %TAG directive) are not allowed"),
        ("%YAML 1.1\n%YAML 1.2\n---\nversion: 1\n", "2:1: not valid YAML: found duplicate %YAML directive"),
        *[
            (f"%YAML {other}\n---\nversion: 1\n", "1:1: not valid YAML: found incompatible YAML document")
            for other in ("1.0", "1.3", "2.0")
        ],
        ("covers: {abc: 1}\n", '1:10: an asset ID must be 32 hexadecimal digits, not "abc" (3 characters)'),
        ("covers: {~: 1}\n", '1:10: an asset ID must be 32 hexadecimal digits, not "~"'),
        (f'covers: {{"{A}\\n": 1}}\n', f'1:10: an asset ID must be 32 hexadecimal digits, not "{A}\\n"'),
    ],
)
def test_a_wrong_file(tmp_path: Path, text: str, problem: str) -> None:
    assert problems_of(tmp_path, text) == [problem]


def test_an_id_with_hyphens_gets_a_hint(tmp_path: Path) -> None:
    hyphens = f"{A[:8]}-{A[8:12]}-{A[12:16]}-{A[16:20]}-{A[20:]}"
    assert problems_of(tmp_path, f"covers: {{{hyphens}: 1}}\n")[0].endswith("; write it without hyphens")


def test_an_asset_given_twice_in_one_file_names_both_places(tmp_path: Path) -> None:
    assert problems_of(tmp_path, f"covers:\n  {A}: 0\n  {A.upper()}: 1\n") == [
        f"3:3: the asset {A} is given twice; existing: c.yaml:2:3, new: c.yaml:3:3"
    ]


def test_a_broken_first_entry_still_makes_the_second_a_duplicate(tmp_path: Path) -> None:
    found = problems_of(tmp_path, f"covers:\n  {A}: x\n  {A}: 1\n")
    assert found[1] == f"3:3: the asset {A} is given twice; existing: c.yaml:2:3, new: c.yaml:3:3"


def test_files_are_read_together(tmp_path: Path) -> None:
    first = write(tmp_path / "a.yaml", f"region: cn-north-4\ncovers: {{{A}: 0}}\n")
    second = write(tmp_path / "b.yml", f"region: cn-north-4\nproject_id: {DIGITS}\ncovers: {{{B}: 0}}\n")
    state = load([second, first])
    assert [cover.file for cover in state.covers] == ["b.yml", "a.yaml"]
    assert (state.region, state.project_id) == ("cn-north-4", DIGITS)


def test_conflicts_across_files_name_both_places(tmp_path: Path) -> None:
    first = write(tmp_path / "z.yaml", f"region: cn-north-4\nproject_id: {A}\ncovers: {{{A}: 0}}\n")
    second = write(tmp_path / "a.yaml", f"region: cn-east-2\nproject_id: {B}\ncovers: {{{A}: 0}}\n")
    with pytest.raises(DesiredError, match=r"^3 problems in the desired state$") as caught:
        load([first, second])
    region = "region is cn-east-2 here, but cn-north-4 in another file"
    project = f"project_id is {B} here, but {A} in another file"
    assert caught.value.problems == (
        Problem("a.yaml", 1, 9, f"{region}; existing: z.yaml:1:9, new: a.yaml:1:9"),
        Problem("a.yaml", 2, 13, f"{project}; existing: z.yaml:2:13, new: a.yaml:2:13"),
        Problem("a.yaml", 3, 10, f"the asset {A} is given twice; existing: z.yaml:3:10, new: a.yaml:3:10"),
    )


def test_all_problems_of_all_files_come_at_once_in_order_of_place(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", f"covers:\n  {A}:\n    note: [x]\n    frm: dots\n  {B}: [\n")
    write(tmp_path / "b.yaml", "version: 3\n")
    with pytest.raises(DesiredError) as caught:
        load(["a.yaml", "missing.yaml", "b.yaml"])
    assert [(p.file, p.line, p.column) for p in caught.value.problems] == [
        ("a.yaml", 2, 3),
        ("a.yaml", 3, 11),
        ("a.yaml", 4, 5),
        ("a.yaml", 5, 37),
        ("a.yaml", 6, 1),
        ("missing.yaml", 0, 0),
        ("b.yaml", 1, 10),
    ]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"# \xc3\xa9\r\nregion: \xff\n", "2:9: not UTF-8: unexpected byte 0xff"),
        ("\ufeff# é😀\x07\n".encode(), "1:5: the control character U+0007 is not allowed in YAML"),
        (b"a: \xc2\x80", "1:4: the control character U+0080 is not allowed in YAML"),
        (b"version: 1\n\0", "2:1: the control character U+0000 is not allowed in YAML"),
        (b"version: \xed\xa0\x80\n", "1:10: not UTF-8: unexpected byte 0xed"),
        (b"version: 1 # \xe6\xbc", "1:14: not UTF-8: unexpected byte 0xe6"),
        ("version: 1\n".encode("utf-16"), "1:1: not UTF-8 (this looks like UTF-16); save the file as UTF-8"),
        ("version: 1\n".encode("utf-16-le"), "1:1: not UTF-8 (this looks like UTF-16); save the file as UTF-8"),
        (b"version: 1\n\tregion: x\n", None),
        (b'region: "\\ud800"\n', "1:12: not valid YAML: found invalid Unicode character escape code, "),
        (b"version: !<%ED%A0%80> 1\n", "1:8: not valid YAML: this cannot be read"),
        (b"version: 1\nregion: [cn\n", None),
    ],
)
def test_bytes_that_are_no_yaml(tmp_path: Path, data: bytes, problem: str | None) -> None:
    found = problems_of(tmp_path, data)
    assert found[-1].startswith(problem if problem is not None else ("2:", "3:"))


def test_what_stands_before_a_bad_byte_is_checked_too(tmp_path: Path) -> None:
    found = problems_of(tmp_path, f"covers:\n  {A}: x\n  {B}: {{offset: 1}}\n  {DIGITS}: 1 # \xff".encode("latin-1"))
    assert [line.split(": ")[0] for line in found] == ["2:37", "4:41"]


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{a: " * 50_000, "- " * 50_000, "? " * 50_000, "covers: " + "[" * 50_000]
)
def test_deep_nesting_stops_early(tmp_path: Path, text: str) -> None:
    found = problems_of(tmp_path, text)
    assert len(found) < 20
    assert "nested too deeply" in found[-1]


def test_aliases_cannot_blow_up(tmp_path: Path) -> None:
    text = "a: &a [x, x]\n" + "".join(
        f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abc", "bcd", strict=True)
    )
    found = problems_of(tmp_path, text)
    assert len([line for line in found if "aliases" in line]) == 6
    assert len([line for line in found if "anchors" in line]) == 4


def test_text_in_messages_is_harmless_and_short(tmp_path: Path) -> None:
    for key in ('"\\e[31m::error::\\u202e"', "k" * 500):
        (found,) = problems_of(tmp_path, f"{key}: 1\n")
        assert found.isprintable()
        assert "::" not in found
        assert len(found) < 120


def test_a_flood_of_problems_ends_after_a_thousand(tmp_path: Path) -> None:
    found = problems_of(tmp_path, "covers:\n" + "".join(f"  x{number}: 1\n" for number in range(5000)))
    assert len(found) == 1000
    assert found[0].startswith("2:3: ")
    assert found[-1].startswith("1001:3: ")


def test_without_the_c_parser_loading_fails_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ruamel.yaml.cyaml", None)
    with pytest.raises(DesiredError, match=r"^The C parser of ruamel\.yaml cannot be imported$") as caught:
        state_of(tmp_path, "version: 1\n")
    assert "ruamel.yaml[oldlibyaml]" in caught.value.hint
