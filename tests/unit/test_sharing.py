"""What a run writes into the shared state, and what others know of it, whatever the store does meanwhile."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.fakes import ASSET, OTHER, FakeClock, snapshot_url
from support.state import FakeStore, change, machine, set_cover

from reconciler.decide.outcome import Outcome
from reconciler.errors import UsageError
from reconciler.state import segments
from reconciler.state.claims import key as claim_of
from reconciler.state.journal import RunRecord, line_of
from reconciler.state.project_state import ProjectState
from reconciler.state.recording import recording
from reconciler.state.runs import PastRun
from reconciler.state.settled_covers import SettledCover
from reconciler.state.shared import PENDING
from reconciler.state.store import COVERS, LOCKS, MEMORY, Entry, StoreError
from reconciler.util.clock import ShiftedClock

MINUTE = 60.0
IDS = [f"{n:032x}" for n in range(1, 40)]


@pytest.fixture
def store(clock: FakeClock) -> FakeStore:
    return FakeStore(clock)


async def apply(state: ProjectState, *asset_ids: str) -> str:
    """A run that sets these covers; returns its ID."""
    async with recording(state) as (recorder, _):
        await recorder.start()
        for asset_id in asset_ids:
            await set_cover(recorder, asset_id)
        await recorder.confirm()
        return recorder.run.run


async def past_runs(state: ProjectState) -> list[PastRun]:
    return (await state.last_runs(100))[0].all()


async def recent(state: ProjectState) -> set[str]:
    return set((await state.recall(needed=True)).recent)


def settled(asset_id: str) -> SettledCover:
    return SettledCover(asset_id, "a" * 64, "snapshot/sample/5.jpg", "b" * 64)


def test_an_intent_is_stored_before_its_put(store: FakeStore, clock: FakeClock, tmp_path: Path) -> None:
    async def main() -> list[int]:
        async with recording(machine(tmp_path / "a", store, clock)) as (recorder, _):
            await recorder.start()
            step = change()
            await recorder.intent(step, step.before, None, None)
            return [run.unfinished for run in await past_runs(machine(tmp_path / "b", store, clock))]

    assert clock.run(main()) == [1]


@pytest.mark.parametrize("minutes", [-14, -6, 6, 14])
def test_an_apply_knows_what_was_applied_however_wrong_the_clocks_are(
    store: FakeStore, clock: FakeClock, tmp_path: Path, minutes: int
) -> None:
    """The service itself refuses clocks that are more off. All who hold the lock go by the store's."""
    wrong = ShiftedClock(clock, timedelta(minutes=minutes))
    store.ahead = timedelta(minutes=3)
    first = replace(machine(tmp_path / "a", store, clock), clock=wrong)
    second = machine(tmp_path / "b", store, clock)

    async def main() -> list[set[str]]:
        found = []
        for one, other in ((first, second), (second, first)):
            await apply(one, ASSET)
            await clock.sleep(4 * MINUTE)
            async with recording(other) as (_, remembered):
                found.append(set(remembered.recent))
            await clock.sleep(2 * MINUTE)
            async with recording(other) as (_, remembered):
                found.append(set(remembered.recent))
        return found

    assert clock.run(main()) == [{ASSET}, set(), {ASSET}, set()]


def test_many_intents_that_wait_for_the_store_share_segments(
    store: FakeStore, clock: FakeClock, tmp_path: Path
) -> None:
    async def main() -> None:
        async with recording(machine(tmp_path / "a", store, clock)) as (recorder, _):
            await recorder.start()
            await asyncio.gather(*(set_cover(recorder, asset_id) for asset_id in IDS))
        assert len([key for key in store.objects if key.startswith("runs/")]) <= 4
        [run] = await past_runs(machine(tmp_path / "b", store, clock))
        assert (run.outcomes["applied"], run.unfinished) == (len(IDS), 0)

    clock.run(main())


