"""No secret in any output, and nothing that others wrote acts on a terminal or in CI."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.command_line import Cloud, entries, run, spawn, video, write

from reconciler.documents.dump import digest
from reconciler.emulator import ODD, options
from reconciler.emulator.app import create_app
from reconciler.emulator.options import EmulatorOptions

Serve = Callable[[EmulatorOptions], Cloud]
NASTY = {
    "workflow command": "::error file=x::owned",
    "azure command": "##[error]owned",
    "azure command with a name": "##vso[task.setvariable variable=x]owned",
    "teamcity command": "##teamcity[message text='owned']",
    "invisible letters": "a\u3164b\u115fc\u034fd\ufe0fe\U000e0101f",
    "hidden workflow command": ":\u200b:error::owned",
    "many colons": "::::stop-commands::::x",
    "colour": "\x1b[31mred\x1b[0m",
    "title of the window": "\x1b]0;owned\x07",
    "eight bit": "\x9b31mred",
    "new line": "a\n::set-output name=x::y\r\nb",
    "back": "visible\b\b\b\b\b\b\bhidden",
    "bidi": "abc\u202egnp.exe\u2066",
    "separators": "a\u2028b\u2029c\u0085d",
    "rich markup": "[bold red]x[/] [link=https://evil.example]y[/link]",
    "html": "<script>alert(1)</script>",
    "markdown": "@everyone [x](https://evil.example) ```",
    "tags": "a\U000e0041\U000e007fb",
    "delete": "a\x7fb",
}
_ACTS = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u034f\u061c\u115f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe0f\ufeff\U000e0000-\U000e01ef]"
    "|::|##[a-z]*\\["
)


def assert_inert(text: str) -> None:
    found = _ACTS.search(text)
    assert found is None, f"{found.group()!r} in {text[max(0, found.start() - 40) : found.end() + 40]!r}"


def quoted(text: str) -> str:
    """Any text as a YAML scalar."""
    return '"' + "".join(f"\\U{ord(char):08x}" for char in text) + '"'


@pytest.fixture
def nasty(tmp_path: Path, emulator: str) -> str:
    """An emulator whose titles are as bad as they come."""
    store = tmp_path / "emulator.sqlite"
    create_app(store, EmulatorOptions(), "http://emulator.localhost")
    with closing(sqlite3.connect(store)) as database, database:
        for number, title in enumerate(NASTY.values()):
            database.execute("UPDATE assets SET title = ? WHERE asset_id = ?", (title, video(number).asset_id))
        for name in ("no_snapshots", "no_snapshot_at_offset"):
            database.execute("UPDATE assets SET title = ? WHERE asset_id = ?", (NASTY["new line"], ODD[name]))
    return emulator


def desire_badly() -> None:
    """Drift everywhere, and notes as bad as the titles."""
    wanted = {}
    for number, text in enumerate(NASTY.values()):
        item = video(number)
        wanted[item.asset_id] = f"{{snapshot: {item.other}, from: {item.set}, note: {quoted(text)}}}"
    write({**wanted, ODD["no_snapshots"]: "0", ODD["no_snapshot_at_offset"]: "{offset: 3}"})


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
@pytest.mark.parametrize(
    "verb",
    [
        ["plan"],
        ["audit"],
        ["lock"],
        ["apply", "--auto-approve", "--force"],
        ["show", *(video(n).asset_id for n in range(len(NASTY)))],
    ],
    ids=lambda verb: verb[0],
)
def test_titles_and_notes_are_inert(nasty: str, verb: list[str], form: list[str]) -> None:
    desire_badly()
    ran = run(*verb, "--endpoint", nasty, *form)
    assert "owned" in ran.out
    assert_inert(ran.out)
    assert_inert(ran.err)


def test_json_keeps_what_was_said(nasty: str) -> None:
    """Inert as text, and the same once it is read."""
    desire_badly()
    changes = run("plan", "--endpoint", nasty, "--json").document["changes"]
    assert [change["note"] for change in changes] == list(NASTY.values())
    assert [change["title"] for change in changes] == list(NASTY.values())


def test_a_saved_plan_is_inert_too(nasty: str) -> None:
    desire_badly()
    run("plan", "--endpoint", nasty, "--out", "saved.json")
    assert_inert(Path("saved.json").read_text())
    assert_inert(run("show", "saved.json").out)
    assert run("apply", "--endpoint", nasty, "--plan", "saved.json", "--force", "--json").document["summary"][
        "applied"
    ] == len(NASTY)


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_errors_repeat_nothing_that_acts(text: str, emulator: str) -> None:
    arguments = [
        ["validate", text],
        ["validate", f"--{text}"],
        [text],
        ["plan", "--endpoint", emulator, text],
        ["plan", "--endpoint", emulator, "--target", text],
        ["plan", "--endpoint", text],
        ["plan", "--region", text],
        ["plan", "--project-id", text],
        ["plan", "--compare", text],
        ["plan", "--endpoint", emulator, "--write-quota", text],
        ["plan", "--endpoint", emulator, "--output", f"no/{text}"],
        ["show", text],
        ["apply", "--plan", text],
    ]
    write(entries(1))
    for given in arguments:
        for form in ([], ["--json"]):
            ran = run(*given, *form)
            assert ran.code == 1
            assert_inert(ran.out)
            assert_inert(ran.err)


@pytest.mark.parametrize("text", [text for text in NASTY.values() if "/" not in text])
def test_file_names_are_inert(text: str, emulator: str) -> None:
    write({**entries(1, drifted=1), ODD["no_snapshots"]: "0"}, to=f"desired/{text}.yaml")
    for form in ([], ["--json"]):
        ran = run("plan", "--endpoint", emulator, *form)
        assert_inert(ran.out)
        assert_inert(ran.err)
    write({"nonsense": "0"}, to=f"desired/{text}.yaml")
    for form in ([], ["--json"]):
        ran = run("validate", *form)
        assert_inert(ran.out)
        assert_inert(ran.err)


def test_keys_and_values_of_broken_files_are_inert() -> None:
    for text in NASTY.values():
        bad = quoted(text)
        Path("x.yaml").write_text(f"covers:\n  {bad}: 0\n  {'0' * 32}: {{{bad}: 1}}\n{bad}: 1\nregion: {bad}\n")
        ran = run("validate", "x.yaml")
        assert ran.code == 1
        assert_inert(ran.err)


def secrets(cloud: Cloud) -> set[str]:
    """Everything that must not be seen, apart from the signatures' form."""
    found = {options.SECRET_KEY, options.SECURITY_TOKEN, options.USER_PASSWORD}
    for number in (5, 11, 17, 23):
        url = f"asset/{video(number).asset_id}/cover/Cover0.jpg"
        found.add(_seal(url))
    return found


