"""apply over an uploaded cover, then rollback: the picture is uploaded again, and is what it was."""

from __future__ import annotations

import hashlib
import io
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from support.command_line import ASSET, Cloud, entries, run, server, video, write
from support.processes import Moment, Trigger, running, watched_cloud

from reconciler.emulator.options import CoverMode, EmulatorOptions, FaultRule
from reconciler.emulator.pictures import drawn
from reconciler.observe.similarity import alike

Serve = Callable[[EmulatorOptions], Cloud]
APPLY = ("apply", "--auto-approve", "--force")
BACK = ("rollback", "--auto-approve")
FIRST = video(0)
THEIRS = drawn("f" * 32, "sample", 3).data


def png(data: bytes) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.jsonl"


def saved(journal: Path) -> Path:
    [file] = (journal.parent / "covers").iterdir()
    return file


def replaced(found: Cloud, picture: bytes = THEIRS, *arguments: str) -> None:
    """Applies a snapshot over a cover that somebody uploaded."""
    found.upload(FIRST.asset_id, picture)
    write({FIRST.asset_id: FIRST.in_sync()})
    assert run(*APPLY, *arguments).code == 0
    assert found.shown(FIRST.asset_id) != picture


def test_in_copy_mode_the_same_bytes_are_back(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions())
    replaced(found)
    ran = run(*BACK, "--wait", "--json")
    assert ran.code == 0, ran.err
    [result] = ran.document["results"]
    assert (result["outcome"], result["verified"], result["restored_from"]) == ("restored", True, str(saved(journal)))
    assert hashlib.sha256(found.shown(FIRST.asset_id)).hexdigest() == hashlib.sha256(THEIRS).hexdigest()
    assert result["after"]["content"] == {"sha256": hashlib.sha256(THEIRS).hexdigest(), "length": len(THEIRS)}
    assert (ran.document["format_version"], ran.document["summary"]["restored"]) == ("1.2", 1)
    assert (found.puts, found.uploads) == (1, (1, 1))
    [rollback, _] = run("history", "--json").document["runs"]
    assert (rollback["summary"]["restored"], rollback["summary"]["applied"]) == (1, 0)
    assert "1 restored  0 failed" in run("history").out


@pytest.mark.parametrize("picture", [THEIRS, png(THEIRS)], ids=["JPEG", "PNG"])
def test_in_recode_mode_it_is_seen_as_the_same_picture(serve: Serve, picture: bytes) -> None:
    found = serve(EmulatorOptions(cover_mode="recode"))
    replaced(found, picture, "--wait")
    ran = run(*BACK, "--wait", "--json")
    assert ran.code == 0, ran.err
    assert [(one["outcome"], one["verified"]) for one in ran.document["results"]] == [("restored", True)]
    shown = found.shown(FIRST.asset_id)
    assert (shown != picture, alike(shown, picture)) == (True, True)


