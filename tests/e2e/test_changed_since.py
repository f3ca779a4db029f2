"""--changed-since: a pull request that edits three entries looks at three."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.command_line import DETAILS, Cloud, entries, run, video, write

from reconciler.emulator.options import EmulatorOptions

Serve = Callable[[EmulatorOptions], Cloud]


def git(*arguments: str, folder: str = ".") -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", "-C", folder, *identity, *arguments], capture_output=True, check=True, text=True, timeout=60
    )
    return done.stdout.strip()


def commit(message: str = "x") -> str:
    git("add", "-A")
    git("commit", "-q", "--allow-empty", "-m", message)
    return git("rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def _repository(_in_a_folder_of_its_own: None) -> None:
    git("init", "-q", "-b", "main")
    write(entries(24))
    commit("base")
    git("checkout", "-q", "-b", "topic")


def test_only_what_changed_in_meaning_is_looked_at(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    wanted = entries(24, drifted=2)
    wanted[video(5).asset_id] = video(5).in_sync().replace("}", ", note: another}")
    wanted[video(6).asset_id] = "{ignore: true}"
    moved = {video(7).asset_id: wanted.pop(video(7).asset_id)}
    write(dict(reversed(wanted.items())))
    write(moved, to="desired/below/moved.yaml")
    ran = run("plan", "--changed-since", "main", "--json")
    assert found.count(DETAILS) == 2
    document = ran.document
    assert {item["asset_id"] for item in document["changes"]} == {video(0).asset_id, video(1).asset_id}
    assert [item["asset_id"] for item in document["ignored"]] == [video(6).asset_id]
    assert document["summary"]["managed"] == 3
    assert document["changed_since"] == {"revision": "main", "commit": git("rev-parse", "main"), "left_out": 21}
    assert document["removed"] == []
    assert document["format_version"] == "1.2"
    assert "21 entries left out: the same as at " in run("plan", "--changed-since", "main").out


def test_the_merge_base_counts_and_not_what_came_later(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    git("checkout", "-q", "main")
    write(entries(24, drifted=5))
    commit("later on main")
    git("checkout", "-q", "topic")
    write({**entries(24), video(9).asset_id: video(9).drifted()})
    commit("ours")
    assert len(run("plan", "--changed-since", "main", "--json").document["changes"]) == 1
    assert found.count(DETAILS) == 1


def test_what_went_is_named_and_not_touched(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(22))
    for verb in (("plan",), ("apply", "--auto-approve"), ("audit",)):
        ran = run(*verb, "--changed-since", "main", "--json")
        assert (ran.code, ran.document["removed"]) == (0, [video(22).asset_id, video(23).asset_id]), verb
    text = run("plan", "--changed-since", "main").out
    assert f"2 entries removed since then; the covers stay as they are: {video(22).asset_id}, " in text
    assert found.puts == 0


@pytest.mark.parametrize("verb", [("plan",), ("audit",), ("apply", "--auto-approve")], ids=" ".join)
def test_every_report_names_what_went(serve: Serve, verb: tuple[str, ...]) -> None:
    serve(EmulatorOptions())
    write(entries(23, drifted=1))
    ran = run(*verb, "--changed-since", "main", "--markdown", "x.md", "--html", "x.html", "--json")
    assert ran.document["changed_since"]["left_out"] == 22
    for report in ("x.md", "x.html"):
        text = Path(report).read_text(encoding="utf-8")
        assert "22 entries left out" in text
        assert video(23).asset_id in text


def test_audits_of_some_entries_are_not_compared_with_others(serve: Serve) -> None:
    """What was left out would count as resolved."""
    serve(EmulatorOptions())
    write(entries(24, drifted=2))
    run("audit", "--json", "--output", "all.json")
    run("audit", "--changed-since", "main", "--json", "--output", "some.json")
    both = run("audit", "--changed-since", "main", "--baseline", "all.json")
    assert (both.code, "it takes no --changed-since" in both.err) == (1, True)
    later = run("audit", "--baseline", "some.json")
    assert (later.code, "was made with --changed-since" in later.err) == (1, True)


def test_a_lock_line_that_changed_counts(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    run("lock")
    commit("lock")
    git("checkout", "-q", "-b", "next")
    lock = Path("desired/covers.lock")
    text = lock.read_text(encoding="utf-8")
    lock.write_text(text.replace('"length": ', '"length": 1', 1), encoding="utf-8")
    before = found.count(DETAILS)
    ran = run("plan", "--changed-since", "topic", "--json")
    assert (ran.document["summary"]["managed"], ran.document["summary"]["unknown"]) == (1, 1)
    assert found.count(DETAILS) == before + 1


def test_another_region_changes_everything(serve: Serve) -> None:
    serve(EmulatorOptions())
    write(entries(24), head="region: cn-north-1\n")
    assert run("plan", "--changed-since", "main", "--json").document["summary"]["managed"] == 24


def test_what_is_left_out_counts_for_the_safety_limit(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(24, drifted=3))
    assert run("plan", "--changed-since", "main", "--out", "plan.json").err.startswith("Saved the plan")
    assert run("apply", "--plan", "plan.json").code == 0
    assert found.puts == 3
    write(entries(24, drifted=14))
    assert "Too many updates, 45.83% is over 30.00% (11/24)" in run("plan", "--changed-since", "main").err
    assert run("apply", "--changed-since", "main", "--auto-approve").code == 1
    assert found.puts == 3


def test_paths_are_as_users_give_them(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(EmulatorOptions())
    write({"f" * 32: "0"}, to="other/[a].yaml")
    commit("other")
    git("checkout", "-q", "-b", "next")
    write(entries(24, drifted=1))

    def managed(*paths: str) -> int:
        document = run("plan", *paths, "--changed-since", "topic", "--json").document
        return int(document["summary"]["managed"])

    here = Path.cwd()
    for path in ("desired", "./desired", "desired/covers.yaml", str(here / "desired"), "."):
        assert managed(path) == 1, path
    assert managed("other/[a].yaml") == 0
    monkeypatch.chdir("desired")
    assert managed(".") == 1
    assert managed("covers.yaml") == 1
    monkeypatch.chdir(here)
    write({video(23).asset_id: "0"}, to="fresh/new.yaml")
    write(entries(23), to="desired/covers.yaml")
    assert managed("desired", "fresh") == 1


def test_targets_narrow_what_changed(serve: Serve) -> None:
    serve(EmulatorOptions())
    write(entries(24, drifted=3))
    ran = run("plan", "--changed-since", "main", "--target", video(1).asset_id, "--json")
    assert [item["asset_id"] for item in ran.document["changes"]] == [video(1).asset_id]
    for left_out in (video(9).asset_id.upper(), f"{video(9).asset_id[:8]}*", "Any title*"):
        assert run("plan", "--changed-since", "main", "--target", left_out).code == 0
    for nothing in ("f" * 32, video(99).asset_id):
        assert "Nothing matches" in run("plan", "--changed-since", "main", "--target", nothing).err


def test_locked_is_demanded_of_what_is_looked_at(serve: Serve) -> None:
    serve(EmulatorOptions())
    write(entries(24, drifted=1))
    assert len(run("plan", "--changed-since", "main", "--locked", "--json").document["error"]["problems"]) == 1
    run("lock", "--target", video(0).asset_id)
    assert run("plan", "--changed-since", "main", "--locked").code == 0


@pytest.mark.parametrize(
    ("revision", "problem"),
    [
        ("--output=x", "is not a revision"),
        ("-x", "is not a revision"),
        ("", "is not a revision"),
        ("a\nb", "is not a revision"),
        ("nowhere", "is not a revision that git knows here"),
        ("HEAD:desired", "is not a revision that git knows here"),
    ],
)
def test_what_is_no_revision_is_refused(emulator: str, revision: str, problem: str) -> None:
    ran = run("plan", "--endpoint", emulator, f"--changed-since={revision}")
    assert ran.code == 1
    assert problem in ran.err
    assert not Path("x").exists()


def test_a_shallow_clone_names_fetch_depth(emulator: str) -> None:
    commit("more")
    source = Path.cwd()
    git("clone", "-q", "--depth", "1", f"file://{source}", "shallow")
    os.chdir("shallow")
    ran = run("plan", "--endpoint", emulator, "--changed-since", "origin/main")
    assert ran.code == 1
    assert "fetch-depth: 0" in ran.err
    assert "GIT_DEPTH: 0" in ran.err


def test_files_that_were_invalid_there_are_named_with_their_revision(emulator: str) -> None:
    Path("desired/covers.yaml").write_text("covers: [1]\n", encoding="utf-8")
    bad = commit("bad")
    write(entries(2))
    ran = run("plan", "--endpoint", emulator, "--changed-since", bad)
    assert ran.code == 1
    assert f"{bad[:12]}:desired/covers.yaml:1:9" in ran.err
    assert "without --changed-since" in ran.err


def test_outside_of_git_it_is_refused(emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    write(entries(1))
    ran = run("plan", "--endpoint", emulator, "--changed-since", "main")
    assert ran.code == 1
    assert "not a git repository" in ran.err


def test_links_and_hidden_files_of_the_revision_are_left_out(serve: Serve) -> None:
    serve(EmulatorOptions())
    Path("desired/link.yaml").symlink_to("/etc/hostname")
    Path("desired/.hidden.yaml").write_text("nonsense", encoding="utf-8")
    old = commit("links")
    Path("desired/link.yaml").unlink()
    write(entries(24, drifted=1))
    assert run("plan", "--changed-since", old, "--json").document["summary"]["managed"] == 1


def test_it_does_not_go_with_a_saved_plan(emulator: str) -> None:
    write(entries(1))
    assert run("apply", "--endpoint", emulator, "--plan", "p.json", "--changed-since", "main").code == 1
