"""import --lock and adopt keep covers.lock complete."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.command_line import DETAILS, Cloud, entries, run, video, write
from support.locks import HEADER, LOCK, lines, put

from reconciler.desired.lock_plan import LockPlan, with_lines
from reconciler.emulator.options import EmulatorOptions, FaultRule

Serve = Callable[[EmulatorOptions], Cloud]


def imported(*more: str) -> int:
    return run("import", *more, "--target", f"{video(0).asset_id[:2]}*", "--target", video(1).asset_id).code


def test_what_is_imported_is_locked(emulator: str) -> None:
    Path("desired").mkdir()
    assert imported("--endpoint", emulator, "--out", "desired/new.yaml", "--lock") == 0
    whole = LOCK.read_bytes()
    assert {video(0).asset_id, video(1).asset_id} <= {line["asset_id"] for line in lines()}
    assert run("lock", "--check").code == 0
    LOCK.unlink()
    assert run("lock", "--endpoint", emulator).code == 0
    assert LOCK.read_bytes() == whole


def test_lines_of_other_files_stay(emulator: str) -> None:
    write(entries(1))
    run("lock", "--endpoint", emulator)
    ran = run(
        "import", "--endpoint", emulator, "--update", "desired/covers.yaml", "--lock", "--target", video(5).asset_id
    )
    assert ran.code == 0
    assert run("lock", "--check").code == 0
    assert {line["asset_id"] for line in lines()} == {video(0).asset_id, video(5).asset_id}


def test_without_lock_import_writes_none(emulator: str) -> None:
    Path("desired").mkdir()
    assert imported("--endpoint", emulator, "--out", "desired/new.yaml") == 0
    assert not LOCK.exists()


def test_a_broken_lock_file_is_an_error_before_anything_is_read(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    Path("desired").mkdir()
    LOCK.write_text(f"{HEADER}\nx\n")
    ran = run("import", "--out", "new/new.yaml", "--lock")
    assert ran.code == 1  # there is no folder for it
    ran = run("import", "--out", "desired/new.yaml", "--lock")
    assert ran.code == 1
    assert "desired/covers.lock:2:1: not valid JSON" in ran.err
    assert found.requests() == []
    assert not Path("desired/new.yaml").exists()


@pytest.mark.usefixtures("impatient")
def test_an_asset_whose_snapshot_cannot_be_read_is_not_imported_with_lock(serve: Serve) -> None:
    serve(EmulatorOptions(cover_mode="reference", faults=(FaultRule("picture", "403", 99),)))
    Path("desired").mkdir()
    ran = run("import", "--out", "desired/new.yaml", "--lock", "--target", video(0).asset_id, "--json")
    assert (ran.code, ran.document["failed"][0]["reason"]) == (1, "content_unavailable")
    assert not LOCK.exists()


def drifted(count: int) -> None:
    """Covers of which the first is drifted, all locked."""
    write(entries(count, drifted=1))
    assert run("lock").code == 0


def test_an_adopted_cover_is_locked(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    drifted(3)
    before = lines()
    assert run("adopt", "--all").code == 0
    assert run("lock", "--check").code == 0
    details = found.count(DETAILS)
    assert run("plan", "--detailed-exitcode").code == 0
    assert found.count(DETAILS) == details
    changed = [line["asset_id"] for line in lines() if line not in before]
    assert changed == [video(0).asset_id]
    whole = LOCK.read_bytes()
    LOCK.unlink()
    run("lock")
    assert LOCK.read_bytes() == whole


def test_adopt_makes_no_lock_file_and_changes_only_the_one_beside_the_entry(serve: Serve) -> None:
    serve(EmulatorOptions())
    write(entries(1, drifted=1))
    write({video(1).asset_id: video(1).in_sync()}, to="desired/below/b.yaml")
    put([], Path("desired/below/covers.lock"))
    text = Path("desired/below/covers.lock").read_text()
    assert run("adopt", "--all").code == 0
    assert not LOCK.exists()
    assert Path("desired/below/covers.lock").read_text() == text


def test_adopt_changes_nothing_where_the_lock_file_cannot_be_written(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    drifted(1)
    desired = Path("desired/covers.yaml").read_text()
    LOCK.rename("desired/other.lock")
    LOCK.symlink_to("other.lock")
    details = found.count(DETAILS)
    ran = run("adopt", "--all")
    assert (ran.code, found.count(DETAILS)) == (1, details)
    assert "desired/covers.lock cannot be written: it is a link" in ran.err
    assert Path("desired/covers.yaml").read_text() == desired


def test_adopt_changes_nothing_where_others_wrote_the_lock_file_meanwhile(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(EmulatorOptions())
    drifted(1)
    desired, theirs = Path("desired/covers.yaml").read_text(), f"{HEADER}\n"

    def slow(*arguments: Any) -> LockPlan:
        LOCK.write_text(theirs)
        return with_lines(*arguments)

    monkeypatch.setattr("reconciler.commands.adopt.with_lines", slow)
    ran = run("adopt", "--all")
    assert ran.code == 1
    assert "desired/covers.lock was written by another program meanwhile" in ran.err
    assert (Path("desired/covers.yaml").read_text(), LOCK.read_text()) == (desired, theirs)
