"""rollback: the covers from before a run, where there is a way back; what has none is named and left alone."""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.command_line import TRACEBACK, Cloud, entries, run, video, videos, write
from support.processes import PUT, Moment, Trigger, running, watched_cloud

from reconciler.emulator import ODD
from reconciler.emulator.catalogue import ordinary
from reconciler.emulator.options import CoverMode, EmulatorOptions, FaultRule
from reconciler.emulator.pictures import drawn
from reconciler.observe.picture_answers import MOST_BYTES

Serve = Callable[[EmulatorOptions], Cloud]
APPLY = ("apply", "--auto-approve", "--force")
BACK = ("rollback", "--auto-approve")
CUSTOM = ODD["custom_cover"]
LONG_AGO = "2026-01-31T12:00:00+00:00"
WEBP = b"RIFF    WEBP a picture that the service takes in its console only"
THEIRS = drawn("f" * 32, "sample", 3).data


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.jsonl"


def records(journal: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in journal.read_text().splitlines()]


def rewrite(journal: Path, kept: Callable[[dict[str, Any]], bool]) -> None:
    journal.write_text("".join(json.dumps(record) + "\n" for record in records(journal) if kept(record)))


def runs(journal: Path) -> list[str]:
    return [record["run"] for record in records(journal) if record["kind"] == "run"]


def coming(folder: Path, asset_id: str) -> str:
    """The snapshot that will be the cover once everything is visible."""
    query = "SELECT path FROM covers WHERE asset_id = ? ORDER BY seq DESC LIMIT 1"
    with closing(sqlite3.connect(folder / "served.sqlite")) as database:
        [path] = database.execute(query, (asset_id,)).fetchone()
    return str(path)


def first_cover(number: int) -> str:
    """What the URL of the snapshot holds that this asset shows at first: nothing but a rollback sets it."""
    asset = ordinary(number)
    return f"{asset.asset_id}/snapshot/{asset.cover}.jpg"


def reasons(document: dict[str, Any]) -> dict[str, str]:
    return {item["asset_id"]: item["reason"] for item in document["not_undone"]}


@pytest.mark.parametrize("mode", ["copy", "reference", "recode"])
def test_every_cover_that_was_a_snapshot_is_back(serve: Serve, mode: CoverMode, journal: Path) -> None:
    found = serve(EmulatorOptions(cover_mode=mode))
    before = found.covers()
    write(entries(9, drifted=5))
    assert run(*APPLY, "--wait").code == 0
    assert found.covers() != before

    ran = run(*BACK, "--wait", "--json")
    assert ran.code == 0, ran.err
    assert found.covers() == before
    assert found.puts == 10
    document = ran.document
    assert (document["kind"], document["rollback_of"], document["not_undone"]) == ("apply", runs(journal)[0], [])
    assert document["summary"]["applied"] == 5
    write(entries(9))
    assert run("plan", "--detailed-exitcode").code == 0


@pytest.mark.parametrize("mode", ["copy", "reference", "recode"])
def test_right_after_the_apply_too(serve: Serve, mode: CoverMode) -> None:
    """In recode mode nothing was learned yet: what plainly looks like what the run set is the run's."""
    found = serve(EmulatorOptions(cover_mode=mode))
    before = found.covers()
    write(entries(4, drifted=3))
    run(*APPLY)
    ran = run(*BACK)
    assert ran.code == 0, ran.out
    assert found.covers() == before


@pytest.mark.parametrize("mode", ["copy", "reference", "recode"])
def test_covers_that_are_not_visible_yet_are_undone_all_the_same(
    serve: Serve, mode: CoverMode, tmp_path: Path
) -> None:
    """Else the run's cover would appear a few minutes after it was undone."""
    found = serve(EmulatorOptions(cover_mode=mode, propagation=600))
    before = found.covers()
    write(entries(3, drifted=2))
    run(*APPLY)
    assert found.covers() == before
    ran = run(*BACK, "--json")
    assert (ran.code, found.puts, ran.document["summary"]["applied"]) == (0, 4, 2)
    assert [coming(tmp_path, item.asset_id) for item in videos(2)] == [before[item.asset_id] for item in videos(2)]


