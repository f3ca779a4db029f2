"""A machine that shares its state is lost at some moment of an apply: the others see what it did, and go on."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest
from support.command_line import Cloud, entries, video, write
from support.machines import APPLY, BELOW, alone, folder, on, share
from support.processes import PUT, Moment, Serve, Trigger, running
from support.s3_server import Bucket, serving

from reconciler.emulator.options import CoverMode, EmulatorOptions

DRIFTED = 3
THEIRS = b"\xff\xd8\xff a picture of their own"
LOOK = "a look at the new covers"


@dataclass(frozen=True)
class Death:
    """When the machine is lost, and what the others then know.

    Attributes:
        request: of the service or of the store; "lost": it did not arrive, "done": only its answer did not.
        known: how many changes are known to be made, and of how many it is not known; None: not even the run.
    """

    request: str
    count: int
    known: tuple[int, int] | None
    locked: bool = True

    def __str__(self) -> str:
        return f"{self.request} {self.count}"


DEATHS = [
    Death("PUT locks lost", 1, None, locked=False),
    Death("PUT locks done", 1, None),
    Death("PUT locks done", 2, None),
    Death("PUT runs/000001.jsonl lost", 1, None),
    Death("PUT runs/000001.jsonl done", 1, (0, 0)),
    Death("PUT runs/000002.jsonl lost", 1, (0, 0)),
    Death("PUT runs/000002.jsonl done", 1, (0, 1)),
    Death(PUT, 1, (0, 1)),
    Death(PUT, DRIFTED, (DRIFTED - 1, 1)),
    Death(LOOK, 1, (DRIFTED, 0)),
    Death("PUT memory lost", 1, (DRIFTED, 0)),
    Death("PUT memory done", 1, (DRIFTED, 0)),
    Death("DELETE locks lost", 1, (DRIFTED, 0)),
    Death("DELETE locks done", 1, (DRIFTED, 0), locked=False),
]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    bucket = Bucket()
    with serving(bucket) as base:
        share(monkeypatch, base)
        yield bucket


def watch_store(bucket: Bucket, trigger: Trigger) -> None:
    """Tells the trigger of "PUT runs/000002.jsonl lost", and what the dead machine sends does not arrive."""

    def watch(request: str, done: bool) -> bool:
        about = re.fullmatch(rf"([A-Z]+) {BELOW}(locks|memory|runs)/[^/]+(/[0-9]+\.jsonl)?", request)
        if about is not None:
            trigger(f"{about[1]} {about[2]}{about[3] or ''} {'done' if done else 'lost'}")
        return trigger.acted.is_set()

    bucket.watch = watch


def watched_service(serve: Serve, trigger: Trigger) -> Cloud:
    puts: list[str] = []

    def watch(request: str) -> None:
        if request == PUT:
            puts.append(request)
        trigger(LOOK if request != PUT and len(puts) == DRIFTED else request)

    return serve(EmulatorOptions(), watch)


@pytest.mark.parametrize(("death", "freed_by"), list(zip(DEATHS, cycle(["unlock", "lease"]), strict=False)), ids=str)
def test_whenever_a_machine_is_lost(serve: Serve, bucket: Bucket, death: Death, freed_by: str) -> None:
    trigger = Trigger(Moment(death.request, death.count))
    found = watched_service(serve, trigger)
    before = found.covers()
    watch_store(bucket, trigger)
    write(entries(6, drifted=DRIFTED))
    with running(*APPLY, "--wait", "--parallelism", "1", "--state-dir", folder("lost")) as process:
        trigger.does(lambda: process.send(signal.SIGKILL))
        assert process.ended().code == -signal.SIGKILL
    bucket.watch = lambda _request, _done: False

    shown = on("other", "history", "--json").document["runs"]
    counts = [(one["summary"]["applied"], one["summary"]["not_finished"]) for one in shown]
    assert counts == ([death.known] if death.known is not None else [])
    claims = [key.rpartition("/")[2] for key in bucket.keys(f"{BELOW}locks/")]
    assert len(claims) == death.locked
    if death.locked:
        ran = on("other", *APPLY)
        assert (ran.code, f"run {claims[0]}" in ran.err) == (1, True)
        if freed_by == "unlock":
            assert on("third", "unlock", claims[0]).code == 0
        else:
            bucket.age(f"{BELOW}locks/", 700)
    ran = on("other", "rollback", "--auto-approve")
    if death.known is None or death.known == (0, 0):
        assert (ran.code, "nothing to roll back" in ran.err) == (1, True)
    else:
        assert ran.code == 0, ran.err

    assert found.covers() == before
    check_comes_back(bucket)


def check_comes_back(bucket: Bucket) -> None:
    """The machine was not lost for good: what only its journal says gets into the store, and it applies the rest."""
    assert on("lost", *APPLY).code == 0
    own = {one["run"]: one for one in alone("lost", "history", "--json").document["runs"]}
    shared = {one["run"]: one for one in on("fresh", "history", "--json").document["runs"]}
    assert own.items() <= shared.items()
    assert len(own) <= 2
    assert bucket.keys(f"{BELOW}locks/") == []
    assert on("fresh", "plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("mode", ["recode", "reference"])
@pytest.mark.parametrize("count", [1, 5])
def test_several_puts_at_once_are_undone_elsewhere(serve: Serve, bucket: Bucket, mode: CoverMode, count: int) -> None:
    """Also of an asset whose cover was none of its snapshots: it was stored before it was replaced."""
    trigger = Trigger(Moment(PUT, count))
    found = serve(EmulatorOptions(cover_mode=mode, latency=20), trigger)
    found.upload(video(0).asset_id, THEIRS)
    before = found.covers()
    write(entries(8, drifted=8))
    with running(*APPLY, "--parallelism", "3", "--state-dir", folder("lost")) as process:
        trigger.does(lambda: process.send(signal.SIGKILL))
        assert process.ended().code == -signal.SIGKILL
    bucket.age(f"{BELOW}locks/", 700)
    [past] = on("other", "history", "--json").document["runs"]
    assert not past["finished"]
    ran = on("other", "rollback", "--auto-approve", "--json")
    changed = {item["asset_id"] for item in ran.document["not_undone"]}
    assert changed <= {video(0).asset_id}
    assert {asset: cover for asset, cover in found.covers().items() if asset not in changed} == {
        asset: cover for asset, cover in before.items() if asset not in changed
    }
    for item in ran.document["not_undone"]:
        assert Path(item["saved_cover"]).read_bytes() == THEIRS
