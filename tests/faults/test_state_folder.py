"""What is left in the state folder: the journal, the lock; and saved plans that the world has overtaken."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.command_line import Cloud, Ran, entries, run, spawn, video, videos, write
from support.processes import APPROVED, PATIENCE, PUT, Serve, Skipped, running

from reconciler.emulator import options as known
from reconciler.emulator.options import ALWAYS, EmulatorOptions, FaultRule

Records = list[dict[str, Any]]


def journal(state: Path) -> Records:
    return [json.loads(line) for line in (state / "journal.jsonl").read_text().splitlines()]


def kinds(state: Path) -> list[str]:
    return [record["kind"] for record in journal(state)]


def test_the_run_each_intent_and_each_outcome_are_written_down(serve: Serve, state: Path) -> None:
    found = serve(EmulatorOptions())
    write(entries(3, drifted=2))
    before = datetime.now(UTC)
    run(*APPROVED)
    records = journal(state)
    first = records[0]
    assert (first["kind"], first["endpoint"], first["project_id"]) == ("run", found.url, known.PROJECT_ID)
    assert first["user"]
    assert first["host"]
    assert before <= datetime.fromisoformat(first["at"]) <= datetime.now(UTC)
    content = Path("desired/covers.yaml").read_bytes()
    assert first["files"] == [{"file": "desired/covers.yaml", "sha256": hashlib.sha256(content).hexdigest()}]
    assert len({record["run"] for record in records}) == 1
    for item in videos(2):
        mine = [record for record in records[1:] if record["asset_id"] == item.asset_id]
        assert [record["kind"] for record in mine] == ["intent", "outcome"]
        assert mine[1]["outcome"] == "applied"
        assert mine[0]["before"]["index"] == item.shown
        assert mine[0]["after"]["index"] == item.other


def test_a_failure_is_written_down_with_its_reason(serve: Serve, state: Path) -> None:
    serve(EmulatorOptions(faults=(FaultRule("cover", "403", 1),)))
    write(entries(1, drifted=1))
    run(*APPROVED)
    [_, intent, outcome] = journal(state)
    assert (intent["kind"], outcome["outcome"]) == ("intent", "failed")
    assert "VOD.10074" in outcome["error"]


def test_the_intent_is_on_disk_before_the_put(serve: Serve, state: Path) -> None:
    """Whatever happens to the process then, it is known what it was about to do."""
    at_put: list[list[str]] = []
    serve(EmulatorOptions(), lambda request: at_put.append(kinds(state)) if request == PUT else None)
    write(entries(1, drifted=1))
    run(*APPROVED)
    assert at_put == [["run", "intent"]]


def test_an_intent_is_not_written_while_it_queues(serve: Serve, state: Path) -> None:
    """A journal full of intents that were never carried out would tell nothing."""
    second_put = threading.Event()
    seen: list[int] = []

    def watch(request: str) -> None:
        seen.append(request == PUT)
        if sum(seen) == 2:
            second_put.set()

    serve(EmulatorOptions(), watch)
    write(entries(8, drifted=8))
    with running(*APPROVED, "--write-quota", "2/minute"):
        assert second_put.wait(PATIENCE)
        assert kinds(state).count("intent") == 2


def test_a_run_without_changes_leaves_no_trace(serve: Serve, state: Path) -> None:
    serve(EmulatorOptions())
    write(entries(3))
    run(*APPROVED)
    assert journal(state) == []


def test_plan_and_audit_leave_nothing(serve: Serve, state: Path) -> None:
    serve(EmulatorOptions())
    write(entries(3, drifted=1))
    run("plan")
    run("audit")
    assert not state.exists()


def test_it_only_grows_and_is_its_owners_alone(serve: Serve, state: Path) -> None:
    serve(EmulatorOptions())
    write(entries(3, drifted=2))
    run(*APPROVED)
    first = (state / "journal.jsonl").read_bytes()
    write(entries(3))
    run(*APPROVED)
    second = (state / "journal.jsonl").read_bytes()
    assert second.startswith(first)
    assert len(second) > len(first)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in state.iterdir() if path.is_file()}
    assert modes["journal.jsonl"] == 0o600
    assert not any(mode & 0o077 for name, mode in modes.items() if name.startswith("journal"))


def test_a_torn_last_line_swallows_nothing(serve: Serve, state: Path, time_flies: Skipped) -> None:
    """A run that was killed while it wrote."""
    serve(EmulatorOptions(propagation=200))
    write(entries(3, drifted=2))
    run(*APPROVED)
    file = state / "journal.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    planned = run("plan", "--json").document["summary"]
    assert (planned["pending"], planned["update"]) == (1, 1)
    assert run(*APPROVED).code == 0
    again = run("plan", "--json").document["summary"]
    assert (again["pending"], again["update"]) == (2, 0)


def change(state: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    records = journal(state)
    for record in records:
        edit(record)
    (state / "journal.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


@pytest.mark.parametrize(
    "edit",
    [
        lambda record: record.update(at=(datetime.now(UTC) + timedelta(hours=1)).isoformat()),
        lambda record: record.update(at=(datetime.now(UTC) - timedelta(minutes=6)).isoformat()),
        lambda record: record.update(at="yesterday"),
        lambda record: record.update(at="2026-11-22T08:00:00"),
        lambda record: record.update(v=2),
        lambda record: record.update(after="a cover"),
        lambda record: record.update(asset_id=[]),
        lambda record: record.update(kind="planned"),
    ],
    ids=["from the future", "too old", "no time", "no zone", "newer format", "no cover", "no asset", "unknown kind"],
)
def test_records_that_cannot_be_believed_excuse_no_drift(
    serve: Serve, state: Path, edit: Callable[[dict[str, Any]], object]
) -> None:
    serve(EmulatorOptions(propagation=600))
    write(entries(2, drifted=1))
    run(*APPROVED)
    assert run("plan", "--detailed-exitcode").code == 0
    change(state, edit)
    ran = run("plan", "--detailed-exitcode")
    assert (ran.code, ran.err) == (2, "")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[]\nnull\n1e999\n", b"{" * 100_000, b"\n\n"])
def test_a_journal_of_nonsense_is_no_obstacle(serve: Serve, state: Path, content: bytes) -> None:
    serve(EmulatorOptions())
    state.mkdir()
    (state / "journal.jsonl").write_bytes(content)
    write(entries(2, drifted=1))
    ran = run(*APPROVED)
    assert (ran.code, ran.err) == (0, "")
    assert (state / "journal.jsonl").read_bytes().startswith(content)


def refused(found: Cloud, about: Path) -> Ran:
    """An apply that ended with an error about this path before its first PUT."""
    ran = run(*APPROVED, "--json")
    assert (ran.code, found.puts) == (1, 0)
    assert ran.document["error"]["type"] == "state"
    assert str(about) in ran.document["error"]["message"]
    return ran


def test_a_journal_that_is_a_link_is_not_followed(serve: Serve, state: Path, tmp_path: Path) -> None:
    found = serve(EmulatorOptions())
    write(entries(2, drifted=1))
    state.mkdir()
    target = tmp_path / "precious"
    target.write_text("not a journal")
    (state / "journal.jsonl").symlink_to(target)
    refused(found, state / "journal.jsonl")
    assert target.read_text() == "not a journal"


def test_a_journal_that_is_a_folder(serve: Serve, state: Path) -> None:
    found = serve(EmulatorOptions())
    write(entries(2, drifted=1))
    (state / "journal.jsonl").mkdir(parents=True)
    refused(found, state / "journal.jsonl")


def test_a_state_folder_that_is_a_file(serve: Serve, state: Path) -> None:
    found = serve(EmulatorOptions())
    write(entries(2, drifted=1))
    state.write_text("in the way")
    refused(found, state)


def test_a_disk_that_is_full_stops_further_puts(serve: Serve, state: Path) -> None:
    """Without a journal nothing may be changed: the limit stands in for the disk."""
    found = serve(EmulatorOptions(assets=40, cover_mode="reference"))
    write(entries(40, drifted=40))
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        " resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000));"
        " from reconciler.__main__ import main; sys.argv[0] = 'reconcile'; main()"
    )
    ran = python(code, *APPROVED, "--json", "--parallelism", "2")
    assert ran.code == 1
    counts = ran.document["summary"]
    assert counts["applied"] == found.puts < 20
    assert counts["not_attempted"] == 40 - counts["applied"] - counts["failed"]
    errors = [result["error"]["type"] for result in ran.document["results"] if result["outcome"] == "failed"]
    assert set(errors) <= {"state"}


def python(code: str, *arguments: str) -> Ran:
    """Runs Python code as `reconcile` is run."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, timeout=60, stdin=subprocess.DEVNULL
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_of_two_applies_at_once_the_second_is_told_who_the_first_is(serve: Serve, state: Path) -> None:
    put = threading.Event()
    found = serve(
        EmulatorOptions(faults=(FaultRule("cover", "hang", ALWAYS),)),
        lambda request: put.set() if request == PUT else None,
    )
    write(entries(2, drifted=1))
    with running(*APPROVED) as first:
        assert put.wait(PATIENCE)
        second = spawn(*APPROVED, "--json")
        assert (second.code, found.puts) == (1, 0)
        message = second.document["error"]["message"]
        assert "Another apply is running" in message
        assert f"process {first.pid}" in message
        assert second.document["error"]["type"] == "state"
        assert run("plan", "--detailed-exitcode").code == 2, "a plan need not wait"


