"""Where reports go: pipes, full disks, closed streams and files that exist already."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from support.command_line import TRACEBACK, entries, run, spawn, write
from support.processes import APPROVED, ME, PATIENCE, Serve, Skipped

from reconciler.emulator.options import EmulatorOptions


def test_a_report_to_the_pipe_that_is_stdout(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(3, drifted=2))
    ran = spawn(*APPROVED, "--json", "--output", "/dev/stdout")
    assert (ran.code, ran.err, found.puts) == (0, "", 2)
    assert ran.document["summary"]["applied"] == 2


def test_a_report_that_finds_no_room_is_printed(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(3, drifted=2))
    ran = spawn(*APPROVED, "--json", "--output", "/dev/full")
    assert (ran.code, found.puts) == (1, 2)
    assert '"applied": 2' in ran.out
    assert "/dev/full cannot be written: No space left on device" in ran.err
    assert TRACEBACK not in ran.err


@pytest.mark.parametrize(
    "arguments",
    [("plan",), ("plan", "--json"), APPROVED, ("demo",), ("--help",), ("apply", "--help"), ("--version",)],
)
def test_a_full_stdout_is_one_sentence(serve: Serve, arguments: tuple[str, ...]) -> None:
    found = serve(EmulatorOptions())
    write(entries(3, drifted=1))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*ME, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    assert done.returncode == 1
    assert re.fullmatch(r"Error: The (report|output) cannot be written: No space left on device\n", done.stderr)
    assert found.puts == 0, "what can't be shown is not done"


@pytest.mark.parametrize(
    "arguments", [("plan",), ("plan", "--json"), ("--version",), ("--help",), ("plan", "--nonsense"), APPROVED]
)
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_reason_for_a_traceback(serve: Serve, closed: str, arguments: tuple[str, ...]) -> None:
    serve(EmulatorOptions())
    write(entries(3, drifted=1))
    line = ["sh", "-c", f'exec "$@" {closed}', "sh", *ME, *arguments]
    done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE)
    assert TRACEBACK not in done.stderr
    assert "Exception" not in done.stderr
    assert done.returncode == (1 if "--nonsense" in arguments else 0)


def test_an_error_replaces_an_older_report(serve: Serve) -> None:
    """Whoever reads the file must not take it for this run's."""
    serve(EmulatorOptions())
    write(entries(3))
    assert run("plan", "--json", "--output", "report.json").code == 0
    assert json.loads(Path("report.json").read_text())["kind"] == "plan"
    write({"not an asset": "0"})
    ran = run("plan", "--json", "--output", "report.json")
    assert ran.code == 1
    assert ran.document["error"]["type"] == "desired_state"
    assert json.loads(Path("report.json").read_text()) == ran.document


def test_a_plan_and_its_report_are_two_files(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(3, drifted=1))
    ran = run("plan", "--out", "x.json", "--output", "./x.json")
    assert ran.code == 1
    assert "same file" in ran.err
    assert not Path("x.json").exists()
    assert found.requests() == []


WRITTEN = [
    ("plan", "--output"),
    ("plan", "--out"),
    ("plan", "--html"),
    ("plan", "--markdown"),
    ("plan", "--codequality"),
    ("apply", "--auto-approve", "--force", "--junit"),
    ("audit", "--metrics"),
    ("memory", "export"),
    ("import", "--out"),
    ("import", "--update"),
    ("emulator", "--port", "0", "--state"),
    ("plan", "--endpoint", "emulator:"),
]


@pytest.mark.parametrize("arguments", WRITTEN, ids=" ".join)
@pytest.mark.parametrize("name", ["report", "out/report"])
def test_a_link_in_the_checkout_does_not_choose_what_is_written(
    serve: Serve, tmp_path: Path, arguments: tuple[str, ...], name: str
) -> None:
    found = serve(EmulatorOptions())
    write(entries(3, drifted=2))
    profile = tmp_path / "home" / "report"
    profile.parent.mkdir()
    profile.write_text("covers: {}\n")
    Path(".git").mkdir()
    Path("report").symlink_to(profile)
    Path("out").symlink_to(profile.parent)

    *others, last = arguments
    ran = spawn(*others, f"{last}{name}") if last.endswith(":") else spawn(*arguments, name)

    assert (ran.code, found.puts) == (1, 0)
    assert f"{name} cannot be written: {'it' if name == 'report' else 'out'} is a link" in ran.err
    assert profile.read_text() == "covers: {}\n"
    assert list(profile.parent.iterdir()) == [profile]
    assert Path("report").is_symlink()


