"""What a team remembers of covers: one object in the store, which each run that learns something writes anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.fakes import ASSET, OTHER, FakeClock
from support.state import FakeStore, machine, set_cover

from reconciler.state.project_state import ProjectState
from reconciler.state.recording import recording
from reconciler.state.settled_covers import Memory, SettledCover
from reconciler.state.store import LOCKS, MEMORY, MOST_BYTES, StoreError

MINUTE = 60.0
THIRD = "c" * 32


@pytest.fixture
def store(clock: FakeClock) -> FakeStore:
    return FakeStore(clock)


def settled(asset_id: str, cover: str = "a") -> SettledCover:
    return SettledCover(asset_id, cover * 64, "snapshot/sample/5.jpg", "b" * 64)


async def learn(state: ProjectState, *covers: SettledCover, applies: str = "") -> None:
    """A run that learns these, and perhaps sets a cover."""
    async with recording(state) as (recorder, remembered):
        if applies:
            await recorder.start()
            await set_cover(recorder, applies)
        remembered.memory.remember(covers)


async def known(state: ProjectState) -> set[SettledCover]:
    return set((await state.recall(needed=True)).memory.all())


def objects(store: FakeStore) -> list[bytes]:
    return [data for key, (data, _) in sorted(store.objects.items()) if key.startswith(MEMORY)]


def test_what_each_learned_all_know(store: FakeStore, clock: FakeClock, tmp_path: Path) -> None:
    async def main() -> set[SettledCover]:
        await learn(machine(tmp_path / "a", store, clock), settled(ASSET), applies=ASSET)
        await learn(machine(tmp_path / "b", store, clock), settled(OTHER), settled(ASSET, "d"))
        return await known(machine(tmp_path / "c", store, clock))

    assert clock.run(main()) == {settled(ASSET), settled(OTHER), settled(ASSET, "d")}
    assert len(objects(store)) == 1


def test_what_a_machine_knew_before_it_shared_is_added(store: FakeStore, clock: FakeClock, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o700)
    Memory(tmp_path / "a").remember([settled(ASSET)])

    async def main() -> set[SettledCover]:
        await learn(machine(tmp_path / "a", store, clock))
        return await known(machine(tmp_path / "b", store, clock))

    assert clock.run(main()) == {settled(ASSET)}


def test_a_run_that_learned_nothing_writes_nothing(store: FakeStore, clock: FakeClock, tmp_path: Path) -> None:
    state = machine(tmp_path / "a", store, clock)

    async def main() -> None:
        await learn(state, settled(ASSET), applies=ASSET)
        before = dict(store.objects)
        await learn(state, settled(ASSET))
        assert store.objects == before
        assert not [key for key in store.objects if key.startswith(LOCKS)]

    clock.run(main())


def test_what_a_run_that_was_killed_while_it_compacted_left_is_put_together(
    store: FakeStore, clock: FakeClock, tmp_path: Path
) -> None:
    async def main() -> None:
        await learn(machine(tmp_path / "a", store, clock), settled(ASSET), applies=ASSET)
        [old] = [key for key in store.objects if key.startswith(MEMORY)]
        kept = store.objects[old]
        await learn(machine(tmp_path / "a", store, clock), settled(OTHER), applies=OTHER)
        store.objects[old] = kept
        assert len(objects(store)) == 2
        await learn(machine(tmp_path / "b", store, clock))
        assert len(objects(store)) == 1
        assert await known(machine(tmp_path / "c", store, clock)) == {settled(ASSET), settled(OTHER)}

    clock.run(main())


def test_what_was_applied_is_in_it_for_five_minutes(store: FakeStore, clock: FakeClock, tmp_path: Path) -> None:
    state = machine(tmp_path / "a", store, clock)

    async def main() -> None:
        await learn(state, settled(ASSET), applies=ASSET)
        await clock.sleep(3 * MINUTE)
        await learn(state, applies=OTHER)
        [data] = objects(store)
        assert (data.count(b'"kind":"outcome"'), data.count(b'"cover_sha256"')) == (2, 1)
        await clock.sleep(4 * MINUTE)
        await learn(state, applies=THIRD)
        [data] = objects(store)
        assert data.count(b'"kind":"outcome"') == 2
        assert ASSET.encode() not in data.replace(settled_line(data), b"")

    clock.run(main())


def settled_line(data: bytes) -> bytes:
    [line] = [line for line in data.splitlines() if b'"cover_sha256"' in line]
    return line


@pytest.mark.parametrize(
    "foreign", [b"", b"\xff\xfe\n", b"<html>\n\n", b'{"v":9}\n', b'{"v":1,"kind":"seen"}', b"[" * 9999]
)
def test_what_is_not_ours_says_nothing(store: FakeStore, clock: FakeClock, tmp_path: Path, foreign: bytes) -> None:
    async def main() -> None:
        await learn(machine(tmp_path / "a", store, clock), settled(ASSET), applies=ASSET)
        store.objects[f"{MEMORY}20200101T000000Z-ffffff.jsonl"] = foreign, clock.monotonic()
        state = machine(tmp_path / "b", store, clock)
        remembered = await state.recall(needed=True)
        assert set(remembered.memory.all()) == {settled(ASSET)}
        assert set(remembered.recent) == {ASSET}

    clock.run(main())


@pytest.mark.parametrize("name", ["README.txt", "20200101T000000Z-ffffff.jsonl.bak", "old/a.jsonl", "a b.jsonl", ""])
def test_what_others_put_there_is_neither_read_nor_removed(
    store: FakeStore, clock: FakeClock, tmp_path: Path, name: str
) -> None:
    key = f"{MEMORY}{name}"

    async def main() -> None:
        await learn(machine(tmp_path / "a", store, clock), settled(ASSET), applies=ASSET)
        store.objects[key] = b"minutes of the meeting", clock.monotonic()
        await learn(machine(tmp_path / "b", store, clock), settled(OTHER), applies=OTHER)
        assert await known(machine(tmp_path / "c", store, clock)) == {settled(ASSET), settled(OTHER)}

    clock.run(main())
    assert store.objects[key][0] == b"minutes of the meeting"


def test_more_than_can_be_ours_is_not_read(store: FakeStore, clock: FakeClock, tmp_path: Path) -> None:
    for name in "ab":
        store.objects[f"{MEMORY}{name}.jsonl"] = b"", 0.0
        store.sizes[f"{MEMORY}{name}.jsonl"] = MOST_BYTES // 2 + 1
    with pytest.raises(StoreError, match="memory/ holds more than 256 MiB"):
        clock.run(known(machine(tmp_path / "a", store, clock)))
    assert store.asked["get"] == 0
