"""State that a team shares: what one machine did, the next knows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.command_line import Cloud, Ran, entries, spawn, video, write
from support.machines import APPLY, BELOW, alone, on, share
from support.s3_server import Bucket, serving

from reconciler.emulator.options import PROJECT_ID, EmulatorOptions
from reconciler.state.segments import sealed

Serve = Callable[[EmulatorOptions], Cloud]
THEIRS = b"\xff\xd8\xff a picture of their own"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A bucket that all machines of a test share."""
    bucket = Bucket()
    with serving(bucket) as base:
        share(monkeypatch, base)
        yield bucket


def drift(machine: str) -> int:
    return on(machine, "plan", "--detailed-exitcode").code


def test_on_a_fresh_runner_a_re_encoding_service_is_no_drift(serve: Serve, bucket: Bucket) -> None:
    found = serve(EmulatorOptions(cover_mode="recode"))
    write(entries(6, drifted=6))
    assert on("a", *APPLY, "--wait").code == 0
    bucket.age("", 3600)
    assert drift("b") == 0
    assert on("b", *APPLY).code == 0
    assert found.puts == 6
    assert alone("c", "plan", "--detailed-exitcode").code == 2


def test_what_another_machine_applied_a_moment_ago_is_pending(serve: Serve, bucket: Bucket) -> None:
    found = serve(EmulatorOptions(propagation=600))
    write(entries(12, drifted=5))
    assert on("a", *APPLY).code == 0
    document = on("b", "plan", "--json").document
    assert (document["summary"]["pending"], document["summary"]["update"]) == (5, 0)
    assert drift("b") == 0
    assert on("b", *APPLY).code == 0
    assert found.puts == 5


def test_three_runners_at_once_put_each_change_once(serve: Serve, bucket: Bucket) -> None:
    found = serve(EmulatorOptions(propagation=600))
    write(entries(12, drifted=5))

    def runner(number: int) -> Ran:
        return spawn(*APPLY, "--lock-timeout", "2m", "--state-dir", str(Path(f"runner-{number}").absolute()))

    with ThreadPoolExecutor(3) as pool:
        ran = list(pool.map(runner, range(3)))
    assert [one.code for one in ran] == [0, 0, 0]
    assert found.puts == 5
    assert bucket.keys(f"{BELOW}locks/") == []


def test_history_and_rollback_work_elsewhere(serve: Serve, bucket: Bucket) -> None:
    found = serve(EmulatorOptions())
    before = found.covers()
    write(entries(12, drifted=5))
    assert on("a", *APPLY).code == 0
    [past] = on("b", "history", "--json").document["runs"]
    assert (past["summary"]["applied"], past["finished"]) == (5, True)
    assert past == on("a", "history", "--json").document["runs"][0]
    assert on("b", "rollback", past["run"][:16], "--auto-approve").code == 0
    assert found.covers() == before
    runs = on("c", "history", "--json").document["runs"]
    assert [one["rollback_of"] for one in runs if "rollback_of" in one] == [past["run"]]
    assert on("c", "history", "--limit", "1", "--json").document["runs"] == runs[:1]


def test_a_saved_cover_is_at_hand_elsewhere(serve: Serve, bucket: Bucket) -> None:
    found = serve(EmulatorOptions())
    item, picture = video(0), THEIRS
    found.upload(item.asset_id, picture)
    write({item.asset_id: "0"})
    assert on("a", *APPLY).code == 0
    ran = on("b", "rollback", "--auto-approve", "--wait", "--json")
    [result] = ran.document["results"]
    assert (ran.code, result["outcome"], result["verified"]) == (0, "restored", True)
    saved = Path(result["restored_from"])
    assert saved.is_relative_to(Path("machines", "b").absolute())
    assert saved.read_bytes() == picture == found.shown(item.asset_id)
    assert result["source"]["file"].startswith("s3://state-of-covers/team/")
    assert on("c", "history", "--json").document["runs"][0]["summary"]["restored"] == 1


def test_what_one_machine_restored_a_moment_ago_is_known_elsewhere(serve: Serve, bucket: Bucket) -> None:
    found = serve(EmulatorOptions())
    found.upload(video(0).asset_id, THEIRS)
    write({video(0).asset_id: "0"})
    assert on("a", *APPLY).code == 0
    assert on("a", "rollback", "--auto-approve").code == 0
    assert on("b", "rollback", "--auto-approve").code == 0
    assert found.uploads == (1, 1)


