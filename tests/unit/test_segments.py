"""What is believed of the segments that a store holds of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.fakes import ASSET, BASE, OTHER, PROJECT, FakeClock
from support.state import FakeStore

from reconciler.state.folder_store import FolderStore
from reconciler.state.journal import IntentRecord, OutcomeRecord, Record, RunRecord, line_of
from reconciler.state.segments import Segments, key, read, run_of, sealed
from reconciler.state.store import MOST_BYTES

RUN = "20260301T120000Z-abcdef"
ELSEWHERE = "20260301T120000Z-012345"


def records(run: str = RUN) -> list[Record]:
    where: dict[str, Any] = {"run": run, "endpoint": BASE, "project_id": PROJECT}
    return [
        RunRecord(**where, user="alice"),
        IntentRecord(**where, asset_id=ASSET),
        OutcomeRecord(**where, asset_id=ASSET, outcome="applied"),
        IntentRecord(**where, asset_id=OTHER),
    ]


@pytest.fixture
def store(clock: FakeClock) -> FakeStore:
    """A run in four segments."""
    store = FakeStore(clock)
    for number, record in enumerate(records(), start=1):
        store.objects[key(RUN, number)] = sealed(RUN, number, line_of(record)), 0.0
    return store


def found(store: FakeStore, folder: Path, *numbers: int) -> Segments:
    named = {key(RUN, number) for number in numbers}

    async def main() -> Segments:
        some = [entry async for entry in store.list("runs/") if entry.key in named] if named else None
        return await read(store, RUN, some, FolderStore(folder))

    return store.clock.run(main())


def replace(store: FakeStore, number: int, data: bytes) -> None:
    store.objects[key(RUN, number)] = data, 0.0


def test_all_records_in_order_each_with_its_line(store: FakeStore, tmp_path: Path) -> None:
    assert found(store, tmp_path) == Segments(tuple(enumerate(records(), start=1)))


def test_segments_that_were_read_are_not_asked_for_again(store: FakeStore, tmp_path: Path) -> None:
    first = found(store, tmp_path)
    store.asked.clear()
    assert found(store, tmp_path) == first
    assert (store.asked["get"], store.asked["list"]) == (0, 1)


def torn(data: bytes) -> bytes:
    return data[:-5]


def longer(data: bytes) -> bytes:
    return data + data.partition(b"\n")[2]


def without_digest(data: bytes) -> bytes:
    header, _, lines = data.partition(b"\n")
    return json.dumps({**json.loads(header), "sha256": None}).encode() + b"\n" + lines


def not_json(_: bytes) -> bytes:
    return b"<html>Log in to the Wi-Fi</html>\n" * 3


def deeply_nested(_: bytes) -> bytes:
    return b"[" * 100_000 + b"\n"


def empty(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("harm", [torn, longer, without_digest, not_json, deeply_nested, empty])
def test_a_damaged_segment_is_left_out_and_named_once(store: FakeStore, tmp_path: Path, harm: object) -> None:
    assert callable(harm)
    replace(store, 2, harm(store.objects[key(RUN, 2)][0]))
    segments = found(store, tmp_path)
    assert [record for _, record in segments.records] == [records()[0], *records()[2:]]
    [problem] = segments.problems
    assert problem.startswith(f"s3://bucket/team/runs/{RUN}/000002.jsonl is left out: it")


def test_a_damaged_segment_is_not_kept(store: FakeStore, tmp_path: Path) -> None:
    """Somebody restores it."""
    data = store.objects[key(RUN, 3)][0]
    replace(store, 3, torn(data))
    assert found(store, tmp_path).problems
    replace(store, 3, data)
    assert found(store, tmp_path) == Segments(tuple(enumerate(records(), start=1)))


def test_a_damaged_copy_on_this_machine_is_read_again(store: FakeStore, tmp_path: Path) -> None:
    found(store, tmp_path)
    (tmp_path / key(RUN, 1)).write_bytes(b"rubbish")
    assert found(store, tmp_path) == Segments(tuple(enumerate(records(), start=1)))


@pytest.mark.parametrize(
    "data",
    [sealed(ELSEWHERE, 2, line_of(records()[1])), sealed(RUN, 3, line_of(records()[1]))],
    ids=["of another run", "of another place"],
)
def test_a_segment_in_anothers_place_is_left_out(store: FakeStore, tmp_path: Path, data: bytes) -> None:
    replace(store, 2, data)
    assert ["another run's segment" in problem for problem in found(store, tmp_path).problems] == [True]


def test_records_that_say_they_are_another_runs_are_left_out(store: FakeStore, tmp_path: Path) -> None:
    replace(store, 2, sealed(RUN, 2, line_of(records(ELSEWHERE)[1]) + b"no record\n"))
    assert {record.run for _, record in found(store, tmp_path).records} == {RUN}


def test_what_is_missing_is_named_where_the_whole_run_was_asked_for(store: FakeStore, tmp_path: Path) -> None:
    for number in (1, 3):
        del store.objects[key(RUN, number)]
    assert found(store, tmp_path).problems == (
        f"s3://bucket/team/runs/{RUN}/000001.jsonl is missing",
        f"s3://bucket/team/runs/{RUN}/000003.jsonl is missing",
    )
    assert found(store, tmp_path, 2, 4).problems == ()


def test_a_number_far_too_high_costs_nothing(store: FakeStore, tmp_path: Path) -> None:
    replace(store, 999_999, sealed(RUN, 999_999, b""))
    problems = found(store, tmp_path).problems
    assert [problem.rpartition("/")[2] for problem in problems] == [
        "000005.jsonl is missing",
        "000006.jsonl is missing",
        "000007.jsonl is missing",
    ]


@pytest.mark.parametrize(
    "name",
    ["runs/a/b/000001.jsonl", "runs/../000001.jsonl", "runs/a/1.jsonl", "runs/a/000001.json", "runs//000001.jsonl",
     "runs/a b/000001.jsonl", f"runs/{'a' * 81}/000001.jsonl", "locks/a", "runs/a/０００００１.jsonl"],
)  # fmt: skip
def test_other_keys_are_no_segments(store: FakeStore, tmp_path: Path, name: str) -> None:
    assert run_of(name) is None
    store.objects[name.replace("runs/a/", f"runs/{RUN}/")] = b"foreign", 0.0
    assert found(store, tmp_path) == Segments(tuple(enumerate(records(), start=1)))


def test_a_run_with_more_than_can_be_ours_is_not_read(store: FakeStore, tmp_path: Path) -> None:
    store.sizes[key(RUN, 2)] = MOST_BYTES
    [problem] = found(store, tmp_path).problems
    assert problem == f"s3://bucket/team/runs/{RUN}/ is left out: it holds more than 256 MiB"
    assert store.asked["get"] == 0
