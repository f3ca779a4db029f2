"""Applies that take snapshots are interrupted, or their machine is lost: others go on, and pay for nothing again."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import httpx
import pytest
from support.command_line import TRACEBACK, Cloud, run, video, write
from support.machines import folder, on, share
from support.processes import INTERRUPTED, PUT, Moment, Serve, Skipped, Trigger, running
from support.s3_server import Bucket, serving

from reconciler.emulator.options import EmulatorOptions
from reconciler.emulator.pictures import drawn

TAKE = "--take-snapshots"
APPLY = ("apply", TAKE, "--auto-approve", "--force")
POST, LIST = "POST process", "GET list"
ITEM, OTHER = video(0), video(2)
SECOND = 37
THEIRS = drawn("f" * 32, "sample", 3).data

pytestmark = pytest.mark.usefixtures("time_flies")


def want_frames() -> None:
    write({item.asset_id: f"{{from: dots, offset: {SECOND}}}" for item in (ITEM, OTHER)})


def billed(found: Cloud) -> int:
    return int(httpx.get(f"{found.url}/_emulator/billing").json()["pictures"])


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        (Moment(POST, 1), signal.SIGTERM),
        (Moment(POST, 2), signal.SIGINT),
        (Moment(LIST, 1, 0.2), signal.SIGINT),
        (Moment(LIST, 1, 0.2), signal.SIGTERM),
        (Moment(PUT, 1), signal.SIGINT),
    ],
    ids=str,
)
def test_an_interrupt_is_reported_and_gone_on_from(
    serve: Serve, skipped: Skipped, moment: Moment, number: signal.Signals
) -> None:
    seconds = 300 if moment.request != PUT else 1
    trigger = Trigger(moment, hold=moment if moment.request != LIST else None)
    found = serve(EmulatorOptions(task_seconds=seconds, latency=20), trigger)
    want_frames()
    with running(*APPLY, "--json", "--parallelism", "1") as process:
        trigger.does(lambda: process.send(number))
        ran = process.ended()
    assert (ran.code, TRACEBACK in ran.err) == (INTERRUPTED, False)
    told = ran.document
    assert len(told["results"]) == 2
    # A call that is on its way when the signal comes is accepted, and counted.
    assert sum(one.get("billed", 0) for one in told["results"]) == billed(found)
    goes_on = [one for one in told["results"] if one["outcome"] == "failed"]
    assert all("goes on, without another call" in one["error"]["message"] for one in goes_on)
    skipped.seconds += seconds
    rest = run(*APPLY, "--wait")
    assert rest.code == 0, rest.out
    assert (billed(found), run("plan", "--detailed-exitcode").code) == (2, 0)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    bucket = Bucket()
    with serving(bucket) as base:
        share(monkeypatch, base)
        yield bucket


@pytest.mark.parametrize("answered", [True, False])
def test_another_machine_goes_on(serve: Serve, bucket: Bucket, skipped: Skipped, answered: bool) -> None:
    """The first is lost while the task runs, or before its answer came."""
    trigger = Trigger(Moment(LIST if answered else POST, 1 if answered else 2))
    found = serve(EmulatorOptions(task_seconds=300), trigger)
    found.upload(ITEM.asset_id, THEIRS)
    want_frames()
    with running(*APPLY, "--parallelism", "1", "--state-dir", folder("lost")) as process:
        trigger.does(lambda: process.send(signal.SIGKILL))
        assert process.ended().code == -signal.SIGKILL
    bucket.age("", 700)
    skipped.seconds += 300
    ran = on("other", *APPLY, "--wait", "--json")
    assert ran.code == 0, ran.out
    assert billed(found) == 2
    assert on("third", "plan", "--detailed-exitcode").code == 0
    for one in on("third", "history", "--json").document["runs"]:
        on("third", "rollback", one["run"], "--auto-approve")
    assert found.covers()[ITEM.asset_id] == "", "what the first saved can be had from any machine"