def test_in_copy_mode_a_png_is_back(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    replaced(found, png(THEIRS))
    assert run(*BACK, "--wait").code == 0
    assert found.shown(FIRST.asset_id) == png(THEIRS)


@pytest.mark.parametrize("mode", ["copy", "reference", "recode"])
@pytest.mark.parametrize("wait", [("--wait",), ()], ids=["waited", "not waited"])
def test_twice_is_once_and_a_redo_sets_the_snapshot_again(
    serve: Serve, journal: Path, mode: CoverMode, wait: tuple[str, ...]
) -> None:
    found = serve(EmulatorOptions(cover_mode=mode))
    found.upload(FIRST.asset_id, THEIRS)
    write({FIRST.asset_id: FIRST.in_sync()})
    assert run(*APPLY, *wait).code == 0
    applied = found.shown(FIRST.asset_id)
    assert run(*BACK, *wait).code == 0
    assert found.covers()[FIRST.asset_id] == ""
    again = run(*BACK, *wait)
    assert (again.code, found.uploads) == (0, (1, 1)), again.out
    assert "Nothing to undo." in again.out
    rollback = run("history", "--json").document["runs"][0]["run"]
    redo = run(*BACK, rollback, *wait)
    assert (redo.code, alike(found.shown(FIRST.asset_id), applied)) == (0, True), redo.out
    undone = run(*BACK, *wait)
    assert (undone.code, alike(found.shown(FIRST.asset_id), THEIRS)) == (0, True), undone.out


def test_it_is_shown_in_the_plan_and_summed_up(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions())
    replaced(found)
    ran = run("rollback", answer="yes\n")
    assert ran.code == 0
    file = saved(journal)
    text = " ".join(ran.out.split())
    assert f"-> cover/Cover0.jpg (none of its snapshots) file: {file}, the saved cover, is uploaded again" in text
    assert "Plan: 0 to add, 1 to change, 0 to destroy." in ran.lines
    assert f"      uploaded again from {file}" in ran.lines
    assert "Rollback complete! Resources: 0 added, 1 changed, 0 destroyed." in ran.lines
    assert "1 restored: saved covers were uploaded again." in ran.lines
    assert ran.lines[-1] == "0 not undone."
    assert "The desired files may still ask for the covers that were undone" in ran.err


def test_the_page_has_its_picture(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    replaced(found)
    ran = run(*BACK, "--html", "rollback.html", "--markdown", "rollback.md", "--format", "markdown")
    page = Path("rollback.html").read_text()
    assert "<h1>Rollback</h1>" in page
    images = [part for part in page.split("<img ") if part.startswith('src="data:image/webp')]
    assert any('alt="Wanted: cover/Cover0.jpg (none of its snapshots)"' in image for image in images)
    assert Path("rollback.md").read_text() == ran.out
    assert "### Video covers: rollback" in ran.out


@pytest.mark.parametrize("mode", ["copy", "recode"])
def test_before_the_runs_cover_is_visible(serve: Serve, mode: CoverMode) -> None:
    """Else it would appear a few minutes after it was undone."""
    found = serve(EmulatorOptions(cover_mode=mode, propagation=600))
    found.upload(FIRST.asset_id, THEIRS)
    write({FIRST.asset_id: FIRST.in_sync()})
    run(*APPLY)
    ran = run(*BACK, "--json")
    assert (ran.code, ran.document["summary"]["restored"], found.uploads) == (0, 1, (1, 1))


def test_where_the_service_refuses_the_saved_file_is_named(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions(uploads="refuse"))
    replaced(found)
    ran = run(*BACK, "--json")
    assert (ran.code, found.uploads) == (1, (1, 0))
    [result] = ran.document["results"]
    assert (result["outcome"], result["error"]["code"]) == ("failed", "VOD.10060")
    assert f"The picture is saved in {saved(journal)}: upload it in the console." in result["error"]["message"]
    assert "restored" not in ran.document["summary"]


def test_an_expired_url_is_a_plain_failure(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions(upload_seconds=-1))
    replaced(found)
    ran = run(*BACK, "--json")
    assert (ran.code, found.uploads) == (1, (1, 1))
    message = ran.document["results"][0]["error"]["message"]
    assert message.startswith("Uploading the cover was refused: HTTP 403: the URL may have expired.")
    assert str(saved(journal)) in message
    assert "sign=" not in ran.out + ran.err


def test_a_file_that_is_gone_is_named_and_the_rest_undone(serve: Serve, journal: Path) -> None:
    found = serve(EmulatorOptions())
    found.upload(FIRST.asset_id, THEIRS)
    write({**entries(2, drifted=2), FIRST.asset_id: FIRST.in_sync()})
    before = found.covers()[video(1).asset_id]
    assert run(*APPLY).code == 0
    file = saved(journal)
    file.unlink()
    ran = run(*BACK, "--json")
    assert (ran.code, found.uploads, found.covers()[video(1).asset_id]) == (1, (0, 0), before)
    [left] = ran.document["not_undone"]
    assert (left["reason"], left["saved_cover"]) == ("not_a_snapshot", str(file))
    assert f"It was saved in {file}, but that file is gone" in left["message"]


@pytest.mark.parametrize("mode", ["copy", "reference", "recode"])
def test_what_somebody_uploaded_since_stays(serve: Serve, mode: CoverMode) -> None:
    found = serve(EmulatorOptions(cover_mode=mode))
    found.upload(FIRST.asset_id, THEIRS)
    write({FIRST.asset_id: FIRST.in_sync()})
    run(*APPLY, "--wait")
    later = drawn("e" * 32, "sample", 8).data
    found.upload(FIRST.asset_id, later)
    ran = run(*BACK, "--json")
    assert [item["reason"] for item in ran.document["not_undone"]] == ["changed_since"]
    assert (found.shown(FIRST.asset_id), found.uploads) == (later, (0, 0))


@pytest.mark.parametrize("fault", ["asset:503:1", "asset:lost:1", "upload:503:1", "upload:lost:1", "upload:reset:2"])
def test_lost_answers_are_tried_again(serve: Serve, impatient: None, fault: str) -> None:
    route, kind, times = fault.split(":")
    found = serve(EmulatorOptions(faults=(FaultRule(route, kind, int(times), ""),)))  # type: ignore[arg-type]
    replaced(found)
    ran = run(*BACK, "--json")
    assert (ran.code, ran.document["summary"]["restored"]) == (0, 1), ran.out
    assert found.shown(FIRST.asset_id) == THEIRS


class Hostile:
    """Stands before an emulator, and names another URL to upload covers to. It keeps what is sent to `/elsewhere`."""

    def __init__(self, behind: str) -> None:
        self.url = ""
        self.names = ""
        self.sent: list[str] = []
        self._behind = behind
        route = Route("/{path:path}", self._pass_on, methods=["GET", "HEAD", "PUT", "POST"])
        self.app = Starlette(routes=[route])

    async def _pass_on(self, request: Request) -> Response:
        if request.url.path.startswith("/elsewhere"):
            self.sent.append(request.url.path)
            return Response(status_code=200)
        if request.url.path == "/redirects":
            return Response(status_code=307, headers={"Location": f"{self.url}/elsewhere"})
        target = f"{self._behind}{request.url.path}{'?' if request.url.query else ''}{request.url.query}"
        names = ("authorization", "x-sdk-date", "content-type", "x-project-id", "host")
        headers = {name: value for name, value in request.headers.items() if name in names}
        async with httpx.AsyncClient() as http:
            answer = await http.request(request.method, target, headers=headers, content=await request.body())
        if request.method == "PUT" and request.url.path.endswith("/asset"):
            named = {**answer.json(), "cover_upload_url": self.names.format(self.url)}
            return Response(json.dumps(named), media_type="application/json")
        return Response(answer.content, answer.status_code, {"Content-Type": answer.headers.get("Content-Type", "")})


@contextmanager
def hostile(found: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hostile]:
    there = Hostile(found.url)
    with server(there.app) as url:
        there.url = url
        monkeypatch.setenv("RECONCILE_ENDPOINT", url)
        yield there


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("", "names no URL"),
        ("http://bucket.obs.example.com/x", "not an https URL"),
        ("https://169.254.169.254/x", "is not a public address"),
        ("http://10.0.0.1/x", "not an https URL"),
        ("https://user@bucket.obs.example.com/x", "a URL with a user name"),
        ("{}/redirects", "a redirect, which is not followed"),
    ],
)
def test_nothing_is_sent_where_a_hostile_url_leads(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, journal: Path, names: str, told: str
) -> None:
    with hostile(serve(EmulatorOptions()), monkeypatch) as there:
        found = Cloud(there._behind)
        replaced(found)
        there.names = names
        ran = run(*BACK, "--json")
        [result] = ran.document["results"]
        assert (ran.code, result["outcome"]) == (1, "failed")
        assert told in result["error"]["message"]
        assert str(saved(journal)) in result["error"]["message"]
        assert (there.sent, found.uploads) == ([], (1, 0))
        there.names = "{}/elsewhere"
        assert run(*BACK).code == 0
        assert there.sent == ["/elsewhere"]


