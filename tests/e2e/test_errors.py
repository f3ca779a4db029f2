"""Whatever goes wrong: one clear sentence, exit 1, no traceback; with --json one document on stdout."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from socket import create_server

import pytest
from support.command_line import COVER, DETAILS, TRACEBACK, Cloud, entries, run, spawn, write

from reconciler.emulator import options
from reconciler.emulator.options import ALWAYS, EmulatorOptions, FaultKind, FaultRoute, FaultRule

Serve = Callable[[EmulatorOptions], Cloud]


def both(*arguments: str, kind: str, code: int = 1) -> str:
    """Runs as text and as JSON; gives the JSON document's message."""
    text = run(*arguments)
    assert (text.code, text.out) == (code, "")
    assert text.err.count("Error: ") == 1
    ran = run(*arguments, "--json")
    assert ran.code == code
    assert set(ran.document) == {"format_version", "kind", "error"}
    assert (ran.document["format_version"], ran.document["kind"]) == ("1.0", "error")
    assert ran.document["error"]["type"] == kind
    assert TRACEBACK not in text.err + ran.err
    message = ran.document["error"]["message"]
    assert isinstance(message, str)
    return message


@pytest.mark.parametrize("verb", [["plan"], ["apply", "--auto-approve"], ["audit"], ["validate"]])
def test_a_path_that_is_not_there_and_a_folder_without_yaml(emulator: str, verb: list[str]) -> None:
    Path("empty").mkdir()
    where = [] if verb == ["validate"] else ["--endpoint", emulator]
    both(*verb, "missing", "empty", *where, kind="desired_state")
    problems = run(*verb, "missing", "empty", "--json", *where).document["error"]["problems"]
    assert [(problem["file"], problem["message"]) for problem in problems] == [
        ("missing", "this path does not exist"),
        ("empty", "this folder contains no YAML files (*.yaml or *.yml)"),
    ]


def test_bad_yaml_lists_every_place(emulator: str) -> None:
    write({"nonsense": "0", "6e76f92034ceae2fcdcef9413221511f": '"3"'})
    both("plan", "--endpoint", emulator, kind="desired_state")
    problems = run("plan", "--endpoint", emulator, "--json").document["error"]["problems"]
    assert [(problem["line"], problem["column"]) for problem in problems] == [(2, 3), (3, 37)]


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "--nonsense"],
        ["plan", "--compare", "taste"],
        ["plan", "--allow-unknown", "everything"],
        ["plan", "--max-update-percent", "many"],
        ["apply", "--wait-timeout", "-1"],
        ["validate", "--endpoint", "emulator"],
        ["show"],
    ],
)
def test_usage_errors_exit_with_1_and_not_with_2(arguments: list[str]) -> None:
    both(*arguments, kind="usage")


@pytest.mark.parametrize("arguments", [[], ["explode"], ["--nonsense"]])
def test_usage_errors_before_there_is_a_verb(arguments: list[str]) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err


@pytest.mark.parametrize("form", [["--format=json"], ["--format", "json"], ["--json"]])
def test_bad_flags_are_told_in_json_however_it_was_asked_for(form: list[str]) -> None:
    assert run("plan", "--nonsense", *form).document["error"]["type"] == "usage"


