"""demo: lock, plan, apply, plan, with nothing but this package."""

from __future__ import annotations

from pathlib import Path

from support.command_line import run

from reconciler.commands.demo import example


def test_it_ends_with_no_changes_and_leaves_nothing_behind() -> None:
    ran = run("demo")
    assert (ran.code, ran.err) == (0, "")
    assert (
        "Plan: 0 to add, 5 to change, 0 to destroy.\n18 in sync, 0 unknown, 1 ignored.\nAbout 1 s at 100" in ran.out
    )
    assert "Apply complete! Resources: 0 added, 5 changed, 0 destroyed.\n" in ran.out
    assert ran.lines[-2:] == ["No changes. Your covers match the desired state.", "23 in sync, 0 unknown, 1 ignored."]
    assert "Lock complete! 23 added, 0 updated, 0 dropped, 0 kept.\n" in ran.out
    assert ran.out.count("$ reconcile ") == 4
    assert not list(Path(example()).rglob("covers.lock"))


def test_every_run_starts_anew() -> None:
    assert run("demo", "--quiet").out == run("demo", "--quiet").out


def test_as_json_the_last_plan_stands_alone() -> None:
    document = run("demo", "--json").document
    assert (document["kind"], document["summary"]["in_sync"], document["changes"]) == ("plan", 23, [])
