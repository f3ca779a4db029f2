"""Edits of desired files, case by case: what is meant changes, and nothing else."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from reconciler.desired.edit import with_entries, with_numbers
from reconciler.desired.load import load
from reconciler.desired.render import NewEntry, fresh_file
from reconciler.errors import DesiredError
from reconciler.model import DesiredState

A, B, C, D = "a" * 32, "b" * 32, "0123456789" * 3 + "01", "1234567890123456e789012345678901"
NEW = (
    NewEntry(C, 0, title="新手入门：第一课 #1"),
    NewEntry(D, 2, "dots", title="Opening: keynote"),
    NewEntry("c" * 32, None, title="Safety", reason="its cover is none of its snapshots"),
)
BLOCK = f"""\
  {C}: 0  # 新手入门：第一课 #1
  {D}:  # Opening: keynote
    snapshot: 2
    from: dots
  {"c" * 32}:  # Safety
    ignore: true  # its cover is none of its snapshots
"""
FLOW = f"""\
  {C}: 0,  # 新手入门：第一课 #1
  {D}: {{snapshot: 2, from: dots}},  # Opening: keynote
  {"c" * 32}: {{ignore: true}}  # Safety; its cover is none of its snapshots
"""


def loaded(tmp_path: Path, data: bytes) -> DesiredState:
    file = tmp_path / "covers.yaml"
    file.write_bytes(data)
    return load([str(file)])


def text_of(error: DesiredError) -> str:
    places = [f"{item.file}:{item.line}:{item.column}: {item.message}" for item in error.problems]
    return "\n".join(places or [error.message])


def edited(text: str, numbers: dict[str, int]) -> str:
    return with_numbers(text.encode(), numbers)[0].decode()


def added(text: str, *entries: NewEntry) -> str:
    return with_entries(text.encode(), entries).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"covers:\n  {A}: 0  # the logo\n", f"covers:\n  {A}: 12  # the logo\n"),
        (f"covers:\n  {A.upper()}:   -3", f"covers:\n  {A.upper()}:   12"),
        (f"\ufeff# é😀\r\ncovers:\r\n  '{A}': -1\r\n", f"\ufeff# é😀\r\ncovers:\r\n  '{A}': 12\r\n"),
        (f'{{"covers": {{"{B}": 7,"{A}":7}}}}', f'{{"covers": {{"{B}": 7,"{A}":12}}}}'),
        (
            f"covers:\n  {A}: {{ note: 'offset: 7', offset: 7 , from: sample}} # 7\n",
            f"covers:\n  {A}: {{ note: 'offset: 7', offset: 12 , from: sample}} # 7\n",
        ),
        (
            f"covers:\n  ? {A}\n  : note: |\n      7\n    snapshot:\n      7 # 7\n    from: dots\n",
            f"covers:\n  ? {A}\n  : note: |\n      7\n    snapshot:\n      12 # 7\n    from: dots\n",
        ),
        (
            f"# \x85 \u2028 \u2029 7\ncovers:\n  {A}: {{ignore: true, snapshot: 7}}\n",
            f"# \x85 \u2028 \u2029 7\ncovers:\n  {A}: {{ignore: true, snapshot: 12}}\n",
        ),
    ],
    ids=["flat", "upper case", "mark and CRLF", "JSON", "flow", "spelled out", "other line ends"],
)
def test_exactly_the_number_changes(before: str, after: str) -> None:
    assert edited(before, {A: 12}) == after


def test_several_numbers_at_once_whatever_the_order_they_are_given_in() -> None:
    before = f"covers:\n  {A}: 1\n  {B}: 22\n  {C}: 333\n"
    assert edited(before, {C: 0, A: 4444}) == f"covers:\n  {A}: 4444\n  {B}: 22\n  {C}: 0\n"
    assert edited(before, {}) == before


def test_where_the_numbers_stand() -> None:
    text = f"covers:\n  {A.upper()}: 1\n  {B}: {{snapshot: 0}}\n  {C}:\n    offset: 5\n  {D}: {{ignore: true}}\n"
    assert with_numbers(text.encode(), {A: 9, B: 9, C: 9})[1] == {A: "index", B: "snapshot", C: "offset"}
    assert with_numbers(text.encode(), {B: 9})[1] == {B: "snapshot"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"covers:\n  {B}: 0\n", f"my.yaml: there is no entry for asset {A}"),
        (f"region: cn-north-4\n# {A}: 0\n", "there is no entry"),
        (f"covers:\n  {A}:\n    ignore: true\n", f"my.yaml: the entry of asset {A} has no number to change"),
        (f"covers:\n  {A}: '0'\n", "has no number"),
        (f"covers:\n  {A}: [0]\n", "my.yaml:2:37: this is not valid in a desired file"),
        (f"covers:\n  {A}: *x\n", "my.yaml:2:37: this is not valid in a desired file"),
        (f"covers:\n  {A}: {{snapshot: {{a: 0}}}}\n", "my.yaml:2:48: this is not valid in a desired file"),
        (f"- {A}\n", "my.yaml:1:1: this is not valid in a desired file"),
        (f"covers: {{{A}: 0", "my.yaml:2:1: not valid YAML"),
        ("", "my.yaml:1:1: this file is empty"),
    ],
)
def test_what_cannot_be_edited_is_said(text: str, said: str) -> None:
    with pytest.raises(DesiredError) as caught:
        with_numbers(text.encode(), {A: 12}, file="my.yaml")
    assert said in text_of(caught.value)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"covers:\n  {A}: 0\n", f"covers:\n  {A}: 0\n{BLOCK}"),
        (f"covers:\n  {A}: 0 # last", f"covers:\n  {A}: 0 # last\n{BLOCK.rstrip()}"),
        (
            f"covers:\n  {A}: 0\n  {B}:\n    offset: 3\n    # of {B[:2]}\n  # after\n\nregion: cn-north-4\n",
            f"covers:\n  {A}: 0\n  {B}:\n    offset: 3\n    # of {B[:2]}\n{BLOCK}  # after\n\nregion: cn-north-4\n",
        ),
        (
            f"covers:\r\n      {A}: 0\r\n# end\r\n...\r\n",
            "covers:\r\n      {}: 0\r\n{}# end\r\n...\r\n".format(
                A, textwrap.indent(BLOCK, "    ").replace("\n", "\r\n")
            ),
        ),
        (
            f"covers:\n  {A}:\n    offset: 3\n    note: |+\n      text\n\n# end\n",
            f"covers:\n  {A}:\n    offset: 3\n    note: |+\n      text\n\n{BLOCK}# end\n",
        ),
        (f"\ufeffcovers:\n  {A}: {{offset: 3\n   }} # é\n", f"\ufeffcovers:\n  {A}: {{offset: 3\n   }} # é\n{BLOCK}"),
        ("region: cn-north-4", f"region: cn-north-4\ncovers:\n{BLOCK.rstrip()}"),
        ("covers: {}\n", f"covers:\n{BLOCK}"),
        ("\ufeffcovers :  { }  # none yet\r\nversion: 1\r\n",
         "\ufeffcovers :  # none yet\r\n{}version: 1\r\n".format(BLOCK.replace("\n", "\r\n"))),
        ("version: 1\n\"covers\": {}", f"version: 1\n\"covers\":\n{BLOCK.rstrip()}"),
        ("covers:\n  {}\n", f"covers:\n  {{\n{textwrap.indent(FLOW, '  ')}    }}\n"),
        ("{covers: {}}\n", f"{{covers: {{\n{FLOW}  }}}}\n"),
        ("covers: { # none\n}", f"covers: {{ # none\n{FLOW}}}"),
        (f"covers: {{{A}: 0 }} # c\n", f"covers: {{{A}: 0, \n{FLOW}  }} # c\n"),
        (
            f"covers: {{\n    {A}: 0,\n    {B}: 1 # b, the last\n    }}\nversion: 1\n",
            "covers: {{\n    {}: 0,\n    {}: 1, # b, the last\n{}    }}\nversion: 1\n".format(
                A, B, textwrap.indent(FLOW, "  ")
            ),
        ),
        (f"{{covers: {{{A}: {{offset: 3}},}}}}\n", f"{{covers: {{{A}: {{offset: 3}},\n{FLOW}  }}}}\n"),
    ],
    ids=[
        "block", "no line end", "comments", "CRLF", "text block", "mark", "no covers", "empty",
        "empty with mark and CRLF", "empty at the end", "empty below", "empty in flow style", "empty with comment",
        "flow on one line", "flow on lines", "trailing comma",
    ],
)  # fmt: skip
def test_entries_are_put_behind_the_last_one(before: str, after: str, tmp_path: Path) -> None:
    assert added(before, *NEW) == after
    old = loaded(tmp_path, before.encode())
    new = loaded(tmp_path, after.encode())
    assert (new.region, new.covers[: len(old.covers)]) == (old.region, old.covers)
    assert [(entry.asset_id, entry.set, entry.index, entry.ignore) for entry in new.covers[len(old.covers) :]] == [
        (C, "sample", 0, False),
        (D, "dots", 2, False),
        ("c" * 32, "sample", None, True),
    ]


def test_nothing_to_add_changes_nothing() -> None:
    assert added("covers: {}") == "covers: {}"


def test_whether_entries_could_be_added_is_known_without_any() -> None:
    with pytest.raises(DesiredError) as caught:
        with_entries(b"# ours\n  {version: 1}\n", (), file="my.yaml")
    assert text_of(caught.value) == "my.yaml:2:3: this file has no covers key; add `covers: {}`"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"covers:\n  {A}: 0\n  {C}: 3\n", f"there is already an entry for asset {C}"),
        ("{version: 1}\n", "this file has no covers key"),
        ("covers:\n", "this is not valid in a desired file"),
    ],
)
def test_where_entries_cannot_be_added(text: str, said: str) -> None:
    with pytest.raises(DesiredError) as caught:
        added(text, *NEW)
    assert said in text_of(caught.value)


def test_a_new_file(tmp_path: Path) -> None:
    text = fresh_file(NEW, "cn-north-4", "0123456789abcdef0123456789abcdef", ["Written by hand.", "", "x\ny"])
    assert text == (
        "# Written by hand.\n#\n# x\\ny\nversion: 1\nregion: cn-north-4\n"
        f"project_id: 0123456789abcdef0123456789abcdef\ncovers:\n{BLOCK}"
    )
    state = loaded(tmp_path, text.encode())
    assert (state.region, state.project_id) == ("cn-north-4", "0123456789abcdef0123456789abcdef")
    assert [entry.asset_id for entry in state.covers] == [C, D, "c" * 32]


def test_a_new_file_with_nothing_in_it(tmp_path: Path) -> None:
    text = fresh_file((), None, C)
    assert text == f'version: 1\nproject_id: "{C}"\ncovers: {{}}\n'
    assert loaded(tmp_path, text.encode()).project_id == C


def test_titles_that_would_break_out() -> None:
    title = "a\n  b: 1\r\x85\u2028\ufffe\ud800\x1b[31m ::error:: auth_key=17-0-0-abc \u202e" + "x" * 500
    [line] = fresh_file([NewEntry(A, 0, title=title)], None, None).splitlines()[2:]
    assert line.startswith(f"  {A}: 0  # a\\n  b: 1\\r\\x85\\u2028\ufffd\\ud800\\x1b[31m : :error: : auth_key=*** ")
    assert len(line) < 260
