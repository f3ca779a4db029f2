"""lock: what it does to lock files that others wrote or that it cannot write, and to lines without their cover."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.command_line import DETAILS, Cloud, entries, run, video, write
from support.locks import HEADER, LOCK, change, git, lines, put

from reconciler.desired import lock_writing
from reconciler.emulator.options import REGION, EmulatorOptions
from reconciler.emulator.pictures import drawn
from reconciler.state.cover_backup import save

Serve = Callable[[EmulatorOptions], Cloud]


def problems(*arguments: str) -> list[dict[str, Any]]:
    ran = run(*arguments, "--json")
    assert ran.code == 1
    found: list[dict[str, Any]] = ran.document["error"]["problems"]
    return found


def test_a_check_finds_lines_that_no_entry_needs_and_wrong_order(emulator: str) -> None:
    write(entries(3))
    run("lock", "--endpoint", emulator)
    good = LOCK.read_bytes()
    write(entries(2))
    [stray] = problems("lock", "--check")
    assert (stray["file"], lines()[stray["line"] - 2]["asset_id"]) == (str(LOCK), video(2).asset_id)
    assert run("lock", "--check", "--target", video(0).asset_id).code == 0
    write(entries(3))
    LOCK.write_bytes(good.replace(b"\n", b"\r\n"))
    [spelling] = problems("lock", "--check")
    assert (spelling["file"], spelling["line"], spelling["column"]) == (str(LOCK), 1, 1)
    assert run("lock").code == 0
    assert LOCK.read_bytes() == good


def test_a_check_takes_asset_ids_only(emulator: str) -> None:
    write(entries(2))
    run("lock", "--endpoint", emulator)
    assert "Nothing matches --target 'Trailer*'" in run("lock", "--check", "--target", "Trailer*").err
    assert "--check changes nothing" in run("lock", "--check", "--upgrade").err


def test_lines_move_out_of_a_folder_that_lost_its_files(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    old = Path("videos/old/covers.lock")
    write(entries(3), to="videos/old/a.yaml")
    assert run("lock", "videos").code == 0
    before = old.read_text()
    Path("videos/old/a.yaml").unlink()
    write(entries(2), to="videos/new/a.yaml")
    details = found.count(DETAILS)
    assert run("lock", "videos", "--check").code == 1
    ran = run("lock", "videos")
    assert (ran.lines[-1], found.count(DETAILS)) == (
        "Lock complete! 0 added, 0 updated, 2 moved, 1 dropped, 0 kept.",
        details,
    )
    assert set(Path("videos/new/covers.lock").read_text().splitlines()) < set(before.splitlines())
    assert old.read_text() == f"{HEADER}\n"
    assert run("lock", "videos", "--check").code == 0


def test_a_file_that_cannot_be_written_is_named_before_anything_is_read(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(2))
    Path("desired/other.lock").write_text(f"{HEADER}\n")
    LOCK.symlink_to("other.lock")
    ran = run("lock")
    assert ran.code == 1
    assert "desired/covers.lock cannot be written: it is a link" in ran.err
    assert found.count(DETAILS) == 0


def test_a_folder_that_is_a_link_in_a_checkout_gets_no_lock_file(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    git("init")
    write(entries(1), to="real/a.yaml")
    Path("desired").symlink_to("real")
    ran = run("lock")
    assert (ran.code, found.count(DETAILS)) == (1, 0)
    assert "desired/covers.lock cannot be written: desired is a link in a git checkout" in ran.err
    assert [file.name for file in Path("real").iterdir()] == ["a.yaml"]


def test_a_lock_file_keeps_its_mode(emulator: str) -> None:
    write(entries(1))
    run("lock", "--endpoint", emulator)
    LOCK.chmod(0o640)
    write(entries(2))
    assert run("lock", "--endpoint", emulator).code == 0
    assert (len(lines()), LOCK.stat().st_mode & 0o777) == (2, 0o640)


def test_a_file_that_others_write_meanwhile_is_left_as_it_is(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(entries(2))
    theirs = f"{HEADER}\n"

    def slow(*arguments: Any) -> list[str]:
        LOCK.write_text(theirs)
        return write_locks(*arguments)

    write_locks = lock_writing.write_locks
    monkeypatch.setattr("reconciler.commands.lock.write_locks", slow)
    ran = run("lock", "--endpoint", emulator)
    assert ran.code == 1
    assert "desired/covers.lock was written by another program meanwhile" in ran.err
    assert LOCK.read_text() == theirs


def test_several_pictures_of_which_none_is_there_today_are_named(emulator: str) -> None:
    item = video(0)
    write(entries(2))
    run("lock", "--endpoint", emulator)
    good = lines()
    [line] = [one for one in good if one["asset_id"] == item.asset_id]
    put([*good, {**line, "sha256": "1" * 64}])
    change(item.asset_id, md5="0" * 32)  # several, of which one has today's bytes
    assert run("lock", "--endpoint", emulator).code == 0
    put([one for one in good if one is not line] + [{**line, "sha256": digit * 64} for digit in "12"])
    ran = run("lock", "--endpoint", emulator)
    assert ran.code == 1
    assert f"reconcile lock --upgrade --target {item.asset_id}" in " ".join(ran.out.split())
    assert run("lock", "--endpoint", emulator, "--upgrade", "--target", item.asset_id).code == 0
    assert lines() == good


def test_an_outdated_line_of_an_entry_that_cannot_be_locked_means_nothing(emulator: str) -> None:
    item = video(0)
    write(entries(1))
    run("lock", "--endpoint", emulator)
    write({item.asset_id: "500"})
    ran = run("lock", "--endpoint", emulator)
    assert (ran.code, ran.lines[-1]) == (1, "1 not locked.")
    assert run("lock", "--check").code == 1


def test_a_settled_cover_joins_its_line_and_is_looked_for_only_where_it_is_remembered(serve: Serve) -> None:
    found = serve(EmulatorOptions(cover_mode="recode"))
    write(entries(3, drifted=1))
    run("lock")
    assert run("apply", "--auto-approve", "--wait", "--wait-timeout", "60").code == 0
    before = found.count(DETAILS)
    ran = run("lock")
    assert (ran.code, ran.lines[-1]) == (0, "Lock complete! 0 added, 1 updated, 0 dropped, 2 kept.")
    assert found.count(DETAILS) == before + 1
    [completed] = [line for line in lines() if "cover" in line]
    assert (completed["asset_id"], list(completed["cover"])) == (video(0).asset_id, ["sha256", "md5", "length"])
    whole = LOCK.read_text()
    LOCK.unlink()
    assert run("lock").code == 0
    assert LOCK.read_text() == whole
    assert run("lock").out == "Nothing to lock. Every entry has a current line.\n"


def test_a_settled_cover_is_found_where_the_project_has_to_be_looked_up(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = serve(EmulatorOptions(cover_mode="recode"))
    monkeypatch.delenv("HUAWEICLOUD_SDK_PROJECT_ID")
    monkeypatch.setenv("HUAWEICLOUD_SDK_IAM_ENDPOINT", found.url)
    monkeypatch.setenv("HW_REGION_NAME", REGION)
    write(entries(3, drifted=1))
    run("lock")
    before = len(found.requests())
    assert run("lock").code == 0
    assert len(found.requests()) == before
    assert run("apply", "--auto-approve", "--wait", "--wait-timeout", "60").code == 0
    assert run("lock").lines[-1] == "Lock complete! 0 added, 1 updated, 0 dropped, 2 kept."
    before = len(found.requests())
    assert run("lock").code == 0
    assert len(found.requests()) == before


def test_a_line_that_only_lacks_its_cover_stays_where_the_snapshot_is_another_today(serve: Serve) -> None:
    serve(EmulatorOptions(cover_mode="recode"))
    write(entries(1, drifted=1))
    run("lock")
    assert run("apply", "--auto-approve", "--wait", "--wait-timeout", "60").code == 0
    [line] = lines()
    write({video(0).asset_id: f"{{snapshot: 500, from: {video(0).set}}}"})
    change(video(0).asset_id, index=500, of=501)
    ran = run("lock")
    assert ran.code == 0
    assert [one["cover"]["sha256"] != line["sha256"] for one in lines()] == [True]


def test_conflict_markers_are_named_as_such(emulator: str) -> None:
    write(entries(2))
    run("lock", "--endpoint", emulator)
    head, *rest = LOCK.read_text().splitlines()
    LOCK.write_text("\n".join([head, "<<<<<<< HEAD", rest[0], "=======", rest[1], ">>>>>>> other", ""]))
    found = problems("lock")
    assert [(one["line"], "a git conflict marker" in one["message"]) for one in found] == [
        (2, True),
        (4, True),
        (6, True),
    ]


def test_another_version_and_its_keys_are_kept(emulator: str) -> None:
    write(entries(2))
    run("lock", "--endpoint", emulator)
    head = HEADER.replace("1.0", "1.3")
    later = [{**line, "colour": "red"} for line in lines()]
    LOCK.write_text("\n".join([head, *map(json.dumps, later)]) + "\n")
    write(entries(3))
    assert run("lock", "--endpoint", emulator).code == 0
    first, *rest = LOCK.read_text().splitlines()
    assert first == head
    assert [json.loads(line).get("colour") for line in rest].count("red") == 2


def retaken(**values: object) -> str:
    """The first video's snapshot was another picture when it was locked; returns the video's ID."""
    item = video(0)
    write({item.asset_id: item.drifted()})
    assert run("lock").code == 0
    change(item.asset_id, **values)
    return item.asset_id


def test_an_upgrade_shows_the_old_picture_from_the_cover(serve: Serve) -> None:
    serve(EmulatorOptions())
    write(entries(1))
    run("lock")
    [shown] = lines()
    asset_id = retaken(**{name: shown[name] for name in ("sha256", "md5", "length")})
    ran = run("lock", "--upgrade", "--html", "lock.html", "--markdown", "lock.md", "--json")
    assert ran.code == 0
    [upgraded] = ran.document["changes"]
    assert (upgraded["action"], upgraded["before"]["sha256"]) == ("upgraded", shown["sha256"])
    assert upgraded["before_picture"].endswith(f"/asset/{asset_id}/cover/Cover0.jpg")
    assert f"/asset/{asset_id}/snapshot/" in upgraded["after_picture"]
    page = Path("lock.html").read_text()
    assert page.count("<img ") == 2
    assert shown["sha256"][:12] in Path("lock.md").read_text()
    assert run("lock", "--upgrade").lines == ["Nothing to lock. Every entry has a current line."]


def test_an_upgrade_shows_the_old_picture_from_a_saved_cover(serve: Serve) -> None:
    serve(EmulatorOptions())
    data = drawn("a" * 32, "sample", 5).data
    sha256 = hashlib.sha256(data).hexdigest()
    asset_id = retaken(sha256=sha256, md5="0" * 32, length=len(data))
    save(Path("state").absolute(), asset_id, sha256, data)
    ran = run("lock", "--upgrade", "--state-dir", "state", "--format", "html")
    assert (ran.code, ran.out.count("<img ")) == (0, 2)
    assert f"{asset_id}-{sha256[:16]}.jpg" in ran.out


def test_an_upgrade_says_where_the_old_picture_is_nowhere(serve: Serve) -> None:
    serve(EmulatorOptions())
    retaken(sha256="0" * 64, md5="0" * 32)
    ran = run("lock", "--upgrade", "--html", "lock.html")
    assert "old: 000000000000 (" in ran.out
    assert "which neither the cover nor a saved file has" in ran.out
    assert Path("lock.html").read_text().count("<img ") == 1


def test_a_report_does_not_overwrite_what_it_reads(serve: Serve) -> None:
    serve(EmulatorOptions())
    write(entries(1))
    run("lock")
    text = LOCK.read_text()
    assert "is read by this run" in run("lock", "--html", str(LOCK)).err
    assert LOCK.read_text() == text