def test_the_first_use_uploads_what_the_folder_remembers(serve: Serve, bucket: Bucket) -> None:
    found = serve(EmulatorOptions(cover_mode="recode"))
    picture = THEIRS
    found.upload(video(0).asset_id, picture)
    write(entries(3, drifted=3))
    assert alone("a", *APPLY, "--wait").code == 0
    write(entries(4, drifted=4))
    assert alone("a", *APPLY, "--wait").code == 0
    assert bucket.keys() == []
    assert on("a", *APPLY).code == 0
    assert len(on("b", "history", "--json").document["runs"]) == 2
    assert drift("b") == 0
    [key] = bucket.keys(f"{BELOW}covers/")
    assert bucket.objects[key][0] == picture
    written = [line for line in bucket.requests if line.startswith("PUT") and "/locks/" not in line]
    assert on("a", *APPLY).code == 0
    assert [line for line in bucket.requests if line.startswith("PUT") and "/locks/" not in line] == written


def test_with_the_store_down_only_apply_stops(serve: Serve, bucket: Bucket) -> None:
    found = serve(EmulatorOptions())
    write(entries(12, drifted=2))
    bucket.faults.forbidden = True
    for verb in (("plan",), ("audit",), ("show", video(0).asset_id), ("history",)):
        ran = on("a", *verb)
        assert ran.code in (0, 2), verb
        assert ran.err.count("Warning: ") == 1, verb
        assert "may list, read, write and delete" in ran.err
    ran = on("a", *APPLY, "--json")
    assert (ran.code, ran.document["error"]["type"]) == (1, "state")
    assert found.puts == 0


def test_a_reader_without_the_right_to_write_may_plan(serve: Serve, bucket: Bucket) -> None:
    serve(EmulatorOptions(propagation=600))
    write(entries(12, drifted=2))
    assert on("a", *APPLY).code == 0
    bucket.faults.read_only = True
    ran = on("b", "plan", "--detailed-exitcode")
    assert (ran.code, ran.err) == (0, "")


def test_a_store_that_dies_in_the_middle_stops_the_puts_and_loses_nothing(serve: Serve, bucket: Bucket) -> None:
    found = serve(EmulatorOptions(propagation=600))
    write(entries(24, drifted=24))
    bucket.faults.down_after = 4  # two for the lock, one for the run, one for an intent
    ran = on("a", *APPLY, "--parallelism", "1", "--json")
    assert ran.code == 1
    outcomes = [result["outcome"] for result in ran.document["results"]]
    assert (outcomes.count("applied"), found.puts) == (1, 1)
    assert outcomes.count("not_attempted") == 22
    assert "for the next run" in ran.err
    bucket.faults.down_after = None
    assert bucket.keys(f"{BELOW}locks/") == []
    assert on("a", *APPLY).code == 0
    assert found.puts == 24
    runs = on("b", "history", "--json").document["runs"]
    assert [one["summary"]["applied"] for one in runs] == [23, 1]
    assert all(one["finished"] for one in runs)


def test_a_plan_costs_at_most_five_requests_however_many_runs_there_were(serve: Serve, bucket: Bucket) -> None:
    serve(EmulatorOptions())
    for count in range(1, 6):
        write(entries(6, drifted=count))
        assert on(f"machine-{count}", *APPLY).code == 0
    assert len(bucket.keys(f"{BELOW}memory/")) == 1
    for key in bucket.keys(f"{BELOW}runs/"):  # long ago, and many more
        run_id, number = key[:-13].rpartition("/")[2], int(key[-12:-6])
        data, at = bucket.objects.pop(key)
        for year in range(1600, 2000):
            old = f"{year}{run_id[4:]}"
            lines = data.partition(b"\n")[2].replace(run_id.encode(), old.encode())
            bucket.objects[f"{BELOW}runs/{old}/{number:06}.jsonl"] = sealed(old, number, lines), at
    bucket.age("", 3600)
    bucket.requests.clear()
    assert drift("fresh") == 0
    assert len(bucket.requests) <= 5
    assert len(on("fresh", "history", "--limit", "7", "--json").document["runs"]) == 7


@pytest.mark.parametrize("harm", ["torn", "forged", "no JSON", "missing"])
def test_a_damaged_segment_is_named_and_not_believed(serve: Serve, bucket: Bucket, harm: str) -> None:
    found = serve(EmulatorOptions())
    write(entries(12, drifted=5))
    assert on("a", *APPLY, "--parallelism", "1").code == 0
    key = bucket.keys(f"{BELOW}runs/")[2]
    data, at = bucket.objects[key]
    if harm == "missing":
        del bucket.objects[key]
    else:
        changed = {"torn": data[:-20], "forged": data.replace(b'"index":', b'"index":1'), "no JSON": b"<html>"}
        bucket.objects[key] = changed[harm], at
    ran = on("b", "history")
    assert ran.code == 0
    assert f"{key.rpartition('/')[2]} is" in ran.err
    ran = on("b", "rollback", "--auto-approve", "--json")
    assert (ran.code, ran.document["error"]["type"]) == (1, "state")
    assert "damaged" in ran.document["error"]["message"]
    assert found.puts == 5


