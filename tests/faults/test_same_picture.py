"""The same picture, whatever its URL, and whatever the CDN tells of it; and covers that take their time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.command_line import Cloud, entries, run, video, videos, write
from support.processes import APPROVED, Serve, Skipped

from reconciler.emulator import ODD
from reconciler.emulator.options import EmulatorOptions
from reconciler.emulator.pictures import drawn

CDNS = {
    "ETag an MD5": EmulatorOptions(),
    "ETag random": EmulatorOptions(etag="random"),
    "ETag and length always the same": EmulatorOptions(etag="same"),
    "no ETag": EmulatorOptions(etag="none"),
    "no HEAD": EmulatorOptions(head=False),
    "neither ETag nor HEAD": EmulatorOptions(etag="none", head=False),
}
CUSTOM = ODD["custom_cover"]


def summary(*arguments: str) -> dict[str, int]:
    counts: dict[str, int] = run(*arguments, "--json").document["summary"]
    return {name: count for name, count in counts.items() if count and name != "managed"}


def cover(cloud: Cloud, asset_id: str) -> bytes:
    return httpx.get(f"{cloud.url}/asset/{asset_id}/cover/Cover0.jpg").raise_for_status().content


@pytest.mark.parametrize("options", CDNS.values(), ids=CDNS)
def test_copied_covers_settle_after_one_put_each(serve: Serve, options: EmulatorOptions) -> None:
    found = serve(options)
    write({**entries(9, drifted=3), CUSTOM: "0"})
    planned = run("plan", "--detailed-exitcode", "--json")
    assert planned.code == 2
    changes = [change["asset_id"] for change in planned.document["changes"]]
    assert changes == [*(item.asset_id for item in videos(3)), CUSTOM]
    assert planned.document["changes"][-1]["before"]["snapshot"] is None

    assert summary(*APPROVED) == {"applied": 4}
    assert found.puts == 4
    assert run("plan", "--detailed-exitcode").code == 0
    assert summary(*APPROVED) == {}
    assert found.puts == 4


@pytest.mark.parametrize("options", CDNS.values(), ids=CDNS)
def test_another_picture_of_equal_length_is_drift(serve: Serve, options: EmulatorOptions) -> None:
    found = serve(options)
    item = video(0)
    write({item.asset_id: item.in_sync()})
    assert run("plan", "--detailed-exitcode").code == 0
    wanted = cover(found, item.asset_id)
    found.upload(item.asset_id, wanted[:-1] + bytes([wanted[-1] ^ 1]))
    assert run("plan", "--detailed-exitcode").code == 2
    found.upload(item.asset_id, wanted)
    assert run("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("options", CDNS.values(), ids=CDNS)
def test_which_snapshot_a_copied_cover_was_is_told(serve: Serve, options: EmulatorOptions) -> None:
    """So that the report shows it, and a rollback can restore it."""
    serve(options)
    item = video(0)
    write({item.asset_id: item.drifted()})
    [change] = run("plan", "--json").document["changes"]
    assert change["before"]["cover_url"].endswith("/cover/Cover0.jpg")
    assert change["before"]["snapshot"]["index"] == item.shown
    assert change["after"]["snapshot"]["index"] == item.other


def test_a_picture_of_their_own_is_saved_before_it_is_replaced(serve: Serve, state: Path) -> None:
    found = serve(EmulatorOptions())
    write({CUSTOM: "0"})
    theirs = cover(found, CUSTOM)
    ran = run(*APPROVED)
    assert cover(found, CUSTOM) != theirs
    [saved] = (state / "covers").iterdir()
    assert saved.read_bytes() == theirs
    assert str(saved) in ran.out
    [intent] = [line for line in journal(state) if line["kind"] == "intent"]
    assert intent["saved_cover"] == str(saved)


def test_the_json_report_says_where_it_was_saved_too(serve: Serve, state: Path) -> None:
    found = serve(EmulatorOptions())
    theirs = b"\x89PNG\r\n\x1a\n a picture of their own"
    found.upload(video(0).asset_id, theirs)
    write(entries(2, drifted=2))
    first, second = run(*APPROVED, "--json").document["results"]
    assert Path(first["saved_cover"]).read_bytes() == theirs
    assert "saved_cover" not in second


def test_a_picture_that_cannot_be_saved_is_not_replaced(serve: Serve, state: Path) -> None:
    found = serve(EmulatorOptions())
    write({CUSTOM: "0", **entries(1, drifted=1)})
    state.mkdir()
    (state / "covers").write_text("in the way")
    ran = run(*APPROVED, "--json", "--target", CUSTOM)
    assert (ran.code, found.puts) == (1, 0)
    assert ran.document["results"][0]["error"]["type"] == "state"


def journal(state: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (state / "journal.jsonl").read_text().splitlines()]


def test_recoded_covers_are_remembered_and_a_change_behind_our_back_is_seen(serve: Serve) -> None:
    found = serve(EmulatorOptions(cover_mode="recode"))
    write(entries(4, drifted=2))
    applied = run(*APPROVED, "--wait", "--json")
    assert applied.code == 0
    assert [result["verified"] for result in applied.document["results"]] == [True, True]
    assert run("plan", "--detailed-exitcode").code == 0
    assert found.puts == 2

    found.upload(video(0).asset_id, cover(found, video(7).asset_id))
    assert summary("plan") == {"in_sync": 3, "update": 1}


def test_what_is_remembered_of_one_snapshot_says_nothing_of_another(serve: Serve) -> None:
    item = video(0)
    serve(EmulatorOptions(cover_mode="recode"))
    write({item.asset_id: item.drifted()})
    run(*APPROVED, "--wait")
    write({item.asset_id: item.in_sync()})
    [change] = run("plan", "--json").document["changes"]
    assert change["before"]["snapshot"]["index"] == item.other


def test_memory_moves_to_another_machine(
    serve: Serve, time_flies: Skipped, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serve(EmulatorOptions(cover_mode="recode"))
    write(entries(3, drifted=2))
    assert run(*APPROVED, "--wait").code == 0
    assert run("memory", "export", "memory.json").code == 0

    monkeypatch.setenv("RECONCILE_STATE_DIR", str(tmp_path / "another machine"))
    assert summary("plan") == {"in_sync": 1, "update": 2}
    assert run("memory", "import", "memory.json").code == 0
    assert run("plan", "--detailed-exitcode").code == 0


def test_a_cover_whose_bytes_never_change_is_told_by_its_looks(
    serve: Serve, time_flies: Skipped, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It had come of that very snapshot before, so the PUT changes nothing; and nobody here remembers."""
    found = serve(EmulatorOptions(cover_mode="recode"))
    write(entries(2, drifted=2))
    run(*APPROVED)
    monkeypatch.setenv("RECONCILE_STATE_DIR", str(tmp_path / "a fresh start"))
    assert summary("plan") == {"update": 2}
    applied = run(*APPROVED, "--wait", "--wait-timeout", "120", "--json")
    assert applied.code == 0
    assert [result["verified"] for result in applied.document["results"]] == [True, True]
    assert found.puts == 4
    time_flies.seconds += 3600
    assert run("plan", "--detailed-exitcode").code == 0


