"""history: what the journal of this project tells of its runs, newest first, whatever else stands in it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from support.command_line import TRACEBACK, Cloud, entries, run, video, write

from reconciler.documents import write as documents
from reconciler.documents.history import history_document
from reconciler.emulator import ODD
from reconciler.emulator.options import EmulatorOptions, FaultRule
from reconciler.report.text_history import render as history_text
from reconciler.state.runs import Runs

Serve = Callable[[EmulatorOptions], Cloud]
APPLY = ("apply", "--auto-approve", "--force")
GOLDEN = Path(__file__).parents[1] / "golden"
ENDPOINT, PROJECT = "https://vod.cn-north-4.myhuaweicloud.com", "0123456789abcdef0123456789abcdef"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.jsonl"


def test_without_a_journal_it_says_so_and_creates_none(serve: Serve, journal: Path) -> None:
    serve(EmulatorOptions())
    ran = run("history")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("No runs yet. ")
    assert not journal.parent.exists()
    assert run("history", "--json").document["runs"] == []


def test_runs_are_listed_newest_first_with_what_came_of_them(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions(faults=(FaultRule("cover", "403", 1, video(2).asset_id),)))
    write(entries(3, drifted=3))
    began = datetime.now(UTC).replace(microsecond=0)
    run(*APPLY)
    run("rollback", "--auto-approve")
    document = run("history", "--json").document
    assert (document["format_version"], document["kind"], document["endpoint"]) == ("1.1", "history", found.url)
    second, first = document["runs"]
    assert began <= datetime.fromisoformat(first["at"]) <= datetime.fromisoformat(second["at"])
    assert first["summary"] == {
        "applied": 2,
        "restored": 0,
        "failed": 1,
        "stale": 0,
        "unchanged": 0,
        "not_finished": 0,
    }
    assert (first["files"], first["finished"], "rollback_of" in first) == (["desired/covers.yaml"], True, False)
    assert (second["rollback_of"], second["files"]) == (first["run"], [])
    assert first["user"]
    assert first["host"]
    ran = run("history")
    assert ran.lines[1].startswith(second["run"])
    assert f"  rollback of {first['run']}" in ran.lines
    assert all(len(line) <= 80 for line in ran.lines)
    assert run("history", "--quiet").lines == [ran.lines[0], *(line for line in ran.lines if line.startswith("20"))]


def test_a_killed_run_is_not_finished(serve: Serve, journal: Path) -> None:
    serve(EmulatorOptions())
    write(entries(3, drifted=3))
    run(*APPLY)
    lines = journal.read_text().splitlines(keepends=True)
    kept = [line for line in lines if '"kind":"outcome"' not in line]
    journal.write_text("".join(kept) + lines[-1][:40])
    [found] = run("history", "--json").document["runs"]
    assert (found["finished"], found["summary"]["not_finished"], found["summary"]["applied"]) == (False, 3, 0)
    assert "  3 not finished: they may have been applied" in run("history").lines


def test_a_custom_cover_and_a_project_looked_up_change_nothing(emulator: str) -> None:
    write({ODD["custom_cover"]: "0"})
    run(*APPLY, "--endpoint", emulator)
    assert len(run("history", "--endpoint", emulator, "--json").document["runs"]) == 1


def test_what_the_journal_says_cannot_break_out(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions())
    evil = "\x1b[31m::error::\n\u202e" + "x" * 5000
    head = {"v": 1, "endpoint": found.url, "project_id": "00e0e0e0e0e0e0e0e0e0e0e0e0e0e000"}
    about = {"user": evil, "host": evil, "revision": evil, "files": [{"file": evil}, {"file": 5}, None]}
    records: list[dict[str, Any]] = [
        {**head, "kind": "run", "run": evil[:40], "at": "0001-01-01T00:00:00+14:00", **about, "rollback_of": evil},
        {**head, "kind": "run", "run": "r2", "at": 5, "user": [], "host": {}, "revision": 1e999, "files": "x"},
        {**head, "kind": "run", "run": ["r3"], "at": None},
        {**head, "kind": "outcome", "run": "r4", "asset_id": [], "outcome": "applied"},
        {**head, "kind": "run", "run": "\ud800", "at": None},
    ]
    journal.parent.mkdir()
    journal.write_bytes(
        b"\xff\xfe\n[]\n" + b"".join(json.dumps(record).encode() + b"\n" for record in records) + b'{"v":1,'
    )
    ran = run("history")
    assert (ran.code, TRACEBACK in ran.err) == (0, False)
    assert not re.search(r"\x1b|\u202e|::", ran.out)
    assert all(len(line) <= 80 for line in ran.lines)
    assert [item["run"] for item in run("history", "--json").document["runs"]] == ["r4", "r2", evil[:40]]


def test_a_journal_that_cannot_be_read_is_one_error(serve: Serve, journal: Path) -> None:
    serve(EmulatorOptions())
    journal.mkdir(parents=True)
    ran = run("history", "--json")
    assert (ran.code, ran.document["error"]["type"]) == (1, "state")


def test_who_is_locked_out_sees_what_was_done(serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = serve(EmulatorOptions())
    write(entries(2, drifted=1))
    # The folder by endpoint and project, as most have it.
    monkeypatch.delenv("RECONCILE_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    run(*APPLY)
    [done] = run("history", "--json").document["runs"]
    asked = len(found.requests())
    monkeypatch.delenv("HUAWEICLOUD_SDK_AK")
    ran = run("history", "--json")
    assert (ran.code, ran.document["runs"]) == (0, [done])
    monkeypatch.delenv("HUAWEICLOUD_SDK_SK")
    assert run("history", "--json").document["runs"] == [done]
    monkeypatch.delenv("RECONCILE_ENDPOINT")
    assert run("history", "--region", "cn-north-4", "--json").document["runs"] == []
    assert len(found.requests()) == asked
    monkeypatch.delenv("HUAWEICLOUD_SDK_PROJECT_ID")
    unknown = run("history", "--endpoint", found.url, "--region", "cn-north-4")
    assert (unknown.code, "No credentials" in unknown.err) == (1, True)


def golden_journal(folder: Path) -> None:
    """Four runs: a plain one, one that failed here and there, a rollback, and one that was killed."""
    head = {"v": 1, "endpoint": ENDPOINT, "project_id": PROJECT}
    cover = {"url": "https://cdn.example.com/x.jpg"}
    names = [f"desired/{name}.yaml" for name in ("a", "b", "c", "d", "e")]
    told = [
        ("20260301T120000Z-aaaaaa", names[:1], None, ["applied"] * 1234),
        ("20260302T093000Z-bbbbbb", names, None, ["applied", "failed", "stale", "unchanged", "failed"]),
        ("20260302T094500Z-cccccc", [], "20260301T120000Z-aaaaaa", ["applied"] * 17),
        ("20260303T000001Z-dddddd", names[:2], None, ["applied", "", ""]),
    ]
    with (folder / "journal.jsonl").open("w") as file:
        for run_id, files, undone, outcomes in told:
            at = datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).isoformat()
            first: dict[str, Any] = {
                "kind": "run",
                "user": "王小明" if undone else "alice",
                "host": "build-host-with-a-long-name.example.com" if undone else "laptop",
                "revision": None if undone else "8e66d1f0c0ffee0000000000000000000000cafe",
                "files": [{"file": name, "sha256": None} for name in files],
                **({"rollback_of": undone} if undone else {}),
            }
            records = [first]
            for number, outcome in enumerate(outcomes):
                about = {"asset_id": f"{number:032x}", "before": cover, "after": cover}
                records.append({"kind": "intent", **about})
                records += [{"kind": "outcome", **about, "outcome": outcome}] if outcome else []
            for record in records:
                file.write(json.dumps({**head, "run": run_id, "at": at, **record}) + "\n")


def test_the_text_is_aligned_within_80_columns(tmp_path: Path) -> None:
    golden_journal(tmp_path)
    origin = documents.Origin(ENDPOINT, "cn-north-4", PROJECT, datetime(2026, 3, 3, tzinfo=UTC))
    text = history_text(history_document(Runs(tmp_path, ENDPOINT, PROJECT).all(), origin))
    file = GOLDEN / "history.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8", newline="\n")
    assert text == file.read_bytes().decode(), "differs: if that is meant, run with UPDATE_GOLDEN=1"
    assert max(map(cell_len, text.splitlines())) <= 80
