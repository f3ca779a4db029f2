"""Faults that were found in use and in review, shown with the whole program; more in unit/test_regressions.py."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import create_server
from typing import Any

import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from support.command_line import TRACEBACK, Ran, entries, run, serving, spawn, video, videos, write
from support.processes import APPROVED, PUT, Serve, accepted, files_under, free_port, running

from reconciler.emulator import ODD
from reconciler.emulator import options as known
from reconciler.emulator.app import create_app
from reconciler.emulator.options import EmulatorOptions
from reconciler.emulator.pictures import drawn
from reconciler.model import Rate
from reconciler.util.clock import SystemClock
from reconciler.vod.rate_limit import Window
from reconciler.vod.redis_rate_limit import SharedStore, SharedWindow

from .test_interrupts import INTERRUPTED, SIGNALS, Moment, Trigger

ME = (sys.executable, "-m", "reconciler")
CUSTOM = ODD["custom_cover"]
SECRET = "TOPSECRET0123456789"


def journal(state: Path, kind: str) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in (state / "journal.jsonl").read_text().splitlines()]
    return [record for record in records if record["kind"] == kind]


# Waiting


def test_a_state_folder_that_fails_while_waiting_loses_no_result(serve: Serve, state: Path) -> None:
    spoilt = state / "memory.sqlite"
    found = serve(EmulatorOptions(cover_mode="recode"), lambda request: spoilt.mkdir() if request == PUT else None)
    write(entries(1, drifted=1))
    ran = run(*APPROVED, "--wait", "--json")
    assert (ran.code, found.puts) == (1, 1)
    assert [(result["outcome"], result["verified"]) for result in ran.document["results"]] == [("applied", False)]
    assert f"The memory {spoilt} cannot be used" in ran.err
    assert TRACEBACK not in ran.err


def test_an_interrupted_wait_keeps_what_was_seen(serve: Serve, state: Path) -> None:
    """Of two covers one is overtaken by somebody's own picture, so that it is never seen."""
    trigger = Trigger(Moment(PUT, 2, 0.2))
    found = serve(EmulatorOptions(cover_mode="recode"), trigger)
    write(entries(2, drifted=2))
    seen, overtaken = (item.asset_id for item in videos(2))
    theirs = drawn(video(7).asset_id, "sample", 0).data
    trigger.does(lambda: found.upload(overtaken, theirs))
    with running(*APPROVED, "--wait", "--json", "--parallelism", "1") as process:
        until = time.monotonic() + 20
        while not ((state / "journal.jsonl").exists() and journal(state, "seen")):
            assert time.monotonic() < until, "nothing is ever seen"
            time.sleep(0.05)
        process.send(signal.SIGINT)
        ran = process.ended()
    assert trigger.acted_at
    assert ran.code == INTERRUPTED
    results = {result["asset_id"]: result["verified"] for result in ran.document["results"]}
    assert results == {seen: True, overtaken: None}
    assert [record["asset_id"] for record in journal(state, "seen")] == [seen]
    assert run("plan", "--json").document["summary"]["in_sync"] == 1


# Interrupts


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupt_stops_an_apply_that_nobody_listens_to(serve: Serve, number: signal.Signals) -> None:
    """Whoever read stderr is gone: what can't be said there must not keep the run going."""
    trigger = Trigger(Moment(PUT, 3))
    found = serve(EmulatorOptions(cover_mode="reference", latency=30), trigger)
    write(entries(12, drifted=12))
    theirs, ours = os.pipe()
    os.close(theirs)
    command = [*ME, *APPROVED, "--json", "--parallelism", "2"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=ours) as process:
        os.close(ours)
        trigger.does(lambda: process.send_signal(number))
        out, _ = process.communicate(timeout=30)
    assert trigger.acted_at
    assert process.returncode == INTERRUPTED
    counts = json.loads(out)["summary"]
    assert 0 < counts["applied"] == accepted(found) < 12
    assert counts["applied"] + counts["not_attempted"] == 12


