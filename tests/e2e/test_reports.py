"""The files beside a report: one plan, read once, told to people, pipelines and monitoring."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.command_line import DETAILS, TRACEBACK, Cloud, entries, run, video, write

from reconciler.emulator import ODD
from reconciler.emulator.options import ALWAYS, EmulatorOptions, FaultRule

Serve = Callable[..., Cloud]
FILES = ("--html", "r.html", "--markdown", "r.md", "--junit", "r.xml", "--codequality", "r.json")


@pytest.mark.integration
def test_everything_comes_of_one_reading(serve: Serve) -> None:
    cloud = serve(EmulatorOptions(cover_mode="reference"))
    write({**entries(6, drifted=2), ODD["no_snapshots"]: "0"})
    ran = run("plan", *FILES, "--json")
    assert cloud.count(DETAILS) == 7
    assert ran.document["summary"]["update"] == 2
    page = Path("r.html").read_text(encoding="utf-8")
    for name in ("r.html", "r.md", "r.xml", "r.json"):
        text = Path(name).read_text(encoding="utf-8")
        assert video(0).asset_id in text
        assert ODD["no_snapshots"] in text
    assert page.count("data:image/webp;base64,") > 4
    assert len(json.loads(Path("r.json").read_text(encoding="utf-8"))) == 3
    assert ET.parse("r.xml").getroot().tag == "testsuites"


@pytest.mark.parametrize("verb", ["plan", "audit"])
@pytest.mark.parametrize(("form", "start"), [("html", "<!doctype html>"), ("markdown", "<!-- reconcile:")])
def test_a_page_may_be_the_report_itself(emulator: str, verb: str, form: str, start: str) -> None:
    write(entries(4, drifted=1))
    ran = run(verb, "--endpoint", emulator, "--format", form)
    assert ran.out.lower().startswith(start)
    headline = "Drift: 1 cover differs" if verb == "audit" else "Plan: 0 to add, 1 to change, 0 to destroy."
    assert headline in ran.out
    run(verb, "--endpoint", emulator, "--format", form, "--output", "page")
    assert Path("page").read_text(encoding="utf-8").lower().startswith(start)


def test_pictures_are_left_out_where_nobody_wants_them(emulator: str) -> None:
    write(entries(4, drifted=2))
    run("plan", "--endpoint", emulator, "--html", "with.html")
    run("plan", "--endpoint", emulator, "--html", "without.html", "--no-pictures")
    run("plan", "--endpoint", emulator, "--html", "few.html", "--max-pictures", "2")
    counts = [
        Path(f"{name}.html").read_text(encoding="utf-8").count("data:image/") for name in ("with", "few", "without")
    ]
    assert counts[0] > counts[1] > counts[2] == 0
    few = Path("few.html").read_text(encoding="utf-8")
    assert video(0).asset_id in few
    assert video(1).asset_id in few


@pytest.mark.integration
def test_covers_are_pictured_as_they_were_before_the_apply(serve: Serve) -> None:
    serve(EmulatorOptions(cover_mode="copy"))
    write(entries(4, drifted=2))
    run("plan", "--html", "plan.html")
    assert run("apply", "--auto-approve", "--force", "--html", "apply.html").code == 0
    planned, applied = (Path(name).read_text(encoding="utf-8") for name in ("plan.html", "apply.html"))

    def pictures(page: str) -> list[str]:
        return [part.partition('"')[0] for part in page.split("data:image/webp;base64,")[1:]]

    assert pictures(applied) == pictures(planned)


@pytest.mark.integration
def test_a_missing_picture_fails_no_report(serve: Serve) -> None:
    serve(EmulatorOptions(cover_mode="reference", faults=(FaultRule("picture", "403", ALWAYS),)))
    ran = run("show", video(0).asset_id, "--html", "r.html")
    assert ran.code == 0
    assert "HTTP 403" in Path("r.html").read_text(encoding="utf-8")


@pytest.mark.integration
@pytest.mark.parametrize("flag", ["--html", "--markdown", "--junit", "--codequality", "--metrics"])
def test_what_cannot_be_written_is_told_before_anything_is_read(serve: Serve, flag: str) -> None:
    cloud = serve(EmulatorOptions())
    write(entries(2))
    ran = run("audit", flag, "nowhere/report")
    assert ran.code == 1
    assert "there is no folder" in ran.err
    assert TRACEBACK not in ran.err
    assert cloud.requests() == []


def test_two_reports_in_one_file_are_a_mistake(emulator: str) -> None:
    write(entries(2))
    ran = run("plan", "--endpoint", emulator, "--html", "r", "--markdown", "r")
    assert (ran.code, "name the same file" in ran.err) == (1, True)


def test_an_address_that_is_none_is_a_mistake(emulator: str) -> None:
    write(entries(2))
    ran = run("plan", "--endpoint", emulator, "--markdown", "r.md", "--report-url", "javascript:alert(1)")
    assert (ran.code, "--report-url" in ran.err) == (1, True)
    assert not Path("r.md").exists()


def test_under_github_the_log_folds_and_lines_are_annotated(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    Path("summary.md").write_text("before\n", encoding="utf-8")
    write({**entries(4, drifted=1), ODD["no_snapshots"]: "0"})
    ran = run("plan", "--endpoint", emulator)
    assert ran.lines[0] == "::group::Plan: 0 to add, 1 to change, 0 to destroy."
    assert "::endgroup::" in ran.lines
    assert f"::warning file=desired/covers.yaml,line=2,col=3,title=Cover drift::{video(0).asset_id}" in ran.out
    assert "::error file=desired/covers.yaml,line=6" in ran.out
    summary = Path("summary.md").read_text(encoding="utf-8")
    assert summary.startswith("before\n<!-- reconcile:plan")
    as_json = run("plan", "--endpoint", emulator, "--json")
    assert as_json.document["kind"] == "plan"
    assert "::warning file=" in as_json.err
    assert "::" not in run("plan", "--endpoint", emulator, "--ci", "none").out


def test_under_gitlab_the_log_folds(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITLAB_CI", "true")
    write(entries(4, drifted=1))
    out = run("plan", "--endpoint", emulator).out
    assert out.startswith("\x1b[0Ksection_start:")
    assert "section_end:" in out.rstrip("\n").split("\n")[-1]


def test_an_audit_in_figures(emulator: str) -> None:
    write({**entries(4, drifted=1), ODD["no_snapshots"]: "0"})
    run("audit", "--endpoint", emulator, "--metrics", "covers.prom")
    found = {
        (sample.name, sample.labels.get("state") or sample.labels.get("call")): sample.value
        for family in text_string_to_metric_families(Path("covers.prom").read_text(encoding="utf-8"))
        for sample in family.samples
    }
    assert found["reconcile_covers", "update"] == 1
    assert found["reconcile_covers", "unknown"] == 1
    assert found["reconcile_covers", "in_sync"] == 3
    assert found["reconcile_api_calls", "details"] == 5
    assert found["reconcile_last_success_timestamp_seconds", None] > 1.7e9


def test_an_audit_that_failed_leaves_the_figures_of_the_last_one(emulator: str) -> None:
    write(entries(2))
    Path("covers.prom").write_text("last\n", encoding="utf-8")
    Path("desired/covers.yaml").write_text("covers: 5\n", encoding="utf-8")
    assert run("audit", "--endpoint", emulator, "--metrics", "covers.prom").code == 1
    assert Path("covers.prom").read_text(encoding="utf-8") == "last\n"


def test_snapshots_with_pictures(emulator: str) -> None:
    asset = video(0).asset_id
    ran = run("show", "--endpoint", emulator, asset, "--html", "show.html")
    assert ran.code == 0
    assert Path("show.html").read_text(encoding="utf-8").count("data:image/") == video(0).count
    assert asset in run("show", "--endpoint", emulator, asset, "--format", "markdown").out


def test_a_saved_plan_is_shown_in_any_format(emulator: str) -> None:
    write(entries(4, drifted=1))
    run("plan", "--endpoint", emulator, "--out", "plan.json")
    for form in ("html", "markdown", "json", "text"):
        assert video(0).asset_id in run("show", "plan.json", "--format", form).out


@pytest.mark.parametrize("secret", ["abcd", "webp"])
def test_secrets_are_taken_out_and_pictures_left_whole(
    emulator: str, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    write({**entries(4, drifted=1)})
    monkeypatch.setenv("HW_USER_PASSWORD", secret)
    run("plan", "--endpoint", emulator, "--html", "r.html")
    assert "data:image/webp;base64," in Path("r.html").read_text(encoding="utf-8")


@pytest.mark.integration
@pytest.mark.parametrize("full", ["--html", "--output"])
def test_what_was_applied_is_told_though_a_report_can_not_be_written(serve: Serve, full: str) -> None:
    serve(EmulatorOptions(cover_mode="reference"))
    write(entries(3, drifted=1))
    more = ("--html", "r.html") if full == "--output" else ()
    ran = run("apply", "--auto-approve", "--json", full, "/dev/full", "--markdown", "r.md", *more)
    assert ran.code == 1
    assert ran.document["summary"]["applied"] == 1
    assert "/dev/full cannot be written" in ran.err
    assert video(0).asset_id in Path("r.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("place", ["", "nowhere/summary.md", "."])
def test_a_step_summary_that_cannot_be_written_fails_nothing(
    emulator: str, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", place)
    write(entries(3, drifted=1))
    ran = run("plan", "--endpoint", emulator, "--detailed-exitcode", "--json")
    assert ran.code == 2
    assert ran.document["summary"]["update"] == 1
    assert ("Warning: " in ran.err) is bool(place)


SECRETS = ('p&ss<wo"rd>1', "se::cret", "path", "warning", "testsuites", "card")


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_in_no_report_and_spoil_none(emulator: str, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
    """Whatever a format makes of them; and formats may use the same words."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("HW_USER_PASSWORD", secret)
    note = f"was {secret} once".replace("'", "''")
    item = video(0)
    write({item.asset_id: f"{{snapshot: {item.other}, from: {item.set}, note: '{note}'}}"})
    ran = run("plan", "--endpoint", emulator, *FILES, "--out", "plan.json")
    assert json.loads(Path("plan.json").read_text(encoding="utf-8"))["changes"][0]["note"] == "was *** once"
    (finding,) = json.loads(Path("r.json").read_text(encoding="utf-8"))
    assert finding["location"]["path"] == "desired/covers.yaml"
    assert (
        "was *** once"
        in "".join(ET.parse("r.xml").getroot().itertext()) + ET.tostring(ET.parse("r.xml").getroot()).decode()
    )
    assert "was *** once" in Path("r.html").read_text(encoding="utf-8")
    assert "was *** once" in Path("r.md").read_text(encoding="utf-8")
    assert "::warning file=desired/covers.yaml" in ran.out
    assert f"was {secret} once" not in ran.out


