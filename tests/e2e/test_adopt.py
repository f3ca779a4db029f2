"""adopt: accepts drift into the desired files, by their numbers alone, and says what it can't."""

from __future__ import annotations

import difflib
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.command_line import COVER, DIGITS, Cloud, Video, entries, run, video, videos, write

from reconciler.commands.adopt import AdoptionPlanner
from reconciler.emulator import ODD
from reconciler.emulator.options import ALWAYS, EmulatorOptions, FaultRule
from reconciler.vod.client import VodClient

FILE = Path("desired/covers.yaml")


def flat(count: int) -> list[Video]:
    """Videos that an index alone can speak of."""
    return [item for item in videos() if item.set == "sample"][:count]


def test_drift_is_written_down_to_the_byte_and_plan_is_content(emulator: str) -> None:
    one, two, three = flat(3)
    text = (
        f"\ufeff# Covers: 片头 😀\r\ncovers:\r\n"
        f"  '{one.asset_id.upper()}':   {one.other}   # {one.other}, the logo\r\n"
        f"  {two.asset_id}: {{from: sample , snapshot: {two.other}}}\r\n  # {three.other}\r\n"
        f"  {three.asset_id}:\r\n     note: 'snapshot: {three.other}'\r\n     snapshot: {three.other}"
    )
    FILE.parent.mkdir()
    FILE.write_bytes(text.encode())
    FILE.chmod(0o640)

    ran = run("adopt", "--all", "--endpoint", emulator)

    assert (ran.code, ran.err) == (0, "")
    expected = (
        text.replace(f"':   {one.other}", f"':   {one.shown}")
        .replace(f"snapshot: {two.other}}}", f"snapshot: {two.shown}}}")
        .replace(f"     snapshot: {three.other}", f"     snapshot: {three.shown}")
    )
    assert FILE.read_bytes().decode() == expected
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o640
    assert [path.name for path in FILE.parent.iterdir()] == [FILE.name]
    assert ran.lines[-2:] == ["Adopted 3 covers in 1 file.", "0 in sync, 0 refused, 0 ignored."]
    assert run("plan", "--endpoint", emulator, "--detailed-exitcode").code == 0


def test_the_diff_is_what_difflib_says(emulator: str) -> None:
    items = flat(12)
    wanted = [item.other if number in (0, 2, 11) else item.shown for number, item in enumerate(items)]
    old = "covers:\n" + "".join(f"  {item.asset_id}: {number}\n" for item, number in zip(items, wanted, strict=True))
    FILE.parent.mkdir()
    FILE.write_text(old)
    document = run("adopt", "--all", "--endpoint", emulator, "--json").document
    new = FILE.read_text()
    diff = difflib.unified_diff(old.splitlines(True), new.splitlines(True), str(FILE), str(FILE))
    assert document["diff"] == "".join(diff)
    assert document["diff"].count("@@ -") == 2


def test_an_entry_by_offset_keeps_speaking_of_seconds(emulator: str) -> None:
    [item] = flat(1)
    write({item.asset_id: "{offset: 0}"})
    [adopted] = run("adopt", "--all", "--endpoint", emulator, "--json").document["adopted"]
    offset = adopted["cover"]["snapshot"]["offset"]
    assert (adopted["key"], adopted["old"], adopted["new"]) == ("offset", 0, offset)
    assert f"  {item.asset_id}: {{offset: {offset}}}\n" in FILE.read_text()


@pytest.mark.parametrize("mode", ["copy", "reference"])
def test_entries_whose_snapshot_is_gone_are_adopted_too(serve: Callable[[EmulatorOptions], Cloud], mode: Any) -> None:
    cloud = serve(EmulatorOptions(cover_mode=mode))
    one, two = flat(2)
    write({one.asset_id: "9999", two.asset_id: "{offset: 999}"})
    assert run("plan").code == 1
    ran = run("adopt", "--all")
    assert ran.code == 0, ran.out
    assert f"  {one.asset_id}: {one.shown}\n" in FILE.read_text()
    assert run("plan", "--detailed-exitcode").code == 0
    assert cloud.count(COVER) == 0


