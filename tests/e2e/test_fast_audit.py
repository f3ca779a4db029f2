"""audit --fast and --baseline, on the emulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_line import DETAILS, TRACEBACK, Cloud, entries, run, video, write

from reconciler.emulator import ODD
from reconciler.emulator.options import EmulatorOptions, FaultRule

Serve = Callable[..., Cloud]
LIST = "GET /v1.0/{project_id}/asset/list"
BASELINE = "last.json"


def audited(*more: str) -> dict[str, object]:
    return run("audit", "--json", *more).document


@pytest.mark.integration
def test_an_in_sync_catalogue_takes_a_call_for_a_hundred_assets(serve: Serve) -> None:
    cloud = serve(EmulatorOptions(assets=250, cover_mode="reference"))
    write(entries(250))
    full = audited()
    before = cloud.count(DETAILS) + cloud.count(LIST)
    fast = audited("--fast")
    assert cloud.count(DETAILS) + cloud.count(LIST) - before <= 4
    assert fast["summary"] == full["summary"]
    assert fast["unmanaged"] == full["unmanaged"]
    told = fast["fast"]
    assert isinstance(told, dict)
    assert (told["by_url"], told["by_memory"], told["by_details"]) == (0, 250, 0)
    assert told["oldest_reading"] <= str(full["created_at"])
    text = run("audit", "--fast").out
    assert "250 decided by the asset list (250 with remembered snapshots, the oldest read at" in text


@pytest.mark.integration
def test_drift_is_read_in_full_and_told_as_by_a_full_audit(serve: Serve) -> None:
    serve(EmulatorOptions(cover_mode="reference"))
    write(entries(10))
    run("audit")
    write({**entries(10, drifted=2), ODD["no_snapshots"]: "0"})
    full, fast = audited(), audited("--fast")
    for key in ("changes", "unknown", "summary"):
        assert fast[key] == full[key]


@pytest.mark.integration
def test_old_readings_are_read_again(serve: Serve) -> None:
    cloud = serve(EmulatorOptions(cover_mode="reference"))
    write(entries(5))
    run("audit")
    before = cloud.count(DETAILS)
    assert run("audit", "--fast", "--max-age", "0s").code == 0
    assert cloud.count(DETAILS) - before == 5


@pytest.mark.parametrize("age", ["24", "h", "-1h", "1y", "", "1.5h"])
def test_a_length_of_time_has_a_unit(age: str) -> None:
    ran = run("audit", "--max-age", age)
    assert ran.code == 1
    assert "is not a valid duration" in ran.err
    assert TRACEBACK not in ran.err


def test_a_baseline_tells_what_drifted_what_was_resolved_and_what_changed(emulator: str) -> None:
    write({**entries(6, drifted=2), video(10).asset_id: "0"})
    run("audit", "--endpoint", emulator, "--json", "--output", BASELINE)
    changed = f"{{snapshot: {(video(0).shown + 2) % video(0).count}, from: {video(0).set}}}"
    write({**entries(6), video(0).asset_id: changed, video(5).asset_id: video(5).drifted(), video(10).asset_id: "0"})
    ran = run("audit", "--endpoint", emulator, "--baseline", BASELINE)
    assert f"    {video(5).asset_id} drifted" in ran.lines
    assert f"    {video(1).asset_id} resolved" in ran.lines
    assert f"    {video(0).asset_id} changed" in ran.lines
    since = audited("--endpoint", emulator, "--baseline", BASELINE)["since"]
    assert isinstance(since, dict)
    assert (since["drifted"], since["resolved"]) == ([video(5).asset_id], [video(1).asset_id])
    (told,) = since["changed"]
    assert told["asset_id"] == video(0).asset_id
    assert "after.snapshot.index" in {field["field"] for field in told["fields"]}


def test_nothing_changed_since_an_audit_of_the_same(emulator: str) -> None:
    write(entries(6, drifted=2))
    run("audit", "--endpoint", emulator, "--json", "--output", BASELINE)
    write(entries(6, drifted=2), head="# lines move\n\n")
    ran = run("audit", "--endpoint", emulator, "--baseline", BASELINE)
    assert "0 drifted, 0 resolved, 0 changed, 0 newly unknown." in ran.lines[-2]


def test_the_baseline_may_be_the_file_that_is_written(emulator: str) -> None:
    write(entries(3))
    arguments = ("audit", "--endpoint", emulator, "--json", "--output", BASELINE)
    assert run(*arguments).code == 0
    write(entries(3, drifted=1))
    assert run(*arguments, "--baseline", BASELINE).code == 2
    assert json.loads(Path(BASELINE).read_text())["since"]["drifted"] == [video(0).asset_id]


def test_an_outage_leaves_the_last_baseline(emulator: str) -> None:
    write(entries(3))
    arguments = ("audit", "--endpoint", emulator, "--json", "--output", BASELINE)
    run(*arguments)
    Path("desired/covers.yaml").write_text("covers: 5\n", encoding="utf-8")
    assert run(*arguments, "--baseline", BASELINE).code == 1
    write(entries(3))
    assert run(*arguments, "--baseline", BASELINE).code == 0


def test_what_a_file_manages_now_is_no_stranger_any_more(emulator: str) -> None:
    write(entries(3))
    run("audit", "--endpoint", emulator, "--json", "--output", BASELINE)
    write(entries(4))
    since = audited("--endpoint", emulator, "--baseline", BASELINE)["since"]
    assert isinstance(since, dict)
    assert since["no_longer_unmanaged"] == [video(3).asset_id]
    assert since["newly_unmanaged"] == []


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"format_version": "1.0", "kind": "audit"}'])
def test_a_baseline_that_is_none_is_refused_before_anything_is_read(emulator: str, content: str) -> None:
    write(entries(1))
    Path(BASELINE).write_text(content, encoding="utf-8")
    ran = run("audit", "--endpoint", emulator, "--baseline", BASELINE)
    assert ran.code == 1
    assert BASELINE in ran.err
    assert "Run once without --baseline" in ran.err or "format_version" in ran.err
    assert TRACEBACK not in ran.err


def test_a_missing_baseline_says_what_to_do_on_the_first_run(emulator: str) -> None:
    write(entries(1))
    ran = run("audit", "--endpoint", emulator, "--baseline", BASELINE)
    assert ran.code == 1
    assert "Run once without --baseline" in ran.err


def test_a_plan_is_no_baseline(emulator: str) -> None:
    write(entries(1))
    run("plan", "--endpoint", emulator, "--out", BASELINE)
    ran = run("audit", "--endpoint", emulator, "--baseline", BASELINE)
    assert "a document of kind plan" in ran.err


def test_a_baseline_of_another_project_is_refused(emulator: str, tmp_path: Path) -> None:
    write(entries(1))
    run("audit", "--endpoint", emulator, "--json", "--output", BASELINE)
    ran = run("audit", "--endpoint", f"emulator:{tmp_path}/other.sqlite", "--baseline", BASELINE)
    assert ran.code == 1
    assert "the baseline is about project" in ran.err


def test_an_entry_that_was_removed_is_not_resolved(emulator: str) -> None:
    write(entries(4, drifted=2))
    run("audit", "--endpoint", emulator, "--json", "--output", BASELINE)
    left = {asset_id: value for asset_id, value in entries(4, drifted=2).items() if asset_id != video(0).asset_id}
    write(left)
    since = audited("--endpoint", emulator, "--baseline", BASELINE)["since"]
    assert isinstance(since, dict)
    assert (since["resolved"], since["no_longer_managed"]) == ([], [video(0).asset_id])


def test_a_baseline_of_another_selection_is_refused(emulator: str) -> None:
    write(entries(4, drifted=2))
    run("audit", "--endpoint", emulator, "--json", "--output", BASELINE)
    ran = run("audit", "--endpoint", emulator, "--baseline", BASELINE, "--target", video(3).asset_id)
    assert ran.code == 1
    assert "another --target or --exclude" in ran.err


def test_a_maximal_age_without_a_memory_to_limit_is_a_mistake() -> None:
    ran = run("audit", "--max-age", "1h")
    assert (ran.code, "--fast" in ran.err) == (1, True)


@pytest.mark.integration
def test_retries_are_no_decisions(serve: Serve) -> None:
    serve(EmulatorOptions(cover_mode="copy", faults=(FaultRule("details", "503", 1, video(3).asset_id),)))
    write(entries(9))
    told = audited("--fast")["fast"]
    assert isinstance(told, dict)
    assert told["by_details"] == 9
