"""What a pull request can bring must not pass for what earlier runs remembered; git is told no secrets."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest
from support.command_line import TRACEBACK, entries, run, video, write
from support.processes import APPROVED, Serve
from support.state import held

from reconciler.emulator.options import EmulatorOptions
from reconciler.state.folder import make


def git(*arguments: str) -> None:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder as a checkout, with a state folder in it."""
    git("init", "-q")
    monkeypatch.setenv("RECONCILE_STATE_DIR", "state")
    return Path.cwd()


@pytest.mark.parametrize(
    "verb",
    [
        ("plan",),
        ("audit",),
        APPROVED,
        ("rollback", "--auto-approve"),
        ("history",),
        ("memory", "export", "memory.json"),
        ("show", video(0).asset_id),
    ],
    ids=" ".join,
)
def test_a_state_folder_that_git_tracks_is_refused_by_every_verb(
    serve: Serve, checkout: Path, verb: tuple[str, ...]
) -> None:
    found = serve(EmulatorOptions())
    write(entries(2, drifted=1))
    assert run(*APPROVED).code == 0
    assert run("plan", "--detailed-exitcode").code == 0, "in a checkout, but not tracked"
    git("add", "state/journal.jsonl")
    ran = run(*verb, "--json")
    assert (ran.code, found.puts) == (1, 1)
    error = ran.document["error"]
    assert error["type"] == "state"
    assert "git tracks files in it, such as journal.jsonl" in error["message"]
    assert "--state-dir" in error["message"]


def test_a_state_folder_behind_a_link_of_the_checkout_is_refused(
    serve: Serve, checkout: Path, tmp_path: Path
) -> None:
    found = serve(EmulatorOptions())
    write(entries(2, drifted=1))
    outside = tmp_path / "precious"
    outside.mkdir(0o700)
    (checkout / "state").symlink_to(outside)
    ran = run(*APPROVED, "--json")
    assert (ran.code, found.puts, list(outside.iterdir())) == (1, 0, [])
    assert "state is a link in a git checkout" in ran.document["error"]["message"]


def test_git_gets_no_secrets_and_runs_nothing(
    serve: Serve, checkout: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither from the checkout's settings, nor from an environment that names another repository."""
    serve(EmulatorOptions())
    write(entries(1, drifted=1))
    git("add", "desired")
    git("commit", "-qm", "covers")
    told = tmp_path / "told"
    monitor = tmp_path / "monitor"
    monitor.write_text(f"#!/bin/sh\nenv > {told}\n")
    monitor.chmod(0o700)
    git("config", "core.fsmonitor", str(monitor))
    real = tmp_path / "bin" / "git"
    real.parent.mkdir()
    seen = tmp_path / "seen"
    real.write_text(f'#!/bin/sh\nenv >> {seen}\nPATH="{os.environ["PATH"]}" exec git "$@"\n')
    real.chmod(0o700)
    monkeypatch.setenv("PATH", f"{real.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    ran = run(*APPROVED)
    assert ran.code == 0, ran.err
    assert not told.exists()
    names = {line.partition("=")[0] for line in seen.read_text().splitlines()}
    of_git = {"GIT_OPTIONAL_LOCKS", "GIT_ALLOW_PROTOCOL", "GIT_NO_LAZY_FETCH", "GIT_LITERAL_PATHSPECS"}
    assert names <= {"PATH", "HOME", "XDG_CONFIG_HOME", *of_git, "PWD", "SHLVL", "_", "OLDPWD"}
    assert '"revision":"' in (checkout / "state" / "journal.jsonl").read_text()


def test_a_saved_cover_that_is_empty_does_not_lose_the_picture(serve: Serve, state: Path) -> None:
    """A full disk, or somebody, left a file of the right name."""
    found = serve(EmulatorOptions())
    picture = b"\xff\xd8\xff a picture that exists nowhere else"
    found.upload(video(0).asset_id, picture)
    write(entries(1, drifted=1))
    run(*APPROVED)
    [saved] = (state / "covers").iterdir()
    assert saved.read_bytes() == picture
    saved.write_bytes(b"")
    (state / "journal.jsonl").unlink()  # else the old cover would count as on its way out
    found.upload(video(0).asset_id, picture)
    assert run(*APPROVED).code == 0
    assert saved.read_bytes() == picture
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600


def test_an_import_waits_for_no_apply_but_says_so(serve: Serve, state: Path) -> None:

    serve(EmulatorOptions())
    write(entries(1))
    Path("memory.json").write_text('{"format_version": "1.0", "kind": "memory", "covers": []}')
    with held(make(state)):
        ran = run("memory", "import", "memory.json", "--json")
    assert (ran.code, ran.document["error"]["type"]) == (1, "state")
    assert "Another apply is running" in ran.document["error"]["message"]
    assert run("memory", "import", "memory.json").code == 0


def test_without_a_home_the_state_folder_must_be_named(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container: no HOME, and a user ID that /etc/passwd does not have."""
    serve(EmulatorOptions())
    write(entries(1))
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("RECONCILE_STATE_DIR")
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    ran = run("plan", "--json")
    assert (ran.code, ran.document["error"]["type"]) == (1, "state")
    assert "--state-dir" in ran.document["error"]["message"]
    assert TRACEBACK not in ran.err
    assert run("plan", "--state-dir", "state").code == 0
