"""plan --out and apply --plan: exactly what was looked at, or nothing."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from support.command_line import DIGITS, WITH_AN_E, Cloud, Ran, entries, run, server, video, videos, write

from reconciler.documents.dump import digest
from reconciler.emulator import ODD
from reconciler.emulator.options import EmulatorOptions
from reconciler.observe.picture_answers import MOST_BYTES

FILE = "saved.json"


@pytest.fixture
def found(serve: Callable[[EmulatorOptions], Cloud]) -> Cloud:
    return serve(EmulatorOptions())


def save(wanted: dict[str, str]) -> dict[str, Any]:
    write(wanted)
    ran = run("plan", "--out", FILE)
    assert ran.code == 0, ran.err
    document: dict[str, Any] = json.loads(Path(FILE).read_text())
    return document


def execute(*more: str) -> Ran:
    return run("apply", "--plan", FILE, "--json", *more)


def outcomes(ran: Ran) -> dict[str, str]:
    return {result["asset_id"]: result["outcome"] for result in ran.document["results"]}


def seal(document: dict[str, Any]) -> None:
    """Writes a changed plan back with a digest that fits."""
    document["digest"] = digest(document)
    Path(FILE).write_text(json.dumps(document))


def refused(found: Cloud, *more: str) -> str:
    """The error of an apply that must not have PUT anything."""
    ran = execute(*more)
    assert (ran.code, found.puts) == (1, 0)
    assert ran.document["error"]["type"] in ("plan_file", "usage", "safety_limit")
    message: str = ran.document["error"]["message"]
    return message


def test_a_saved_plan_is_executed_exactly_and_without_a_question(found: Cloud) -> None:
    save({DIGITS: "0", WITH_AN_E: "-1", video(0).asset_id: "0"})
    # What the files say by now is of no matter.
    write({video(3).asset_id: video(3).drifted()})
    ran = execute()
    assert ran.code == 0
    assert outcomes(ran) == {DIGITS: "applied", WITH_AN_E: "applied", video(0).asset_id: "applied"}
    assert found.puts == 3
    assert found.covers()[WITH_AN_E] == "sample/162"


def test_only_its_owner_may_read_it(found: Cloud) -> None:
    save(entries(1, drifted=1))
    assert stat.S_IMODE(Path(FILE).stat().st_mode) == 0o600


def test_saved_and_printed_plan_are_the_same_document(found: Cloud) -> None:
    write(entries(3, drifted=2))
    printed = run("plan", "--out", FILE, "--json").document
    assert json.loads(Path(FILE).read_text()) == printed


def test_a_cover_that_somebody_changed_since_is_left_alone(found: Cloud) -> None:
    save(entries(3, drifted=3))
    picture = b"\xff\xd8 a picture of their own"
    found.upload(video(1).asset_id, picture)
    ran = execute()
    assert ran.code == 1
    assert outcomes(ran) == {
        video(0).asset_id: "applied",
        video(1).asset_id: "stale",
        video(2).asset_id: "applied",
    }
    assert found.puts == 2
    assert ran.document["summary"]["stale"] == 1


def test_what_is_in_place_already_is_not_put_again(found: Cloud) -> None:
    save(entries(3, drifted=3))
    assert execute().code == 0
    again = execute()
    assert (again.code, set(outcomes(again).values()), found.puts) == (0, {"unchanged"}, 3)


def test_a_changed_plan_is_refused(found: Cloud) -> None:
    document = save(entries(2, drifted=2))
    document["changes"][0]["after"]["snapshot"]["index"] = 0
    Path(FILE).write_text(json.dumps(document))
    assert "digest does not match" in refused(found)
    del document["digest"]
    Path(FILE).write_text(json.dumps(document))
    assert "digest does not match" in refused(found)


def test_a_digest_over_nonsense_helps_nobody(found: Cloud) -> None:
    """What is PUT comes from a fresh read, never from the file."""
    document = save({video(0).asset_id: "0"})
    document["changes"][0]["after"]["cover_url"] = f"https://evil.example/asset/{DIGITS}/snapshot/sample/0.jpg"
    seal(document)
    assert outcomes(execute()) == {video(0).asset_id: "stale"}
    assert found.puts == 0
    document["changes"][0]["asset_id"] = "../../etc/passwd"
    seal(document)
    assert "changes.0.asset_id" in refused(found)


def test_laying_it_out_anew_changes_nothing(found: Cloud) -> None:
    document = save(entries(1, drifted=1))
    Path(FILE).write_text(json.dumps(document, indent=None, sort_keys=True))
    assert execute().code == 0


def test_another_endpoint_is_refused(found: Cloud) -> None:
    save(entries(1, drifted=1))
    assert "not for http://127.0.0.1:9" in refused(found, "--endpoint", "http://127.0.0.1:9")


def test_another_project_is_refused(found: Cloud) -> None:
    save(entries(1, drifted=1))
    assert "not for 12345678901234567890123456789012" in refused(
        found, "--project-id", "12345678901234567890123456789012"
    )


def test_a_newer_major_format_is_refused_and_a_newer_minor_one_is_not(found: Cloud) -> None:
    document = save(entries(1, drifted=1))
    document["format_version"] = "2.0"
    seal(document)
    assert "format_version 2.0" in refused(found)
    document["format_version"], document["something_new"] = "1.7", {"a": 1}
    seal(document)
    assert execute().code == 0


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '"plan"', "{}", '{"format_version": "1.0", "kind": "apply"}', "[" * 100_000, "\0\xff", "NaN"],
)
def test_what_is_no_plan_is_told_apart(found: Cloud, content: str) -> None:
    Path(FILE).write_text(content, encoding="latin-1")
    assert FILE in refused(found)


def test_a_missing_file_and_a_folder(found: Cloud) -> None:
    assert "cannot be read" in refused(found)
    Path(FILE).mkdir()
    assert "cannot be read" in refused(found)


@pytest.mark.parametrize("more", [["desired"], ["--target", "*"], ["--exclude", "x"]])
def test_a_saved_plan_takes_neither_paths_nor_a_selection(found: Cloud, more: list[str]) -> None:
    save(entries(1, drifted=1))
    assert "--plan executes exactly a saved plan" in refused(found, *more)


def test_the_safety_limit_holds_for_saved_plans(found: Cloud) -> None:
    save(entries(10, drifted=4))
    assert "Too many updates, 40.00% is over 30.00% (4/10)" in refused(found)
    assert execute("--force").code == 0
    assert found.puts == 4


@pytest.mark.parametrize("more", [["--compare", "url"], ["--replace-unreadable"]])
def test_a_cover_that_the_plan_could_read_is_not_replaced_when_nobody_can_read_it(
    found: Cloud, more: list[str]
) -> None:
    """It exists nowhere else, so it must be saved; whoever agreed to the plan did not agree to lose it."""
    item = video(0)
    found.upload(item.asset_id, b"\xff\xd8\xff hand-made")
    save({item.asset_id: item.drifted()})
    found.upload(item.asset_id, b"x" * (MOST_BYTES + 1))
    ran = execute("--force", *more)
    [result] = ran.document["results"]
    assert (ran.code, result["outcome"], result["error"]["type"]) == (1, "failed", "content_unavailable")
    assert found.puts == 0


def test_the_plans_unknown_assets_are_told_again(found: Cloud) -> None:
    write({**entries(2, drifted=1), ODD["no_snapshots"]: "0"})
    run("plan", "--out", FILE)
    ran = execute()
    assert (ran.code, ran.document["summary"]["unknown"]) == (1, 1)
    assert execute("--allow-unknown", "no_snapshots").code == 0


def test_results_are_in_the_plans_order(found: Cloud) -> None:
    save(entries(12, drifted=12))
    assert list(outcomes(execute("--force"))) == [item.asset_id for item in videos(12)]


def test_a_saved_plan_is_shown_in_any_format(found: Cloud) -> None:
    write(entries(3, drifted=2))
    planned = run("plan", "--out", FILE)
    assert run("show", FILE).out == planned.out
    assert run("show", FILE, "--json").document == json.loads(Path(FILE).read_text())


def test_a_place_that_cannot_be_written_is_known_before_the_cloud_is_asked(found: Cloud) -> None:
    write(entries(1))
    ran = run("plan", "--out", "no/such/folder/plan.json")
    assert ran.code == 1
    assert "there is no folder" in ran.err
    assert found.requests() == []


@pytest.mark.parametrize(("in_sync", "share"), [(1000, "40.00% is over 30.00% (4/10)"), (20, "(4/10)")])
def test_the_safety_limit_counts_what_the_desired_files_hold(found: Cloud, in_sync: int, share: str) -> None:
    """A plan only says how many assets are in sync."""
    document = save(entries(10, drifted=4))
    document["summary"].update(in_sync=in_sync, managed=in_sync + 4)
    seal(document)
    assert share in refused(found)


def test_a_plan_of_other_files_is_taken_at_its_word(found: Cloud) -> None:
    write(entries(20, drifted=4), to="elsewhere.yaml")
    write(entries(1))
    assert run("plan", "elsewhere.yaml", "--out", FILE).code == 0
    assert execute().code == 0


@pytest.mark.parametrize(
    ("made", "more", "code"),
    [
        (timedelta(days=6), [], 0),
        (timedelta(days=8), [], 1),
        (timedelta(days=8), ["--max-plan-age", "30d"], 0),
        (timedelta(hours=2), ["--max-plan-age", "90m"], 1),
    ],
)
def test_an_old_plan_is_refused(found: Cloud, made: timedelta, more: list[str], code: int) -> None:
    document = save(entries(2, drifted=1))
    document["created_at"] = (datetime.now(UTC) - made).strftime("%Y-%m-%dT%H:%M:%SZ")
    seal(document)
    ran = execute(*more)
    assert (ran.code, found.puts) == (code, 1 - code)
    assert code == 0 or "longer ago than --max-plan-age allows" in ran.err


@pytest.mark.parametrize("made", ["yesterday", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", ""])
def test_a_time_that_is_none(found: Cloud, made: str) -> None:
    document = save(entries(2, drifted=1))
    document["created_at"] = made
    seal(document)
    assert "created_at is not a time" in refused(found)


def test_a_greatest_age_is_for_saved_plans_only(found: Cloud) -> None:
    write(entries(1))
    assert "--max-plan-age needs --plan" in run("apply", "--auto-approve", "--max-plan-age", "1d").err


def test_no_url_of_the_file_is_opened(found: Cloud, serve: Callable[[EmulatorOptions], Cloud]) -> None:
    document = save(entries(3, drifted=3))
    with recording() as (elsewhere, asked):
        for change in document["changes"][:2]:
            change["before"]["cover_url"] = f"{elsewhere}/asset/{change['asset_id']}/cover/Cover0.jpg"
            change["after"]["cover_url"] = f"{elsewhere}/asset/{change['asset_id']}/snapshot/sample/0.jpg"
        seal(document)
        execute("--html", "report.html")
        assert asked == []
    page = Path("report.html").read_text()
    assert elsewhere not in "".join(re.findall(r'(?:src|href)="[^"]*"', page))
    assert page.count("data:image/") >= 2, "the change that still holds is shown with its pictures"


@contextmanager
def recording() -> Iterator[tuple[str, list[str]]]:
    """A server of somebody else, and what it was asked for."""
    asked: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append(scope["path"])
        await Response(status_code=404)(scope, receive, send)

    with server(app) as url:
        yield url, asked
