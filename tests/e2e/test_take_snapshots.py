"""plan and apply --take-snapshots: the frame at any second, taken once, paid for once, and only with the flag."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.command_line import Cloud, Ran, run, video, videos, write

from reconciler.commands import taken_locks
from reconciler.desired.load import load_with_locks
from reconciler.emulator.catalogue import ordinary
from reconciler.emulator.options import EmulatorOptions

Serve = Callable[[EmulatorOptions], Cloud]
TAKE = "--take-snapshots"
APPLY = ("apply", "--auto-approve", "--force", TAKE)
PROCESS = "POST /v1.0/{project_id}/asset/process"


def frame(offset: int) -> str:
    return f"{{from: dots, offset: {offset}}}"


def free_second(number: int) -> int:
    """One at which the asset has no snapshot."""
    taken = {offset for offsets in ordinary(number).sets.values() for offset in offsets}
    return next(second for second in range(1, 100) if second not in taken)


def billed(found: Cloud) -> int:
    return int(httpx.get(f"{found.url}/_emulator/billing").json()["pictures"])


def dots(asset_id: str) -> list[int]:
    """The seconds of an asset's dots."""
    [shown] = run("show", asset_id, "--json").document["assets"]
    return [one["offset"] for one in shown["snapshots"] if one["set"] == "dots"]


def test_every_second_of_24_videos(serve: Serve) -> None:
    found = serve(EmulatorOptions(task_seconds=1))
    write({item.asset_id: frame(free_second(number)) for number, item in enumerate(videos(24))})
    planned = run("plan", TAKE, "--json").document
    assert (planned["format_version"], planned["summary"]["take"], planned["summary"]["update"]) == ("1.2", 24, 24)
    change = planned["changes"][0]
    assert change["take"] == {"offset": free_second(0)}
    assert change["after"] == {
        "cover_url": None,
        "snapshot": {"set": "dots", "index": None, "offset": free_second(0)},
    }
    applied = run(*APPLY, "--wait")
    assert applied.code == 0, applied.err
    assert "Resources: 24 added, 24 changed, 0 destroyed." in applied.out
    assert (found.count(PROCESS), found.puts) == (24, 24)
    again = run("plan", TAKE)
    assert "No changes." in again.out
    assert run(*APPLY, "--wait").code == 0
    assert (found.count(PROCESS), found.puts) == (24, 24)


