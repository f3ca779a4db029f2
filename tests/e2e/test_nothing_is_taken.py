"""No snapshot is ever taken without --take-snapshots, whatever the verb and whatever the desired files say."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import click
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.command_line import Ran, run, video, write

from reconciler.cli import reconcile
from reconciler.emulator.catalogue import ODD

ASSETS = [video(number).asset_id for number in range(3)]
EVERYWHERE = [*ASSETS, *ODD.values()]
MISSING = "{from: dots, offset: 14}"
"""A second at which none of them has a snapshot."""
AGREED = ("--auto-approve", "--force")
PLANNED = "--take-snapshots"
VERBS = {
    "plan": ("plan",),
    "plan, counted": ("plan", "--detailed-exitcode", "--json"),
    "plan, to be taken": ("plan", PLANNED, "--max-snapshots", "100", "--html", "plan.html"),
    "plan, to be saved": ("plan", PLANNED, "--out", "plan.json"),
    "apply": ("apply", *AGREED),
    "apply, by content": ("apply", *AGREED, "--compare", "content", "--wait", "--wait-timeout", "0"),
    "apply, by url": ("apply", *AGREED, "--compare", "url", "--replace-unreadable"),
    "apply, as planned": ("apply", "--plan", "plan.json", "--force"),
    "audit": ("audit", "--json"),
    "lock": ("lock",),
    "lock, again": ("lock", "--upgrade", "--target", "*"),
    "import": ("import", "--out", "imported.yaml", "--lock"),
    "import, added": ("import", "--update", "desired/covers.yaml"),
    "adopt": ("adopt", "--all"),
    "rollback": ("rollback", *AGREED),
    "show": ("show", *ASSETS, "--html", "shown.html"),
    "show, a plan": ("show", "plan.json"),
    "validate": ("validate",),
    "doctor": ("doctor",),
    "history": ("history",),
    "memory": ("memory", "export", "memory.json"),
}
ELSEWHERE = {"unlock", "schema", "emulator", "demo", "choose", "docs", "completion"}
"""Verbs that reach no service, or a fresh emulator of their own."""

settings_of_tests = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
numbers = st.integers(-3, 200) | st.sampled_from([-999_999, 999_999])
entries = st.one_of(
    numbers.map(str),
    st.builds("{{from: {}, snapshot: {}}}".format, st.sampled_from(["sample", "dots", "quantity"]), numbers),
    st.builds("{{from: {}, offset: {}}}".format, st.sampled_from(["sample", "dots"]), st.integers(0, 400)),
    st.builds(
        "{{from: dots, offset: {}, note: {}}}".format, st.integers(0, 400), st.sampled_from(["a", '"take: 5"'])
    ),
    st.just("{ignore: true}"),
)
documents = st.dictionaries(st.sampled_from(EVERYWHERE), entries, min_size=1, max_size=5)


def tasks(cloud: Path) -> int:
    """How many the emulator was asked for."""
    database = sqlite3.connect(cloud)
    try:
        [count] = database.execute("SELECT count(*) FROM tasks").fetchone()
    finally:
        database.close()
    return int(count)


def play(folder: Path, wanted: dict[str, str], told: Sequence[str]) -> tuple[int, list[Ran]]:
    """The number of tasks after all of this, and what each run said."""
    shutil.rmtree("desired", ignore_errors=True)
    for left in Path().glob("*.*"):
        left.unlink()
    write(wanted)
    cloud = folder / "cloud.sqlite"
    given = {"RECONCILE_ENDPOINT": f"emulator:{cloud}", "RECONCILE_STATE_DIR": str(folder / "state")}
    with patch.dict(os.environ, given):
        ran = [run(*VERBS[one]) for one in ("plan, to be saved", *told)]
    return tasks(cloud), ran


def test_every_verb_is_among_them() -> None:
    known = {arguments[0] for arguments in VERBS.values()} | ELSEWHERE
    assert set(reconcile.list_commands(click.Context(reconcile))) <= known


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_takes_a_snapshot(tmp_path: Path, verb: str) -> None:
    wanted = dict.fromkeys(ASSETS, MISSING)
    count, [planned, ran] = play(tmp_path, wanted, [verb])
    assert "Plan: 3 to add, 3 to change, 0 to destroy." in planned.out, "there is something to be taken"
    assert (count, "Traceback" in ran.err) == (0, False)


@settings_of_tests
@given(wanted=documents, told=st.lists(st.sampled_from(sorted(VERBS)), min_size=1, max_size=3))
@example(wanted={ASSETS[0]: MISSING}, told=["apply", "lock", "apply, as planned"])
@example(wanted={ASSETS[0]: "1", ASSETS[1]: MISSING}, told=["apply", "rollback", "adopt"])
def test_no_document_has_a_snapshot_taken(
    tmp_path_factory: pytest.TempPathFactory, wanted: dict[str, str], told: list[str]
) -> None:
    count, ran = play(tmp_path_factory.mktemp("cloud"), wanted, told)
    assert count == 0
    assert not any("Traceback" in one.err for one in ran)


def test_nor_does_a_call_of_an_earlier_run_lead_to_another(tmp_path: Path) -> None:
    """Its task is gone on from, if at all, without a further call."""
    given = {"RECONCILE_ENDPOINT": f"emulator:{tmp_path / 'cloud.sqlite'}"}
    with patch.dict(os.environ, {**given, "RECONCILE_STATE_DIR": str(tmp_path / "state")}):
        write({ASSETS[0]: MISSING})
        assert run("apply", *AGREED, PLANNED).code == 0
    count, _ = play(tmp_path, {ASSETS[0]: "{from: dots, offset: 25}"}, ["apply", "apply, as planned", "rollback"])
    assert count == 1