def test_a_segment_that_others_have_read_does_not_change(store: FakeStore, clock: FakeClock, tmp_path: Path) -> None:
    """Its answer was lost, others keep what they read of it, and the run ends with what came since."""
    other = machine(tmp_path / "b", store, clock)

    async def main() -> None:
        async with recording(machine(tmp_path / "a", store, clock)) as (recorder, _):
            await recorder.start()
            await set_cover(recorder, ASSET)
            store.lost_answers = 1
            with pytest.raises(StoreError):
                await set_cover(recorder, OTHER)
            [early] = await past_runs(other)
            assert (early.outcomes["applied"], early.unfinished) == (1, 1)
            step = change(OTHER)
            recorder.outcome(not_attempted(step.desired.asset_id))
        [late] = await past_runs(other)
        assert (late.outcomes["not_attempted"], late.unfinished) == (1, 0)

    clock.run(main())


def not_attempted(asset_id: str) -> Outcome:
    step = change(asset_id)
    return Outcome(asset_id, "not_attempted", step.desired.source, step.before, step.after)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    delays=st.lists(st.sampled_from([0.0, 0.01, 0.05, 0.2, 1.0]), min_size=1, max_size=9),
    pauses=st.lists(st.sampled_from([0.1, 0.7, 1.3, 60.0]), min_size=1, max_size=6),
    looks=st.lists(st.sampled_from([0.05, 0.3, 0.9, 2.1, 30.0]), min_size=1, max_size=6),
    minutes=st.sampled_from([0, 30]),
)
def test_whatever_is_known_to_be_applied_is_recalled_for_five_minutes(
    tmp_path_factory: pytest.TempPathFactory,
    delays: list[float],
    pauses: list[float],
    looks: list[float],
    minutes: int,
) -> None:
    """Also by plans, which take no lock, while runs end and others begin."""
    folder, clock = tmp_path_factory.mktemp("team"), FakeClock()
    store = FakeStore(clock, delays)
    applied: dict[str, float] = {}
    ended: list[bool] = []

    async def writer() -> None:
        for number in range(3):
            async with recording(machine(folder / "a", store, clock), lock_timeout=600) as (recorder, _):
                await recorder.start()
                await clock.sleep(minutes * MINUTE)
                for position, pause in enumerate(pauses):
                    asset_id = IDS[number * len(pauses) + position]
                    await set_cover(recorder, asset_id)
                    await recorder.confirm()
                    applied[asset_id] = clock.monotonic()
                    await clock.sleep(pause)
        ended.append(True)

    async def reader() -> None:
        state, position = machine(folder / "b", store, clock), 0
        while not ended:
            known = set(applied)
            found = await recent(state)
            young = {one for one in known if applied[one] > clock.monotonic() - PENDING.total_seconds() + 10}
            assert young <= found
            await clock.sleep(looks[position % len(looks)])
            position += 1

    async def main() -> None:
        await asyncio.gather(writer(), reader())

    clock.run(main())


@dataclass
class Overtaken(FakeStore):
    """The same objects for another machine. Before it lists the claims, or reads what is remembered, something
    happens elsewhere."""

    prefix: str = ""
    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def _overtake(self, key: str) -> None:
        if key.startswith(self.prefix) and self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()

    async def get(self, key: str) -> bytes | None:
        await self._overtake(key)
        return await super().get(key)

    async def list(self, prefix: str, after: str = "") -> AsyncIterator[Entry]:
        if self.prefix == LOCKS:
            await self._overtake(prefix)
        async for entry in super().list(prefix, after):
            yield entry


def test_what_was_learned_stays_while_a_run_compacts_it(store: FakeStore, clock: FakeClock, tmp_path: Path) -> None:
    """A plan has listed the memory, and before it reads it another run puts its own in its place."""
    first = machine(tmp_path / "a", store, clock)

    async def learn(asset_id: str) -> None:
        async with recording(first) as (recorder, remembered):
            await recorder.start()
            await set_cover(recorder, asset_id)
            remembered.memory.remember([settled(asset_id)])

    async def main() -> set[str]:
        await learn(ASSET)
        slow = Overtaken(clock, objects=store.objects, prefix=MEMORY, meanwhile=lambda: learn(OTHER))
        remembered = await machine(tmp_path / "b", slow, clock).recall(needed=True)
        return {item.asset_id for item in remembered.memory.all()}

    assert ASSET in clock.run(main())