def test_only_what_was_asked_for(emulator: str) -> None:
    one, two, three = flat(3)
    write({one.asset_id: str(one.other), three.asset_id: "{ignore: true, snapshot: 0}"}, to="desired/a.yaml")
    write({two.asset_id: str(two.other)}, to="desired/b.yaml")
    before = Path("desired/b.yaml").read_bytes()

    ran = run("adopt", "--target", one.asset_id, "--endpoint", emulator)
    assert (ran.code, ran.lines[-2]) == (0, "Adopted 1 cover in 1 file.")
    assert Path("desired/b.yaml").read_bytes() == before

    ran = run("adopt", "--target", two.title, "--endpoint", emulator)
    assert (ran.code, ran.lines[-2:]) == (0, ["Adopted 1 cover in 1 file.", "0 in sync, 0 refused, 0 ignored."])
    assert "ignore: true, snapshot: 0" in Path("desired/a.yaml").read_text()


def test_nothing_to_adopt(emulator: str) -> None:
    write({**entries(4), video(4).asset_id: "{ignore: true}"})
    before = FILE.stat()
    ran = run("adopt", "--all", "--endpoint", emulator)
    assert (ran.code, ran.lines) == (
        0,
        ["Nothing to adopt. The desired files match the covers.", "4 in sync, 0 refused, 1 ignored."],
    )
    assert FILE.stat() == before


def test_what_is_refused_is_named_and_the_rest_adopted(emulator: str) -> None:
    [item] = flat(1)
    write(
        {
            ODD["custom_cover"]: "0",
            ODD["no_cover"]: "0",
            item.asset_id: str(item.other),
            DIGITS: "2  # its cover is one of the dots",
            ODD["no_snapshots"]: "0",
            ODD["asset_not_found"]: "0",
        }
    )
    document = run("adopt", "--all", "--endpoint", emulator, "--json").document
    assert document["summary"] == {"adopted": 1, "in_sync": 0, "refused": 5, "ignored": 0}
    assert [(entry["asset_id"], entry["reason"], entry["source"]["line"]) for entry in document["refused"]] == [
        (ODD["custom_cover"], "not_a_snapshot", 2),
        (ODD["no_cover"], "no_cover", 3),
        (DIGITS, "other_set", 5),
        (ODD["no_snapshots"], "no_snapshots", 6),
        (ODD["asset_not_found"], "asset_not_found", 7),
    ]
    assert document["refused"][2]["message"] == (
        "Its cover is dots[1], but the entry takes from sample: write `snapshot: 1` and `from: dots` by hand."
    )

    ran = run("adopt", "--all", "--endpoint", emulator)
    assert (ran.code, ran.err) == (1, "")
    assert f'  ! {ODD["custom_cover"]} "Odd: custom cover" not_a_snapshot' in ran.lines
    assert "      desired/covers.yaml:2" in ran.lines
    assert ran.lines[-2:] == ["Nothing adopted.", "1 in sync, 5 refused, 0 ignored."]


def test_quiet_leaves_the_summary_and_the_reasons_on_stderr(emulator: str) -> None:
    [item] = flat(1)
    write({item.asset_id: str(item.other), ODD["custom_cover"]: "0"})
    ran = run("adopt", "--all", "--endpoint", emulator, "--quiet")
    assert (ran.code, ran.out) == (1, "Adopted 1 cover in 1 file.\n0 in sync, 1 refused, 0 ignored.\n")
    assert ran.err.startswith(f"{ODD['custom_cover']}: not_a_snapshot: Its cover is none of its snapshots")


def test_a_change_on_its_way_is_not_overruled(serve: Callable[[EmulatorOptions], Cloud]) -> None:
    """Neither where it is what the file wants, nor where the file has changed since."""
    cloud = serve(EmulatorOptions(propagation=600))
    one, two = flat(2)
    write({one.asset_id: str(one.other), two.asset_id: str(two.other)})
    assert run("apply", "--auto-approve").code == 0
    write({one.asset_id: str(one.other), two.asset_id: str((two.shown + 2) % two.count)})
    before = FILE.read_bytes()
    ran = run("adopt", "--all", "--json")
    assert [item["reason"] for item in ran.document["refused"]] == ["pending", "pending"]
    assert (ran.code, FILE.read_bytes(), cloud.count(COVER)) == (1, before, 2)


def test_comparing_urls_alone_says_that_pictures_could_tell(serve: Callable[[EmulatorOptions], Cloud]) -> None:
    serve(EmulatorOptions(cover_mode="copy"))
    write(entries(1, drifted=1))
    [refused] = run("adopt", "--all", "--compare", "url", "--json").document["refused"]
    assert refused["message"].endswith("Without `--compare url` the pictures are compared too.")