@pytest.mark.parametrize("fault", ["500", "html", "reset"])
@pytest.mark.usefixtures("impatient")
def test_nobody_there_who_speaks_the_api(serve: Serve, fault: FaultKind) -> None:
    """HTML or nothing from the first request on ends the run; a 500 is an answer about one asset."""
    found = serve(EmulatorOptions(faults=(FaultRule("details", fault, ALWAYS), FaultRule("list", fault, ALWAYS))))
    write(entries(2))
    if fault == "500":
        reasons = {unknown["reason"] for unknown in run("plan", "--json").document["unknown"]}
        assert reasons == {"api_error"}
    else:
        assert both("plan", kind="unreachable").startswith("Reading the asset failed: ")
    assert found.count(COVER) == 0


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("route", ["projects", "token"])
def test_html_from_iam(serve: Serve, route: FaultRoute, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(EmulatorOptions(faults=(FaultRule(route, "html", ALWAYS),)))
    write(entries(2))
    monkeypatch.setenv("HW_REGION_NAME", options.REGION)
    if route == "projects":
        monkeypatch.delenv("HUAWEICLOUD_SDK_PROJECT_ID")
    else:
        log_in(monkeypatch)
    ran = run("plan", "--json")
    assert (ran.code, ran.document["kind"]) == (1, "error")
    assert ran.err.count("Error: ") == 1
    assert TRACEBACK not in ran.err


@pytest.mark.usefixtures("impatient")
def test_html_from_the_list_and_from_every_put(serve: Serve) -> None:
    serve(EmulatorOptions(faults=(FaultRule("list", "html", ALWAYS), FaultRule("cover", "html", ALWAYS))))
    write(entries(2, drifted=2))
    assert "Listing the assets failed: unreadable answer (HTTP 200" in both("audit", kind="unreachable")
    ran = run("apply", "--auto-approve", "--json")
    assert ran.code == 1
    failed = ran.document["results"]
    assert [(result["outcome"], result["error"]["status"]) for result in failed] == [("failed", 200)] * 2
    assert TRACEBACK not in ran.err


def log_in(monkeypatch: pytest.MonkeyPatch, password: str = options.USER_PASSWORD) -> None:
    for name in ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HW_USER_NAME", options.USER_NAME)
    monkeypatch.setenv("HW_USER_PASSWORD", password)
    monkeypatch.setenv("HW_DOMAIN_NAME", options.DOMAIN_NAME)


@pytest.mark.usefixtures("impatient", "credentials")
def test_a_dead_endpoint() -> None:
    with create_server(("127.0.0.1", 0)) as closed_at_once:
        port = closed_at_once.getsockname()[1]
    write(entries(3))
    message = both("plan", "--endpoint", f"http://127.0.0.1:{port}", kind="unreachable")
    assert "Check the endpoint" in message


@pytest.mark.parametrize("verb", [["plan"], ["apply", "--auto-approve", "--force"], ["audit"]])
def test_a_401_ends_the_run_with_one_error(serve: Serve, verb: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = serve(EmulatorOptions())
    write(entries(24, drifted=24))
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK", "not-the-secret-of-anybody")
    message = both(*verb, kind="authentication")
    assert "401 APIGW.0301" in message
    assert "Check the AK/SK or the token, and this machine's clock." in message
    assert found.count(COVER) == 0


def test_a_refused_login_ends_the_run_with_one_error(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    found = serve(EmulatorOptions())
    write(entries(24))
    log_in(monkeypatch, password="wrong")
    monkeypatch.setenv("HW_REGION_NAME", options.REGION)
    both("plan", kind="authentication")
    assert found.count(DETAILS) == 0


def test_anothers_project_is_told_for_each_asset(serve: Serve) -> None:
    serve(EmulatorOptions())
    write(entries(2))
    ran = run("plan", "--project-id", "12345678901234567890123456789012")
    assert ran.code == 1
    assert "403 VOD.10057" in ran.out
    assert "Check that the project ID belongs to the region" in ran.out


@pytest.mark.parametrize("verb", ["plan", "audit", "validate"])
def test_a_report_that_cannot_be_written(emulator: str, verb: str) -> None:
    write(entries(1))
    where = [] if verb == "validate" else ["--endpoint", emulator]
    ran = run(verb, "--output", "no/folder/report", *where)
    assert (ran.code, ran.out) == (1, "")
    assert "no/folder/report cannot be written" in ran.err


def test_a_state_folder_that_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    write(entries(1))
    assert "--state-dir" in both(
        "plan", "--endpoint", "emulator", "--state-dir", str(tmp_path / "file"), kind="state"
    )


def test_an_emulator_file_that_is_no_database(tmp_path: Path) -> None:
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"not a database, by any means" * 100)
    write(entries(1))
    assert str(broken) in both("plan", "--endpoint", f"emulator:{broken}", kind="state")


def test_whoever_stops_reading_gets_no_traceback(emulator: str) -> None:
    """As `reconcile plan --json | head -1` does."""
    write(entries(24, drifted=24))
    command = [sys.executable, "-m", "reconciler", "plan", "--json", "--endpoint", emulator]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read().decode()
        assert process.wait(60) == 1
    assert TRACEBACK not in told
    assert "BrokenPipe" not in told


def test_in_a_pipe_the_output_is_complete_whatever_the_exit_code(emulator: str) -> None:
    write({**entries(24, drifted=24), **{f"{number:032x}": "0" for number in range(300)}})
    ran = spawn("plan", "--json", "--endpoint", emulator, "--detailed-exitcode")
    assert ran.code == 1
    assert len(ran.document["unknown"]) == 300
    assert len(ran.document["changes"]) == 24


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_an_interrupt_is_130_and_with_json_still_a_document(form: list[str]) -> None:
    write(entries(2))
    with create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = [sys.executable, "-m", "reconciler", "plan", "--endpoint", endpoint, *form]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            connection, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
            connection.close()
    assert process.returncode == 130
    assert "nterrupted" in err
    assert TRACEBACK not in err
    assert json.loads(out)["error"]["type"] == "interrupted" if form else out == ""


def test_an_interrupted_apply_finishes_what_it_began_and_says_what_it_left(serve: Serve) -> None:
    found = serve(EmulatorOptions(cover_mode="reference"))
    write(entries(12, drifted=12))
    command = [
        sys.executable,
        "-m",
        "reconciler",
        "apply",
        "--auto-approve",
        "--force",
        "--json",
        "--parallelism",
        "1",
        # So that it cannot end before the interrupt.
        "--write-quota",
        "3/minute",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while found.puts == 0 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    summary = json.loads(out)["summary"]
    assert (summary["applied"], summary["failed"]) == (found.puts, 0)
    assert summary["not_attempted"] == 12 - found.puts > 0
    assert TRACEBACK not in err