def test_what_a_run_applied_last_is_known_while_it_ends(store: FakeStore, clock: FakeClock, tmp_path: Path) -> None:
    """A plan asks for the memory before, and for the claims after that, when the run is gone from them."""

    async def main() -> set[str]:
        opened = recording(machine(tmp_path / "a", store, clock))
        recorder, _ = await opened.__aenter__()
        await recorder.start()
        await clock.sleep(40 * MINUTE)
        await set_cover(recorder)
        await recorder.confirm()

        async def end() -> None:
            await opened.__aexit__(None, None, None)

        slow = Overtaken(clock, objects=store.objects, prefix=LOCKS, meanwhile=end)
        return await recent(machine(tmp_path / "b", slow, clock))

    assert clock.run(main()) == {ASSET}


def test_of_ten_thousand_old_runs_few_are_looked_at(store: FakeStore, clock: FakeClock, tmp_path: Path) -> None:
    state = machine(tmp_path / "b", store, clock)

    async def main() -> None:
        last = await apply(machine(tmp_path / "a", store, clock), ASSET)
        for number in range(10_000):
            started = clock.now() - timedelta(days=1, hours=2.5 * number)
            old = f"{started:%Y%m%dT%H%M%SZ}-{number:06x}"
            lines = line_of(RunRecord(run=old, at=started, endpoint=state.endpoint, project_id=state.project_id))
            store.objects[segments.key(old, 1)] = segments.sealed(old, 1, lines), -90_000.0
        store.asked.clear()
        runs, more = await state.last_runs(100)
        assert (len(runs.all()), runs.all()[-1].run, more) == (100, last, True)
        assert store.asked["get"] < 110
        assert store.asked["listed"] < 2000
        store.asked.clear()
        assert await recent(state) == {ASSET}
        assert store.asked["listed"] < 10
        assert (await state.runs(last[:18])).find(last).run == last
        store.asked.clear()
        with pytest.raises(UsageError, match="More than 20 runs begin with '20'"):
            await state.runs("20")
        assert store.asked["get"] <= 20
        assert (await state.runs(None)).find(None).run == last

    clock.run(main())


def test_burying_a_run_that_came_to_its_end_takes_nothing_away(
    store: FakeStore, clock: FakeClock, tmp_path: Path
) -> None:
    """It was killed when it had only its claim to remove, and the store ignores conditions in silence."""
    first, other = machine(tmp_path / "a", store, clock), machine(tmp_path / "b", store, clock)

    async def main() -> None:
        async with recording(first) as (recorder, remembered):
            await recorder.start()
            await set_cover(recorder)
            await recorder.confirm()
            remembered.memory.remember([settled(OTHER)])
            claim = store.objects[claim_of(recorder.run.run)]
        store.objects[claim_of(recorder.run.run)] = claim
        assert other.shared is not None
        await other.shared.unlock(recorder.run.run)
        remembered = await other.recall(needed=True)
        assert [item.asset_id for item in remembered.memory.all()] == [OTHER]
        assert set(remembered.recent) == {ASSET}

    clock.run(main())


def test_what_a_killed_run_applied_a_moment_ago_is_pending_after_unlock(
    store: FakeStore, clock: FakeClock, tmp_path: Path
) -> None:
    other = machine(tmp_path / "b", store, clock)

    async def main() -> None:
        async with recording(machine(tmp_path / "a", store, clock)) as (recorder, _):
            await recorder.start()
            await clock.sleep(40 * MINUTE)
            await set_cover(recorder)
            await recorder.confirm()
            objects = dict(store.objects)
        store.objects = objects  # as if it had been killed before its end
        assert await recent(other) == {ASSET}
        assert other.shared is not None
        await other.shared.unlock(recorder.run.run)
        assert await recent(other) == {ASSET}
        assert await recent(machine(tmp_path / "c", store, clock)) == {ASSET}
        await clock.sleep(5 * MINUTE)
        assert await recent(other) == set()

    clock.run(main())