def test_an_old_cover_that_stays_is_never_taken_for_the_new_one(serve: Serve, time_flies: Skipped) -> None:
    """However long it stays: it looks different."""
    serve(EmulatorOptions(cover_mode="recode", propagation=7200))
    write(entries(2, drifted=2))
    applied = run(*APPROVED, "--wait", "--wait-timeout", "90", "--json")
    assert applied.code == 1
    assert [result["verified"] for result in applied.document["results"]] == [False, False]
    time_flies.seconds += 360
    assert summary("plan") == {"update": 2}


@pytest.mark.parametrize("mode", ["copy", "recode", "reference"])
def test_a_quick_rerun_is_patient(serve: Serve, time_flies: Skipped, mode: Any) -> None:
    """It neither alarms nor PUTs again, and says what it is waiting for."""
    found = serve(EmulatorOptions(cover_mode=mode, propagation=240))
    write(entries(5, drifted=2))
    run(*APPROVED)
    rerun = run("plan", "--detailed-exitcode", "--json")
    assert rerun.code == 0
    assert [item["asset_id"] for item in rerun.document["pending"]] == [item.asset_id for item in videos(2)]
    assert run("audit").code == 0
    assert summary(*APPROVED) == {}
    assert found.puts == 2


@pytest.mark.parametrize("mode", ["copy", "reference"])
def test_after_the_new_cover_is_seen_everything_is_in_sync(serve: Serve, time_flies: Skipped, mode: Any) -> None:
    serve(EmulatorOptions(cover_mode=mode, propagation=240))
    write(entries(5, drifted=2))
    run(*APPROVED)
    time_flies.seconds += 241
    assert summary("plan") == {"in_sync": 5}


