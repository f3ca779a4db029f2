"""No secret in anything that is printed, written or remembered, whoever signs in, and whatever goes wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from socket import create_server

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from support.command_line import Cloud, Ran, entries, run, server, serving, spawn, video, write
from support.locks import change
from support.processes import APPROVED, Serve, files_under

from reconciler.emulator import ODD
from reconciler.emulator import options as known
from reconciler.emulator.app import create_app
from reconciler.emulator.options import EmulatorOptions, FaultRule

# Signatures and signed forms of URLs, unless hidden; and the emulator's login tokens.
SIGNED = re.compile(
    r"(?i)(?:signature|auth_key|auth_info)=(?!\*\*\*)|1795334400-0-0-|/\d{8,14}/[0-9a-f]{32}/asset/|emulator-\d{5,}-"
)
SECRET = "TOPSECRET0123456789"
PASSING_TOKEN = "a-token-that-someone-passed-not-a-real-one"


def token(cloud: Cloud) -> str:
    user = {"name": known.USER_NAME, "password": known.USER_PASSWORD, "domain": {"name": known.DOMAIN_NAME}}
    identity = {"methods": ["password"], "password": {"user": user}}
    body = {"auth": {"identity": identity, "scope": {"project": {"name": known.REGION}}}}
    issued: str = httpx.post(f"{cloud.url}/v3/auth/tokens", json=body).headers["X-Subject-Token"]
    return issued


def keys(cloud: Cloud) -> dict[str, str]:
    return {"HUAWEICLOUD_SDK_AK": known.ACCESS_KEY, "HUAWEICLOUD_SDK_SK": known.SECRET_KEY}


def temporary_keys(cloud: Cloud) -> dict[str, str]:
    names = ("HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN")
    return dict(zip(names, (known.ACCESS_KEY, known.SECRET_KEY, known.SECURITY_TOKEN), strict=True))


def passed_token(cloud: Cloud) -> dict[str, str]:
    return {"HW_AUTH_TOKEN": token(cloud)}


def login(cloud: Cloud) -> dict[str, str]:
    return {
        "HW_USER_NAME": known.USER_NAME,
        "HW_USER_PASSWORD": known.USER_PASSWORD,
        "HW_DOMAIN_NAME": known.DOMAIN_NAME,
    }


Kind = Callable[[Cloud], dict[str, str]]
KINDS: list[Kind] = [keys, temporary_keys, passed_token, login]
_SECRET = re.compile("_SK$|SECRET|TOKEN|PASSWORD")
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@pytest.fixture
def as_(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], set[str]]:
    """Signs in with these variables and no others; gives the secrets among them."""

    def sign_in(given: Mapping[str, str]) -> set[str]:
        for name in ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"):
            monkeypatch.delenv(name, raising=False)
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HW_REGION_NAME", known.REGION)
        return {value for name, value in given.items() if _SECRET.search(name)}

    return sign_in


SignIn = Callable[[Mapping[str, str]], set[str]]


def check(secrets: set[str], *texts: str) -> None:
    for text in texts:
        for secret in secrets:
            assert secret not in text
        found = SIGNED.search(text)
        assert found is None, text[max(0, found.start() - 80) : found.end() + 80]


def check_runs(secrets: set[str], runs: Iterator[Ran]) -> None:
    for ran in runs:
        check(secrets, ran.out, ran.err)


def check_files(secrets: set[str], *folders: Path) -> None:
    for folder in folders:
        for file in files_under(folder):
            check(secrets, file.read_bytes().decode("latin-1"))


def everything() -> dict[str, str]:
    """Drift, URLs with auth_key= and with hashes in their paths, and what can't be decided."""
    odd = ("no_snapshots", "content_unavailable", "foreign_snapshot", "custom_cover")
    return {**entries(6, drifted=6), **{ODD[name]: "0" for name in odd}}


def verbs() -> Iterator[Ran]:
    yield run("plan", "--out", "plan.json")
    yield run("audit", "--json")
    yield run("show", "plan.json")
    yield run("show", *(video(number).asset_id for number in range(6)))
    yield run("apply", "--plan", "plan.json", "--force", "--target", "x")
    yield run(*APPROVED, "--wait", "--json")
    yield run("apply", "--plan", "plan.json", "--force")
    yield run("memory", "export", "memory.json")
    yield run("memory", "import", "memory.json", "--json")
    yield run("lock", "--json")
    change(video(1).asset_id, sha256="0" * 64, md5="0" * 32)
    yield run("lock", "--upgrade", "--html", "lock.html", "--markdown", "lock.md")


@each_kind
@pytest.mark.usefixtures("time_flies")
def test_nothing_that_is_printed_or_left_behind_holds_one(serve: Serve, state: Path, as_: SignIn, kind: Kind) -> None:
    refused = FaultRule("cover", "403", 1, video(0).asset_id)
    faults = (refused, FaultRule("details", "500", 1), FaultRule("picture", "503", 1))
    found = serve(EmulatorOptions(cover_mode="recode", faults=faults))
    secrets = as_(kind(found))
    assert secrets
    write(everything())
    check_runs(secrets, verbs())
    assert found.puts > 6
    assert "not a real one" not in Path("plan.json").read_text()
    assert "**1 upgraded picture**" in Path("lock.md").read_text()
    assert len(json.loads(Path("memory.json").read_text())["covers"]) > 3
    assert {file.name for file in files_under(state)} >= {"journal.jsonl", "settled.jsonl"}
    check_files(secrets, state, Path.cwd())