def test_a_re_encoded_cover_that_nobody_waited_for_is_known_by_its_looks(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions(cover_mode="recode"))
    before = found.covers()
    write(entries(3, drifted=2))
    run(*APPLY)
    old = [{**record, "at": LONG_AGO} for record in records(journal)]
    journal.write_text("".join(json.dumps(record) + "\n" for record in old))
    assert run(*BACK).code == 0
    assert found.covers() == before


def test_what_is_being_undone_already_is_not_put_again(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions(propagation=600))
    write(entries(3, drifted=2))
    run(*APPLY)
    run(*BACK)
    ran = run(*BACK, runs(journal)[0])
    assert (ran.code, found.puts) == (0, 4)
    assert "\n2 in sync, 0 unknown, 0 ignored.\n" in ran.out


@pytest.mark.parametrize("mode", ["copy", "reference", "recode"])
def test_twice_is_once_and_a_redo_is_asked_for_by_name(serve: Serve, mode: CoverMode, journal: Path) -> None:
    found = serve(EmulatorOptions(cover_mode=mode))
    before = found.covers()
    write(entries(4, drifted=1))
    run(*APPLY, "--wait")
    write(entries(4, drifted=3))
    run(*APPLY, "--wait")
    applied = found.covers()
    assert run(*BACK, "--wait").code == 0
    undone, puts = found.covers(), found.puts
    assert undone != before
    ran = run(*BACK, "--wait")
    assert (ran.code, found.puts, found.covers()) == (0, puts, undone)
    assert f"Undoing {runs(journal)[1]}:\n\nNothing to undo.\n2 in sync, 0 unknown, 0 ignored.\n" in ran.out
    assert len(runs(journal)) == 3
    redo = run(*BACK, runs(journal)[2], "--wait", "--json")
    assert redo.code == 0, redo.document
    assert found.covers() == applied
    assert redo.document["rollback_of"] == runs(journal)[2]
    assert "desired files" not in redo.err


def test_a_second_rollback_finishes_the_first(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions(faults=(FaultRule("cover", "403", 1, first_cover(2)),)))
    before = found.covers()
    write(entries(3, drifted=3))
    run(*APPLY)
    first = run(*BACK, "--parallelism", "1")
    assert first.code == 1
    assert "Rollback incomplete. Resources: 0 added, 2 changed, 0 destroyed." in first.lines
    assert first.lines[-1] == "1 not undone."
    second = run(*BACK, "--json")
    assert (second.code, second.document["summary"]["applied"], found.puts) == (0, 1, 7)
    assert second.document["rollback_of"] == runs(journal)[0]
    assert found.covers() == before


def test_re_encoded_covers_that_nobody_waited_for_are_not_undone_twice(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions(cover_mode="recode"))
    write(entries(3, drifted=2))
    run(*APPLY)
    run(*BACK)
    old = [{**record, "at": LONG_AGO} for record in records(journal)]
    journal.write_text("".join(json.dumps(record) + "\n" for record in old))
    ran = run(*BACK)
    assert (ran.code, found.puts) == (0, 4)
    assert "Nothing to undo.\n2 in sync, 0 unknown, 0 ignored.\n" in ran.out


def test_the_journal_tells_the_snapshot_that_a_re_encoded_cover_came_of(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions(cover_mode="recode"))
    item = video(0)
    third = (item.shown + 2) % item.count
    write({item.asset_id: item.drifted()})
    run(*APPLY, "--wait")
    between = found.covers()
    write({item.asset_id: f"{{snapshot: {third}, from: {item.set}}}"})
    run(*APPLY, "--wait")
    (journal.parent / "settled.jsonl").unlink()
    ran = run(*BACK)
    assert ran.code == 0, ran.out
    assert found.covers() == between


