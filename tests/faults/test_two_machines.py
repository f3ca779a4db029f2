"""Two machines that share a store behave as one machine with one folder, whatever they are told to do, in turn."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.command_line import Cloud, Ran, run, video, write
from support.machines import APPLY
from support.processes import Skipped, watched_cloud
from support.s3_server import KEY, SECRET, Bucket, serving, state_url

from reconciler.emulator.options import ACCESS_KEY, PROJECT_ID, SECRET_KEY, CoverMode, EmulatorOptions
from reconciler.errors import StateError
from reconciler.state.lease import Lease

ASSETS = 3
EXAMPLES = int(os.environ.get("EXAMPLES", "3"))
"""`make fuzz` plays more, and others each time."""
VERBS = {
    "plan": ("plan", "--detailed-exitcode", "--json"),
    "audit": ("audit", "--json"),
    "apply": (*APPLY, "--json"),
    "wait": (*APPLY, "--json", "--wait", "--wait-timeout", "900"),
    "rollback": ("rollback", "--auto-approve", "--json"),
    "history": ("history", "--json"),
    "export": ("memory", "export", "exported.json", "--json"),
}


@dataclass(frozen=True)
class Step:
    """What one of the machines does, or what happens: an edit of the desired file, or time that passes."""

    what: str
    machine: str = "a"
    number: int = 0
    """Of the asset that is edited; or seconds."""
    index: int = 0


machines = st.sampled_from(["a", "b"])
steps = st.one_of(
    st.builds(Step, st.sampled_from(sorted(VERBS)), machines),
    st.builds(Step, st.sampled_from(["apply", "wait"]), machines),
    st.builds(Step, st.just("edit"), number=st.integers(0, ASSETS - 1), index=st.integers(0, 2)),
    # No sum of these is near the five minutes of a pending cover, or the ten of its propagation.
    st.builds(Step, st.just("pause"), number=st.sampled_from([110, 400])),
)


@pytest.fixture(autouse=True)
def _lease_that_passes_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every pause is skipped, a claim that is renewed each minute would let hours pass."""

    async def keep(self: Lease) -> None:
        while True:
            await asyncio.sleep(0.002)
            if self._clock.monotonic() - self._renewed[0] >= 60:
                with suppress(StateError):
                    await self._renew()

    monkeypatch.setattr(Lease, "keep", keep)


@contextmanager
def world(folder: Path, options: EmulatorOptions, skipped: Skipped, *, shared: bool) -> Iterator[Cloud]:
    """A service of its own, and perhaps a bucket."""
    skipped.seconds = 0.0
    folder.mkdir(parents=True)
    credentials = {"HUAWEICLOUD_SDK_AK": ACCESS_KEY, "HUAWEICLOUD_SDK_SK": SECRET_KEY, "HW_PROJECT_ID": PROJECT_ID}
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    with (
        watched_cloud(folder / "served.sqlite", options, skipped.now) as found,
        serving(Bucket(clock=skipped.now)) as base,
        patch.dict(os.environ, {**credentials, **keys, "RECONCILE_ENDPOINT": found.url}),
    ):
        if shared:
            os.environ["RECONCILE_STATE"] = state_url(base)
        yield found


def play(
    folder: Path, options: EmulatorOptions, skipped: Skipped, told: Sequence[Step], *, shared: bool
) -> list[Any]:
    """What each step says; and in the end the covers."""
    wanted = dict.fromkeys(range(ASSETS), 0)
    seen: list[Any] = []
    with world(folder, options, skipped, shared=shared) as found:
        for step in [Step("edit"), *told, Step("history", "b"), Step("plan", "b")]:
            if step.what == "pause":
                skipped.seconds += step.number
            elif step.what == "edit":
                wanted[step.number] = step.index
                write({video(number).asset_id: str(index) for number, index in wanted.items()})
            else:
                machine = step.machine if shared else "one"
                ran = run(*VERBS[step.what], "--state-dir", str(folder / machine))
                seen.append((step, *told_by(step.what, ran)))
        return [*seen, found.covers()]


def told_by(verb: str, ran: Ran) -> tuple[object, ...]:
    """What must be the same: the exit code, counts, and which assets; no times, names and places."""
    assert "Traceback" not in ran.err
    document = ran.document
    if "error" in document:
        return ran.code, document["error"]["type"]
    if verb == "export":
        return ran.code, json.loads(Path("exported.json").read_text())["covers"]
    if verb == "history":
        runs = document["runs"]
        return ran.code, [(one["summary"], one["finished"], bool(one.get("rollback_of"))) for one in runs]
    lists = ("changes", "pending", "unknown", "not_undone")
    assets = {name: sorted(item["asset_id"] for item in document.get(name, ())) for name in lists}
    # A rollback goes in the order of its run's PUTs, of which several are made at once.
    results = sorted((one["asset_id"], one["outcome"], one["verified"]) for one in document.get("results", ()))
    return ran.code, document["summary"], assets, results


EDITED = Step("edit", number=1, index=2)


@pytest.mark.parametrize("mode", ["recode", "copy", "reference"])
@pytest.mark.parametrize("propagation", [0, 600])
@settings(
    max_examples=EXAMPLES,
    derandomize="EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
    deadline=None,
)
@given(told=st.lists(steps, min_size=2, max_size=7))
@example(
    [Step("apply", "a"), Step("plan", "b"), EDITED, Step("apply", "b"), Step("rollback", "a"), Step("plan", "b")]
)
@example(
    [Step("wait", "a"), EDITED, Step("wait", "b"), Step("pause", number=400), Step("audit", "a"), Step("export")]
)
def test_two_machines_are_as_one(
    tmp_path_factory: pytest.TempPathFactory,
    time_flies: Skipped,
    mode: CoverMode,
    propagation: int,
    told: list[Step],
) -> None:
    options = EmulatorOptions(assets=ASSETS, odd_assets=False, cover_mode=mode, propagation=propagation)
    folder = tmp_path_factory.mktemp("world")
    one = play(folder / "one", options, time_flies, told, shared=False)
    team = play(folder / "team", options, time_flies, told, shared=True)
    assert team == one