def test_what_is_seen_before_it_is_paid_for(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write({video(0).asset_id: frame(37), video(1).asset_id: frame(4)})
    plain = run("plan")
    assert (plain.code, plain.out.count("no_snapshot_at_offset")) == (1, 2)
    assert "`plan` and `apply --take-snapshots`" in " ".join(plain.out.split())
    shown = run("plan", TAKE, "--out", "plan.json")
    assert "Plan: 2 to add, 2 to change, 0 to destroy." in shown.out
    assert "+ snapshot 0:37 (billed)" in shown.out
    assert "+ snapshots 0:02, 0:03, 0:05, 0:10, 0:13 again, to keep them (billed)" in shown.out
    assert f"reconcile apply --plan plan.json {TAKE}" in shown.err
    refused = run("apply", "--plan", "plan.json")
    assert (refused.code, found.count(PROCESS)) == (1, 0)
    assert TAKE in refused.err
    assert run("apply", "--plan", "plan.json", TAKE).code == 0
    assert billed(found) == 7


def test_the_limit_counts_every_picture_that_is_billed(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write({video(0).asset_id: frame(37), video(1).asset_id: frame(4)})
    assert "Too many snapshots: 7 would be taken, at most 6 may be" in run("plan", TAKE, "--max-snapshots", "6").err
    run("plan", TAKE, "--out", "plan.json")
    for arguments in (APPLY, ("apply", TAKE, "--plan", "plan.json")):
        refused = run(*arguments, "--max-snapshots", "6")
        assert refused.code == 1
        assert "--max-snapshots" in refused.err
    assert found.count(PROCESS) == 0
    assert run(*APPLY, "--max-snapshots", "7").code == 0


@pytest.mark.parametrize("mode", ["replace", "accumulate"])
def test_dots_that_a_lock_line_names_stay(serve: Serve, mode: Any) -> None:
    serve(EmulatorOptions(dots=mode, cover_mode="reference"))
    asset = video(1).asset_id
    there = dots(asset)
    write({asset: frame(there[0])})
    assert run("lock").code == 0
    write({asset: frame(there[0] + 2)})
    assert run(*APPLY).code == 0
    assert set(dots(asset)) == {*there, there[0] + 2}


def test_ten_dots_are_full(serve: Serve) -> None:
    serve(EmulatorOptions(dots="replace"))
    asset = video(0).asset_id
    for offset in range(1, 11):
        write({asset: frame(offset)})
        assert run(*APPLY).code == 0
    write({asset: frame(11)})
    planned = run("plan", TAKE)
    assert "- snapshot 0:10 may be lost: a call takes 10 at most" in planned.out
    assert run(*APPLY).code == 0
    assert dots(asset) == [*range(1, 10), 11]


def test_the_lock_line_comes_with_the_snapshot(serve: Serve) -> None:
    serve(EmulatorOptions())
    write({video(0).asset_id: frame(37), video(2).asset_id: video(2).in_sync()})
    assert "no_snapshot_at_offset" in run("lock").out
    applied = run(*APPLY)
    assert "To lock what was set: reconcile lock" in applied.err
    write({video(0).asset_id: frame(38), video(2).asset_id: video(2).in_sync()})
    locking = run(*APPLY, "--update-lock")
    assert locking.code == 0, locking.err
    assert "Locked 1 snapshot in desired/covers.lock." in locking.err
    assert run("lock", "--check").code == 0
    assert run("plan", "--locked").code == 0


def test_a_lock_that_cannot_be_written_costs_nothing(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write({video(0).asset_id: frame(37)})
    Path("desired/covers.lock").mkdir()
    assert run(*APPLY, "--update-lock").code == 1
    assert found.count(PROCESS) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("apply", "--update-lock", "--auto-approve"),
        ("apply", "--update-lock", TAKE, "--plan", "plan.json"),
    ],
)
def test_options_that_do_not_go_together(serve: Serve, arguments: tuple[str, ...]) -> None:
    serve(EmulatorOptions())
    write({video(0).asset_id: frame(37)})
    refused = run(*arguments)
    assert (refused.code, "--update-lock" in refused.err) == (1, True)


def test_the_size_of_a_snapshot(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write({video(0).asset_id: frame(37)})
    assert run(*APPLY, "--snapshot-size", "720").code == 0
    assert found.count(PROCESS) == 1
    assert run(*APPLY, "--snapshot-size", "0").code == 1


def test_a_service_that_refuses_is_told_with_its_reason(serve: Serve) -> None:
    serve(EmulatorOptions(failing_tasks=1))
    write({video(0).asset_id: frame(37), video(2).asset_id: video(2).drifted()})
    ran = run(*APPLY, "--json")
    assert ran.code == 1
    failed, applied = ran.document["results"]
    assert (failed["outcome"], failed["error"]["type"], applied["outcome"]) == ("failed", "task_failed", "applied")
    assert (ran.document["summary"]["take"], failed["billed"]) == (0, 1)
    assert "Resources: 1 added" not in ran.out


def tampered(change: Callable[[dict[str, object]], None]) -> Ran:
    """What apply says of a saved plan that was changed, whose digest matches."""
    from reconciler.documents.dump import digest

    document = json.loads(Path("plan.json").read_text())
    change(document["changes"][0])
    document["digest"] = digest(document)
    Path("plan.json").write_text(json.dumps(document))
    return run("apply", "--plan", "plan.json", TAKE)


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.pop("take"),
        lambda one: one["take"].update(offset=38),
        lambda one: one["after"]["snapshot"].update(index=0),
        lambda one: one["after"]["snapshot"].update(set="sample"),
        lambda one: one["take"].update(again=[37]),
        lambda one: one["take"].update(again=list(range(10))),
    ],
)
def test_a_saved_plan_takes_what_it_shows(serve: Serve, change: Callable[[dict[str, object]], None]) -> None:
    found = serve(EmulatorOptions())
    write({video(0).asset_id: frame(37)})
    run("plan", TAKE, "--out", "plan.json")
    refused = tampered(change)
    assert (refused.code, found.count(PROCESS)) == (1, 0)


@pytest.mark.parametrize("mode", ["copy", "reference"])
def test_the_cover_from_before_comes_back(serve: Serve, mode: Any) -> None:
    found = serve(EmulatorOptions(cover_mode=mode))
    before = found.covers()
    write({video(0).asset_id: frame(37), video(1).asset_id: frame(4)})
    assert run(*APPLY, "--wait").code == 0
    assert found.covers() != before
    undone = run("rollback", "--auto-approve", "--wait")
    assert undone.code == 0, undone.out
    assert found.covers() == before


@pytest.mark.parametrize("propagation", [0, 600])
def test_a_cover_on_its_way_is_not_drift(serve: Serve, propagation: float) -> None:
    serve(EmulatorOptions(propagation=propagation))
    write({video(0).asset_id: frame(37), video(1).asset_id: frame(4)})
    assert run(*APPLY).code == 0
    assert run("plan", TAKE, "--detailed-exitcode").code == 0


def test_the_report_shows_what_was_taken(serve: Serve) -> None:
    serve(EmulatorOptions())
    write({video(0).asset_id: frame(37)})
    assert run("plan", TAKE, "--html", "plan.html").code == 0
    assert "Its snapshot is yet to be taken." in Path("plan.html").read_text()
    assert run(*APPLY, "--html", "apply.html").code == 0
    page = Path("apply.html").read_text()
    assert "yet to be taken" not in page
    assert "No picture" not in page


def test_a_lock_that_changes_meanwhile_is_said_and_left(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    found = serve(EmulatorOptions())
    write({video(0).asset_id: frame(37)})
    real = load_with_locks
    loads: list[int] = []

    def load(paths: Sequence[str]) -> object:
        loaded = real(paths)
        loads.append(1)
        if len(loads) == 2:  # the second is just before it is written
            Path("desired/covers.lock").write_text('{"format_version": "1.0", "kind": "lock"}\n')
        return loaded

    monkeypatch.setattr(taken_locks, "load_with_locks", load)
    ran = run(*APPLY, "--update-lock")
    assert (ran.code, found.puts) == (1, 1)
    assert "The lock lines were not written" in ran.err
    assert "reconcile lock" in ran.err
