"""What became of a PUT that was not plainly accepted: what the report says, and what a rollback makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.command_line import Cloud, run, video, write
from support.processes import APPROVED, PUT, Serve

from reconciler.emulator.options import ALWAYS, EmulatorOptions, FaultKind, FaultRule
from reconciler.emulator.pictures import drawn

pytestmark = pytest.mark.usefixtures("time_flies")

ITEM = video(0)
THEIRS = drawn(video(7).asset_id, "sample", 0).data


def journal(state: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (state / "journal.jsonl").read_text().splitlines()]


def wanted(cloud: Cloud) -> bytes:
    """The picture that the entry wants."""
    covers = httpx.get(f"{cloud.url}/_emulator/catalogue").json()["assets"]
    [offsets] = [item["sets"][ITEM.set] for item in covers if item["asset_id"] == ITEM.asset_id]
    return drawn(ITEM.asset_id, ITEM.set, sorted(offsets)[ITEM.other]).data


@pytest.mark.parametrize(("theirs", "outcome"), [(False, "unchanged"), (True, "stale")])
def test_after_a_429_a_cover_that_somebody_else_sets_is_theirs(
    serve: Serve, state: Path, theirs: bool, outcome: str
) -> None:
    """A 429 has no effect, so that neither the report nor a rollback may claim it."""
    puts: list[str] = []

    def watch(request: str) -> None:
        if request == PUT and not puts:
            found.upload(ITEM.asset_id, THEIRS if theirs else wanted(found))
        puts.extend([request] if request == PUT else [])

    found = serve(EmulatorOptions(faults=(FaultRule("cover", "429", 1),)), watch)
    write({ITEM.asset_id: ITEM.drifted()})
    ran = run(*APPROVED, "--json")
    assert [result["outcome"] for result in ran.document["results"]] == [outcome], ran.out
    assert found.puts == 1
    assert journal(state)[-1]["outcome"] == outcome
    back = run("rollback", "--auto-approve", "--json")
    assert (back.document["error"]["type"], found.puts) == ("usage", 1)


@pytest.mark.parametrize("kind", ["500", "502", "503", "504", "504-done", "html", "lost"])
def test_a_put_without_a_usable_answer_may_have_been_set(serve: Serve, state: Path, kind: FaultKind) -> None:
    """The look after it shows the old cover still, since new ones take minutes to be seen."""
    serve(EmulatorOptions(propagation=200, faults=(FaultRule("cover", kind, ALWAYS),)))
    write({ITEM.asset_id: ITEM.drifted()})
    ran = run(*APPROVED, "--json")
    [result] = ran.document["results"]
    assert (ran.code, result["outcome"]) == (1, "failed")
    assert "may have been set" in result["error"]["message"]
    assert journal(state)[-1]["perhaps"] is True
    back = run("rollback", "--auto-approve", "--json").document
    assert "rollback_of" in back, "there was something that may have to be undone"


def test_a_refused_put_was_certainly_not_set(serve: Serve, state: Path) -> None:
    found = serve(EmulatorOptions(faults=(FaultRule("cover", "403", ALWAYS),)))
    write({ITEM.asset_id: ITEM.drifted()})
    [result] = run(*APPROVED, "--json").document["results"]
    assert "may have been set" not in result["error"]["message"]
    assert journal(state)[-1]["perhaps"] is False
    assert run("rollback", "--auto-approve", "--json").document["error"]["type"] == "usage"
    assert found.puts == 1
