"""What was planned is put once, told as it was, and nothing else is touched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest
from support.fakes import (
    ASSET,
    CDN,
    OTHER,
    FakeClock,
    FakeCloud,
    Picture,
    desired,
    planned,
    refusal,
    run_recorder,
    snapshot_url,
)

from reconciler.act.apply import Applier
from reconciler.decide.outcome import Outcome
from reconciler.decide.precondition import PlannedChange
from reconciler.model import Compare, Cover
from reconciler.state.folder import make
from reconciler.state.journal import Journal
from reconciler.state.runs import Runs
from reconciler.state.settled_covers import Memory, SettledCover
from reconciler.vod.retry import ATTEMPTS

IDS = tuple(f"{n:032x}" for n in range(1, 13))


def cloud_of(*ids: str) -> FakeCloud:
    """Each asset shows its first snapshot."""
    cloud = FakeCloud()
    for asset_id in ids:
        cloud.add(asset_id, snapshot_url(asset_id, 0))
    return cloud


def applied(
    cloud: FakeCloud,
    clock: FakeClock,
    steps: Sequence[PlannedChange],
    folder: Path,
    parallelism: int = 4,
    compare: Compare = "auto",
    *,
    replace_unreadable: bool = False,
) -> list[Outcome]:
    journal = Journal(make(folder))
    planner = cloud.planner(clock, folder, compare, replace_unreadable=replace_unreadable)
    advanced = []
    applier = Applier(planner, run_recorder(folder, journal, clock), parallelism, lambda: advanced.append(1))
    try:
        return clock.run(applier.apply(steps))
    finally:
        journal.close()


def names(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.outcome for outcome in outcomes]


def test_each_planned_change_is_put_once_and_told_in_order(clock: FakeClock, tmp_path: Path) -> None:
    cloud = cloud_of(*IDS)
    steps = planned(cloud, clock, IDS)

    outcomes = applied(cloud, clock, steps, tmp_path)

    assert names(outcomes) == ["applied"] * len(IDS)
    assert [outcome.asset_id for outcome in outcomes] == list(IDS)
    assert sorted(asset_id for asset_id, _ in cloud.puts) == sorted(IDS)
    assert all(cloud.cover(asset_id) == snapshot_url(asset_id, 10) for asset_id in IDS)


def test_afterwards_nothing_is_left_to_do(clock: FakeClock, tmp_path: Path) -> None:
    cloud = cloud_of(*IDS)
    applied(cloud, clock, planned(cloud, clock, IDS), tmp_path)

    assert planned(cloud, clock, IDS) == []


def test_the_url_of_the_fresh_read_is_put_unchanged(clock: FakeClock, tmp_path: Path) -> None:
    cloud = cloud_of(ASSET)
    steps = planned(cloud, clock, [ASSET])
    fresh = f"{snapshot_url(offset=10)}?auth_key=fresh%2B1"
    cloud.assets[ASSET]["thumbnail_info"]["sample"][2]["url"] = fresh

    applied(cloud, clock, steps, tmp_path)

    assert [json.loads(body) for _, body in cloud.puts] == [{"thumbnailUrl": fresh}]


def test_what_somebody_else_set_as_wanted_is_unchanged(clock: FakeClock, tmp_path: Path) -> None:
    cloud = cloud_of(ASSET)
    steps = planned(cloud, clock, [ASSET])
    cloud.add(ASSET, snapshot_url(offset=10))

    assert names(applied(cloud, clock, steps, tmp_path)) == ["unchanged"]
    assert cloud.puts == []


def test_what_somebody_else_set_otherwise_is_stale_and_the_rest_goes_on(clock: FakeClock, tmp_path: Path) -> None:
    cloud = cloud_of(*IDS)
    steps = planned(cloud, clock, IDS)
    cloud.add(IDS[3], snapshot_url(IDS[3], 5))

    outcomes = applied(cloud, clock, steps, tmp_path)

    assert [outcome.asset_id for outcome in outcomes if outcome.outcome == "stale"] == [IDS[3]]
    assert names(outcomes).count("applied") == len(IDS) - 1
    assert IDS[3] not in {asset_id for asset_id, _ in cloud.puts}


def test_snapshots_taken_again_make_a_change_stale(clock: FakeClock, tmp_path: Path) -> None:
    cloud = cloud_of(ASSET)
    steps = planned(cloud, clock, [ASSET])
    cloud.add(ASSET, snapshot_url(offset=0), offsets=(0, 3, 6, 9))

    assert names(applied(cloud, clock, steps, tmp_path)) == ["stale"]
    assert cloud.puts == []


def test_one_refused_asset_does_not_stop_the_others(clock: FakeClock, tmp_path: Path) -> None:
    cloud = cloud_of(*IDS)
    steps = planned(cloud, clock, IDS)
    cloud.answers["cover", IDS[0]] = [refusal(403, "VOD.10074", "no permission", {"X-Request-Id": "req-1"})]

    outcomes = applied(cloud, clock, steps, tmp_path)

    assert names(outcomes) == ["failed"] + ["applied"] * (len(IDS) - 1)
    error = outcomes[0].error
    assert error is not None
    assert (error.code, error.status, error.request_id) == ("VOD.10074", 403, "req-1")
    assert len(cloud.puts) == len(IDS)


def test_an_asset_that_is_gone_by_now_fails_with_its_reason(clock: FakeClock, tmp_path: Path) -> None:
    cloud = cloud_of(ASSET, OTHER)
    steps = planned(cloud, clock, [ASSET, OTHER])
    del cloud.assets[ASSET]

    outcomes = applied(cloud, clock, steps, tmp_path)

    assert names(outcomes) == ["failed", "applied"]
    assert outcomes[0].error is not None
    assert outcomes[0].error.type == "asset_not_found"


def test_a_401_ends_the_run(clock: FakeClock, tmp_path: Path) -> None:
    cloud = cloud_of(*IDS)
    steps = planned(cloud, clock, IDS)
    cloud.answers["cover", IDS[2]] = [refusal(401, "APIGW.0301")]

    outcomes = applied(cloud, clock, steps, tmp_path, parallelism=1)

    assert names(outcomes) == ["applied", "applied", "failed"] + ["not_attempted"] * (len(IDS) - 3)
    assert outcomes[2].error is not None
    assert outcomes[2].error.type == "authentication"
    assert len(cloud.puts) == 3


def test_a_passing_fault_costs_one_more_put_and_no_more(clock: FakeClock, tmp_path: Path) -> None:
    cloud = cloud_of(*IDS)
    steps = planned(cloud, clock, IDS)
    cloud.answers["cover", IDS[1]] = [httpx.Response(503)]

    assert names(applied(cloud, clock, steps, tmp_path)) == ["applied"] * len(IDS)
    assert len(cloud.puts) == len(IDS) + 1


def test_a_fault_that_stays_fails_after_its_attempts(clock: FakeClock, tmp_path: Path) -> None:
    cloud = cloud_of(ASSET)
    steps = planned(cloud, clock, [ASSET])
    cloud.answers["cover", ASSET] = [httpx.Response(503) for _ in range(ATTEMPTS)]

    assert names(applied(cloud, clock, steps, tmp_path)) == ["failed"]
    assert len(cloud.puts) == ATTEMPTS


def test_an_answer_that_was_lost_after_the_change_is_applied_without_another_put(
    clock: FakeClock, tmp_path: Path
) -> None:
    class Loses(FakeCloud):
        async def __call__(self, request: httpx.Request) -> httpx.Response:
            answer = await super().__call__(request)
            if request.method == "PUT":
                raise httpx.ReadError("reset after the change")
            return answer

    cloud = Loses()
    cloud.add(ASSET, snapshot_url(offset=0))

    assert names(applied(cloud, clock, planned(cloud, clock, [ASSET]), tmp_path)) == ["applied"]
    assert len(cloud.puts) == 1


def test_a_put_that_stays_unanswered_is_an_unknown_outcome(clock: FakeClock, tmp_path: Path) -> None:
    cloud = cloud_of(ASSET)
    steps = planned(cloud, clock, [ASSET])
    cloud.answers["cover", ASSET] = [httpx.ReadTimeout("slow") for _ in range(ATTEMPTS)]

    (outcome,) = applied(cloud, clock, steps, tmp_path)

    assert outcome.outcome == "failed"
    assert outcome.error is not None
    assert "may have been set" in outcome.error.message
    assert "run again" in outcome.error.message


def test_the_journal_tells_which_failures_may_have_come_about_all_the_same(clock: FakeClock, tmp_path: Path) -> None:
    cloud = cloud_of(ASSET, OTHER)
    steps = planned(cloud, clock, [ASSET, OTHER])
    cloud.answers["cover", ASSET] = [httpx.ReadTimeout("slow") for _ in range(ATTEMPTS)]
    cloud.answers["cover", OTHER] = [refusal(403, "VOD.10074")]

    assert names(applied(cloud, clock, steps, tmp_path)) == ["failed", "failed"]
    changes = Runs(tmp_path, "http://127.0.0.1", "0" * 32).changes("run-1")
    assert [(change.asset_id, change.certain) for change in changes] == [(ASSET, False)]


def test_a_copying_service_is_put_once_and_in_sync_afterwards(clock: FakeClock, tmp_path: Path) -> None:
    copy = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"
    cloud = FakeCloud()
    cloud.copies = True
    cloud.add(ASSET, copy)
    cloud.pictures = {snapshot_url(offset=at): Picture(b"picture %02d" % at) for at in (0, 5, 10)}
    cloud.pictures[copy] = Picture(b"picture 05")
    steps = planned(cloud, clock, [ASSET])

    assert names(applied(cloud, clock, steps, tmp_path)) == ["applied"]
    assert planned(cloud, clock, [ASSET]) == []
    assert len(cloud.puts) == 1


def custom_cover() -> FakeCloud:
    """An asset whose cover is none of its snapshots."""
    copy = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"
    cloud = FakeCloud()
    cloud.add(ASSET, copy)
    cloud.pictures = {snapshot_url(offset=at): Picture(b"picture %02d" % at) for at in (0, 5, 10)}
    cloud.pictures[copy] = Picture(b"\xff\xd8\xff hand-made")
    return cloud


def test_a_copy_of_a_snapshot_is_not_saved(clock: FakeClock, tmp_path: Path) -> None:
    copy = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"
    cloud = FakeCloud()
    cloud.add(ASSET, copy)
    cloud.pictures = {snapshot_url(offset=at): Picture(b"picture %02d" % at) for at in (0, 5, 10)}
    cloud.pictures[copy] = Picture(b"picture 00")
    [outcome] = applied(cloud, clock, planned(cloud, clock, [ASSET]), tmp_path)
    assert (outcome.outcome, outcome.saved_cover) == ("applied", None)
    assert not (tmp_path / "covers").exists()


def test_the_journal_names_the_snapshot_that_the_cover_is_and_not_what_is_remembered_of_others(
    clock: FakeClock, tmp_path: Path
) -> None:
    copy = f"{CDN}/asset/{ASSET}/cover/Cover0.jpg"
    cloud = FakeCloud()
    cloud.add(ASSET, copy)
    cloud.pictures = {snapshot_url(offset=at): Picture(b"picture %02d" % at) for at in (0, 5, 10)}
    cloud.pictures[copy] = Picture(b"picture 00")
    other = SettledCover(
        asset_id=ASSET, cover_sha256="a" * 64, snapshot_path="snapshot/sample/0.jpg", snapshot_sha256="b" * 64
    )
    Memory(tmp_path).remember([other])
    applied(cloud, clock, planned(cloud, clock, [ASSET]), tmp_path)
    intent = json.loads((tmp_path / "journal.jsonl").read_text().splitlines()[0])
    assert intent["before"]["snapshot_sha256"] == hashlib.sha256(b"picture 00").hexdigest()


def test_the_journal_names_no_snapshot_that_was_taken_again_since_the_plan(clock: FakeClock, tmp_path: Path) -> None:
    """A rollback would set another picture; the cover was saved, as it exists nowhere else."""
    cloud = custom_cover()
    cloud.pictures[cloud.cover()] = Picture(b"picture 00")
    steps = planned(cloud, clock, [ASSET])
    assert steps[0].before.snapshot is not None
    cloud.pictures[snapshot_url(offset=0)] = Picture(b"another picture")
    assert names(applied(cloud, clock, steps, tmp_path)) == ["applied"]
    intent = json.loads((tmp_path / "journal.jsonl").read_text().splitlines()[0])
    assert intent["before"]["sha256"] == hashlib.sha256(b"picture 00").hexdigest()
    assert "offset" not in intent["before"]
    assert intent["saved_cover"] is not None


def test_a_cover_that_nobody_could_read_is_replaced_if_that_is_asked_for(clock: FakeClock, tmp_path: Path) -> None:
    cloud = custom_cover()
    del cloud.pictures[cloud.cover()]
    planner = cloud.planner(clock, replace_unreadable=True)
    found = clock.run(planner.check(desired(index=2)))
    steps = [PlannedChange(found.desired, found.title, found.before or Cover(), found.after or Cover())]
    assert names(applied(cloud, clock, steps, tmp_path)) == ["failed"]
    assert names(applied(cloud, clock, steps, tmp_path, replace_unreadable=True)) == ["applied"]


def test_a_custom_cover_is_saved_before_it_is_replaced(clock: FakeClock, tmp_path: Path) -> None:
    cloud = custom_cover()

    (outcome,) = applied(cloud, clock, planned(cloud, clock, [ASSET]), tmp_path)

    assert outcome.outcome == "applied"
    assert outcome.saved_cover is not None
    assert Path(outcome.saved_cover).read_bytes() == b"\xff\xd8\xff hand-made"


def test_a_custom_cover_that_cannot_be_saved_is_not_replaced(clock: FakeClock, tmp_path: Path) -> None:
    cloud = custom_cover()
    steps = planned(cloud, clock, [ASSET])
    del cloud.pictures[cloud.cover()]

    (outcome,) = applied(cloud, clock, steps, tmp_path)

    assert outcome.outcome == "failed"
    assert outcome.error is not None
    assert outcome.error.type == "content_unavailable"
    assert cloud.puts == []


def test_a_custom_cover_that_cannot_be_saved_is_replaced_when_that_is_wanted(
    clock: FakeClock, tmp_path: Path
) -> None:
    cloud = custom_cover()
    steps = planned(cloud, clock, [ASSET], compare="url")
    del cloud.pictures[cloud.cover()]

    assert names(applied(cloud, clock, steps, tmp_path, compare="url")) == ["applied"]


@pytest.mark.parametrize("parallelism", [1, 3, 64])
def test_no_more_than_so_many_are_on_their_way(clock: FakeClock, tmp_path: Path, parallelism: int) -> None:
    class Counting(FakeCloud):
        now = most = 0

        async def __call__(self, request: httpx.Request) -> httpx.Response:
            self.now += 1
            self.most = max(self.most, self.now)
            await clock.sleep(0.25)
            self.now -= 1
            return await super().__call__(request)

    cloud = Counting()
    for asset_id in IDS:
        cloud.add(asset_id, snapshot_url(asset_id, 0))
    steps = planned(cloud, clock, IDS)
    cloud.most = 0

    applied(cloud, clock, steps, tmp_path, parallelism)

    assert cloud.most == min(parallelism, len(IDS))
