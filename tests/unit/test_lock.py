"""One apply at a time; where that cannot be had, the error says what to do."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import socket
import stat
from pathlib import Path

import pytest
from support.fakes import FakeClock
from support.state import held

from reconciler.errors import StateError
from reconciler.state.lock import exclusive


def refused(folder: Path, why: str) -> StateError:
    clock = FakeClock()
    with pytest.raises(StateError, match=why) as caught:
        clock.run(take(folder, clock))
    return caught.value


async def take(folder: Path, clock: FakeClock, patience: float = 0.0) -> None:
    async with exclusive(folder, clock, patience):
        pass


def test_the_second_is_told_who_the_first_is(tmp_path: Path) -> None:
    with held(tmp_path):
        caught = refused(tmp_path, "Another apply is running: process")
    assert caught.hint.endswith("The lock ends with its process.")
    with held(tmp_path):
        assert stat.S_IMODE((tmp_path / "apply.lock").stat().st_mode) == 0o600


def test_one_who_waits_runs_after_the_first(tmp_path: Path) -> None:
    clock = FakeClock()

    async def first() -> None:
        async with exclusive(tmp_path, clock):
            await clock.sleep(100)

    async def main() -> float:
        async with asyncio.TaskGroup() as group:
            group.create_task(first())
            await asyncio.sleep(0)
            group.create_task(take(tmp_path, clock, patience=300))
        return clock.monotonic()

    assert 100 <= clock.run(main()) < 102


@pytest.mark.parametrize("note", ['{"pid": 1, "host": "another", "since": "2026-11-22"}', "", "null", "\x00"])
def test_a_lock_that_another_machine_may_hold_is_named(tmp_path: Path, note: str) -> None:
    """A network's file system may never learn that it is gone."""
    assert socket.gethostname() != "another"
    with held(tmp_path):
        (tmp_path / "apply.lock").write_text(note)
        caught = refused(tmp_path, "Another apply is running")
    assert f"gone for good, remove {tmp_path / 'apply.lock'}." in caught.hint
    assert ("process 1 on another" in caught.message) == ("another" in note)


def test_a_file_system_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    caught = refused(tmp_path, f"The lock {tmp_path / 'apply.lock'} cannot be taken")
    assert "another file system with --state-dir" in caught.hint


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text(json.dumps("precious"))
    (tmp_path / "apply.lock").symlink_to(precious)
    refused(tmp_path, "cannot be taken")
    assert precious.read_text() == '"precious"'
