"""apply: PUTs what drifted, once, and nothing else; asks first; says what became of each change."""

from __future__ import annotations

import errno
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_line import DIGITS, TRACEBACK, WITH_AN_E, Cloud, cloud, entries, run, spawn, video, videos, write

from reconciler.emulator import ODD
from reconciler.emulator.options import CoverMode, EmulatorOptions, FaultKind, FaultRule

Serve = Callable[[EmulatorOptions], Cloud]
APPROVED = ("apply", "--auto-approve", "--force")


def test_a_change_is_carried_out_and_summed_up_to_the_letter(emulator: str) -> None:
    write({**entries(11, drifted=3), ODD["no_snapshots"]: "0"})
    ran = run("apply", "--endpoint", emulator, "--auto-approve")
    assert ran.code == 1
    assert "Apply complete! Resources: 0 added, 3 changed, 0 destroyed.\n" in ran.out
    assert "Plan: 0 to add, 3 to change, 0 to destroy.\n8 in sync, 1 unknown, 0 ignored.\nAbout 1 s at 100" in ran.out
    run("apply", "--endpoint", emulator, "--auto-approve", "--allow-unknown", "no_snapshots")
    write(entries(11, drifted=3))
    assert run("plan", "--endpoint", emulator).lines[0] == "No changes. Your covers match the desired state."


def test_quiet_leaves_the_summaries(emulator: str) -> None:
    write(entries(11, drifted=2))
    ran = run("apply", "--endpoint", emulator, "--auto-approve", "--quiet")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines == [
        "Plan: 0 to add, 2 to change, 0 to destroy.",
        "9 in sync, 0 unknown, 0 ignored.",
        "About 1 s at 100 covers per minute.",
        "Apply complete! Resources: 0 added, 2 changed, 0 destroyed.",
        "0 failed, 0 stale, 0 unchanged, 0 not attempted, 0 unknown.",
        "New covers take effect within 3 to 5 minutes.",
    ]


@pytest.mark.parametrize("mode", ["copy", "reference"])
def test_24_drifted_assets_are_24_puts_and_a_second_apply_none(serve: Serve, mode: CoverMode) -> None:
    found = serve(EmulatorOptions(cover_mode=mode))
    write(entries(24, drifted=24))
    first = run(*APPROVED)
    assert (first.code, found.puts) == (0, 24)
    assert "Apply complete! Resources: 0 added, 24 changed, 0 destroyed." in first.lines
    second = run(*APPROVED)
    assert (second.code, found.puts) == (0, 24)
    assert "No changes. Your covers match the desired state." in second.lines
    assert "Apply complete! Resources: 0 added, 0 changed, 0 destroyed." in second.lines
    assert run("plan", "--detailed-exitcode").code == 0