def test_the_lock_goes_with_its_process(serve: Serve) -> None:
    put = threading.Event()
    serve(
        EmulatorOptions(faults=(FaultRule("cover", "hang", 1),)),
        lambda request: put.set() if request == PUT else None,
    )
    write(entries(2, drifted=1))
    with running(*APPROVED):
        assert put.wait(PATIENCE)
    assert run(*APPROVED).code == 0


def saved(wanted: dict[str, str]) -> None:
    write(wanted)
    assert run("plan", "--out", "plan.json").code == 0


def executed(*more: str) -> tuple[int, list[str]]:
    ran = run("apply", "--plan", "plan.json", "--json", "--force", *more)
    return ran.code, [result["outcome"] for result in ran.document["results"]]


MODES = pytest.mark.parametrize("mode", ["copy", "reference", "recode"])


@MODES
def test_a_cover_that_changed_since_the_plan_is_stale_and_not_touched(serve: Serve, mode: Any) -> None:
    found = serve(EmulatorOptions(cover_mode=mode))
    saved(entries(3, drifted=3))
    theirs = b"\xff\xd8\xff a picture of their own"
    found.upload(video(1).asset_id, theirs)
    assert executed() == (1, ["applied", "stale", "applied"])
    assert found.puts == 2
    assert found.covers()[video(1).asset_id] == ""


