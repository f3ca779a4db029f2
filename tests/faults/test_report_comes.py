"""Whatever happens after the first PUT, the report comes; and what could not be written down is named."""

from __future__ import annotations

import os
import pty
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.command_line import TRACEBACK, entries, run, video, write
from support.processes import APPROVED, ME, PATIENCE, PUT, Moment, Serve, Trigger, running

from reconciler.act import attempt as act
from reconciler.decide.precondition import PlannedChange, revisit
from reconciler.emulator.options import EmulatorOptions

FULL = "File too large"
"""The error of a file-size limit, which stands in for a full disk."""


def fill_disk(pid: int) -> None:
    """No file of this process can grow any more."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, 1))


def test_a_disk_that_is_full_from_the_start_is_an_error_of_the_state(serve: Serve, state: Path) -> None:
    found = serve(EmulatorOptions())
    write(entries(1, drifted=1))
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));"
        " from reconciler.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *APPROVED, "--json"], capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, found.puts) == (1, 0)
    assert '"type": "state"' in done.stdout
    assert f"The journal {state / 'journal.jsonl'} cannot be written: {FULL}" in done.stderr


def test_what_could_not_be_written_to_the_journal_is_named(serve: Serve, state: Path) -> None:
    """The disk is full when the last record is to be written: everything else went well."""
    trigger = Trigger(Moment(PUT, 1))
    found = serve(EmulatorOptions(cover_mode="reference"), trigger)
    write(entries(1, drifted=1))
    with running(*APPROVED, "--json") as process:
        trigger.does(lambda: fill_disk(process.pid))
        ran = process.ended()
    assert (ran.code, found.puts) == (1, 1)
    [result] = ran.document["results"]
    assert (result["outcome"], result["verified"], result["error"]["type"]) == ("applied", None, "state")
    assert f"The journal {state / 'journal.jsonl'} cannot be written: {FULL}" in result["error"]["message"]


@pytest.mark.parametrize("more", [(), ("--output", "report.txt"), ("--html", "report.html")], ids=str)
def test_a_working_folder_that_was_deleted_loses_no_report(serve: Serve, more: tuple[str, ...]) -> None:
    here = Path.cwd()
    found = serve(EmulatorOptions(), lambda request: shutil.rmtree(here) if request == PUT and here.exists() else 0)
    write(entries(3, drifted=3))
    ran = run(*APPROVED, *more, terminal=True)
    assert (ran.code, found.puts) == (1 if more else 0, 3)
    assert "Apply complete! Resources: 0 added, 3 changed, 0 destroyed." in ran.out
    assert TRACEBACK not in ran.err
    assert "Internal error" not in ran.err


@pytest.mark.parametrize("verb", ["plan", "validate", "audit", "apply", "history"])
def test_without_a_working_folder_there_is_a_clear_error(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    serve(EmulatorOptions())
    monkeypatch.setenv("RECONCILE_STATE_DIR", "state")
    shutil.rmtree(Path.cwd())
    ran = run(verb, terminal=True)
    assert ran.code == 1
    assert "Internal error" not in ran.err


def test_connections_that_cannot_be_closed_lose_no_report(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    close = httpx.AsyncClient.__aexit__

    async def broken(client: httpx.AsyncClient, *error: Any) -> None:
        await close(client, *error)
        raise OSError("gone")

    serve(EmulatorOptions())
    write(entries(2, drifted=2))
    monkeypatch.setattr(httpx.AsyncClient, "__aexit__", broken)
    ran = run(*APPROVED)
    assert ran.code == 0
    assert "Apply complete!" in ran.out
    assert "Warning: a connection could not be closed: OSError" in ran.err


def test_an_error_that_nobody_foresaw_is_that_of_its_asset(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    found = serve(EmulatorOptions())
    write(entries(3, drifted=3))

    def failing(change: PlannedChange, *more: object) -> object:
        if change.desired.asset_id == video(1).asset_id:
            raise KeyError("not foreseen")
        return revisit(change, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(act, "revisit", failing)
    ran = run(*APPROVED, "--json")
    assert (ran.code, found.puts) == (1, 2)
    assert [result["outcome"] for result in ran.document["results"]] == ["applied", "failed", "applied"]
    assert ran.document["results"][1]["error"]["type"] == "internal"


def test_a_terminal_that_goes_away_stops_no_apply(serve: Serve) -> None:
    """The progress bar is written to it."""
    ours, theirs = pty.openpty()
    trigger = Trigger(Moment(PUT, 2))
    trigger.does(lambda: os.close(ours))
    found = serve(EmulatorOptions(cover_mode="reference"), trigger)
    write(entries(8, drifted=8))
    command = [*ME, *APPROVED, "--json", "--parallelism", "1"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        out, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, found.puts) == (0, 8)
    assert b'"applied": 8' in out