@pytest.mark.parametrize("moment", ["PUT asset", f"PUT {FIRST.asset_id}.jpg", "GET details"])
def test_killed_in_the_middle_the_next_rollback_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, credentials: None, moment: str
) -> None:
    # Of the details: twice by the apply, then for the plan, then for the look before the first call.
    trigger = Trigger(Moment(moment, 4 if moment == "GET details" else 1))
    with ExitStack() as stack:
        found = stack.enter_context(
            watched_cloud(tmp_path / "served.sqlite", EmulatorOptions(latency=20), watch=trigger)
        )
        monkeypatch.setenv("RECONCILE_ENDPOINT", found.url)
        replaced(found)
        with running(*BACK) as process:
            trigger.does(lambda: process.send(signal.SIGKILL))
            assert process.ended().code == -signal.SIGKILL
        ran = run(*BACK, "--json")
        assert ran.code == 0, ran.out
        document: dict[str, Any] = ran.document
        assert document["summary"]["restored"] + (moment.endswith(".jpg")) >= 1
        assert found.shown(FIRST.asset_id) == THEIRS


def test_a_rollback_of_many_keeps_the_quota(serve: Serve) -> None:
    """Asking where to upload counts, uploading does not."""
    found = serve(EmulatorOptions(quota=(1500, 100)))
    for number in range(3):
        found.upload(video(number).asset_id, THEIRS)
    write(entries(3))
    assert run(*APPLY, "--write-quota", "100/minute").code == 0
    assert run(*BACK, "--write-quota", "3/minute").code == 0
    assert found.uploads == (3, 3)
    assert [one["status"] for one in found.requests() if one["path"].endswith("/asset")] == [200] * 3
    assert found.count(ASSET) == 3