def test_a_copied_cover_that_became_another_snapshot_is_stale(serve: Serve) -> None:
    """The URL is what it was: only the bytes tell."""
    found = serve(EmulatorOptions())
    item = video(0)
    saved({item.asset_id: item.drifted()})
    third = (item.other + 1) % item.count
    write({item.asset_id: f"{{snapshot: {third}, from: {item.set}}}"})
    run(*APPROVED)
    assert executed() == (1, ["stale"])
    assert found.puts == 1


@MODES
def test_a_cover_that_is_as_wanted_already_is_left_alone(serve: Serve, mode: Any) -> None:
    found = serve(EmulatorOptions(cover_mode=mode))
    saved(entries(2, drifted=2))
    run(*APPROVED, "--wait")
    assert executed() == (0, ["unchanged", "unchanged"])
    assert found.puts == 2


@MODES
def test_an_index_that_names_another_picture_now_is_stale(serve: Serve, tmp_path: Path, mode: Any) -> None:
    """Snapshots were taken anew, with one more before the wanted one."""
    found = serve(EmulatorOptions(cover_mode=mode))
    item = video(1)
    saved({item.asset_id: "{snapshot: 2, from: sample}", **entries(1, drifted=1)})
    with closing(sqlite3.connect(tmp_path / "served.sqlite")) as database, database:
        [[text]] = database.execute("SELECT sets FROM assets WHERE asset_id = ?", (item.asset_id,))
        sets = json.loads(text)
        offsets = sorted(sets["sample"])
        sets["sample"] = [offsets[0], *(offset + 1 for offset in offsets[1:])]
        database.execute("UPDATE assets SET sets = ? WHERE asset_id = ?", (json.dumps(sets), item.asset_id))
    assert executed() == (1, ["stale", "applied"])
    assert found.puts == 1


def test_a_stale_change_says_what_to_do(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    saved(entries(1, drifted=1))
    found.upload(video(0).asset_id, b"\xff\xd8\xff theirs")
    ran = run("apply", "--plan", "plan.json", "--force")
    assert ran.code == 1
    told = " ".join(ran.out.split())  # messages are wrapped
    assert re.search(r"Since the plan the cover has changed .* It was not touched: plan again\.", told)


def test_the_files_are_not_read_for_a_saved_plan_but_the_plan_is_in_the_journal(serve: Serve, state: Path) -> None:
    serve(EmulatorOptions())
    saved(entries(1, drifted=1))
    Path("desired/covers.yaml").unlink()
    assert executed() == (0, ["applied"])
    content = Path("plan.json").read_bytes()
    assert journal(state)[0]["files"] == [{"file": "plan.json", "sha256": hashlib.sha256(content).hexdigest()}]