def _seal(path: str) -> str:
    return hashlib.md5(path.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    "verb",
    [
        ["plan"],
        ["audit"],
        ["lock"],
        ["apply", "--auto-approve", "--force"],
        ["show", video(5).asset_id],
        ["plan", "--compare", "url"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("how", ["key", "login"])
def test_no_secret_in_any_output(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verb: list[str], how: str
) -> None:
    """The catalogue has URLs with auth_key= and with a hash in their paths."""
    cloud = serve(EmulatorOptions())
    if how == "key":
        monkeypatch.setenv("HUAWEICLOUD_SDK_SECURITY_TOKEN", options.SECURITY_TOKEN)
    else:
        monkeypatch.delenv("HUAWEICLOUD_SDK_AK")
        monkeypatch.delenv("HUAWEICLOUD_SDK_SK")
        monkeypatch.setenv("HW_USER_NAME", options.USER_NAME)
        monkeypatch.setenv("HW_USER_PASSWORD", options.USER_PASSWORD)
        monkeypatch.setenv("HW_DOMAIN_NAME", options.DOMAIN_NAME)
        monkeypatch.setenv("HW_REGION_NAME", options.REGION)
    write({**entries(24, drifted=24), ODD["content_unavailable"]: "0"})
    texts = []
    for ran in (spawn(*verb, "--debug", "--json"), run(*verb)):
        texts += [ran.out, ran.err]
    state = tmp_path / "state"
    texts += [file.read_text("utf-8", "replace") for file in state.rglob("*") if file.is_file()]
    for text in texts:
        assert not [secret for secret in secrets(cloud) if secret in text]
        assert not re.search(r"(?i)auth_(key|info)=(?!\*\*\*)", text)
        assert not re.search(r"(?i)signature=(?!\*\*\*)|x-auth-token\W+emulator-|emulator-[0-9]{5,}-", text)
        assert not re.search(r"/[0-9]{12}/[0-9a-f]{32}/asset/", text)


def test_debug_tells_of_every_request_and_shows_tracebacks(serve: Serve) -> None:
    serve(EmulatorOptions())
    write(entries(2))
    ran = spawn("plan", "--debug")
    assert ran.code == 0
    assert ran.err.count("/asset/details ") == 2
    wrong = spawn("plan", "--debug", "missing.yaml")
    assert "Traceback" in wrong.err
    assert wrong.out == ""


def test_colour_is_for_terminals_only(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write(entries(2, drifted=1))
    assert "\x1b" not in run("plan", "--endpoint", emulator).out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in run("plan", "--endpoint", emulator).out


@pytest.mark.parametrize(("flags", "env"), [([], {"NO_COLOR": "1"}), (["--no-color"], {}), ([], {"TERM": "dumb"})])
def test_colour_can_be_refused_on_a_terminal(
    emulator: str, flags: list[str], env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(entries(2, drifted=1))
    assert "\x1b[" in run("plan", "--endpoint", emulator, terminal=True).out
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert "\x1b[" not in run("plan", "--endpoint", emulator, *flags, terminal=True).out


@pytest.mark.parametrize("form", ["text", "json", "markdown", "html"])
def test_asset_ids_of_a_baseline_are_inert(emulator: str, form: str) -> None:
    write(entries(1))
    assert run("audit", "--endpoint", emulator, "--json", "--output", "last.json").code == 0
    baseline = json.loads(Path("last.json").read_text())
    baseline["unmanaged"]["asset_ids"] = [text for text in NASTY.values() if not text.isprintable() or "::" in text]
    Path("last.json").write_text(json.dumps({**baseline, "digest": digest(baseline)}))

    ran = run("audit", "--endpoint", emulator, "--baseline", "last.json", "--format", form)

    assert ran.code == 0
    assert_inert(ran.out if form != "html" else re.sub(r"<style>.*?</style>", "", ran.out, flags=re.DOTALL))
    assert_inert(ran.err)