def test_what_looks_like_a_secret_in_a_note_breaks_no_json(emulator: str) -> None:
    item = video(0)
    write({item.asset_id: f"{{snapshot: {item.other}, from: {item.set}, note: 'password: \"x'}}"})
    run("plan", "--endpoint", emulator, *FILES)
    assert len(json.loads(Path("r.json").read_text(encoding="utf-8"))) == 1


def test_a_report_kept_in_a_file_holds_no_workflow_commands(emulator: str) -> None:
    write(entries(3, drifted=1))
    ran = run("plan", "--endpoint", emulator, "--ci", "github", "--output", "plan.txt")
    assert "::" not in Path("plan.txt").read_text(encoding="utf-8")
    assert "::warning file=" in ran.err


@pytest.mark.parametrize("name", ["desired/covers.yaml", "./desired/../desired/covers.yaml", "-"])
def test_no_report_is_written_over_what_the_run_goes_by(emulator: str, name: str) -> None:
    write(entries(3, drifted=1))
    before = Path("desired/covers.yaml").read_bytes()
    ran = run("plan", "--endpoint", emulator, "--html", name)
    assert ran.code == 1
    assert Path("desired/covers.yaml").read_bytes() == before
    assert not Path("-").exists()


def test_a_saved_plan_is_not_written_over_by_its_report(emulator: str) -> None:
    write(entries(3, drifted=1))
    run("plan", "--endpoint", emulator, "--out", "plan.json")
    assert run("show", "plan.json", "--html", "plan.json").code == 1
    assert run("show", "plan.json").code == 0


