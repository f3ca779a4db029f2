"""validate: all that is wrong, with its place, offline."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import DIGITS, TRACEBACK, WITH_AN_E, entries, run, video, write

from reconciler.emulator.options import SECRET_KEY

BROKEN = """\
covers:
  6e76f92034ceae2fcdcef9413221511f: "3"
  41cff636d5b12a51e7eb2838bbf45201: {snapshot: 1, offset: 2}
  nonsense: 1
  67d1470893419bfcb9663103dd8a66ac: {snapshot: true}
colour: red
"""


def test_a_valid_state_is_counted() -> None:
    write({DIGITS: "0", WITH_AN_E: "-1"}, to="desired/a.yaml")
    write(entries(1), to="desired/b/b.yml", head="version: 1\nregion: cn-north-4\n")
    ran = run("validate")
    assert (ran.code, ran.out, ran.err) == (0, "Success! The desired state is valid: 2 files, 3 covers.\n", "")
    assert run("validate", "--json").document == {
        "format_version": "1.0",
        "kind": "validate",
        "files": 2,
        "covers": 3,
    }


def test_all_problems_at_once_with_their_places() -> None:
    Path("broken.yaml").write_text(BROKEN)
    ran = run("validate", "broken.yaml")
    assert (ran.code, ran.out) == (1, "")
    told = ran.err.splitlines()
    places = [line.split(": ")[0] for line in told[:-1]]
    assert places == [
        "broken.yaml:2:37",
        "broken.yaml:3:3",
        "broken.yaml:4:3",
        "broken.yaml:5:48",
        "broken.yaml:6:1",
    ]
    assert told[-1] == "Error: 5 problems in the desired state"


def test_the_same_as_json() -> None:
    Path("broken.yaml").write_text(BROKEN)
    ran = run("validate", "broken.yaml", "--json")
    error = ran.document["error"]
    assert (ran.code, ran.document["kind"], error["type"]) == (1, "error", "desired_state")
    assert [(p["file"], p["line"], p["column"]) for p in error["problems"]] == [
        ("broken.yaml", 2, 37),
        ("broken.yaml", 3, 3),
        ("broken.yaml", 4, 3),
        ("broken.yaml", 5, 48),
        ("broken.yaml", 6, 1),
    ]
    assert all(problem["message"] for problem in error["problems"])


def test_an_asset_in_two_files_is_told_with_both_places() -> None:
    write({DIGITS: "0"}, to="desired/a.yaml")
    write({DIGITS: "0"}, to="desired/b.yaml")
    ran = run("validate")
    assert ran.code == 1
    assert "desired/b.yaml:2:3: " in ran.err
    assert "existing: desired/a.yaml:2:3" in ran.err
    assert "new: desired/b.yaml:2:3" in ran.err


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"\xff\xfe\x00",
        b"covers: &a {}\n",
        b"covers: {}\n---\ncovers: {}\n",
        b"[" * 5000,
        b"covers: !!python/object:os.system {}\n",
        b"version: 2\ncovers: {}\n",
        b"covers:\n\t6e76f92034ceae2fcdcef9413221511f: 0\n",
        b"region: evil.example/#\ncovers: {}\n",
        b"project_id: ../../x\ncovers: {}\n",
    ],
    ids=["empty", "nul", "utf-16", "anchor", "two documents", "deep", "tag", "version", "tab", "region", "project"],
)
def test_whatever_the_bytes_it_is_told_and_there_is_no_traceback(content: bytes) -> None:
    Path("x.yaml").write_bytes(content)
    ran = run("validate", "x.yaml", "--json")
    assert ran.code == 1
    assert {problem["file"] for problem in ran.document["error"]["problems"]} == {"x.yaml"}
    assert TRACEBACK not in ran.err


def test_targets_are_matched_by_id_alone() -> None:
    write(entries(5))
    assert run("validate", "--target", "6e76*", "--json").document["covers"] == 1
    ran = run("validate", "--target", video(0).title)
    assert ran.code == 1
    assert "Nothing matches" in ran.err


def test_neither_network_nor_credentials_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECONCILE_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK", SECRET_KEY)
    write(entries(5))
    assert run("validate").code == 0


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_report_can_go_to_a_file(form: list[str]) -> None:
    write(entries(5))
    printed = run("validate", *form).out
    assert run("validate", *form, "--output", "report").out == ""
    assert Path("report").read_text() == printed


def test_the_first_thousand_problems_are_in_the_json() -> None:
    write({f"{number:032x}": "wrong" for number in range(999)})
    ran = run("validate", "not-there", "desired", "--json")
    found = ran.document["error"]["problems"]
    assert (ran.code, len(found)) == (1, 1000)
    assert ran.document["error"]["message"] == "1,000 problems in the desired state"
    assert ("not-there", 1, 1) in [(item["file"], item["line"], item["column"]) for item in found]
    assert all(item["line"] >= 1 and item["column"] >= 1 for item in found)
