"""import: a desired file for what is there, which a plan then finds in sync."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.desired.load import load
from reconciler.emulator import ODD
from reconciler.emulator.options import CoverMode, Fault, Options

from .harness import COVER, TRACEBACK, Cloud, entries, run, video, write

Serve = Callable[..., Cloud]
FILE = "desired/imported.yaml"


def imported(emulator: str, *more: str) -> dict[str, Any]:
    Path("desired").mkdir(exist_ok=True)
    return run("import", "--endpoint", emulator, "--json", *more).document


@pytest.mark.integration
@pytest.mark.parametrize("mode", ["reference", "copy", "recode"])
def test_what_was_imported_is_in_sync(serve: Serve, mode: CoverMode) -> None:
    cloud = serve(Options(cover_mode=mode))
    write(entries(24, drifted=6))
    run("apply", "--auto-approve", "--force")
    Path("desired/covers.yaml").unlink()
    puts = cloud.puts
    ran = run("import", "--out", FILE)
    assert ran.code == 0, ran.err
    plan = run("plan", "--json").document
    assert (plan["changes"], plan["unknown"]) == ([], [])
    recognised = plan["summary"]["in_sync"]
    assert recognised >= (18 if mode == "recode" else 24)
    assert cloud.puts == puts
    text = Path(FILE).read_text(encoding="utf-8")
    assert f"# {video(7).title}" in text
    if mode == "recode":
        assert "ignore: true  # its cover is none of its snapshots" in text


def test_covers_that_are_no_snapshot_are_ignored_with_the_reason(emulator: str) -> None:
    document = imported(emulator, "--out", FILE)
    ignored = {item["asset_id"]: item["reason"] for item in document["ignored"]}
    assert ignored[ODD["no_snapshots"]] == "it has no snapshots"
    state = load((FILE,))
    assert {entry.asset_id for entry in state.covers if entry.ignore} == set(ignored)
    for asset_id, reason in ignored.items():
        _, _, rest = Path(FILE).read_text(encoding="utf-8").partition(asset_id)
        assert f"ignore: true  # {reason}"[:60] in rest.partition("\n  " + "0")[0]


def test_an_existing_file_is_not_overwritten(emulator: str) -> None:
    write(entries(1))
    ran = run("import", "--endpoint", emulator, "--out", "desired/covers.yaml")
    assert ran.code == 1
    assert "--update desired/covers.yaml" in ran.err
    assert len(load(("desired",)).covers) == 1


def test_update_adds_what_is_missing_and_touches_nothing_else(emulator: str) -> None:
    write(entries(3), head="# ours\n", to="mine/covers.yaml")
    before = Path("mine/covers.yaml").read_bytes()
    document = run("import", "--endpoint", emulator, "--update", "mine/covers.yaml", "--json").document
    assert document["summary"]["managed"] == 3
    after = Path("mine/covers.yaml").read_bytes()
    assert after.startswith(before)
    assert run("plan", "--endpoint", emulator, "mine", "--json").document["changes"] == []
    again = run("import", "--endpoint", emulator, "--update", "mine/covers.yaml")
    assert "Nothing to import" in again.out
    assert Path("mine/covers.yaml").read_bytes() == after


def test_what_the_files_beside_it_manage_is_left_out(emulator: str) -> None:
    write(entries(3))
    document = imported(emulator, "--out", FILE)
    assert document["summary"]["managed"] == 3
    assert run("validate").code == 0


def test_files_elsewhere_are_named_by_path(emulator: str) -> None:
    write(entries(3), to="mine/covers.yaml")
    run("import", "mine", "--endpoint", emulator, "--out", "new.yaml")
    assert run("validate", "mine", "new.yaml").code == 0


def test_selection_by_id_and_title(emulator: str) -> None:
    wanted = video(3)
    document = imported(emulator, "--out", FILE, "--target", wanted.asset_id, "--target", video(4).title)
    assert document["summary"]["imported"] == 2
    assert {entry.asset_id for entry in load((FILE,)).covers} == {wanted.asset_id, video(4).asset_id}
    ran = run("import", "--endpoint", emulator, "--out", "other.yaml", "--target", "nobody*")
    assert (ran.code, Path("other.yaml").exists()) == (1, False)
    assert "Nothing matches" in ran.err


def test_selection_by_status(emulator: str) -> None:
    document = imported(emulator, "--out", FILE, "--status", "thumbnail_succeed")
    ids = {entry.asset_id for entry in load((FILE,)).covers}
    assert video(0).asset_id in ids
    assert ODD["no_snapshots"] not in ids
    assert document["summary"]["imported"] > 0


def test_selection_by_time_of_creation(emulator: str) -> None:
    none = imported(emulator, "--out", FILE, "--created-before", "2016-01-01")
    assert none["summary"]["imported"] == 0
    assert load((FILE,)).covers == ()
    Path(FILE).unlink()
    everything = imported(emulator, "--out", FILE, "--created-after", "2016-01-01")
    assert everything["summary"]["imported"] >= 24


@pytest.mark.integration
def test_a_file_that_cannot_be_written_is_told_before_anything_is_read(serve: Serve) -> None:
    cloud = serve(Options())
    ran = run("import", "--out", "nowhere/covers.yaml")
    assert ran.code == 1
    assert "there is no folder" in ran.err
    assert cloud.requests() == []


@pytest.mark.parametrize("arguments", [(), ("--out", "a.yaml", "--update", "b.yaml")])
def test_either_out_or_update(arguments: tuple[str, ...]) -> None:
    ran = run("import", *arguments)
    assert ran.code == 1
    assert "--out FILE" in ran.err


def test_a_broken_file_to_update_is_refused_with_its_places(emulator: str) -> None:
    Path("bad.yaml").write_text("covers:\n  x: 1\n", encoding="utf-8")
    ran = run("import", "--endpoint", emulator, "--update", "bad.yaml")
    assert ran.code == 1
    assert "bad.yaml:2:3" in ran.err
    assert TRACEBACK not in ran.err


@pytest.mark.integration
def test_region_and_project_stand_in_the_file(serve: Serve) -> None:
    serve(Options())
    run("import", "--out", "new.yaml", "--region", "cn-north-4")
    state = load(("new.yaml",))
    assert (state.region, state.project_id) == (
        "cn-north-4",
        json.loads(run("plan", "new.yaml", "--json").out)["project_id"],
    )


@pytest.mark.integration
def test_import_sets_no_cover(serve: Serve) -> None:
    cloud = serve(Options())
    run("import", "--out", "new.yaml")
    assert cloud.count(COVER) == 0


@pytest.mark.integration
def test_one_that_cannot_be_read_stops_nobody_and_is_added_later(serve: Serve) -> None:
    serve(Options(assets=10, cover_mode="reference", faults=(Fault("details", "403", 12),)))
    ran = run("import", "--out", "new.yaml", "--json")
    document = ran.document
    assert ran.code == 1
    (failed,) = document["failed"]
    assert failed["reason"] == "api_error"
    missing = failed["asset_id"]
    assert missing not in Path("new.yaml").read_text(encoding="utf-8")
    again = run("import", "--update", "new.yaml")
    assert again.code == 0, again.err
    assert missing in Path("new.yaml").read_text(encoding="utf-8")


@pytest.mark.integration
def test_what_could_not_be_read_is_named_in_text(serve: Serve) -> None:
    serve(Options(assets=10, cover_mode="reference", faults=(Fault("details", "403", 12),)))
    ran = run("import", "--out", "new.yaml")
    assert "1 asset left out: they could not be read." in ran.out
    assert "Add them once they can be read: reconcile import --update new.yaml" in ran.out