def test_five_minutes_later_it_is_drift_again(serve: Serve, time_flies: Skipped) -> None:
    found = serve(EmulatorOptions(propagation=7200))
    write(entries(2, drifted=1))
    run(*APPROVED)
    time_flies.seconds += 290
    assert summary("plan") == {"in_sync": 1, "pending": 1}
    time_flies.seconds += 15
    assert summary("plan") == {"in_sync": 1, "update": 1}
    assert summary(*APPROVED) == {"applied": 1}
    assert found.puts == 2


def test_a_change_of_mind_within_the_five_minutes_is_no_pending_cover(serve: Serve, time_flies: Skipped) -> None:
    serve(EmulatorOptions(propagation=240, cover_mode="reference"))
    item = video(0)
    write({item.asset_id: item.drifted()})
    run(*APPROVED)
    third = (item.other + 1) % item.count
    write({item.asset_id: f"{{snapshot: {third}, from: {item.set}}}"})
    assert summary("plan") == {"update": 1}


def test_a_cover_that_somebody_else_sets_within_the_five_minutes_is_drift(serve: Serve, time_flies: Skipped) -> None:
    found = serve(EmulatorOptions())
    write(entries(2, drifted=1))
    run(*APPROVED)
    found.upload(video(0).asset_id, drawn("f" * 32, "sample", 3).data)
    assert summary("plan") == {"in_sync": 1, "update": 1}


@pytest.mark.parametrize("mode", ["copy", "recode", "reference"])
def test_wait_stays_until_minutes_later_the_covers_are_seen(serve: Serve, time_flies: Skipped, mode: Any) -> None:
    found = serve(EmulatorOptions(cover_mode=mode, propagation=200))
    write(entries(5, drifted=3))
    ran = run(*APPROVED, "--wait", "--json")
    assert ran.code == 0
    assert [result["verified"] for result in ran.document["results"]] == [True] * 3
    assert 200 <= time_flies.seconds < 300
    assert run("plan", "--detailed-exitcode").code == 0
    assert summary("plan") == {"in_sync": 5}
    assert found.puts == 3


def test_a_wait_that_is_too_short_fails_and_the_next_run_is_patient(serve: Serve, time_flies: Skipped) -> None:
    found = serve(EmulatorOptions(propagation=200))
    write(entries(4, drifted=2))
    ran = run(*APPROVED, "--wait", "--wait-timeout", "60", "--json")
    assert ran.code == 1
    assert [result["verified"] for result in ran.document["results"]] == [False, False]
    assert ran.document["summary"]["applied"] == 2
    assert time_flies.seconds < 61
    assert summary("plan") == {"in_sync": 2, "pending": 2}
    assert found.puts == 2