def test_projects_do_not_meet(serve: Serve, bucket: Bucket) -> None:
    serve(EmulatorOptions())
    write(entries(2, drifted=2))
    assert on("a", *APPLY).code == 0
    for key in list(bucket.objects):
        bucket.objects[key.replace(PROJECT_ID, "f" * 32)] = bucket.objects.pop(key)
    assert on("b", "history", "--json").document["runs"] == []


def test_unlock_names_who_holds_the_lock(serve: Serve, bucket: Bucket) -> None:
    serve(EmulatorOptions())
    write(entries(1))
    claim = {"user": "alice", "host": "runner-7", "since": "2026-11-27T20:00:00+00:00", "job": "", "held": True}
    bucket.objects[f"{BELOW}locks/20261127T200000Z-abcdef"] = json.dumps(claim).encode(), bucket.now()
    ran = on("a", *APPLY)
    assert (ran.code, "run 20261127T200000Z-abcdef, alice on runner-7" in ran.err) == (1, True)
    ran = on("a", "unlock", "another")
    assert (ran.code, "alice on runner-7" in ran.err) == (1, True)
    ran = on("a", "unlock", "20261127T200000Z-abcdef", "--json")
    assert (ran.code, ran.document["run"]) == (0, "20261127T200000Z-abcdef")
    assert on("a", *APPLY).code == 0
    ran = alone("a", "unlock", "any")
    assert (ran.code, "No state is shared" in ran.err) == (1, True)


def test_an_imported_memory_is_known_elsewhere(serve: Serve, bucket: Bucket) -> None:
    serve(EmulatorOptions(cover_mode="recode"))
    write(entries(3, drifted=3))
    assert alone("a", *APPLY, "--wait").code == 0
    assert alone("a", "memory", "export", "memory.json").code == 0
    assert on("b", "memory", "import", "memory.json").code == 0
    assert drift("c") == 0
    assert on("c", "memory", "export", "again.json", "--json").document["covers"] == 3


@pytest.mark.parametrize("share", [True, False])
def test_an_audit_compares_with_the_last_one(serve: Serve, bucket: Bucket, share: bool) -> None:
    found = serve(EmulatorOptions())
    write(entries(12))
    machines = ("a", "b", "c") if share else ("a", "a", "a")
    there = on if share else alone
    first = there(machines[0], "audit", *(() if share else ("--baseline", "last")), "--json")
    assert (first.code, "since" in first.document) == (0, False)
    found.upload(video(3).asset_id, THEIRS)
    second = there(machines[1], "audit", "--baseline", "last", "--json")
    assert (second.code, second.document["since"]["drifted"]) == (2, [video(3).asset_id])
    third = there(machines[2], "audit", "--baseline", "last", "--json")
    assert third.document["since"]["drifted"] == []


def test_a_ci_runner_that_remembers_nothing_says_so_and_calls_nothing_drift(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, bucket: Bucket
) -> None:
    found = serve(EmulatorOptions(cover_mode="recode"))
    write(entries(3, drifted=3))
    monkeypatch.setenv("CI", "true")
    ran = alone("a", "plan", "--json")
    assert ran.err.count("Warning: this CI runner remembers nothing") == 1
    assert ran.document["summary"]["update"] == 3
    assert alone("a", *APPLY, "--wait").code == 0
    assert "remembers nothing" not in alone("a", "plan").err
    ran = alone("b", "plan", "--json")
    assert ran.err.count("Warning: ") == 1
    summary = ran.document["summary"]
    assert (summary["update"], summary["unknown"], ran.code) == (0, 3, 1)
    assert {item["reason"] for item in ran.document["unknown"]} == {"content_unavailable"}
    assert "--state" in ran.document["unknown"][0]["message"]
    assert alone("c", *APPLY).code == 1
    assert found.puts == 3
    assert "remembers nothing" not in on("d", "plan").err


def test_a_reader_that_may_not_read_the_state_calls_nothing_drift_that_it_cannot_tell(
    serve: Serve, bucket: Bucket
) -> None:
    serve(EmulatorOptions(cover_mode="recode"))
    write(entries(3, drifted=3))
    assert on("a", *APPLY, "--wait").code == 0
    bucket.faults.forbidden = True
    ran = on("b", "audit", "--json")
    assert ran.err.count("Warning: ") == 1
    assert (ran.document["summary"]["update"], ran.document["summary"]["unknown"]) == (0, 3)
