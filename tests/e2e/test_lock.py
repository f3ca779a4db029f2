"""lock: which picture each entry means, written beside the desired files; and what locked entries cost."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.command_line import COVER, DETAILS, Cloud, entries, run, video, videos, write
from support.locks import HEADER, LOCK, change, git, lines

from reconciler.commands import audit
from reconciler.emulator import ODD
from reconciler.emulator.options import EmulatorOptions, FaultRule
from reconciler.emulator.pictures import drawn

Serve = Callable[[EmulatorOptions], Cloud]

LIST = "GET /v1.0/{project_id}/asset/list"
INFO = "GET /v1.0/{project_id}/asset/info"


def calls(cloud: Cloud) -> tuple[int, int, int, int]:
    return cloud.count(DETAILS), cloud.count(LIST), cloud.count(INFO), cloud.count(COVER)


def spent(cloud: Cloud, *arguments: str, code: int = 0) -> tuple[int, int, int, int]:
    """What a run costs: details, list, info and PUTs."""
    before = calls(cloud)
    ran = run(*arguments)
    assert ran.code == code, (ran.out, ran.err)
    details, listed, info, puts = (after - earlier for after, earlier in zip(calls(cloud), before, strict=True))
    return details, listed, info, puts


def test_lines_name_the_snapshot_and_its_bytes(emulator: str) -> None:
    item = video(0)
    write({item.asset_id: "-1", video(1).asset_id: "{ignore: true}"})
    ran = run("lock", "--endpoint", emulator)
    assert (ran.code, ran.lines[-1]) == (0, "Lock complete! 1 added, 0 updated, 0 dropped, 0 kept.")
    [line] = lines()
    assert list(line) == ["asset_id", "from", "index", "offset", "of", "path", "sha256", "md5", "length"]
    assert (line["asset_id"], line["from"], line["of"]) == (item.asset_id, "sample", line["index"] + 1)
    assert line["path"] == f"snapshot/sample/{line['offset']}.jpg"


def test_locking_twice_writes_nothing_and_costs_nothing(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(5))
    run("lock")
    before, text = LOCK.stat(), LOCK.read_text(encoding="utf-8")
    assert spent(found, "lock") == (0, 0, 0, 0)
    assert run("lock").out == "Nothing to lock. Every entry has a current line.\n"
    assert (LOCK.stat().st_mtime_ns, LOCK.read_text(encoding="utf-8")) == (before.st_mtime_ns, text)


def test_only_what_is_missing_or_outdated_is_read(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(5))
    run("lock")
    write({**entries(6), video(0).asset_id: video(0).drifted()})
    assert spent(found, "lock") == (2, 0, 0, 0)
    assert len(lines()) == 6


def test_what_cannot_be_locked_is_named_and_the_rest_is_written(emulator: str) -> None:
    write({**entries(2), ODD["no_snapshots"]: "0", ODD["asset_not_found"]: "0"})
    ran = run("lock", "--endpoint", emulator)
    assert ran.code == 1
    assert f"? {ODD['no_snapshots']}" in ran.out
    assert "desired/covers.yaml:4" in ran.out
    assert ran.lines[-2:] == ["Lock incomplete. 2 added, 0 updated, 0 dropped, 0 kept.", "2 not locked."]
    assert len(lines()) == 2
    ran = run("lock", "--endpoint", emulator, "--quiet")
    assert (len(ran.lines), f"{ODD['no_snapshots']}: no_snapshots: It has no snapshots." in ran.err) == (2, True)
    document = run("lock", "--endpoint", emulator, "--json").document
    assert {item["reason"] for item in document["not_locked"]} == {"no_snapshots", "asset_not_found"}
    assert document["summary"]["kept"] == 2


def test_check_and_locked_demand_a_line_before_anything_is_read(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(3))
    for verb in (("lock", "--check"), ("plan", "--locked"), ("apply", "--locked", "--auto-approve")):
        ran = run(*verb, "--json")
        assert ran.code == 1
        assert ran.document["error"]["message"].startswith("3 entries have no current line in covers.lock")
        assert [item["line"] for item in ran.document["error"]["problems"]] == [2, 3, 4]
    assert calls(found) == (0, 0, 0, 0)
    run("lock", "--target", video(1).asset_id)
    assert len(lines()) == 1
    assert run("plan", "--locked", "--target", video(1).asset_id).code == 0
    assert run("plan", "--locked").code == 1
    run("lock")
    for verb in (("lock", "--check"), ("plan", "--locked"), ("apply", "--locked", "--auto-approve")):
        assert run(*verb).code == 0


def test_check_needs_neither_network_nor_credentials(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(entries(2), head="region: cn-north-4\n")
    run("lock", "--endpoint", emulator)
    assert run("lock", "--check").code == 0
    assert run("lock").code == 0


def test_a_title_selects(emulator: str) -> None:
    write(entries(4))
    ran = run("lock", "--endpoint", emulator, "--target", f"{video(2).title[:12]}*")
    assert ran.code == 0
    assert [line["asset_id"] for line in lines()] == [video(2).asset_id]
    assert run("lock", "--endpoint", emulator, "--target", "Nothing is called so").code == 1


def test_validate_notes_missing_lines_only_beside_a_lock_file(emulator: str) -> None:
    write(entries(3))
    assert run("validate").err == ""
    run("lock", "--endpoint", emulator, "--target", video(0).asset_id)
    assert run("validate").err == "2 entries have no current line in covers.lock. Run `reconcile lock`.\n"
    LOCK.write_text(f"{HEADER}\n<<<<<<< HEAD\n", encoding="utf-8")
    ran = run("validate")
    assert ran.code == 1
    assert "desired/covers.lock:2:1: a git conflict marker" in ran.err


@pytest.mark.parametrize("mode", ["copy", "reference", "recode"])
def test_locked_entries_in_sync_take_no_details(serve: Serve, mode: Any) -> None:
    """By ID where few are managed, by the list where that takes fewer calls."""
    found = serve(EmulatorOptions(cover_mode=mode, assets=300))
    write(entries(24))
    assert run("apply", "--auto-approve", "--wait", "--wait-timeout", "60", "--force").code == 0
    assert run("lock").code == 0
    assert run("apply", "--auto-approve", "--wait").code == 0
    run("lock")
    few = {item.asset_id: item.in_sync() for item in videos(12)}
    for verb in (("plan", "--detailed-exitcode"), ("apply", "--auto-approve")):
        assert spent(found, *verb) == (0, 1, 3, 0)
    details, listed, info, puts = spent(found, "audit")
    assert (details, info, puts) == (0, 0, 0)
    assert listed <= 4
    write(few)
    assert spent(found, "plan") == (0, 1, 2, 0)


def test_only_what_drifted_takes_details_and_a_put(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(24, drifted=3))
    run("lock")
    assert spent(found, "plan", "--detailed-exitcode", code=2)[0] == 3
    details, _, _, puts = spent(found, "apply", "--auto-approve")
    assert (details, puts) == (6, 3)
    assert spent(found, "plan", "--detailed-exitcode")[0] == 0


def test_an_audit_says_by_what_it_decided(emulator: str) -> None:
    write({**entries(6, drifted=1), ODD["no_snapshots"]: "0", video(9).asset_id: "{ignore: true}"})
    run("lock", "--endpoint", emulator)
    write({**entries(7, drifted=1), ODD["no_snapshots"]: "0", video(9).asset_id: "{ignore: true}"})
    document = run("audit", "--endpoint", emulator, "--json").document
    assert document["format_version"] == "1.1"
    assert document["evidence"] == {"lock": 5, "url": 0, "content": 2, "details": 1}
    assert document["pictures"]["bytes"] > 0
    shown = run("audit", "--endpoint", emulator).lines[-1]
    assert shown.startswith("Decided: 5 by the lock, 0 by URL, 2 by content, 1 by details; pictures: ")


def test_a_snapshot_that_is_not_the_locked_picture_is_never_put(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    item = video(0)
    write(entries(3, drifted=1))
    run("lock")
    change(item.asset_id, sha256="0" * 64, md5="0" * 32)
    ran = run("plan", "--json")
    assert ran.code == 1
    [unknown] = ran.document["unknown"]
    assert (unknown["asset_id"], unknown["reason"]) == (item.asset_id, "snapshot_changed")
    assert f"reconcile lock --upgrade --target {item.asset_id}" in unknown["message"]
    assert run("apply", "--auto-approve").code == 1
    assert run("plan", "--compare", "url", "--json").document["unknown"][0]["reason"] == "snapshot_changed"
    assert found.puts == 0
    assert run("plan", "--allow-unknown", "snapshot_changed").code == 0
    ran = run("lock", "--upgrade", "--target", item.asset_id)
    assert (ran.code, ran.lines[-1]) == (0, "Lock complete! 0 added, 0 updated, 1 upgraded, 0 dropped, 2 kept.")
    assert "000000000000 (" in ran.out
    assert run("apply", "--auto-approve").code == 0
    assert found.puts == 1


def test_a_page_shows_the_cover_and_the_snapshot_that_was_taken_again(serve: Serve, tmp_path: Path) -> None:
    found = serve(EmulatorOptions())
    item = video(0)
    write(entries(1, drifted=1))
    run("lock")
    theirs = drawn("f" * 32, "sample", 7).data
    found.upload(item.asset_id, theirs)
    run("apply", "--auto-approve", "--force")
    assert [path.read_bytes() for path in (tmp_path / "state").rglob("covers/*")] == [theirs]
    change(item.asset_id, sha256=hashlib.sha256(theirs).hexdigest(), md5="0" * 32, length=len(theirs))
    assert run("plan", "--html", "r.html").code == 1
    page = Path("r.html").read_text(encoding="utf-8")
    assert page.count("data:image/webp;base64,") == 3
    for label in ("Locked", "Cover now", "Snapshot now"):
        assert f"<b>{label}</b>" in page
    write(entries(2, drifted=2))
    assert run("plan", "--html", "r.html", "--max-pictures", "3").code == 1
    page = Path("r.html").read_text(encoding="utf-8")
    assert page.count('<figure class="cover') == 2, "the limit is for all entries together; changes come first"


def test_a_cover_with_the_locked_bytes_is_in_sync_whatever_the_snapshots_are_now(serve: Serve) -> None:
    """The entry names another number now, whose line says that the picture is the one that is shown."""
    serve(EmulatorOptions())
    item = video(0)
    write(entries(1))
    run("lock")
    [shown] = lines()
    write(entries(1, drifted=1))
    change(item.asset_id, index=item.other, offset=shown["offset"] + 1)
    assert run("plan", "--detailed-exitcode").code == 0
    assert run("plan", "--detailed-exitcode", "--compare", "content").code == 0


def test_a_line_that_is_outdated_means_nothing(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(2))
    run("lock")
    write(entries(2, drifted=1))
    assert run("apply", "--auto-approve").code == 0
    assert found.puts == 1


def test_paths_of_any_kind_read_the_same_line(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(2), to="desired/campaigns/spring.yaml")
    write({video(2).asset_id: video(2).in_sync()}, to="desired/campaigns/summer.yaml")
    assert run("lock", "desired/campaigns/spring.yaml").code == 0
    lock = Path("desired/campaigns/covers.lock")
    assert len(lines(lock)) == 2
    assert run("lock", "desired/campaigns/summer.yaml").code == 0
    assert len(lines(lock)) == 3
    for path in ("desired", "desired/campaigns", "desired/campaigns/spring.yaml"):
        assert spent(found, "plan", path)[0] == 0


def test_a_line_moves_with_its_entry(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(2))
    run("lock")
    before = lines()
    write({video(1).asset_id: video(1).in_sync()})
    write({video(0).asset_id: video(0).in_sync()}, to="desired/below/a.yaml")
    assert spent(found, "lock") == (0, 0, 0, 0)
    after = [*lines(), *lines(Path("desired/below/covers.lock"))]
    assert sorted(after, key=lambda line: str(line["asset_id"])) == before


def test_a_list_or_info_that_fails_is_no_error(serve: Serve) -> None:
    found = serve(EmulatorOptions(faults=(FaultRule("list", "403", 99), FaultRule("info", "403", 99))))
    write(entries(12))
    run("lock")
    assert spent(found, "plan", "--detailed-exitcode")[0] == 12


@pytest.mark.parametrize("old", ["--fast", "--max-age"])
def test_options_that_are_gone_say_what_does_it_now(old: str) -> None:
    write(entries(1))
    ran = run("audit", old, *(["1h"] if old == "--max-age" else []))
    assert ran.code == 1
    assert f"{old} is no longer needed: with `reconcile lock` every audit is as cheap" in ran.err


def test_lock_files_that_cannot_be_written_change_nothing(emulator: str) -> None:
    write(entries(1))
    write({video(1).asset_id: video(1).in_sync()}, to="desired/below/b.yaml")
    Path("desired/below/covers.lock").mkdir()
    ran = run("lock", "--endpoint", emulator)
    assert ran.code == 1
    assert "desired/below/covers.lock" in ran.err
    assert not LOCK.exists()


@pytest.mark.parametrize("kind", ["fifo", "link", "huge number", "not UTF-8", "newer", "markers"])
def test_hostile_lock_files_stop_every_verb_before_the_cloud(serve: Serve, tmp_path: Path, kind: str) -> None:
    found = serve(EmulatorOptions())
    write(entries(1))
    if kind == "fifo":
        os.mkfifo(LOCK)
    elif kind == "link":
        (tmp_path / "elsewhere").write_text(HEADER, encoding="utf-8")
        LOCK.symlink_to(tmp_path / "elsewhere")
    else:
        wrong = {"huge number": '{"length": ' + "9" * 9999 + "}", "not UTF-8": "\udcff", "markers": "======="}
        bad = wrong.get(kind, "")
        header = '{"format_version": "2.0", "kind": "lock"}' if kind == "newer" else HEADER
        LOCK.write_bytes(f"{header}\n{bad}\n".encode(errors="surrogateescape"))
    for verb in (("plan",), ("apply", "--auto-approve"), ("audit",), ("lock",), ("validate",), ("lock", "--check")):
        ran = run(*verb)
        assert ran.code == 1, verb
        assert "desired/covers.lock" in ran.err
        assert "Traceback" not in ran.err
    assert calls(found) == (0, 0, 0, 0)


def test_git_that_would_not_merge_by_union_is_named(emulator: str) -> None:
    git("init")
    write(entries(1))
    assert "covers.lock merge=union" in run("lock", "--endpoint", emulator).err
    Path(".gitattributes").write_text("covers.lock merge=union\n", encoding="utf-8")
    LOCK.unlink()
    ran = run("lock", "--endpoint", emulator)
    assert (ran.code, ran.err, len(lines())) == (0, "", 1)


def test_an_asset_twice_names_lock_which_mends_it(emulator: str) -> None:
    write(entries(2))
    run("lock", "--endpoint", emulator)
    once = LOCK.read_text(encoding="utf-8")
    LOCK.write_text(once + once.splitlines()[1] + "\n", encoding="utf-8")
    assert "is locked twice; `reconcile lock` mends it" in run("plan", "--endpoint", emulator).err
    assert run("lock").code == 0
    assert LOCK.read_text(encoding="utf-8") == once
    other = json.dumps({**lines()[0], "sha256": "0" * 64})
    LOCK.write_text(once + other + "\n", encoding="utf-8")
    assert run("lock", "--endpoint", emulator).code == 0
    assert LOCK.read_text(encoding="utf-8") == once


def test_a_list_that_leaves_assets_out_counts_no_strangers_in_silence(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does where more assets were created in one second than it reaches."""
    serve(EmulatorOptions())
    write(entries(3))
    run("lock")

    async def empty(*_: object) -> None:
        """Lists nothing."""

    monkeypatch.setattr(audit, "list_covers", empty)
    ran = run("audit", "--json")
    assert (ran.code, ran.document["evidence"]["lock"]) == (0, 3)
    [warning] = ran.document["warnings"]
    assert warning["type"] == "unmanaged_uncounted"
    assert "the list leaves out 3 of those that files manage" in warning["message"]
    assert f"Warning: {warning['message']}" in run("audit").lines