def test_each_asset_gets_its_own_cover_and_in_sync_ones_keep_theirs(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    before = found.covers()
    write(entries(24, drifted=5))
    run(*APPROVED)
    changed = {asset_id for asset_id, cover in found.covers().items() if cover != before[asset_id]}
    assert changed == {item.asset_id for item in videos(5)}
    assert found.puts == 5


def test_ids_that_look_like_numbers_are_applied(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write({DIGITS: "0", WITH_AN_E: "-1"})
    results = run(*APPROVED, "--json").document["results"]
    assert [(result["asset_id"], result["outcome"]) for result in results] == [
        (DIGITS, "applied"),
        (WITH_AN_E, "applied"),
    ]
    assert (found.covers()[DIGITS], found.covers()[WITH_AN_E]) == ("sample/0", "sample/162")


def test_ignored_assets_are_never_changed(emulator: str) -> None:
    write({video(0).asset_id: "{snapshot: 0, ignore: true}"})
    ran = run(*APPROVED, "--endpoint", emulator, "--json")
    assert (ran.code, ran.document["results"]) == (0, [])


def test_yes_applies_and_the_question_is_asked_where_the_user_looks(emulator: str) -> None:
    write(entries(2, drifted=1))
    ran = run("apply", "--endpoint", emulator, answer="yes\n")
    assert ran.code == 0
    # stdout is no terminal here: the question must not vanish into wherever it leads.
    assert "Do you want to perform these actions?\n  Only 'yes' will be accepted to approve.\n" in ran.err
    plan = ran.out.index("Plan: 0 to add, 1 to change, 0 to destroy.")
    assert plan < ran.out.index("Apply complete! Resources: 0 added, 1 changed, 0 destroyed.")


@pytest.mark.parametrize("answer", ["no\n", "y\n", "YES\n", "\n", "yes please\n", ""])
def test_any_other_answer_and_the_end_of_input_change_nothing(emulator: str, answer: str) -> None:
    write(entries(2, drifted=1))
    ran = run("apply", "--endpoint", emulator, answer=answer)
    assert ran.code == 1
    assert "Apply cancelled" in ran.err
    assert "Apply complete" not in ran.out
    assert run("plan", "--endpoint", emulator, "--detailed-exitcode").code == 2


def test_nothing_is_asked_where_nothing_would_change(emulator: str) -> None:
    write(entries(2))
    ran = run("apply", "--endpoint", emulator, answer="")
    assert ran.code == 0
    assert "Do you want" not in ran.out


@pytest.mark.parametrize(("extra", "answer"), [([], None), (["--json"], "yes\n")])
def test_without_anybody_to_ask_it_is_an_error_and_no_hang(
    emulator: str, extra: list[str], answer: str | None
) -> None:
    write(entries(2, drifted=1))
    ran = run("apply", "--endpoint", emulator, *extra, answer=answer)
    assert ran.code == 1
    assert "--auto-approve" in ran.err
    assert run("plan", "--endpoint", emulator, "--detailed-exitcode").code == 2


@pytest.mark.parametrize(("answer", "code"), [("yes", 0), ("no", 1)])
def test_the_question_on_a_real_terminal(emulator: str, answer: str, code: int) -> None:
    write(entries(3, drifted=2))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "reconciler", "apply", "--force", "--endpoint", emulator]
    env = {**os.environ, "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        seen = _read(ours, until="Enter a value: ")
        os.write(ours, f"{answer}\n".encode())
        seen += _read(ours)
        assert process.wait(30) == code
    os.close(ours)
    assert ("Apply complete! Resources: 0 added, 2 changed, 0 destroyed." in seen) == (code == 0)
    assert "\x1b[1mPlan: 0 to add, 2 to change, 0 to destroy.\x1b[0m" in seen
    assert TRACEBACK not in seen


def _read(terminal: int, until: str | None = None) -> str:
    seen = b""
    while until is None or until.encode() not in seen:
        try:
            chunk = os.read(terminal, 65536)
        except OSError as error:  # Linux says EIO where the other end is closed.
            if error.errno != errno.EIO:
                raise
            chunk = b""
        if not chunk:
            break
        seen += chunk
    return seen.decode()


def test_the_safety_limit_refuses_says_why_and_gives_way_to_force(emulator: str) -> None:
    write(entries(10, drifted=4))
    apply = ("apply", "--endpoint", emulator, "--auto-approve")
    refused = run(*apply, "--json")
    assert refused.code == 1
    assert refused.document["error"]["type"] == "safety_limit"
    assert "Too many updates, 40.00% is over 30.00% (4/10), force required" in refused.err
    assert "A first apply needs --force once" in refused.err
    assert run("plan", "--endpoint", emulator, "--json").document["summary"]["update"] == 4
    assert run(*apply, "--max-update-percent", "39.99").code == 1
    assert run(*apply, "--max-update-percent", "40").code == 0
    write(entries(10))
    assert run(*apply, "--force").code == 0


def test_few_assets_are_no_ground_for_suspicion_also_after_targeting(emulator: str) -> None:
    write(entries(9, drifted=9))
    assert run("apply", "--endpoint", emulator, "--auto-approve").code == 0
    write(entries(24))
    refused = run("apply", "--endpoint", emulator, "--auto-approve")
    assert "(9/24)" in refused.err
    targeted = run("apply", "--endpoint", emulator, "--auto-approve", "--target", "*keynote*", "--target", "*校园")
    assert targeted.code == 0, targeted.err


def test_unknown_assets_do_not_count_towards_the_safety_limit(emulator: str) -> None:
    write({**entries(9, drifted=9), ODD["no_snapshots"]: "0"})
    assert "Too many updates" not in run("apply", "--endpoint", emulator, "--auto-approve").err


@pytest.mark.usefixtures("impatient")
def test_one_refused_put_does_not_stop_the_others(serve: Serve) -> None:
    refused = {video(number).asset_id for number in (2, 5)}
    found = serve(EmulatorOptions(faults=tuple(FaultRule("cover", "403", 1, asset_id) for asset_id in refused)))
    write(entries(6, drifted=6))
    ran = run(*APPROVED, "--json")
    assert ran.code == 1
    outcomes = {result["asset_id"]: result["outcome"] for result in ran.document["results"]}
    assert outcomes == {item.asset_id: "failed" if item.asset_id in refused else "applied" for item in videos(6)}
    failed = next(result for result in ran.document["results"] if result["outcome"] == "failed")
    assert (failed["error"]["type"], failed["error"]["code"], failed["error"]["status"]) == ("api", "VOD.10074", 403)
    assert failed["error"]["request_id"]
    assert "vod:asset:update" in failed["error"]["message"]
    assert found.puts == 6


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", ["503", "reset", "lost", "html"])
def test_a_put_that_went_wrong_on_the_way_is_tried_again(serve: Serve, kind: FaultKind) -> None:
    serve(EmulatorOptions(faults=(FaultRule("cover", kind, 1),)))
    write(entries(4, drifted=4))
    ran = run(*APPROVED)
    assert ran.code == 0, ran.out
    assert "Apply complete! Resources: 0 added, 4 changed, 0 destroyed." in ran.lines
    assert run("plan", "--detailed-exitcode").code == 0


@pytest.mark.usefixtures("impatient")
def test_one_asset_that_always_fails_does_not_stop_the_others(emulator: str) -> None:
    write({ODD["api_error"]: "0", **entries(3, drifted=3)})
    ran = run(*APPROVED, "--endpoint", emulator, "--json")
    assert ran.code == 1
    assert ran.document["summary"] == {
        "applied": 3, "failed": 0, "stale": 0, "unchanged": 0, "not_attempted": 0, "unknown": 1,
    }  # fmt: skip
    assert "500 VOD.10051" in ran.document["unknown"][0]["message"]


def test_wait_stays_until_the_new_covers_are_seen(serve: Serve) -> None:
    serve(EmulatorOptions(propagation=0.5))
    write(entries(3, drifted=2))
    ran = run("apply", "--auto-approve", "--wait", "--json")
    assert ran.code == 0
    assert [result["verified"] for result in ran.document["results"]] == [True, True]


def test_covers_that_are_not_seen_in_time_make_the_run_fail(serve: Serve) -> None:
    serve(EmulatorOptions(propagation=3600))
    write(entries(3, drifted=2))
    ran = run("apply", "--auto-approve", "--wait", "--wait-timeout", "0.2", "--json")
    assert ran.code == 1
    assert [(result["outcome"], result["verified"]) for result in ran.document["results"]] == [
        ("applied", False),
        ("applied", False),
    ]


def test_without_wait_nobody_looks(emulator: str) -> None:
    write(entries(2, drifted=1))
    [result] = run("apply", "--endpoint", emulator, "--auto-approve", "--json").document["results"]
    assert result["verified"] is None


def test_a_cover_that_cannot_be_read_is_replaced_only_if_that_is_asked_for(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write({ODD["content_unavailable"]: "0"})
    refused = run("apply", "--auto-approve", "--force", "--json")
    assert (refused.code, found.puts) == (1, 0)
    [unknown] = refused.document["unknown"]
    assert unknown["message"].endswith("`--replace-unreadable` replaces the cover anyway.")
    assert run("apply", "--auto-approve", "--replace-unreadable").code == 0
    assert found.puts == 1


def test_foreign_snapshots_are_never_put_whatever_is_asked_for(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write({ODD["foreign_snapshot"]: "0"})
    for how in ("auto", "url", "content"):
        assert run(*APPROVED, "--compare", how).code == 1
    assert found.puts == 0


def test_each_cloud_has_a_state_folder_of_its_own(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was applied to one says nothing of another."""
    monkeypatch.delenv("RECONCILE_STATE_DIR")
    for name in ("XDG_STATE_HOME", "HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    first = serve(EmulatorOptions())
    write(entries(2, drifted=1))
    run(*APPROVED)
    with cloud(tmp_path / "other.sqlite") as second:
        assert run("plan", "--endpoint", second.url, "--detailed-exitcode").code == 2
        assert run(*APPROVED, "--endpoint", second.url).code == 0
        assert (first.puts, second.puts) == (1, 1)


def test_in_a_pipe_nothing_is_lost(emulator: str) -> None:
    write(entries(24, drifted=24))
    ran = spawn("apply", "--endpoint", emulator, "--auto-approve", "--force", "--json")
    assert ran.code == 0
    assert len(ran.document["results"]) == 24
