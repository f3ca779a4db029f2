"""Faults and interrupts while `apply --wait` waits for new covers."""

from __future__ import annotations

import signal
from pathlib import Path

from support.command_line import TRACEBACK, entries, run, video, videos, write
from support.processes import APPROVED, DETAILS, INTERRUPTED, PUT, Moment, Serve, Trigger, running

from reconciler.emulator.options import EmulatorOptions
from reconciler.emulator.pictures import drawn


def test_a_state_folder_that_fails_while_waiting_loses_no_result(serve: Serve, state: Path) -> None:
    spoilt = state / "settled.jsonl"
    found = serve(EmulatorOptions(cover_mode="recode"), lambda request: spoilt.mkdir() if request == PUT else None)
    write(entries(1, drifted=1))
    ran = run(*APPROVED, "--wait", "--json")
    assert (ran.code, found.puts) == (1, 1)
    assert [(result["outcome"], result["verified"]) for result in ran.document["results"]] == [("applied", False)]
    assert f"The memory {spoilt} cannot be written" in ran.err
    assert TRACEBACK not in ran.err


def test_an_interrupted_wait_keeps_what_was_seen(serve: Serve) -> None:
    """Of two covers one is overtaken by somebody's own picture, so that it is never seen."""
    # The plan reads both, and so does each PUT; the fifth read is the first look at what became of them.
    trigger, seen_twice = Trigger(Moment(DETAILS, 5)), Trigger(Moment(DETAILS, 8))

    def watch(request: str) -> None:
        trigger(request)
        seen_twice(request)

    found = serve(EmulatorOptions(cover_mode="recode"), watch)
    write(entries(2, drifted=2))
    seen, overtaken = (item.asset_id for item in videos(2))
    theirs = drawn(video(7).asset_id, "sample", 0).data
    trigger.does(lambda: found.upload(overtaken, theirs))
    with running(*APPROVED, "--wait", "--json", "--parallelism", "1") as process:
        # By the eighth read the first cover was looked at twice.
        seen_twice.does(lambda: process.send(signal.SIGINT))
        ran = process.ended()
    assert trigger.acted.is_set()
    assert ran.code == INTERRUPTED
    results = {result["asset_id"]: result["verified"] for result in ran.document["results"]}
    assert results == {seen: True, overtaken: None}
    assert run("plan", "--json").document["summary"]["in_sync"] == 1
