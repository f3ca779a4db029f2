"""plan: says what would change, in the words that other tools parse, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_line import COVER, DIGITS, WITH_AN_E, Cloud, entries, run, video, write

from reconciler.emulator import ODD
from reconciler.emulator.options import EmulatorOptions

NO_CHANGES = "No changes. Your covers match the desired state."


def test_drift_is_listed_and_summed_up_to_the_letter(emulator: str) -> None:
    write({**entries(8, drifted=3), video(8).asset_id: "{ignore: true}"})
    ran = run("plan", "--endpoint", emulator)
    assert (ran.code, ran.err) == (0, ""), ran.err
    assert ran.lines[-3:] == [
        "Plan: 0 to add, 3 to change, 0 to destroy.",
        "5 in sync, 0 unknown, 1 ignored.",
        "About 1 s at 100 covers per minute.",
    ]
    assert ran.lines[:5] == [
        "desired/covers.yaml",
        '  ~ 6e76f92034ceae2fcdcef9413221511f "Opening keynote: the next ten years"',
        "      cover: sample[6] 1:00 -> sample[7] 1:10",
        "      desired/covers.yaml:2",
        "",
    ]


def test_everything_in_sync(emulator: str) -> None:
    write(entries(12))
    ran = run("plan", "--endpoint", emulator, "--detailed-exitcode")
    assert (ran.code, ran.out, ran.err) == (0, f"{NO_CHANGES}\n12 in sync, 0 unknown, 0 ignored.\n", "")


def test_no_changes_is_never_said_while_something_is_unknown(emulator: str) -> None:
    write({**entries(4), ODD["no_snapshots"]: "0"})
    ran = run("plan", "--endpoint", emulator, "--detailed-exitcode")
    assert ran.code == 1
    assert "No changes" not in ran.out
    assert ran.lines[-2:] == ["Plan: 0 to add, 0 to change, 0 to destroy.", "4 in sync, 1 unknown, 0 ignored."]


REASONS = {
    "asset_not_found": ("asset_not_found", "0"),
    "no_snapshots": ("no_snapshots", "0"),
    "snapshots_failed": ("no_snapshots", "0"),
    "snapshots_in_progress": ("snapshots_in_progress", "0"),
    "snapshot_out_of_range": ("snapshot_out_of_range", "1"),
    "no_snapshot_at_offset": ("no_snapshot_at_offset", "{offset: 8}"),
    "foreign_snapshot": ("foreign_snapshot", "0"),
    "content_unavailable": ("content_unavailable", "0"),
    "api_error": ("api_error", "0"),
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("odd", REASONS)
def test_every_reason_for_not_knowing(emulator: str, odd: str) -> None:
    reason, wanted = REASONS[odd]
    write({video(0).asset_id: video(0).drifted(), ODD[odd]: wanted})
    ran = run("plan", "--endpoint", emulator, "--json", "--detailed-exitcode")
    assert ran.code == 1
    [unknown] = ran.document["unknown"]
    assert (unknown["asset_id"], unknown["reason"]) == (ODD[odd], reason)
    assert unknown["source"] == {"file": "desired/covers.yaml", "line": 3, "column": 3}
    assert unknown["message"]
    assert ran.document["summary"] == {
        "managed": 2, "in_sync": 0, "update": 1, "pending": 0, "unknown": 1, "ignored": 0,
    }  # fmt: skip
    allowed = run("plan", "--endpoint", emulator, "--allow-unknown", reason, "--detailed-exitcode")
    assert allowed.code == 2
    assert f"? {ODD[odd]} " in allowed.out
    assert reason in allowed.out


def test_allowing_one_reason_allows_no_other(emulator: str) -> None:
    write({ODD["no_snapshots"]: "0", ODD["asset_not_found"]: "0"})
    allow = ("plan", "--endpoint", emulator, "--allow-unknown", "no_snapshots")
    assert run(*allow).code == 1
    assert run(*allow, "--allow-unknown", "asset_not_found").code == 0


def test_exit_codes_with_and_without_detail(emulator: str) -> None:
    write(entries(3, drifted=1))
    assert run("plan", "--endpoint", emulator).code == 0
    assert run("plan", "--endpoint", emulator, "--detailed-exitcode").code == 2


def test_ids_that_look_like_numbers_stay_what_they_are(emulator: str) -> None:
    write({DIGITS: video(1).drifted(), WITH_AN_E: "-1"})
    changes = run("plan", "--endpoint", emulator, "--json").document["changes"]
    assert [change["asset_id"] for change in changes] == [DIGITS, WITH_AN_E]
    assert changes[1]["after"]["snapshot"] == {"set": "sample", "index": 18, "offset": 162}


def test_index_zero_is_an_index_like_any_other(emulator: str) -> None:
    write({video(0).asset_id: "0", video(6).asset_id: "0"})
    document = run("plan", "--endpoint", emulator, "--json").document
    [change] = document["changes"]
    assert change["after"]["snapshot"] == {"set": "sample", "index": 0, "offset": 0}
    assert document["summary"]["in_sync"] == 1


@pytest.mark.parametrize("odd", ["no_cover", "null_cover", "empty_cover"])
def test_an_asset_without_a_cover_gets_one(emulator: str, odd: str) -> None:
    write({ODD[odd]: "2"})
    ran = run("plan", "--endpoint", emulator, "--json")
    [change] = ran.document["changes"]
    assert change["before"] == {"cover_url": None, "snapshot": None}
    assert "cover: none -> sample[2] 0:14" in run("plan", "--endpoint", emulator).out


def test_notes_are_shown(emulator: str) -> None:
    write({video(0).asset_id: "{snapshot: 0, note: the logo}"})
    assert "      note:  the logo\n" in run("plan", "--endpoint", emulator).out


def test_targets_and_excludes(emulator: str) -> None:
    """By ID in either case, by a glob on IDs, by a glob on titles."""
    write(entries(24, drifted=24))

    def chosen(*arguments: str) -> list[str]:
        changes = run("plan", "--endpoint", emulator, "--json", *arguments).document["changes"]
        return [change["asset_id"] for change in changes]

    first = video(0).asset_id
    assert chosen("--target", first) == [first]
    assert chosen("--target", first.upper()) == [first]
    assert chosen("--target", "6e76*", "--target", WITH_AN_E) == [first, WITH_AN_E]
    assert chosen("--target", "Spring campaign*") == [video(7).asset_id, video(9).asset_id]
    assert chosen("--target", "Spring campaign*", "--exclude", "*15 s cut") == [video(7).asset_id]
    assert len(chosen("--exclude", first)) == 23


@pytest.mark.parametrize("flag", ["--target", "--exclude"])
def test_a_glob_that_matches_nothing_is_an_error(emulator: str, flag: str) -> None:
    write(entries(3))
    ran = run("plan", "--endpoint", emulator, flag, "Sprung*")
    assert (ran.code, ran.out) == (1, "")
    assert f"Nothing matches {flag} 'Sprung*'" in ran.err


def test_too_many_updates_are_only_warned_of(emulator: str) -> None:
    write(entries(10, drifted=4))
    ran = run("plan", "--endpoint", emulator)
    assert ran.code == 0
    assert ran.err.startswith("Warning: Too many updates, 40.00% is over 30.00% (4/10), force required")
    assert run("plan", "--endpoint", emulator, "--max-update-percent", "40").err == ""


def test_quiet_leaves_the_summary(emulator: str) -> None:
    write(entries(3, drifted=1))
    ran = run("plan", "--endpoint", emulator, "--quiet")
    assert ran.lines == [
        "Plan: 0 to add, 1 to change, 0 to destroy.",
        "2 in sync, 0 unknown, 0 ignored.",
        "About 1 s at 100 covers per minute.",
    ]
    run("plan", "--endpoint", emulator, "--out", "saved.json")
    assert run("show", "saved.json", "--quiet").out == ran.out


def test_the_write_quota_is_what_the_time_is_reckoned_by(emulator: str) -> None:
    write(entries(5, drifted=5))
    ran = run("plan", "--endpoint", emulator, "--write-quota", "2/minute")
    assert ran.lines[-1] == "About 2 min at 2 covers per minute."


def test_planning_never_puts(serve: Callable[[EmulatorOptions], Cloud]) -> None:
    cloud = serve(EmulatorOptions())
    write(entries(24, drifted=24))
    for arguments in (["plan"], ["plan", "--json"], ["plan", "--compare", "url"], ["plan", "--out", "saved.json"]):
        run(*arguments)
    assert cloud.count(COVER) == 0
    assert {request["method"] for request in cloud.requests()} <= {"GET", "HEAD"}


def test_comparing_urls_alone_takes_a_copied_cover_for_drift(serve: Callable[[EmulatorOptions], Cloud]) -> None:
    """And opens none of them: only the snapshots that it would set."""
    cloud = serve(EmulatorOptions(cover_mode="copy"))
    write(entries(2))
    assert run("plan", "--compare", "url", "--json").document["summary"]["update"] == 2
    assert not [request for request in cloud.requests() if "/cover/" in request["path"]]
    assert len([request for request in cloud.requests() if "/snapshot/" in request["path"]]) == 2
    for how in ("auto", "content"):
        assert run("plan", "--compare", how, "--json").document["summary"]["in_sync"] == 2


def test_comparing_urls_where_covers_keep_the_snapshots_url(serve: Callable[[EmulatorOptions], Cloud]) -> None:
    serve(EmulatorOptions(cover_mode="reference"))
    write(entries(6, drifted=1))
    summary = run("plan", "--compare", "url", "--json").document["summary"]
    assert (summary["in_sync"], summary["update"]) == (5, 1)


@pytest.mark.usefixtures("impatient")
def test_one_bad_asset_does_not_stop_the_others(emulator: str) -> None:
    write({ODD["api_error"]: "0", **entries(5, drifted=2)})
    summary = run("plan", "--endpoint", emulator, "--json").document["summary"]
    assert (summary["update"], summary["in_sync"], summary["unknown"]) == (2, 3, 1)


def test_several_paths_add_up_and_connection_flags_beat_files(emulator: str) -> None:
    write(entries(1), to="one.yaml")
    write({DIGITS: video(1).in_sync()}, to="two/two.yml", head="region: cn-east-2\n")
    document = run("plan", "one.yaml", "two", "--endpoint", emulator, "--json").document
    assert document["summary"]["in_sync"] == 2


def test_output_goes_to_a_file_whole(emulator: str) -> None:
    write(entries(3, drifted=1))
    ran = run("plan", "--endpoint", emulator, "--json", "--output", "plan.json")
    assert (ran.code, ran.out) == (0, "")
    assert json.loads(Path("plan.json").read_text())["summary"]["update"] == 1
    run("plan", "--endpoint", emulator, "--format", "text", "--output", "plan.txt")
    assert Path("plan.txt").read_text() == run("plan", "--endpoint", emulator).out
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["desired", "plan.json", "plan.txt"]


@pytest.mark.parametrize("flag", ["--target", "--exclude"])
@pytest.mark.parametrize("verb", [["plan"], ["apply", "--auto-approve"], ["validate"]])
def test_an_empty_glob_is_an_unset_variable(emulator: str, flag: str, verb: list[str]) -> None:
    write(entries(2))
    more = [] if verb == ["validate"] else ["--endpoint", emulator]
    ran = run(*verb, *more, flag, "")
    assert (ran.code, ran.out) == (1, "")
    assert f"Invalid value for '{flag}': it is empty" in ran.err


def test_printed_commands_can_be_pasted(emulator: str) -> None:
    write(entries(2))
    ran = run("plan", "--endpoint", emulator, "--out", "my plan; ls.json")
    assert "reconcile apply --plan 'my plan; ls.json'" in ran.err
    ran = run("import", "--endpoint", emulator, "--out", "all covers.yaml")
    assert "reconcile plan 'all covers.yaml'" in ran.out
    assert "--update 'all covers.yaml'" in run("import", "--endpoint", emulator, "--out", "all covers.yaml").err