@pytest.mark.parametrize("conditions", [True, False])
def test_a_cover_that_is_there_with_other_bytes_is_stored_again(
    store: FakeStore, clock: FakeClock, tmp_path: Path, conditions: bool
) -> None:
    store.conditions = conditions
    picture, forged = b"\xff\xd8\xff their own", b"\xff\xd8\xff forged"
    other = machine(tmp_path / "b", store, clock)

    async def main() -> None:
        async with recording(machine(tmp_path / "a", store, clock)) as (recorder, _):
            await recorder.start()
            await recorder.save(ASSET, picture)
            [key] = [key for key in store.objects if key.startswith(COVERS)]
            store.objects[key] = forged, clock.monotonic()
            assert await other.saved_cover(ASSET, key.removeprefix(COVERS)) is None
            await recorder.save(ASSET, picture)
            found = await other.saved_cover(ASSET, key.removeprefix(COVERS))
            assert found is not None
            assert found.read_bytes() == picture

    clock.run(main())


@pytest.mark.parametrize("minutes", [14, -1, -16, 600])
def test_what_a_machine_with_a_wrong_clock_applied_is_known(
    store: FakeStore, clock: FakeClock, tmp_path: Path, minutes: int
) -> None:
    wrong = ShiftedClock(clock, timedelta(minutes=minutes))

    async def main() -> set[str]:
        await apply(machine(tmp_path / "a", store, wrong), ASSET)
        return await recent(machine(tmp_path / "b", store, clock))

    assert clock.run(main()) == {ASSET}


def test_after_a_dead_store_the_next_run_uploads_the_rest(store: FakeStore, clock: FakeClock, tmp_path: Path) -> None:
    warnings: list[str] = []
    state, other = machine(tmp_path / "a", store, clock, warnings), machine(tmp_path / "b", store, clock)

    async def main() -> None:
        async with recording(state) as (recorder, _):
            await recorder.start()
            await set_cover(recorder, ASSET)
            store.down = True
            with suppress(StoreError):
                await set_cover(recorder, OTHER)
            with pytest.raises(StoreError):  # it is not asked again: nothing more may be changed
                await recorder.confirm()
        assert [f"in {tmp_path / 'a'}, for the next run" in warning for warning in warnings] == [True]
        store.down = False
        await clock.sleep(11 * MINUTE)
        last = await apply(state, IDS[0])
        assert [(run.outcomes["applied"], run.unfinished) for run in await past_runs(other)] == [(1, 1), (1, 0)]
        assert [run.run for run in await past_runs(other)] == [recorder.run.run, last]

    clock.run(main())


def test_runs_are_in_the_order_in_which_they_held_the_lock(
    store: FakeStore, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in that of their IDs, whose second is the same, or from before they waited."""
    numbers = iter(range(2**23, 0, -1))
    monkeypatch.setattr(os, "urandom", lambda length: next(numbers).to_bytes(length, "big"))
    other = machine(tmp_path / "c", store, clock)

    async def main() -> None:
        ids = []
        for index, name in ((1, "a"), (2, "b")):
            async with recording(machine(tmp_path / name, store, clock)) as (recorder, _):
                await recorder.start()
                await set_cover(recorder, ASSET, index)
                ids.append(recorder.run.run)
        assert [run.run for run in await past_runs(other)] == ids
        assert (await other.runs(None)).find(None).run == ids[-1]
        for name in ("a", "b", "c"):
            found = (await machine(tmp_path / name, store, clock).recall(needed=True)).recent[ASSET]
            assert found.after.cover_url == snapshot_url(ASSET, 10), name

    clock.run(main())


def test_another_projects_lines_in_the_same_folder_are_not_uploaded(
    store: FakeStore, clock: FakeClock, tmp_path: Path
) -> None:
    mine = machine(tmp_path / "a", store, clock)
    theirs = replace(mine, project_id="f" * 32, shared=None)

    async def main() -> None:
        await apply(theirs, ASSET)
        await apply(mine, OTHER)
        found = [segments.run_of(key) for key in store.objects if key.startswith("runs/")]
        [run] = await past_runs(machine(tmp_path / "b", store, clock))
        assert set(found) == {run.run}

    clock.run(main())