def test_paths_start_where_the_pipelines_checkout_does(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(entries(3, drifted=1))
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_PROJECT_DIR", str(Path.cwd()))
    run("plan", str(Path.cwd() / "desired"), "--endpoint", emulator, "--codequality", "q.json")
    (finding,) = json.loads(Path("q.json").read_text(encoding="utf-8"))
    assert finding["location"]["path"] == "desired/covers.yaml"


def test_what_is_allowed_to_be_unknown_fails_no_pipeline(emulator: str) -> None:
    write({**entries(3), ODD["no_snapshots"]: "0"})
    allowed = ("--allow-unknown", "no_snapshots", "--ci", "github")
    ran = run("plan", "--endpoint", emulator, *allowed, "--junit", "r.xml")
    assert ran.code == 0
    assert "::error" not in ran.out
    assert ET.parse("r.xml").getroot().get("errors") == "0"


@pytest.mark.parametrize("url", ["http://[", "https:///x", "ftp://host/x", "https://h/" + "x" * 3000])
def test_an_address_that_can_not_be_linked_is_a_mistake(emulator: str, url: str) -> None:
    write(entries(2))
    ran = run("plan", "--endpoint", emulator, "--report-url", url)
    assert (ran.code, "--report-url" in ran.err, "Internal error" in ran.err) == (1, True, False)