def test_a_cover_that_cannot_be_read_is_replaced_if_that_is_asked_for(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    item = video(0)
    before = found.covers()[item.asset_id]
    write({item.asset_id: item.drifted()})
    run(*APPLY, "--wait")
    found.upload(item.asset_id, b"x" * (MOST_BYTES + 1))
    ran = run(*BACK)
    assert (ran.code, found.puts) == (1, 1)
    assert "`--replace-unreadable` replaces the cover anyway." in " ".join(ran.out.split())
    assert "Someone" not in ran.out
    assert run(*BACK, "--force").code == 1
    assert run(*BACK, "--replace-unreadable").code == 0
    assert found.covers()[item.asset_id] == before


def test_it_is_shown_and_summed_up_as_an_apply_is(serve: Serve, journal: Path) -> None:
    serve(EmulatorOptions())
    item = video(0)
    write(entries(3, drifted=1))
    run(*APPLY)
    ran = run("rollback", answer="yes\n")
    assert ran.code == 0
    assert ran.lines[:6] == [
        f"Undoing {runs(journal)[0]}:",
        "",
        str(journal),
        f'  ~ {item.asset_id} "{item.title}"',
        ran.lines[4],
        f"      {journal}:2",
    ]
    assert ran.lines[4].startswith(f"      cover: {item.set}[{item.other}] ")
    assert "Plan: 0 to add, 1 to change, 0 to destroy.\n0 in sync, 0 unknown, 0 ignored.\n" in ran.out
    assert "Do you want to perform these actions?\n  Only 'yes' will be accepted to approve.\n" in ran.err
    assert "Rollback complete! Resources: 0 added, 1 changed, 0 destroyed.\n0 failed, 0 stale," in ran.out
    assert ran.lines[-1] == "0 not undone."
    assert ran.err.endswith(
        "The desired files may still ask for the covers that were undone: change them (or run `reconcile adopt`), "
        "or the next apply sets those covers again.\n"
    )


@pytest.mark.parametrize(("arguments", "answer"), [((), None), (("--json",), "yes\n"), ((), "no\n"), ((), "")])
def test_without_approval_nothing_is_changed(serve: Serve, arguments: tuple[str, ...], answer: str | None) -> None:
    found = serve(EmulatorOptions())
    write(entries(3, drifted=2))
    run(*APPLY)
    ran = run("rollback", *arguments, answer=answer)
    assert (ran.code, found.puts) == (1, 2)
    nobody = answer is None or bool(arguments)
    assert ("--auto-approve" in ran.err) == nobody
    assert ("Rollback cancelled: the answer was not 'yes'" in ran.err) == (not nobody)


def test_the_journal_of_a_killed_run_is_enough(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions())
    before = found.covers()
    write(entries(6, drifted=4))
    run(*APPLY)
    third = [record["asset_id"] for record in records(journal) if record["kind"] == "outcome"][2]
    rewrite(journal, lambda record: record["kind"] != "outcome" or record["asset_id"] < third)
    with journal.open("a") as file:
        file.write('{"v":1,"kind":"outcome","ru')
    assert run(*BACK).code == 0
    assert found.covers() == before


def test_what_a_killed_run_set_a_moment_ago_may_yet_appear(serve: Serve, journal: Path, tmp_path: Path) -> None:
    found = serve(EmulatorOptions(propagation=600))
    item = video(0)
    before = found.covers()[item.asset_id]
    write({item.asset_id: item.drifted()})
    run(*APPLY)
    rewrite(journal, lambda record: record["kind"] != "outcome")
    assert run(*BACK).code == 0
    assert found.puts == 2
    assert coming(tmp_path, item.asset_id) == before


def test_what_a_killed_run_did_not_come_to_is_in_sync(serve: Serve, journal: Path) -> None:
    """The intent stands there, but the PUT was never sent: also where the cover is no snapshot."""
    found = serve(EmulatorOptions())
    write({**entries(2, drifted=2), CUSTOM: "0", ODD["no_cover"]: "0"})
    run(*APPLY)
    done = records(journal)
    journal.unlink()
    with closing(sqlite3.connect(journal.parents[1] / "served.sqlite")) as database, database:
        # What the service keeps of a cover that is gone is nothing: put the first ones back by hand.
        database.execute("DELETE FROM covers WHERE seq > (SELECT count(*) FROM assets)")
        for asset_id, kind in ((CUSTOM, "custom"), (ODD["no_cover"], "absent")):
            database.execute(
                "INSERT INTO covers (asset_id, kind, path, visible_at) VALUES (?, ?, '', 0)", (asset_id, kind)
            )
        for item in videos(2):
            path = next(r for r in done if r.get("asset_id") == item.asset_id)["before"]
            database.execute(
                "INSERT INTO covers (asset_id, kind, path, visible_at) VALUES (?, 'copy', ?, 0)",
                (item.asset_id, f"{path['set']}/{path['offset']}"),
            )
    intents = [{**record, "at": LONG_AGO} for record in done if record["kind"] in ("run", "intent")]
    journal.write_text("".join(json.dumps(record) + "\n" for record in intents))
    ran = run(*BACK)
    assert (ran.code, found.puts) == (0, 4)
    assert "Nothing to undo.\n4 in sync, 0 unknown, 0 ignored.\n" in ran.out
    assert ran.lines[-1] == "0 not undone."
    assert "desired files" not in ran.err


@pytest.mark.parametrize("mode", ["copy", "reference", "recode"])
def test_what_somebody_changed_since_is_left_alone(serve: Serve, mode: CoverMode) -> None:
    found = serve(EmulatorOptions(cover_mode=mode))
    before = found.covers()
    write(entries(4, drifted=3))
    run(*APPLY, "--wait")
    changed = video(1)
    found.upload(changed.asset_id, THEIRS)
    ran = run(*BACK, "--json")
    assert ran.code == 1
    assert reasons(ran.document) == {changed.asset_id: "changed_since"}
    [left] = ran.document["not_undone"]
    assert left["message"] == "Someone changed it since: the cover is none of its snapshots now."
    assert left["title"] == changed.title
    assert found.covers() == {**before, changed.asset_id: ""}


def test_after_an_apply_by_url_the_way_back_is_known(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions(cover_mode="reference"))
    before = found.covers()
    write(entries(2, drifted=2))
    run(*APPLY, "--compare", "url")
    intents = [record for record in records(journal) if record["kind"] == "intent"]
    assert all(record["before"]["snapshot_sha256"] == record["before"]["sha256"] for record in intents)
    assert run(*BACK).code == 0
    assert found.covers() == before


def test_a_journal_without_bytes_needs_force(serve: Serve, journal: Path) -> None:
    """Old versions wrote none where only URLs were compared."""
    found = serve(EmulatorOptions(cover_mode="reference"))
    before = found.covers()
    write(entries(2, drifted=2))
    run(*APPLY)
    lines = records(journal)
    for record in lines:
        for name in ("sha256", "length", "snapshot_sha256"):
            record.get("before", {}).pop(name, None)
    journal.write_text("".join(json.dumps(record) + "\n" for record in lines))
    ran = run(*BACK, "--json")
    assert (ran.code, found.puts) == (1, 2)
    assert set(reasons(ran.document).values()) == {"cannot_tell"}
    assert run(*BACK, "--force").code == 0
    assert found.covers() == before


def test_another_snapshot_set_since_is_named(serve: Serve) -> None:
    found = serve(EmulatorOptions(cover_mode="reference"))
    item = video(0)
    write({item.asset_id: item.drifted()})
    run(*APPLY)
    first = run("history", "--json").document["runs"][0]["run"]
    third = (item.shown + 2) % item.count
    write({item.asset_id: f"{{snapshot: {third}, from: {item.set}}}"})
    run(*APPLY)
    ran = run(*BACK, first)
    assert (ran.code, found.puts) == (1, 2)
    assert f'\n\n  ! {item.asset_id} "{item.title}" changed_since\n' in ran.out
    assert f"Someone changed it since: the cover is {item.set}[{third}] at " in ran.out
    assert "Plan: 0 to add, 0 to change, 0 to destroy.\n" in ran.out
    assert "Rollback incomplete. Resources: 0 added, 0 changed, 0 destroyed.\n" in ran.out
    assert ran.lines[-1] == "1 not undone."


def test_a_picture_of_their_own_is_named_where_it_was_saved(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions(uploads="refuse"))
    found.upload(CUSTOM, WEBP)
    write({CUSTOM: "0", ODD["no_cover"]: "0", **entries(1, drifted=1)})
    run(*APPLY)
    [saved] = (journal.parent / "covers").iterdir()
    ran = run(*BACK)
    assert (ran.code, found.puts) == (1, 4)
    told = f"It is saved in {saved}, and is neither a JPEG nor a PNG picture: upload it in the console."
    assert f"The cover before was none of its snapshots. {told}" in " ".join(ran.out.split())
    assert "no_cover_before\n      It had no cover before" in ran.out
    assert "Rollback incomplete. Resources: 0 added, 1 changed, 0 destroyed." in ran.lines
    assert ran.lines[-1] == "2 not undone."
    again = run(*BACK, runs(journal)[0], "--json").document
    assert reasons(again) == {CUSTOM: "not_a_snapshot", ODD["no_cover"]: "no_cover_before"}
    left = {item["asset_id"]: item for item in again["not_undone"]}
    assert left[CUSTOM]["saved_cover"] == str(saved)
    assert "saved_cover" not in left[ODD["no_cover"]]
    intent = records(journal)[left[CUSTOM]["source"]["line"] - 1]
    assert (intent["kind"], intent["asset_id"], left[CUSTOM]["source"]["file"]) == ("intent", CUSTOM, str(journal))


def test_quiet_leaves_out_what_stderr_tells(serve: Serve) -> None:
    serve(EmulatorOptions()).upload(CUSTOM, WEBP)
    write({CUSTOM: "0"})
    run(*APPLY)
    ran = run(*BACK, "--quiet")
    assert ran.code == 1
    assert "saved in" not in ran.out
    assert f"{CUSTOM}: not_a_snapshot: The cover before was none of its snapshots." in ran.err


def test_snapshots_that_were_taken_anew_are_no_way_back(serve: Serve, tmp_path: Path) -> None:
    found = serve(EmulatorOptions())
    item = video(0)
    write({item.asset_id: item.drifted()})
    run(*APPLY)
    with closing(sqlite3.connect(tmp_path / "served.sqlite")) as database, database:
        database.execute("UPDATE assets SET sets = '{\"sample\": [1001, 1002]}' WHERE asset_id = ?", (item.asset_id,))
    ran = run(*BACK, "--json")
    assert (ran.code, found.puts) == (1, 1)
    assert reasons(ran.document) == {item.asset_id: "snapshots_retaken"}


def test_an_asset_that_is_gone_is_unknown_and_may_be_allowed(serve: Serve, tmp_path: Path) -> None:
    found = serve(EmulatorOptions())
    before = found.covers()
    write(entries(3, drifted=2))
    run(*APPLY)
    gone = video(0).asset_id
    with closing(sqlite3.connect(tmp_path / "served.sqlite")) as database, database:
        database.execute("DELETE FROM covers WHERE asset_id = ?", (gone,))
        database.execute("DELETE FROM assets WHERE asset_id = ?", (gone,))
    ran = run(*BACK, "--json", "--allow-unknown", "asset_not_found")
    assert ran.code == 0
    assert ran.document["summary"]["unknown"] == 1
    assert reasons(ran.document) == {gone: "asset_not_found"}
    assert found.covers()[video(1).asset_id] == before[video(1).asset_id]
    again = run(*BACK, "--json")
    assert (again.code, reasons(again.document)) == (1, {gone: "asset_not_found"})


def test_what_was_refused_is_not_the_runs_to_undo(serve: Serve) -> None:
    found = serve(EmulatorOptions(faults=(FaultRule("cover", "403", 1, video(1).asset_id),)))
    write(entries(2, drifted=2))
    results = run(*APPLY, "--json", "--parallelism", "1").document["results"]
    assert [result["outcome"] for result in results] == ["applied", "failed"]
    found.upload(results[1]["asset_id"], THEIRS)
    document = run(*BACK, "--json").document
    assert [result["asset_id"] for result in document["results"]] == [results[0]["asset_id"]]
    assert document["not_undone"] == []


def test_targets_and_excludes_select(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    before = found.covers()
    write(entries(4, drifted=4))
    run(*APPLY)
    first, second = video(0), video(1)
    assert run(*BACK, "--target", first.asset_id, "--target", f"{second.title[:4]}*").code == 0
    after = found.covers()
    assert {one for one in before if after[one] != before[one]} == {item.asset_id for item in videos(4)[2:]}
    ran = run(*BACK, "--target", "ffff*")
    assert (ran.code, found.puts) == (1, 6)
    assert "Nothing matches --target 'ffff*'" in ran.err


def test_a_run_is_named_by_its_id_or_how_it_begins(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions())
    before = found.covers()
    for count in (1, 2):
        write(entries(2, drifted=count))
        run(*APPLY)
    first, second = runs(journal)
    unknown = run(*BACK, "1999", "--json")
    assert (unknown.code, unknown.document["error"]["type"]) == (1, "usage")
    assert "There is no run '1999' of this project" in unknown.document["error"]["message"]
    assert "reconcile history" in unknown.document["error"]["message"]
    ambiguous = run(*BACK, "20")
    assert (ambiguous.code, found.puts) == (1, 2)
    assert f"2 runs begin with '20': {first}, {second}" in ambiguous.err
    assert run(*BACK, first[:-1], "--json").document["rollback_of"] == first
    assert found.covers()[video(0).asset_id] == before[video(0).asset_id]


@pytest.mark.parametrize("field", ["endpoint", "project_id"])
def test_another_projects_runs_are_never_touched(serve: Serve, journal: Path, field: str) -> None:
    found = serve(EmulatorOptions())
    write(entries(2, drifted=1))
    run(*APPLY)
    theirs = [{**record, field: "e" * 32} for record in records(journal)]
    journal.write_text("".join(json.dumps(record) + "\n" for record in theirs))
    for arguments in ((), (theirs[0]["run"],)):
        ran = run(*BACK, *arguments)
        assert (ran.code, found.puts) == (1, 1)
        assert "reconcile history" in ran.err


def test_without_a_run_there_is_nothing_to_roll_back(serve: Serve, tmp_path: Path) -> None:
    serve(EmulatorOptions())
    ran = run(*BACK)
    assert ran.code == 1
    assert "There is nothing to roll back" in ran.err
    assert not (tmp_path / "state").exists()


def test_a_journal_that_lies_stays_harmless(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions())
    write(entries(2, drifted=1))
    run(*APPLY)
    lies: list[dict[str, Any]] = []
    for record in records(journal):
        if "asset_id" in record:
            lies += [
                {**record, "asset_id": f"{record['asset_id']}&asset_id=x"},
                {**record, "asset_id": "A" * 32},
                {**record, "asset_id": "f" * 32, "before": {"url": "\x1b[31m::error::"}},
                {**record, "asset_id": video(1).asset_id, "before": {"url": "x"}, "saved_cover": "\x1b[31m::error::"},
                {**record, "before": {**record["before"], "index": -7, "offset": 10**30}},
            ]
    journal.write_text("".join(json.dumps(record) + "\n" for record in [records(journal)[0], *lies]))
    ran = run(*BACK)
    assert (ran.code, found.puts) == (1, 1)
    assert TRACEBACK not in ran.err
    assert "\x1b" not in ran.out
    assert "::" not in ran.out
    assert "It is saved in \\x1b[31m: :error: : : upload it" in " ".join(ran.out.split())


@pytest.mark.parametrize("mode", ["copy", "reference", "recode"])
@pytest.mark.parametrize("count", [1, 4])
def test_after_kill_9_it_is_rolled_back_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, credentials: None, mode: CoverMode, count: int
) -> None:
    trigger = Trigger(Moment(PUT, count))
    options = EmulatorOptions(cover_mode=mode, latency=20)
    with watched_cloud(tmp_path / "served.sqlite", options, watch=trigger) as found:
        monkeypatch.setenv("RECONCILE_ENDPOINT", found.url)
        before = found.covers()
        write(entries(8, drifted=8))
        with running(*APPLY, "--parallelism", "3") as process:
            trigger.does(lambda: process.send(signal.SIGKILL))
            assert process.ended().code == -signal.SIGKILL
        assert not run("history", "--json").document["runs"][0]["finished"]
        assert run(*BACK).code == 0
        assert found.covers() == before


def test_an_interrupt_ends_it_in_order_and_another_rollback_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, credentials: None, journal: Path
) -> None:
    fifth = Trigger(Moment(PUT, 5))
    options = EmulatorOptions(cover_mode="reference", faults=(FaultRule("cover", "hang", 1, first_cover(1)),))
    with watched_cloud(tmp_path / "served.sqlite", options, watch=fifth) as found:
        monkeypatch.setenv("RECONCILE_ENDPOINT", found.url)
        before = found.covers()
        write(entries(3, drifted=3))
        run(*APPLY, "--parallelism", "1")  # a rollback goes in the order of its run
        with running(*BACK, "--json", "--parallelism", "1", "--timeout", "1") as process:
            fifth.does(lambda: process.send(signal.SIGINT))
            ran = process.ended()
        assert ran.code == 130
        outcomes = [result["outcome"] for result in ran.document["results"]]
        assert outcomes == ["applied", "failed", "not_attempted"]
        assert ran.document["rollback_of"] == runs(journal)[0]
        assert records(journal)[-1]["perhaps"] is True
        assert run(*BACK, runs(journal)[0]).code == 0
        assert found.covers() == before
