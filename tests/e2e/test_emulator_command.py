"""emulator: serves the API on a port and says what to export."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server

import pytest
from support.command_line import Cloud, entries, run, spawn, video, write

from reconciler.emulator import ODD


@contextmanager
def emulator(*arguments: str) -> Iterator[dict[str, str]]:
    """Serves in a process of its own, until it is interrupted; gives what it says to export."""
    command = [sys.executable, "-m", "reconciler", "emulator", "--port", "0", "--state", "store.sqlite", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        exports: dict[str, str] = {}
        for line in process.stdout:
            if line.startswith("export "):
                name, _, value = shlex.split(line)[1].partition("=")
                exports[name] = value
            if "Ctrl-C" in line:
                break
        try:
            yield exports
        finally:
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
            assert "Traceback" not in err
            assert process.returncode in (0, 130)


def test_what_it_says_to_export_is_all_it_takes() -> None:
    write(entries(6, drifted=2))
    with emulator() as exports:
        assert spawn("plan", "--detailed-exitcode", env=exports).code == 2
        assert spawn("apply", "--auto-approve", env=exports).code == 0
        assert spawn("plan", "--detailed-exitcode", env=exports).code == 0
        assert Cloud(exports["RECONCILE_ENDPOINT"]).puts == 2


def test_covers_outlive_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    write(entries(6, drifted=2))
    for drift in (2, 0):
        with emulator() as exports:
            for name, value in exports.items():
                monkeypatch.setenv(name, value)
            document = run("apply", "--auto-approve", "--json").document
            assert len(document["results"]) == drift


def test_its_options_reach_the_catalogue_the_covers_and_the_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    write(entries(3, drifted=3))
    fault = f"cover:403:1:{video(1).asset_id}"
    options = ["--assets", "3", "--cover-mode", "reference", "--fault", fault, "--quota", "100,10"]
    with emulator(*options) as exports:
        for name, value in exports.items():
            monkeypatch.setenv(name, value)
        applied = run("apply", "--auto-approve", "--json").document
        assert (applied["summary"]["applied"], applied["summary"]["failed"]) == (2, 1)
        assert run("plan", "--compare", "url", "--json").document["summary"]["in_sync"] == 2


def test_what_it_exports_reads_pictures_that_must_be_signed() -> None:
    write(entries(6, drifted=2))
    demands = ["--anti-leech", "D", "--signature-seconds", "600", "--referer", "https://www.example.com/"]
    with emulator(*demands, "--etag", "weak", "--cover-name", "Cover0", "--edge-delay", "1") as exports:
        assert exports["RECONCILE_CDN_ALGORITHM"] == "D"
        assert spawn("plan", "--detailed-exitcode", env=exports).code == 2
        refused = spawn("plan", "--json", env={**exports, "RECONCILE_CDN_REFERER": ""}).document
        assert {item["reason"] for item in refused["unknown"]} == {"content_unavailable"}


def test_aes_for_d_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    ran = run("emulator", "--port", "0", "--state", "store.sqlite", "--anti-leech", "D")
    assert (ran.code, ran.out) == (1, "")
    assert "vod-cover-reconciler[cdn,emulator]" in ran.err
    assert not Path("store.sqlite").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--fault", "cover:503"], "ROUTE:KIND:N[:TEXT]"),
        (["--fault", "nowhere:503:1"], "is not a valid route"),
        (["--quota", "many"], "is not a valid quota"),
        (["--port", "99999"], "--port"),
        (["--cover-mode", "magic"], "--cover-mode"),
        (["--anti-leech", "E"], "--anti-leech"),
    ],
)
def test_options_that_make_no_sense(arguments: list[str], told: str) -> None:
    ran = run("emulator", "--port", "0", "--state", "store.sqlite", *arguments)
    assert (ran.code, ran.out) == (1, "")
    assert told in ran.err


def test_a_port_that_is_taken() -> None:
    with create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run("emulator", "--port", str(port), "--state", "store.sqlite")
    assert ran.code == 1
    assert f"Cannot listen on port {port}: Address already in use." in ran.err


def test_a_state_file_that_is_no_database() -> None:
    Path("store.sqlite").write_text("not a database" * 100)
    ran = run("emulator", "--port", "0", "--state", "store.sqlite")
    assert ran.code == 1
    assert "Cannot use store.sqlite: " in ran.err


@pytest.mark.parametrize(("options", "more"), [((), 0), (("--odd-assets",), len(ODD) - 2)])
def test_it_lists_as_many_assets_as_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], more: int
) -> None:
    write({})
    with emulator("--assets", "7", *options) as exports:
        for name, value in exports.items():
            monkeypatch.setenv(name, value)
        assert run("audit", "--json").document["unmanaged"]["count"] == 7 + more
