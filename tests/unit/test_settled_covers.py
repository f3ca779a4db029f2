"""What the service makes of a snapshot, remembered by the bytes of both."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest
from support.fakes import ASSET, CDN, OTHER, FakeClock, FakeCloud, Picture, desired, snapshot_url, work_in_this_thread

from reconciler.errors import StateError
from reconciler.state.folder import make
from reconciler.state.settled_covers import NAME, Memory, SettledCover

COPY = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"
OFFSETS = (0, 5, 10)


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    work_in_this_thread(monkeypatch)


def test_two_snapshots_of_the_same_bytes_are_one_picture_to_the_memory(clock: FakeClock, tmp_path: Path) -> None:
    cloud = FakeCloud()
    cloud.add(ASSET, COPY, OFFSETS)
    black, cover = b"two black frames", b"what the service made of it"
    cloud.pictures = {snapshot_url(offset=0): Picture(black), snapshot_url(offset=5): Picture(black)}
    cloud.pictures |= {snapshot_url(offset=10): Picture(b"another"), COPY: Picture(cover)}
    memory = Memory(make(tmp_path))
    hashes = (hashlib.sha256(cover).hexdigest(), hashlib.sha256(black).hexdigest())
    path = "snapshot/sample/0.jpg"
    memory.remember(
        [SettledCover(asset_id=ASSET, cover_sha256=hashes[0], snapshot_path=path, snapshot_sha256=hashes[1])]
    )

    def state(index: int) -> str:
        return clock.run(cloud.planner(clock, tmp_path).check(desired(index=index))).state

    assert [state(index) for index in range(3)] == ["in_sync", "in_sync", "update"]


def settled(number: int, snapshot: str = "a") -> SettledCover:
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    return SettledCover(digest[:32], digest, f"snapshot/sample/{number}.jpg", snapshot * 64)


def test_a_hundred_thousand_are_read_only_when_they_are_asked_for(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    Memory(tmp_path).remember(settled(number) for number in range(100_000))
    assert memory.of(settled(77_777).asset_id) == (settled(77_777),)


def test_it_is_appended_to_and_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / NAME
    file.touch(0o644)
    Memory(tmp_path).remember([settled(1)])
    first = file.read_bytes()
    Memory(tmp_path).remember([settled(1), settled(2)])
    assert file.read_bytes().startswith(first)
    assert file.read_bytes().count(b"\n") == 2
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_of_two_lines_about_a_cover_the_later_one_counts_and_in_time_the_other_goes(tmp_path: Path) -> None:
    for digit in "abcdef":
        Memory(tmp_path).remember(settled(number, digit) for number in range(600))
    assert (tmp_path / NAME).read_bytes().count(b"\n") == 3600
    Memory(tmp_path).remember([settled(2000)])
    assert Memory(tmp_path).of(settled(7).asset_id) == (settled(7, "f"),)
    assert len(Memory(tmp_path).all()) == 601
    assert (tmp_path / NAME).read_bytes().count(b"\n") == 601
    assert [file.name for file in tmp_path.iterdir()] == [NAME]


@pytest.mark.parametrize("make_other", ["link", "folder", "pipe"])
def test_what_is_no_plain_file_is_neither_read_nor_written(tmp_path: Path, make_other: str) -> None:
    file, other = tmp_path / NAME, tmp_path / "other"
    Memory(tmp_path).remember([settled(1)])
    file.rename(other)
    match make_other:
        case "link":
            file.symlink_to(other)
        case "folder":
            file.mkdir()
        case "pipe":
            os.mkfifo(file)
    with pytest.raises(StateError, match=f"The memory {file} cannot be read"):
        Memory(tmp_path).of(settled(1).asset_id)
    with pytest.raises(StateError, match="cannot be read"):
        Memory(tmp_path).remember([settled(2)])
    assert other.read_bytes().count(b"\n") == 1


def test_a_store_with_endless_lines_of_one_asset_costs_no_more_than_to_read_them(tmp_path: Path) -> None:
    """With one copy of them all for each of them this would take hours."""
    line = '{{"asset_id":"{}","cover_sha256":"{:064x}","snapshot_path":"x","snapshot_sha256":"{}"}}\n'
    lines = "".join(line.format(ASSET, number, "b" * 64) for number in range(100_000)).encode()
    memory = Memory(tmp_path, lines)
    assert memory.of(OTHER) == ()
    assert len(memory.of(ASSET)) == 100_000
