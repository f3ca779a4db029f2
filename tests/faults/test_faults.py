"""Requests that fail at first: the work gets done, and no request is repeated more often than necessary."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from support.command_line import DETAILS, entries, run, videos, write
from support.processes import APPROVED, Serve, accepted

from reconciler.emulator import ODD
from reconciler.emulator.options import ALWAYS, EmulatorOptions, FaultKind, FaultRoute, FaultRule

PASSING: tuple[FaultKind, ...] = (
    "500", "502", "503", "504", "504-done", "429", "429-retry-after", "reset", "truncated", "html", "hang", "lost",
)  # fmt: skip
ASSETS = 20
REFUSED = {item.asset_id for item in videos(ASSETS)[::5]}

pytestmark = pytest.mark.usefixtures("time_flies")


def refusing(route: FaultRoute) -> tuple[FaultRule, ...]:
    return tuple(FaultRule(route, "403", 1, asset_id) for asset_id in REFUSED)


@pytest.mark.parametrize("kind", PASSING)
def test_every_cover_is_set_whatever_its_first_requests_meet(serve: Serve, kind: FaultKind) -> None:
    faults = (FaultRule("details", kind, 1), FaultRule("cover", kind, 1))
    found = serve(EmulatorOptions(assets=ASSETS, cover_mode="reference", faults=faults))
    write(entries(ASSETS, drifted=ASSETS))
    patience = ("--timeout", "1") if kind == "hang" else ()
    ran = run(*APPROVED, *patience, "--json")
    assert ran.code == 0, ran.err
    assert ran.document["summary"] == {
        "applied": ASSETS, "failed": 0, "stale": 0, "unchanged": 0, "not_attempted": 0, "unknown": 0,
    }  # fmt: skip
    assert accepted(found) < found.puts <= 2 * ASSETS
    assert run("plan", *patience, "--detailed-exitcode").code == 0


@pytest.mark.parametrize("kind", PASSING)
def test_a_picture_that_is_hard_to_get_is_no_drift(serve: Serve, kind: FaultKind) -> None:
    """In sync stays in sync: half a picture, or a page instead of one, is not another picture."""
    found = serve(EmulatorOptions(etag="none", faults=(FaultRule("picture", kind, 1 if kind == "hang" else 2),)))
    write(entries(12))
    patience = ("--timeout", "1") if kind == "hang" else ()
    ran = run(*APPROVED, *patience, "--json")
    assert ran.document["summary"]["unknown"] == 0
    assert (ran.code, ran.document["results"], found.puts) == (0, [], 0)


@pytest.mark.parametrize("text", ["/cover/", "/snapshot/", ""], ids=["covers", "snapshots", "all"])
def test_a_cdn_that_compresses_unasked_changes_nothing(serve: Serve, state: Path, text: str) -> None:
    faults = (FaultRule("picture", "gzip", ALWAYS, text), FaultRule("details", "gzip", ALWAYS))
    found = serve(EmulatorOptions(head=False, faults=faults))
    custom = ODD["custom_cover"]
    own = httpx.get(f"{found.url}/asset/{custom}/cover/Cover0.jpg").content
    write({**entries(4), custom: "0"})
    ran = run(*APPROVED, "--json", "--state-dir", str(state))
    assert (ran.code, found.puts) == (0, 1), ran.err
    [saved] = state.rglob("covers/*")
    assert saved.read_bytes() == own


@pytest.mark.parametrize("kind", ["500", "html", "reset"])
def test_a_picture_that_cannot_be_got_at_all_is_unknown(serve: Serve, kind: FaultKind) -> None:
    found = serve(EmulatorOptions(faults=(FaultRule("picture", kind, ALWAYS),)))
    write(entries(4, drifted=2))
    ran = run("apply", "--auto-approve", "--json")
    assert (ran.code, ran.document["summary"]["unknown"], found.puts) == (1, 4, 0)
    reasons = {item["reason"] for item in run("plan", "--json").document["unknown"]}
    assert reasons == {"content_unavailable"}


def test_a_refused_change_is_tried_once_and_fails_alone(serve: Serve) -> None:
    found = serve(EmulatorOptions(assets=ASSETS, cover_mode="reference", faults=refusing("cover")))
    write(entries(ASSETS, drifted=ASSETS))
    ran = run(*APPROVED, "--json")
    assert ran.code == 1
    failed = {result["asset_id"] for result in ran.document["results"] if result["outcome"] == "failed"}
    assert ran.document["summary"]["applied"] == ASSETS - len(REFUSED)
    assert failed == REFUSED
    assert found.puts == ASSETS


def test_a_refused_read_is_tried_once_and_leaves_just_that_asset_unknown(serve: Serve) -> None:
    found = serve(EmulatorOptions(assets=ASSETS, cover_mode="reference", faults=refusing("details")))
    write(entries(ASSETS))
    ran = run("plan", "--json")
    assert ran.code == 1
    unknown = {item["asset_id"] for item in ran.document["unknown"]}
    assert ran.document["summary"]["in_sync"] == ASSETS - len(REFUSED)
    assert unknown == REFUSED
    assert found.count(DETAILS) == ASSETS


def test_a_service_that_never_answers_a_put_leaves_an_unknown_outcome(serve: Serve) -> None:
    """Not "not attempted": it may well have been set."""
    found = serve(EmulatorOptions(propagation=7200, faults=(FaultRule("cover", "lost", ALWAYS),)))
    write(entries(2, drifted=1))
    ran = run(*APPROVED, "--json")
    assert ran.code == 1
    [result] = ran.document["results"]
    assert (result["outcome"], found.puts) == ("failed", 5)
    assert "it may have been set anyway: run again to see" in result["error"]["message"]


@pytest.mark.parametrize("kind", ["html", "truncated", "reset", "hang"])
@pytest.mark.parametrize("count", [1, 4], ids=["alone", "first"])
def test_answers_about_one_asset_do_not_make_a_dead_service(serve: Serve, kind: FaultKind, count: int) -> None:
    broken = videos(count)[0].asset_id
    serve(EmulatorOptions(assets=ASSETS, faults=(FaultRule("details", kind, ALWAYS, broken),)))
    write(entries(count))
    ran = run("plan", "--json", "--timeout", "1", "--parallelism", "1")
    assert ran.code == 1
    assert [(item["asset_id"], item["reason"]) for item in ran.document["unknown"]] == [(broken, "api_error")]
    assert ran.document["summary"]["in_sync"] == count - 1