def test_a_file_that_changes_meanwhile_is_not_touched(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    [item] = flat(1)
    write({item.asset_id: str(item.other)})
    details = VodClient.details

    def edited(self: VodClient, asset_id: str) -> Any:
        FILE.write_text(f"covers: {{{item.asset_id}: 0}}\n")
        return details(self, asset_id)

    monkeypatch.setattr(VodClient, "details", edited)
    ran = run("adopt", "--all", "--endpoint", emulator)
    assert (ran.code, ran.out) == (1, "")
    assert "desired/covers.yaml changed while the covers were read" in ran.err
    assert FILE.read_text() == f"covers: {{{item.asset_id}: 0}}\n"


def test_a_file_that_cannot_be_written_is_known_before_the_cloud_is_read(
    serve: Callable[[EmulatorOptions], Cloud], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = serve(EmulatorOptions())
    write(entries(1, drifted=1))
    monkeypatch.setattr("reconciler.util.atomic_files.os.access", lambda path, mode: Path(path) != FILE)
    ran = run("adopt", "--all")
    assert (ran.code, ran.out, cloud.requests()) == (1, "", [])
    assert "desired/covers.yaml cannot be written: it is read-only" in ran.err


def test_what_was_written_is_told_when_a_later_file_fails(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = flat(2)
    write({one.asset_id: str(one.other)}, to="desired/a.yaml")
    write({two.asset_id: str(two.other)}, to="desired/b.yaml")
    put = Path.replace

    def full(self: Path, target: Path) -> Path:
        if target.name == "b.yaml":
            raise OSError(28, "No space left on device")
        return put(self, target)

    monkeypatch.setattr(Path, "replace", full)
    ran = run("adopt", "--all", "--endpoint", emulator)
    assert ran.code == 1
    assert "desired/b.yaml cannot be written: No space left on device\n  Files written before it: 1.\n" in ran.err
    assert f": {one.shown}\n" in Path("desired/a.yaml").read_text()
    assert sorted(path.name for path in Path("desired").iterdir()) == ["a.yaml", "b.yaml"]


def test_all_or_targets_must_be_said(emulator: str) -> None:
    write(entries(1, drifted=1))
    assert "--target" in run("adopt", "--endpoint", emulator).err
    assert "Nothing matches --target 'Sprung*'" in run("adopt", "--target", "Sprung*", "--endpoint", emulator).err


def test_what_is_shown_is_in_sync_where_the_entry_was_set_back_a_moment_after_an_apply(
    serve: Callable[[EmulatorOptions], Cloud],
) -> None:
    serve(EmulatorOptions(propagation=600, cover_mode="reference"))
    [item] = flat(1)
    write({item.asset_id: str(item.other)})
    assert run("apply", "--auto-approve").code == 0
    write({item.asset_id: str(item.shown)})
    assert run("plan", "--json").document["summary"]["in_sync"] == 1
    assert run("adopt", "--all", "--json").document["refused"] == []


def test_a_cover_that_changes_behind_the_same_url_is_not_written_down(
    serve: Callable[[EmulatorOptions], Cloud], monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = serve(EmulatorOptions(cover_mode="copy"))
    [item] = flat(1)
    write({item.asset_id: str(item.other)})
    check = AdoptionPlanner.check

    def after_a_change(self: AdoptionPlanner, *arguments: Any) -> Any:
        cloud.upload(item.asset_id, b"\xff\xd8 somebody else's picture")
        return check(self, *arguments)

    monkeypatch.setattr(AdoptionPlanner, "check", after_a_change)
    [refused] = run("adopt", "--all", "--json").document["refused"]
    assert refused["reason"] == "changed_meanwhile"


def test_an_edit_right_after_loading_is_noticed(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    [item] = flat(1)
    write({item.asset_id: str(item.other)})
    edited = f"covers: {{{item.asset_id}: {item.other}}} # mine\n"
    monkeypatch.setattr("reconciler.util.atomic_files.check_replaceable", lambda _: FILE.write_text(edited))
    ran = run("adopt", "--all", "--endpoint", emulator)
    assert (ran.code, ran.out, FILE.read_text()) == (1, "", edited)
    assert "desired/covers.yaml changed while the covers were read" in ran.err


def test_a_cover_that_cannot_be_told_is_not_called_foreign(
    serve: Callable[[EmulatorOptions], Cloud], impatient: None
) -> None:
    serve(EmulatorOptions(faults=(FaultRule("picture", "503", ALWAYS),)))
    [item] = flat(1)
    write({item.asset_id: "9999"})
    [refused] = run("adopt", "--all", "--json").document["refused"]
    assert refused["reason"] == "content_unavailable"