def test_a_sigterm_after_the_changes_still_ends_the_process() -> None:
    """While reports are made and connections closed nothing catches it for an orderly end any more."""
    code = (
        "import asyncio, os, signal\n"
        "from reconciler.act.interrupts import caught\n"
        "async def main():\n"
        "    with caught(print): pass\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    await asyncio.sleep(20)\n"
        "try: asyncio.run(main())\n"
        "except asyncio.CancelledError: print('cancelled')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=15)
    assert (done.stdout, done.stderr) == ("cancelled\n", "")


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("module", ["click.exceptions", "reconciler.cli.options", "reconciler.config", "httpx"])
def test_an_interrupt_during_the_imports_is_told_as_one(serve: Serve, module: str, number: signal.Signals) -> None:
    """They take longer than many a run. What comes before our first line is the interpreter's to tell."""
    serve(EmulatorOptions())
    write(entries(3))
    command = [sys.executable, "-X", "importtime", "-m", "reconciler", "plan", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = ""
        for line in process.stderr:
            told += line
            if line.rpartition("|")[2].strip() == module:
                process.send_signal(number)
                break
        out, rest = process.communicate(timeout=20)
    assert process.returncode == INTERRUPTED
    assert json.loads(out)["error"] == {"type": "interrupted", "message": "Interrupted"}
    assert TRACEBACK not in told + rest


class Terminal:
    """A user at a terminal, where stdin and stderr are; stdout may lead elsewhere."""

    def __init__(self, *arguments: str, stdout: int | None = None) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [*ME, *arguments],
            stdin=theirs,
            stdout=theirs if stdout is None else stdout,
            stderr=theirs,
            env={**os.environ, "TERM": "dumb"},
        )
        os.close(theirs)
        self.seen = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        os.close(self._ours)

    def until(self, text: str) -> None:
        while text not in self.seen:
            assert self._more(20), f"{text!r} never came: {self.seen!r}"

    def types(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def ended(self) -> int:
        code = self.process.wait(10)
        while self._more(0):
            pass
        return code

    def _more(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        try:
            chunk = os.read(self._ours, 65536)
        except OSError:  # the other end is closed
            return False
        self.seen += chunk.decode(errors="replace")
        return bool(chunk)


@pytest.mark.parametrize("number", SIGNALS)
def test_at_the_question_it_ends_promptly_and_without_a_traceback(serve: Serve, number: signal.Signals) -> None:
    found = serve(EmulatorOptions())
    write(entries(3, drifted=2))
    with Terminal("apply", "--force") as terminal:
        terminal.until("Enter a value: ")
        time.sleep(0.2)  # nobody answers within microseconds
        asked = time.monotonic()
        terminal.process.send_signal(number)
        assert terminal.ended() == INTERRUPTED
        assert time.monotonic() - asked < 3
    assert "Interrupted" in terminal.seen
    assert TRACEBACK not in terminal.seen
    assert found.puts == 0


def test_the_question_is_asked_where_the_user_looks(serve: Serve) -> None:
    """stdout may be a file: `reconcile apply > report.txt`."""
    found = serve(EmulatorOptions())
    write(entries(3, drifted=2))
    with Path("report.txt").open("wb") as report, Terminal("apply", "--force", stdout=report.fileno()) as terminal:
        terminal.until("Enter a value: ")
        terminal.types("yes\n")
        assert terminal.ended() == 0
    text = Path("report.txt").read_text()
    assert "Enter a value" not in text
    assert "Plan: 0 to add, 2 to change, 0 to destroy." in text
    assert "Apply complete! Resources: 0 added, 2 changed, 0 destroyed." in text
    assert found.puts == 2


# Where reports go


def test_a_report_to_the_pipe_that_is_stdout(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(3, drifted=2))
    ran = spawn(*APPROVED, "--json", "--output", "/dev/stdout")
    assert (ran.code, ran.err, found.puts) == (0, "", 2)
    assert ran.document["summary"]["applied"] == 2


def test_a_report_that_finds_no_room_is_printed(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(3, drifted=2))
    ran = spawn(*APPROVED, "--json", "--output", "/dev/full")
    assert (ran.code, found.puts) == (1, 2)
    assert '"applied": 2' in ran.out
    assert "/dev/full can't be written: No space left on device" in ran.err
    assert TRACEBACK not in ran.err


@pytest.mark.parametrize(
    "arguments",
    [("plan",), ("plan", "--json"), APPROVED, ("demo",), ("--help",), ("apply", "--help"), ("--version",)],
)
def test_a_full_stdout_is_one_sentence(serve: Serve, arguments: tuple[str, ...]) -> None:
    found = serve(EmulatorOptions())
    write(entries(3, drifted=1))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*ME, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == 1
    assert re.fullmatch(r"Error: The (report|output) can't be written: No space left on device\n", done.stderr)
    assert found.puts == 0, "what can't be shown is not done"


@pytest.mark.parametrize(
    "arguments", [("plan",), ("plan", "--json"), ("--version",), ("--help",), ("plan", "--nonsense"), APPROVED]
)
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_reason_for_a_traceback(serve: Serve, closed: str, arguments: tuple[str, ...]) -> None:
    serve(EmulatorOptions())
    write(entries(3, drifted=1))
    line = ["sh", "-c", f'exec "$@" {closed}', "sh", *ME, *arguments]
    done = subprocess.run(line, capture_output=True, text=True, timeout=30)
    assert TRACEBACK not in done.stderr
    assert "Exception" not in done.stderr
    assert done.returncode == (1 if "--nonsense" in arguments else 0)


def test_an_error_replaces_an_older_report(serve: Serve) -> None:
    """Whoever reads the file must not take it for this run's."""
    serve(EmulatorOptions())
    write(entries(3))
    assert run("plan", "--json", "--output", "report.json").code == 0
    assert json.loads(Path("report.json").read_text())["kind"] == "plan"
    write({"not an asset": "0"})
    ran = run("plan", "--json", "--output", "report.json")
    assert ran.code == 1
    assert ran.document["error"]["type"] == "desired_state"
    assert json.loads(Path("report.json").read_text()) == ran.document


def test_a_plan_and_its_report_are_two_files(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(3, drifted=1))
    ran = run("plan", "--out", "x.json", "--output", "./x.json")
    assert ran.code == 1
    assert "same file" in ran.err
    assert not Path("x.json").exists()
    assert found.requests() == []


def test_all_of_two_thousand_problems_are_in_the_json() -> None:
    write({f"{number:032x}": "wrong" for number in range(2000)})
    ran = run("validate", "desired", "not-there", "--json")
    found = ran.document["error"]["problems"]
    assert (ran.code, len(found)) == (1, 2001)
    assert ("not-there", 1, 1) in [(item["file"], item["line"], item["column"]) for item in found]
    assert all(item["line"] >= 1 and item["column"] >= 1 for item in found)


# Where requests go


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_is_on_the_way_to_this_machine(serve: Serve, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    found = serve(EmulatorOptions())
    monkeypatch.setenv("RECONCILE_ENDPOINT", found.url.replace("127.0.0.1", host))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    write(entries(3, drifted=1))
    ran = run("plan", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.document["summary"]["update"] == 1


@pytest.mark.parametrize(
    "verb", [("show", video(0).asset_id), ("memory", "export", "m.json")], ids=["show", "memory"]
)
def test_the_project_in_the_desired_files_counts_for_verbs_without_paths(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...]
) -> None:
    found = serve(EmulatorOptions())
    monkeypatch.delenv("HUAWEICLOUD_SDK_PROJECT_ID")
    monkeypatch.setenv("HW_REGION_NAME", known.REGION)
    write(entries(1), head=f"project_id: {known.PROJECT_ID}\n")
    assert run("plan").code == 0
    assert run(*verb).code == 0
    assert not [entry for entry in found.requests() if "projects" in entry["path"]], "it need not be looked up"


def test_runners_with_different_amounts_of_one_window_share_it(redis: str) -> None:
    """Otherwise each would believe to have the tenant's quota to itself."""

    def window(amount: int) -> Window:
        rate = Rate(amount, 2)
        return Window(rate, SystemClock(), SharedWindow(SharedStore(redis), "writes", rate, 60))

    async def one_after_the_other() -> float:
        generous, modest = window(10), window(4)
        for _ in range(4):
            async with generous.slot():
                pass
        started = time.monotonic()
        async with modest.slot():
            return time.monotonic() - started

    assert asyncio.run(one_after_the_other()) > 1


# Secrets


class _Indiscreet:
    """Repeats a signature in what it says of every third read and of every PUT."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        refused = path.endswith("/asset/cover") or video(2).asset_id in scope.get("query_string", b"").decode()
        if not refused:
            await self._app(scope, receive, send)
            return
        url = f"https://cdn.example.com/asset/x/cover/Cover0.jpg?auth_key={SECRET}"
        body = {"error_code": "VOD.10053", "error_msg": f"参数 {url} 无效: auth_key={SECRET}, auth_info={SECRET}; "}
        body["error_msg"] += f"sign={SECRET}&wsSecret={SECRET}, x-obs-security-token: {SECRET}"
        await JSONResponse(body, 400)(scope, receive, send)


@contextmanager
def indiscreet(file: Path) -> Iterator[str]:
    with closing(create_server(("127.0.0.1", 0))) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with serving(_Indiscreet(create_app(file, EmulatorOptions(), url)), listening):
            yield url


def test_a_signature_in_the_services_own_words_is_kept_nowhere(
    credentials: None, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({**entries(4, drifted=3), CUSTOM: "0"})
    printed: list[Ran] = []
    with indiscreet(tmp_path / "indiscreet.sqlite") as url:
        monkeypatch.setenv("RECONCILE_ENDPOINT", url)
        for more in ((), ("--json",), ("--debug",), ("--quiet",)):
            printed.append(run("plan", *more))
            printed.append(run(*APPROVED, "--wait", "--wait-timeout", "1", *more))
        printed.append(run("plan", "--out", "plan.json", "--output", "report.txt"))
        printed.append(run("apply", "--plan", "plan.json", "--force", "--json", "--output", "applied.json"))
        printed.append(run("memory", "export", "memory.json"))
    assert "VOD.10053" in printed[0].out
    assert "VOD.10053" in (state / "journal.jsonl").read_text()
    assert "VOD.10053" in Path("plan.json").read_text()
    for ran in printed:
        assert SECRET not in ran.out + ran.err
    for file in [*files_under(state), *files_under(Path.cwd())]:
        assert SECRET.encode() not in file.read_bytes(), file
