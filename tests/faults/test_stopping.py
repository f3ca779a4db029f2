"""A run that stops by itself, in order: when its time is up, or when one refusal follows another."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import entries, run, videos, write
from support.processes import APPROVED, Serve

from reconciler.emulator.options import ALWAYS, EmulatorOptions, FaultRule

ASSETS = 12
LEFT_OUT = "not attempted."


def test_after_so_long_the_rest_is_not_attempted(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(ASSETS, drifted=ASSETS))
    ran = run(*APPROVED, "--max-duration", "2s", "--write-quota", "1/1 second", "--json")
    counts = ran.document["summary"]
    assert (ran.code, counts["failed"]) == (1, 0)
    assert counts["applied"] == found.puts < ASSETS
    assert counts["applied"] + counts["not_attempted"] == ASSETS
    assert f"Stopped: 2 s are over (--max-duration); {counts['not_attempted']} covers were {LEFT_OUT}" in ran.err


def test_waiting_ends_with_the_time_too(serve: Serve) -> None:
    serve(EmulatorOptions(propagation=600))
    write(entries(1, drifted=1))
    ran = run(*APPROVED, "--max-duration", "2s", "--wait", "--json")
    assert [result["verified"] for result in ran.document["results"]] == [False]
    assert ran.code == 1


@pytest.mark.usefixtures("time_flies")
def test_one_refusal_after_another_ends_the_run(serve: Serve) -> None:
    found = serve(EmulatorOptions(faults=(FaultRule("cover", "403", ALWAYS),)))
    write(entries(ASSETS, drifted=ASSETS))
    ran = run(*APPROVED, "--max-failures", "3", "--parallelism", "1", "--json")
    counts = ran.document["summary"]
    assert (ran.code, found.puts, counts["failed"], counts["not_attempted"]) == (1, 3, 3, ASSETS - 3)
    why = "3 covers in a row failed with HTTP 403 VOD.10074 (--max-failures)"
    sentence = f"Stopped: {why}; {ASSETS - 3} covers were {LEFT_OUT}"
    assert ran.err.count("Stopped") == ran.err.count(sentence) == 1
    assert ran.document["warnings"] == [{"type": "stopped", "message": sentence}]


@pytest.mark.usefixtures("time_flies")
def test_the_summary_of_a_pipeline_says_why_a_run_stopped(serve: Serve) -> None:
    serve(EmulatorOptions(faults=(FaultRule("cover", "403", ALWAYS),)))
    write(entries(ASSETS, drifted=ASSETS))
    run(*APPROVED, "--max-failures", "3", "--parallelism", "1", "--markdown", "summary.md")
    assert "Stopped: 3 covers in a row failed" in Path("summary.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("time_flies")
def test_after_a_success_one_more_is_let_pass(serve: Serve) -> None:
    refused = {item.asset_id for item in videos(ASSETS)[1:]}
    rules = tuple(FaultRule("cover", "403", ALWAYS, asset_id) for asset_id in refused)
    serve(EmulatorOptions(faults=rules))
    write(entries(ASSETS, drifted=ASSETS))
    ran = run(*APPROVED, "--max-failures", "3", "--parallelism", "1", "--json")
    counts = ran.document["summary"]
    assert (counts["applied"], counts["failed"], counts["not_attempted"]) == (1, 4, ASSETS - 5)


@pytest.mark.usefixtures("time_flies")
def test_refusals_here_and_there_end_nothing(serve: Serve) -> None:
    refused = {item.asset_id for item in videos(ASSETS)[::2]}
    rules = tuple(FaultRule("cover", "403", ALWAYS, asset_id) for asset_id in refused)
    serve(EmulatorOptions(faults=rules))
    write(entries(ASSETS, drifted=ASSETS))
    ran = run(*APPROVED, "--max-failures", "3", "--parallelism", "1", "--json")
    counts = ran.document["summary"]
    assert (counts["applied"], counts["failed"], counts["not_attempted"]) == (ASSETS // 2, ASSETS // 2, 0)
