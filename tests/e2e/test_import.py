"""import: a desired file for what is there, which a plan then finds in sync."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.command_line import COVER, TRACEBACK, Cloud, entries, run, video, videos, write

from reconciler.desired.load import load
from reconciler.emulator import ODD
from reconciler.emulator.options import ALWAYS, PROJECT_ID, CoverMode, EmulatorOptions, FaultRule
from reconciler.vod.client import VodClient

Serve = Callable[..., Cloud]
FILE = "desired/imported.yaml"


# One of the emulator's assets has a cover that is not there: it is left out, and fails the import.
READABLE = ("--exclude", ODD["content_unavailable"])


def imported(emulator: str, *more: str) -> dict[str, Any]:
    Path("desired").mkdir(exist_ok=True)
    return run("import", "--endpoint", emulator, "--json", *more).document


def reason_in(text: str, asset_id: str) -> str:
    """Why a file ignores this very asset."""
    _, _, rest = text.partition(f"\n  {asset_id}:")
    found = rest.split("\n")[1]
    assert found.startswith("    ignore: true  # ")
    return found.removeprefix("    ignore: true  # ")


def meanwhile(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """While the cloud is read, somebody does this."""
    details = VodClient.details

    def and_work(self: VodClient, asset_id: str) -> Any:
        work()
        return details(self, asset_id)

    monkeypatch.setattr(VodClient, "details", and_work)


@pytest.mark.integration
@pytest.mark.parametrize("mode", ["reference", "copy", "recode"])
def test_what_was_imported_is_in_sync(serve: Serve, mode: CoverMode) -> None:
    cloud = serve(EmulatorOptions(cover_mode=mode))
    write(entries(24, drifted=6))
    run("apply", "--auto-approve", "--force")
    Path("desired/covers.yaml").unlink()
    puts = cloud.puts
    ran = run("import", "--out", FILE, *READABLE)
    assert ran.code == 0, ran.err
    plan = run("plan", "--json").document
    assert (plan["changes"], plan["unknown"]) == ([], [])
    recognised = plan["summary"]["in_sync"]
    assert recognised >= (18 if mode == "recode" else 24)
    assert cloud.puts == puts
    text = Path(FILE).read_text(encoding="utf-8")
    assert f"# {video(7).title}" in text
    unrecognised = {entry.asset_id for entry in load((FILE,)).covers if entry.ignore}
    applied = {item.asset_id for item in videos(6)}
    assert unrecognised & set(entries(24)) == (applied if mode == "recode" else set())
    for asset_id in unrecognised & applied:
        assert reason_in(text, asset_id) == (
            "its cover is none of its snapshots, byte for byte "
            "(one that the service re-encoded is recognised only after `apply --wait`)"
        )


@pytest.mark.integration
def test_what_the_service_re_encoded_is_recognised_after_waiting(serve: Serve) -> None:
    serve(EmulatorOptions(cover_mode="recode", assets=3))
    write(entries(3, drifted=3))
    assert run("apply", "--auto-approve", "--force", "--wait").code == 0
    Path("desired/covers.yaml").unlink()
    assert run("import", "--out", FILE, *READABLE).code == 0
    found = {entry.asset_id: (entry.set, entry.index) for entry in load((FILE,)).covers if not entry.ignore}
    assert {item.asset_id: (item.set, item.other) for item in videos(3)}.items() <= found.items()


def test_covers_that_are_no_snapshot_are_ignored_with_the_reason(emulator: str) -> None:
    document = imported(emulator, "--out", FILE)
    ignored = {item["asset_id"]: item["reason"] for item in document["ignored"]}
    assert {name: ignored.get(asset_id, "") for name, asset_id in ODD.items() if asset_id in ignored} == {
        "no_snapshots": "it has no snapshots",
        "snapshots_failed": "it has no snapshots",
        "snapshots_in_progress": "its snapshots are being taken",
        "foreign_snapshot": "the service gives it snapshots of another asset; its cover is none of its own",
        "custom_cover": (
            "its cover is none of its snapshots, byte for byte "
            "(one that the service re-encoded is recognised only after `apply --wait`)"
        ),
        "no_cover": "it has no cover",
        "null_cover": "it has no cover",
        "empty_cover": "it has no cover",
    }
    assert [item["asset_id"] for item in document["failed"]] == [ODD["content_unavailable"]]
    assert {entry.asset_id for entry in load((FILE,)).covers if entry.ignore} == set(ignored)
    text = Path(FILE).read_text(encoding="utf-8")
    assert {asset_id: reason_in(text, asset_id) for asset_id in ignored} == ignored


@pytest.mark.integration
def test_a_cover_may_be_a_snapshot_that_could_not_be_read(serve: Serve) -> None:
    unreadable = {video(number).asset_id for number in (1, 4, 7)}
    rules = (FaultRule("picture", "403", ALWAYS, f"{asset_id}/snapshot/") for asset_id in unreadable)
    cloud = serve(EmulatorOptions(faults=tuple(rules)))
    ran = run("import", "--out", "new.yaml", "--json", *READABLE)
    shown = cloud.covers()
    for item in ran.document["ignored"]:
        assert not item["reason"].startswith("its cover is none of") or shown[item["asset_id"]] == ""
    failed = {item["asset_id"] for item in ran.document["failed"] if item["reason"] == "content_unavailable"}
    assert (ran.code, failed) == (1, unreadable)
    assert not failed & {entry.asset_id for entry in load(("new.yaml",)).covers}


@pytest.mark.integration
def test_a_cover_that_cannot_be_read_today_is_no_reason_to_ignore_it_for_ever(serve: Serve, impatient: None) -> None:
    serve(EmulatorOptions(assets=2, faults=(FaultRule("picture", "503", ALWAYS),)))
    ran = run("import", "--out", "new.yaml", "--target", video(0).asset_id, "--json")
    [failed] = ran.document["failed"]
    assert (ran.code, failed["asset_id"], failed["reason"]) == (1, video(0).asset_id, "content_unavailable")
    assert "HTTP 503, 5 attempts" in failed["message"]
    serve(EmulatorOptions(assets=2))
    again = run("import", "--update", "new.yaml", "--target", video(0).asset_id)
    assert again.code == 0, again.err
    assert Path("new.yaml").read_text(encoding="utf-8").splitlines()[-2].startswith("covers:")
    assert {entry.asset_id for entry in load(("new.yaml",)).covers} == {video(0).asset_id}


@pytest.mark.integration
def test_what_was_applied_a_moment_ago_is_not_imported_as_it_was(serve: Serve) -> None:
    serve(EmulatorOptions(assets=3, propagation=600))
    write({**entries(3, drifted=2), ODD["no_cover"]: "0"})
    assert run("apply", "--auto-approve", "--force").code == 0
    write({}, to="nothing.yaml")
    ran = run("import", "nothing.yaml", "--out", "new.yaml", "--json")
    pending = {item["asset_id"] for item in ran.document["failed"] if item["reason"] == "pending"}
    assert (ran.code, pending) == (1, {video(0).asset_id, video(1).asset_id, ODD["no_cover"]})
    assert not pending & {entry.asset_id for entry in load(("new.yaml",)).covers}
    ran = run("import", "--update", "new.yaml")
    assert "3 assets left out: applied a moment ago and not visible yet." in ran.lines


def test_an_existing_file_is_not_overwritten(emulator: str) -> None:
    write(entries(1))
    ran = run("import", "--endpoint", emulator, "--out", "desired/covers.yaml")
    assert ran.code == 1
    assert "--update desired/covers.yaml" in ran.err
    assert len(load(("desired",)).covers) == 1


def test_update_adds_what_is_missing_and_touches_nothing_else(emulator: str) -> None:
    write(entries(3), head="# ours\n", to="mine/covers.yaml")
    before = Path("mine/covers.yaml").read_bytes()
    document = run("import", "--endpoint", emulator, "--update", "mine/covers.yaml", "--json", *READABLE).document
    assert document["summary"]["managed"] == 3
    after = Path("mine/covers.yaml").read_bytes()
    assert after.startswith(before)
    assert run("plan", "--endpoint", emulator, "mine", "--json").document["changes"] == []
    again = run("import", "--endpoint", emulator, "--update", "mine/covers.yaml", *READABLE)
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
    ran = run("import", "--endpoint", emulator, "--out", "new.yaml", "--status", "PUBLISHED", "--status", "publishd")
    assert (ran.code, Path("new.yaml").exists()) == (1, False)
    assert "Nothing matches --status 'PUBLISHD'" in ran.err
    assert "PUBLISHED" in ran.err.partition("statuses are: ")[2]


def test_selection_by_time_of_creation(emulator: str) -> None:
    Path("desired").mkdir()
    none = run("import", "--endpoint", emulator, "--out", FILE, "--created-before", "2016-01-01")
    assert (none.code, none.lines) == (0, ["Nothing to import: no asset matches."])
    assert not Path(FILE).exists()
    everything = imported(emulator, "--out", FILE, "--created-after", "2016-01-01")
    assert everything["summary"]["imported"] >= 24


@pytest.mark.integration
def test_a_file_that_cannot_be_written_is_told_before_anything_is_read(serve: Serve) -> None:
    cloud = serve(EmulatorOptions())
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
    serve(EmulatorOptions())
    run("import", "--out", "new.yaml", "--region", "cn-north-4")
    state = load(("new.yaml",))
    assert (state.region, state.project_id) == (
        "cn-north-4",
        json.loads(run("plan", "new.yaml", "--json").out)["project_id"],
    )


@pytest.mark.integration
def test_import_sets_no_cover(serve: Serve) -> None:
    cloud = serve(EmulatorOptions())
    run("import", "--out", "new.yaml")
    assert cloud.count(COVER) == 0


@pytest.mark.integration
def test_one_that_cannot_be_read_stops_nobody_and_is_added_later(serve: Serve) -> None:
    serve(
        EmulatorOptions(
            assets=10, cover_mode="reference", faults=(FaultRule("details", "403", 1, video(6).asset_id),)
        )
    )
    ran = run("import", "--out", "new.yaml", "--json", *READABLE)
    document = ran.document
    assert ran.code == 1
    (failed,) = document["failed"]
    assert failed["reason"] == "api_error"
    missing = failed["asset_id"]
    assert missing == video(6).asset_id
    assert missing not in Path("new.yaml").read_text(encoding="utf-8")
    again = run("import", "--update", "new.yaml", *READABLE)
    assert again.code == 0, again.err
    assert missing in Path("new.yaml").read_text(encoding="utf-8")


@pytest.mark.integration
def test_what_could_not_be_read_is_named_in_text(serve: Serve) -> None:
    serve(
        EmulatorOptions(
            assets=10, cover_mode="reference", faults=(FaultRule("details", "403", 1, video(6).asset_id),)
        )
    )
    ran = run("import", "--out", "new.yaml", *READABLE)
    assert "1 asset left out: could not be read." in ran.out
    assert "Add them later: reconcile import --update new.yaml" in ran.out


def test_a_file_that_appears_meanwhile_is_not_overwritten(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    new = Path("new.yaml")
    meanwhile(monkeypatch, lambda: new.write_text("# mine\n"))
    ran = run("import", "--endpoint", emulator, "--out", "new.yaml")
    assert (ran.code, ran.out, new.read_text()) == (1, "", "# mine\n")
    assert "new.yaml was written by another program meanwhile" in ran.err


def test_a_file_that_changes_meanwhile_is_not_added_to(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(entries(2), to="mine.yaml")
    meanwhile(monkeypatch, lambda: write(entries(3), to="mine.yaml"))
    ran = run("import", "--endpoint", emulator, "--update", "mine.yaml")
    assert (ran.code, ran.out) == (1, "")
    assert "mine.yaml changed while the covers were read" in ran.err
    assert len(load(("mine.yaml",)).covers) == 3


@pytest.mark.parametrize("flag", ["--out", "--update"])
def test_the_report_never_replaces_the_desired_file(emulator: str, flag: str) -> None:
    if flag == "--update":
        write(entries(1), to="mine.yaml")
    ran = run("import", "--endpoint", emulator, flag, "mine.yaml", "--output", "./mine.yaml")
    assert ran.code == 1
    assert f"{flag} and --output name the same file" in ran.err
    assert Path("mine.yaml").exists() == (flag == "--update")


@pytest.mark.integration
@pytest.mark.parametrize("arguments", [("import", "--update"), ("memory", "import")], ids=" ".join)
def test_a_file_that_a_verb_reads_is_not_removed_as_an_old_report(emulator: str, arguments: tuple[str, ...]) -> None:
    Path("mine").write_text("kept", encoding="utf-8")
    run(*arguments, "mine", "--endpoint", emulator, "--output", "mine")
    assert Path("mine").exists()


@pytest.mark.integration
def test_a_read_only_file_is_known_before_anything_is_read(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = serve(EmulatorOptions())
    write(entries(1), to="mine.yaml")
    monkeypatch.setattr("reconciler.util.atomic_files.os.access", lambda path, mode: Path(path) != Path("mine.yaml"))
    ran = run("import", "--update", "mine.yaml")
    assert (ran.code, cloud.requests()) == (1, [])
    assert "mine.yaml cannot be written: it is read-only" in ran.err
    assert "there is no such file" in run("import", "--update", "nobodys.yaml").err


@pytest.mark.integration
def test_a_file_without_a_place_for_covers_is_told_before_anything_is_read(serve: Serve) -> None:
    cloud = serve(EmulatorOptions())
    Path("mine.yaml").write_text("# ours\n{version: 1}\n")
    ran = run("import", "--update", "mine.yaml")
    assert (ran.code, cloud.requests()) == (1, [])
    assert "mine.yaml:2:1: this file has no covers key" in ran.err


def test_only_files_that_the_loader_reads_stand_beside_it(emulator: str) -> None:
    for name in (".hidden.yaml", "notes.yxml"):
        Path("desired").mkdir(exist_ok=True)
        Path("desired", name).write_text("nothing of ours")
    Path("desired/archive.yaml").mkdir()
    assert imported(emulator, "--out", FILE)["summary"]["managed"] == 0


def test_an_empty_file_is_filled_also_beside_others(emulator: str) -> None:
    write(entries(2))
    Path(FILE).touch()
    assert imported(emulator, "--out", FILE)["summary"]["managed"] == 2
    assert run("validate").code == 0


def test_region_and_project_are_not_said_twice(emulator: str) -> None:
    write(entries(1), head=f"project_id: {PROJECT_ID}\n")
    imported(emulator, "--out", FILE)
    assert "project_id" not in Path(FILE).read_text(encoding="utf-8")
    assert "region: cn-north-4\n" in Path(FILE).read_text(encoding="utf-8")


@pytest.mark.integration
@pytest.mark.parametrize(("flag", "other"), [("--region", "cn-north-1"), ("--project-id", "f" * 32)])
def test_covers_of_another_project_are_not_put_beside(serve: Serve, flag: str, other: str) -> None:
    cloud = serve(EmulatorOptions())
    write(entries(1), head=f"region: cn-north-4\nproject_id: {PROJECT_ID}\n")
    for goal in (("--out", FILE), ("--update", "desired/covers.yaml")):
        ran = run("import", *goal, flag, other)
        assert (ran.code, cloud.requests()) == (1, [])
        assert f"but {other} was requested" in ran.err
    assert not Path(FILE).exists()


def test_a_span_that_ends_before_it_begins(emulator: str) -> None:
    span = ("--created-after", "2026-02-01", "--created-before", "2026-01-01")
    ran = run("import", "--endpoint", emulator, "--out", "new.yaml", *span)
    assert ran.code == 1
    assert "--created-after is later than --created-before" in ran.err


def test_where_everything_is_managed_no_file_is_written(emulator: str) -> None:
    write({video(0).asset_id: "0"})
    ran = run("import", "--endpoint", emulator, "--out", FILE, "--target", video(0).asset_id)
    assert (ran.code, Path(FILE).exists()) == (0, False)
    assert ran.lines == ["Nothing to import: all assets are managed already.", "1 asset managed already."]


def test_an_empty_catalogue_becomes_block_style(emulator: str) -> None:
    Path("mine.yaml").write_text("# ours\ncovers: {}  # none yet\n")
    run("import", "--endpoint", emulator, "--update", "mine.yaml", "--target", video(3).asset_id)
    head, covers, *_ = Path("mine.yaml").read_text(encoding="utf-8").splitlines()
    assert (head, covers) == ("# ours", "covers:  # none yet")
    assert len(load(("mine.yaml",)).covers) == 1