@each_kind
def test_debug_shows_requests_and_tracebacks_and_no_secret(serve: Serve, as_: SignIn, kind: Kind) -> None:
    found = serve(EmulatorOptions(faults=(FaultRule("cover", "403", 1, video(1).asset_id),)))
    secrets = as_(kind(found))
    write(everything())
    applied = spawn(*APPROVED, "--debug")
    assert "/asset/details " in applied.err, "the query is left out"
    check_runs(secrets, iter([applied, spawn("plan", "--debug", "--target", "nobody")]))


@each_kind
def test_credentials_that_are_refused_are_not_repeated(serve: Serve, as_: SignIn, kind: Kind) -> None:
    found = serve(EmulatorOptions())
    given = {name: f"{value}-wrong" if _SECRET.search(name) else value for name, value in kind(found).items()}
    secrets = as_(given)
    write(entries(2))
    text, document, debug = run("plan"), run("plan", "--json"), spawn("plan", "--debug")
    assert document.document["error"]["type"] == "authentication"
    check_runs(secrets, iter([text, document, debug]))


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """A gateway that tells everybody what was sent to it, in its error; but issues tokens."""
    request = Request(scope, receive)
    answer: Response
    if scope["path"].endswith("/tokens"):
        answer = JSONResponse({}, 201, headers={"X-Subject-Token": "emulator-12345678-of-a-login"})
    else:
        sent = dict(request.headers)
        told = f"Not understood: {sent} {json.dumps(sent)} " + " ".join(sent.values())
        answer = JSONResponse({"error_code": "VOD.10053", "error_msg": told[:250]}, 400)
        answer.headers["X-Request-Id"] = sent.get("x-auth-token", sent.get("authorization", "")[-64:])
    await answer(scope, receive, send)


ECHOED = {
    "keys": {"HUAWEICLOUD_SDK_AK": "AK", "HUAWEICLOUD_SDK_SK": "a-secret-key-not-a-real-one"},
    "temporary keys": {
        "HUAWEICLOUD_SDK_AK": "AK",
        "HUAWEICLOUD_SDK_SK": "a-secret-key-not-a-real-one",
        "HUAWEICLOUD_SDK_SECURITY_TOKEN": PASSING_TOKEN,
    },
    "passed token": {"HW_AUTH_TOKEN": PASSING_TOKEN},
    "login": {"HW_USER_NAME": "me", "HW_USER_PASSWORD": "a-password-not-a-real-one", "HW_DOMAIN_NAME": "d"},
}


@pytest.mark.parametrize("given", ECHOED.values(), ids=ECHOED)
def test_a_gateway_that_repeats_what_was_sent_to_it_gives_nothing_away(
    as_: SignIn, monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    monkeypatch.setenv("HW_PROJECT_ID", known.PROJECT_ID)
    secrets = as_(given)
    write(entries(2))
    with server(echo) as url:
        monkeypatch.setenv("RECONCILE_ENDPOINT", url)
        runs = [run("plan"), run("plan", "--json"), spawn("plan", "--debug")]
    for ran in runs:
        assert "VOD.10053" in ran.out + ran.err
    check_runs(secrets, iter(runs))


class _Indiscreet:
    """Repeats a signature in what it says of every third read and of every PUT."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        refused = path.endswith("/asset/cover") or video(2).asset_id in scope.get("query_string", b"").decode()
        if not refused:
            await self._app(scope, receive, send)
            return
        url = f"https://cdn.example.com/asset/x/cover/Cover0.jpg?any_name={SECRET}"
        body = {"error_code": "VOD.10053", "error_msg": f"参数 {url} 无效: auth_key={SECRET}, auth_info={SECRET}; "}
        body["error_msg"] += f"sign={SECRET}&wsSecret={SECRET}, x-obs-security-token: {SECRET}"
        await JSONResponse(body, 400)(scope, receive, send)


@contextmanager
def indiscreet(file: Path) -> Iterator[str]:
    with closing(create_server(("127.0.0.1", 0))) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with serving(_Indiscreet(create_app(file, EmulatorOptions(), url)), listening):
            yield url


def test_a_signature_in_the_services_own_words_is_kept_nowhere(
    credentials: None, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({**entries(4, drifted=3), ODD["custom_cover"]: "0"})
    printed: list[Ran] = []
    with indiscreet(tmp_path / "indiscreet.sqlite") as url:
        monkeypatch.setenv("RECONCILE_ENDPOINT", url)
        for more in ((), ("--json",), ("--debug",), ("--quiet",)):
            printed.append(run("plan", *more))
            printed.append(run(*APPROVED, "--wait", "--wait-timeout", "1", *more))
        printed.append(run("plan", "--out", "plan.json", "--output", "report.txt"))
        printed.append(run("apply", "--plan", "plan.json", "--force", "--json", "--output", "applied.json"))
        printed.append(run("memory", "export", "memory.json"))
    assert "VOD.10053" in printed[0].out
    assert "VOD.10053" in (state / "journal.jsonl").read_text()
    assert "VOD.10053" in Path("plan.json").read_text()
    for ran in printed:
        assert SECRET not in ran.out + ran.err
    for file in [*files_under(state), *files_under(Path.cwd())]:
        assert SECRET.encode() not in file.read_bytes(), file
