"""Ctrl-C, SIGTERM and kill -9, at any moment: what was done is reported, what was not is left to the next run."""

from __future__ import annotations

import json
import os
import pty
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.command_line import TRACEBACK, Cloud, Ran, entries, run, write
from support.processes import (
    APPROVED,
    DETAILS,
    INTERRUPTED,
    ME,
    PATIENCE,
    PUT,
    SIGNALS,
    Moment,
    Serve,
    Trigger,
    accepted,
    running,
    wait_until_asleep,
)

from reconciler.emulator.options import ALWAYS, EmulatorOptions, FaultRule

ASSETS = 12


def moments(count: int, seed: int) -> list[Moment]:
    """Moments anywhere from the first PUT of an apply, or the read before it, to the last."""
    chance = random.Random(seed)
    found: dict[str, Moment] = {}
    while len(found) < count:
        # The plan reads each asset once, and each PUT is preceded by another read.
        number = chance.randint(1, ASSETS - 1)
        later = chance.choice([0.0, 0.005, 0.02])
        moment = Moment(PUT, number, later) if chance.random() < 0.7 else Moment(DETAILS, ASSETS + number, later)
        found[str(moment)] = moment
    return list(found.values())


def interrupted(trigger: Trigger, number: signal.Signals, *more: str) -> Ran:
    """An apply of all assets that gets this signal at this moment."""
    write(entries(ASSETS, drifted=ASSETS))
    with running(*APPROVED, "--json", "--parallelism", "3", *more) as process:
        trigger.does(lambda: process.send(number))
        return process.ended()


def check_complete(found: Cloud, ran: Ran) -> None:
    """The report accounts for every planned change, and for every PUT."""
    counts = ran.document["summary"]
    outcomes = ("applied", "failed", "stale", "unchanged", "not_attempted")
    assert sum(counts[name] for name in outcomes) == ASSETS == len(ran.document["results"])
    assert counts["applied"] == accepted(found)
    assert counts["stale"] == counts["unchanged"] == 0
    assert TRACEBACK not in ran.err


