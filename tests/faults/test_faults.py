"""Whatever goes wrong on the way, every fifth time: the work gets done, and nothing is hammered."""

from __future__ import annotations

import pytest
from support.command_line import DETAILS, entries, run, write
from support.processes import APPROVED, Serve, accepted

from reconciler.emulator.options import EmulatorOptions, FaultKind, FaultRule

PASSING: tuple[FaultKind, ...] = (
    "500", "502", "503", "504", "429", "429-retry-after", "reset", "truncated", "html", "hang", "lost",
)  # fmt: skip
ASSETS = 50

pytestmark = pytest.mark.usefixtures("time_flies")


@pytest.mark.parametrize("kind", PASSING)
def test_every_cover_is_set_whatever_every_fifth_call_meets(serve: Serve, kind: FaultKind) -> None:
    faults = (FaultRule("details", kind, 5), FaultRule("cover", kind, 5))
    found = serve(EmulatorOptions(assets=ASSETS, cover_mode="reference", faults=faults))
    write(entries(ASSETS, drifted=ASSETS))
    patience = ("--timeout", "1") if kind == "hang" else ()
    ran = run(*APPROVED, *patience, "--json")
    assert ran.code == 0, ran.err
    assert ran.document["summary"] == {
        "applied": ASSETS, "failed": 0, "stale": 0, "unchanged": 0, "not_attempted": 0, "unknown": 0,
    }  # fmt: skip
    assert ASSETS <= found.puts <= 1.6 * ASSETS
    assert accepted(found) < found.puts
    assert run("plan", *patience, "--detailed-exitcode").code == 0


@pytest.mark.parametrize("kind", PASSING)
def test_a_picture_that_is_hard_to_get_is_no_drift(serve: Serve, kind: FaultKind) -> None:
    """In sync stays in sync: half a picture, or a page instead of one, is not another picture."""
    found = serve(EmulatorOptions(etag="none", faults=(FaultRule("picture", kind, 3),)))
    write(entries(12))
    patience = ("--timeout", "1") if kind == "hang" else ()
    ran = run(*APPROVED, *patience, "--json")
    assert ran.document["summary"]["unknown"] == 0
    assert (ran.code, ran.document["results"], found.puts) == (0, [], 0)


@pytest.mark.parametrize("kind", ["500", "html", "reset"])
def test_a_picture_that_cannot_be_got_at_all_is_unknown(serve: Serve, kind: FaultKind) -> None:
    found = serve(EmulatorOptions(faults=(FaultRule("picture", kind, 1),)))
    write(entries(4, drifted=2))
    ran = run("apply", "--auto-approve", "--json")
    assert (ran.code, ran.document["summary"]["unknown"], found.puts) == (1, 4, 0)
    reasons = {item["reason"] for item in run("plan", "--json").document["unknown"]}
    assert reasons == {"content_unavailable"}


def test_a_refused_change_is_tried_once_and_fails_alone(serve: Serve) -> None:
    found = serve(EmulatorOptions(assets=ASSETS, cover_mode="reference", faults=(FaultRule("cover", "403", 5),)))
    write(entries(ASSETS, drifted=ASSETS))
    ran = run(*APPROVED, "--json")
    assert ran.code == 1
    assert (ran.document["summary"]["applied"], ran.document["summary"]["failed"]) == (40, 10)
    assert found.puts == ASSETS


def test_a_refused_read_is_tried_once_and_leaves_just_that_asset_unknown(serve: Serve) -> None:
    found = serve(EmulatorOptions(assets=ASSETS, cover_mode="reference", faults=(FaultRule("details", "403", 5),)))
    write(entries(ASSETS))
    ran = run("plan", "--json")
    assert ran.code == 1
    assert (ran.document["summary"]["in_sync"], ran.document["summary"]["unknown"]) == (40, 10)
    assert found.count(DETAILS) == ASSETS


def test_a_service_that_never_answers_a_put_leaves_an_unknown_outcome(serve: Serve) -> None:
    """Not "not attempted": it may well have been set."""
    found = serve(EmulatorOptions(propagation=7200, faults=(FaultRule("cover", "lost", 1),)))
    write(entries(2, drifted=1))
    ran = run(*APPROVED, "--json")
    assert ran.code == 1
    [result] = ran.document["results"]
    assert (result["outcome"], found.puts) == ("failed", 5)
    assert "it may have been set all the same: run again to see" in result["error"]["message"]