def test_a_step_summary_that_is_a_link_is_not_written(serve: Serve, tmp_path: Path) -> None:
    serve(EmulatorOptions())
    write(entries(3, drifted=2))
    (tmp_path / "profile").write_text("before")
    Path("summary.md").symlink_to(tmp_path / "profile")

    ran = spawn("plan", env={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "summary.md"})

    assert (ran.code, (tmp_path / "profile").read_text()) == (0, "before")
    assert "Warning: summary.md cannot be written: it is a link" in ran.err


def test_links_in_a_circle_are_one_sentence(serve: Serve) -> None:
    found = serve(EmulatorOptions())
    write(entries(3))
    Path("a").symlink_to("b")
    Path("b").symlink_to("a")
    for name, why in (("a", "it is a link"), ("a/report", "there is no folder")):
        for option in ("--output", "--html", "--out"):
            ran = run("plan", option, name)
            assert (ran.code, len(ran.err.splitlines())) == (1, 1)
            assert f"{name} cannot be written: {why}" in ran.err
    assert found.requests() == []


REPORTS = ("--output", "--html", "--markdown", "--codequality", "--junit", "--out")
FAILURES: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "an unknown option": (("--nonsense",), {}),
    "a wrong value": (("--max-pictures", "many"), {}),
    "a wrong variable": ((), {"RECONCILE_READ_QUOTA": "a few"}),
    "another report that cannot be written": (("--report-url", "ftp://x"), {}),
    "no credentials": ((), {"HUAWEICLOUD_SDK_AK": ""}),
    "invalid files": (("desired", "broken.yaml"), {}),
    "nobody answers": (("--endpoint", "http://127.0.0.1:9"), {}),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_no_report_of_an_earlier_run_outlives_a_failed_one(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, time_flies: Skipped, failure: str
) -> None:
    serve(EmulatorOptions())
    write(entries(3))
    Path("broken.yaml").write_text("covers: 3\n")
    arguments, variables = FAILURES[failure]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    named = [part for option in REPORTS for part in (option, f"{option[2:]}.old")]
    for file in named[1::2]:
        Path(file).write_text("of an earlier run")

    assert run("plan", *named, *arguments).code == 1

    assert [file for file in named[1::2] if Path(file).exists()] == []


def test_a_run_removes_nothing_that_it_reads(serve: Serve) -> None:
    serve(EmulatorOptions())
    write(entries(3))
    assert run("plan", "--out", "plan.json").code == 0
    assert run("audit", "--json", "--output", "last.json").code == 0
    Path("desired/covers.lock").touch()
    kept = ("plan.json", "last.json", "desired/covers.yaml", "desired/covers.lock")
    before = [Path(file).read_bytes() for file in kept]

    for arguments in (
        ("apply", "--plan", "plan.json", "--html", "plan.json"),
        ("show", "plan.json", "--html", "./plan.json"),
        ("audit", "--baseline", "last.json", "--json", "--output", "last.json", "--target", "nothing"),
        ("plan", "--markdown", "desired/covers.yaml"),
        ("plan", "desired/covers.yaml", "--markdown", "desired/covers.yaml"),
        ("plan", "--nonsense", "--markdown", "desired/covers.lock"),
        ("import", "--out", "plan.json"),
    ):
        assert run(*arguments).code == 1, arguments
    assert run("plan", "--html", "plan.json", "--help").code == 0

    assert [Path(file).read_bytes() for file in kept] == before


def test_metrics_of_an_earlier_run_stay(serve: Serve) -> None:
    serve(EmulatorOptions())
    write({"not an asset": "0"})
    Path("reconcile.prom").write_text("old")
    assert run("audit", "--metrics", "reconcile.prom").code == 1
    assert Path("reconcile.prom").read_text() == "old"


def test_an_exported_memory_of_an_earlier_run_does_not_stay(serve: Serve) -> None:
    serve(EmulatorOptions())
    Path("memory.json").write_text("old")
    assert run("memory", "export", "memory.json", "--nonsense").code == 1
    assert not Path("memory.json").exists()