def check_finished(found: Cloud) -> None:
    """Another apply does what is left, and no more."""
    left = ASSETS - accepted(found)
    rerun = run(*APPROVED, "--json")
    assert (rerun.code, rerun.document["summary"]["applied"]) == (0, left)
    assert run("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("moment", moments(6, seed=3), ids=str)
def test_at_any_moment_the_report_is_complete_and_a_rerun_finishes(
    serve: Serve, moment: Moment, number: signal.Signals
) -> None:
    trigger = Trigger(moment, hold=Moment(PUT, ASSETS))
    found = serve(EmulatorOptions(cover_mode="reference", latency=10), trigger)
    ran = interrupted(trigger, number)
    assert trigger.acted.is_set(), "the moment came"
    assert ran.code == INTERRUPTED
    check_complete(found, ran)
    assert ran.document["summary"]["not_attempted"] == ASSETS - found.puts
    assert "Interrupted: finishing what is on its way." in ran.err
    check_finished(found)


@pytest.mark.parametrize("moment", moments(5, seed=11), ids=str)
def test_after_kill_9_the_next_apply_finishes_the_job(serve: Serve, moment: Moment) -> None:
    trigger = Trigger(moment, hold=Moment(PUT, ASSETS))
    found = serve(EmulatorOptions(cover_mode="reference", latency=10), trigger)
    ran = interrupted(trigger, signal.SIGKILL)
    assert trigger.acted.is_set(), "the moment came"
    assert (ran.code, ran.out) == (-signal.SIGKILL, "")
    check_finished(found)
    assert accepted(found) == ASSETS


@pytest.mark.parametrize("number", SIGNALS)
def test_the_second_one_exits_at_once(serve: Serve, number: signal.Signals) -> None:
    """Also where the first waits for an answer that does not come."""
    trigger = Trigger(Moment(PUT, 3, 0.1))
    serve(EmulatorOptions(faults=(FaultRule("cover", "hang", ALWAYS),)), trigger)
    write(entries(3, drifted=3))
    # Neither the time-out nor the end of the hang would end it in time.
    with running(*APPROVED, "--json", "--timeout", "300") as process:
        trigger.does(lambda: process.send(number))
        process.says("Interrupted: finishing what is on its way.")
        with pytest.raises(subprocess.TimeoutExpired):
            process.ended(1)
        process.send(number)
        ran = process.ended()
    assert (ran.code, ran.out) == (INTERRUPTED, "")


@pytest.mark.parametrize(
    ("options", "more"),
    [
        (EmulatorOptions(cover_mode="reference"), ("--write-quota", "2/minute")),
        (EmulatorOptions(cover_mode="reference", quota=(0, 2)), ()),
    ],
    ids=["our own quota", "over the service's quota"],
)
@pytest.mark.parametrize("number", SIGNALS)
def test_a_wait_for_a_slot_ends(
    serve: Serve, options: EmulatorOptions, more: tuple[str, ...], number: signal.Signals
) -> None:
    """The next slot would come after a minute, which is longer than the test waits for the end."""
    trigger = Trigger(Moment(PUT, 2 if more else 3, 0.5))
    found = serve(options, trigger)
    ran = interrupted(trigger, number, *more)
    assert ran.code == INTERRUPTED
    check_complete(found, ran)
    assert ran.document["summary"]["applied"] == 2
    assert ran.document["summary"]["not_attempted"] >= ASSETS - 2 - 3


@pytest.mark.parametrize("number", SIGNALS)
def test_waiting_for_covers_ends_at_once_with_what_was_applied(serve: Serve, number: signal.Signals) -> None:
    trigger = Trigger(Moment(PUT, ASSETS, 1.2))
    found = serve(EmulatorOptions(cover_mode="reference", propagation=600), trigger)
    ran = interrupted(trigger, number, "--wait")
    assert ran.code == INTERRUPTED
    check_complete(found, ran)
    assert {result["verified"] for result in ran.document["results"]} == {None}
    assert run("plan", "--json").document["summary"]["pending"] == ASSETS


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("verb", [("plan",), ("audit",), ("lock",), APPROVED], ids=lambda verb: verb[0])
def test_before_there_is_a_result_it_is_an_error_of_its_own_type(
    serve: Serve, verb: tuple[str, ...], number: signal.Signals
) -> None:
    trigger = Trigger(Moment(DETAILS, 5))
    found = serve(EmulatorOptions(cover_mode="reference", latency=50), trigger)
    write(entries(ASSETS, drifted=ASSETS))
    with running(*verb, "--json", "--parallelism", "2") as process:
        trigger.does(lambda: process.send(number))
        ran = process.ended()
    assert (ran.code, found.puts) == (INTERRUPTED, 0)
    assert ran.document == {
        "format_version": "1.0",
        "kind": "error",
        "error": {"type": "interrupted", "message": "Interrupted"},
    }
    assert ran.err == "Error: Interrupted\n"
    assert [file.name for file in Path("desired").iterdir()] == ["covers.yaml"]


@pytest.mark.parametrize("number", SIGNALS)
def test_at_the_question_it_is_a_no(serve: Serve, state: Path, number: signal.Signals) -> None:
    found = serve(EmulatorOptions())
    write(entries(3, drifted=2))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "reconciler", "apply", "--force"]
    env = {**os.environ, "TERM": "dumb"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        seen = b""
        while b"Enter a value: " not in seen:
            seen += os.read(ours, 65536)
        wait_until_asleep(process.pid)
        process.send_signal(number)
        try:
            assert process.wait(PATIENCE) == INTERRUPTED
        finally:
            process.kill()
    os.close(ours)
    assert found.puts == 0
    assert not [line for line in (state / "journal.jsonl").read_text().splitlines() if "intent" in line]


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupt_stops_an_apply_that_nobody_listens_to(serve: Serve, number: signal.Signals) -> None:
    """Whoever read stderr is gone: what can't be said there must not keep the run going."""
    trigger = Trigger(Moment(PUT, 3))
    found = serve(EmulatorOptions(cover_mode="reference"), trigger)
    write(entries(12, drifted=12))
    theirs, ours = os.pipe()
    os.close(theirs)
    command = [*ME, *APPROVED, "--json", "--parallelism", "2"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=ours) as process:
        os.close(ours)
        trigger.does(lambda: process.send_signal(number))
        out, _ = process.communicate(timeout=PATIENCE)
    assert trigger.acted.is_set()
    assert process.returncode == INTERRUPTED
    counts = json.loads(out)["summary"]
    assert 0 < counts["applied"] == accepted(found) < 12
    assert counts["applied"] + counts["not_attempted"] == 12


def test_a_signal_after_the_changes_keeps_no_report_away() -> None:
    """While connections are closed and reports are made."""
    code = (
        "import asyncio, os, signal\n"
        "from reconciler.act.interrupts import caught\n"
        "from reconciler.util import signals\n"
        "async def main():\n"
        "    with caught(print): pass\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    await asyncio.sleep(0.05)\n"
        "    print('the report', flush=True)\n"
        "signals.handle()\n"
        "signals.run(main())\n"
        "signals.leave(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout, done.stderr) == (INTERRUPTED, "the report\n", "")


def handled(process: subprocess.Popen[str]) -> None:
    """Waits until the process has taken over SIGTERM, which the interpreter leaves alone."""
    until = time.monotonic() + PATIENCE
    caught = 0
    while not caught >> (signal.SIGTERM - 1) & 1:
        assert time.monotonic() < until, "it never takes over SIGTERM"
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                caught = int(line.split()[1], 16)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells what a process has taken over")
@pytest.mark.parametrize("seed", range(8))
def test_signals_at_any_moment_of_the_start_end_the_run(serve: Serve, seed: int) -> None:
    """The first is told as an interrupt, or comes too late to keep the result away; the second ends it at once."""
    chance = random.Random(seed)
    serve(EmulatorOptions(latency=20))
    write(entries(12))
    command = [*ME, "plan", "--json", "--parallelism", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        handled(process)
        time.sleep(chance.choice([0.0, chance.random() * 0.05, chance.random()]))
        process.send_signal(chance.choice(SIGNALS))
        if twice := chance.random() < 0.5:
            time.sleep(chance.random() * 0.02)
            process.send_signal(chance.choice(SIGNALS))
        out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == INTERRUPTED
    assert TRACEBACK not in err
    assert "never retrieved" not in err
    if not twice or out:
        assert json.loads(out)["kind"] in ("error", "plan")


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("module", ["click.exceptions", "reconciler.commands.options", "reconciler.config", "httpx"])
def test_an_interrupt_during_the_imports_is_told_as_one(serve: Serve, module: str, number: signal.Signals) -> None:
    """They take longer than many a run. What comes before our first line is the interpreter's to tell."""
    sent = threading.Event()
    serve(EmulatorOptions(), lambda _: sent.wait(PATIENCE))
    write(entries(3))
    command = [sys.executable, "-X", "importtime", "-m", "reconciler", "plan", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = ""
        for line in process.stderr:
            told += line
            if line.rpartition("|")[2].strip() == module:
                process.send_signal(number)
                sent.set()
                break
        out, rest = process.communicate(timeout=PATIENCE)
    assert process.returncode == INTERRUPTED
    assert json.loads(out)["error"] == {"type": "interrupted", "message": "Interrupted"}
    assert TRACEBACK not in told + rest
