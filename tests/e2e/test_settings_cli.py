"""Which cloud, as whom: flags, environment, files; and what would lead credentials astray."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from support.command_line import Cloud, cloud, entries, run, video, write
from support.processes import free_port

from reconciler.emulator import options
from reconciler.emulator.options import EmulatorOptions

Serve = Callable[[EmulatorOptions], Cloud]
KEY = {"HUAWEICLOUD_SDK_AK": options.ACCESS_KEY, "HUAWEICLOUD_SDK_SK": options.SECRET_KEY}
TERRAFORMS_KEY = {"HW_ACCESS_KEY": options.ACCESS_KEY, "HW_SECRET_KEY": options.SECRET_KEY}
LOGIN = {
    "HW_USER_NAME": options.USER_NAME,
    "HW_USER_PASSWORD": options.USER_PASSWORD,
    "HW_DOMAIN_NAME": options.DOMAIN_NAME,
}
PROJECT = {"HW_PROJECT_ID": options.PROJECT_ID}
REGION = {"HW_REGION_NAME": options.REGION}


def export(monkeypatch: pytest.MonkeyPatch, *given: Mapping[str, str]) -> None:
    for values in given:
        for name, value in values.items():
            monkeypatch.setenv(name, value)


def refusal(*arguments: str) -> str:
    ran = run("plan", *arguments, "--json")
    assert (ran.code, ran.document["error"]["type"]) == (1, "usage")
    message: str = ran.document["error"]["message"]
    return message


@pytest.fixture(autouse=True)
def _desired() -> None:
    write(entries(2))


@pytest.mark.parametrize(
    "given",
    [
        [KEY, PROJECT],
        [KEY, {"HUAWEICLOUD_SDK_PROJECT_ID": options.PROJECT_ID.upper()}],
        [TERRAFORMS_KEY, PROJECT],
        [KEY, {"HUAWEICLOUD_SDK_SECURITY_TOKEN": options.SECURITY_TOKEN}, PROJECT],
        [TERRAFORMS_KEY, {"HW_SECURITY_TOKEN": options.SECURITY_TOKEN}, PROJECT],
        [LOGIN, REGION, PROJECT],
        [KEY, REGION],
        [LOGIN, REGION],
    ],
    ids=["key", "upper case", "terraform", "temporary", "terraform, temporary", "login", "lookup", "login, lookup"],
)
def test_ways_to_log_in(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, given: list[dict[str, str]]
) -> None:
    with cloud(tmp_path_factory.mktemp("cloud") / "state.sqlite") as found:
        export(monkeypatch, *given)
        ran = run("plan", "--endpoint", found.url, "--json")
        assert ran.code == 0, ran.err
        assert ran.document["project_id"] == options.PROJECT_ID
        assert {request["status"] for request in found.requests()} <= {200, 201}


def test_a_token_of_ones_own(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    found = serve(EmulatorOptions())
    identity = {
        "methods": ["password"],
        "password": {
            "user": {
                "name": options.USER_NAME,
                "password": options.USER_PASSWORD,
                "domain": {"name": options.DOMAIN_NAME},
            }
        },
    }
    body = {"auth": {"identity": identity, "scope": {"project": {"name": options.REGION}}}}
    token = httpx.post(f"{found.url}/v3/auth/tokens", json=body).headers["X-Subject-Token"]
    for name in KEY:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HW_AUTH_TOKEN", token)
    ran = run("plan", "--debug")
    assert ran.code == 0
    assert token not in ran.out + ran.err
    monkeypatch.setenv("HW_AUTH_TOKEN", token[:-1] + ("0" if token[-1] != "0" else "1"))
    assert run("plan", "--json").document["error"]["type"] == "authentication"


def test_a_wrong_security_token_is_refused(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(EmulatorOptions())
    monkeypatch.setenv("HUAWEICLOUD_SDK_SECURITY_TOKEN", "not-the-right-one")
    assert run("plan", "--json").document["error"]["type"] == "authentication"


def test_one_login_serves_the_whole_run(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    found = serve(EmulatorOptions())
    for name in KEY:
        monkeypatch.delenv(name)
    export(monkeypatch, LOGIN, REGION)
    write(entries(24))
    assert run("plan").code == 0
    assert found.count("POST /v3/auth/tokens") == 1


def test_region_and_project_may_stand_in_a_file_and_flags_win(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(EmulatorOptions())
    monkeypatch.delenv("HUAWEICLOUD_SDK_PROJECT_ID")
    write(entries(2), head=f"region: {options.REGION}\nproject_id: {options.PROJECT_ID}\n")
    document = run("plan", "--json").document
    assert (document["region"], document["project_id"]) == (options.REGION, options.PROJECT_ID)
    assert run("plan", "--json", "--region", "cn-east-2").document["region"] == "cn-east-2"
    write(entries(2), head="project_id: 12345678901234567890123456789012\n")
    assert run("plan", "--project-id", options.PROJECT_ID).code == 0


def test_nothing_known_at_all() -> None:
    message = refusal()
    assert "Neither an endpoint nor a region is known" in message
    assert "--region or HW_REGION_NAME" in message


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK"),
        ({"HUAWEICLOUD_SDK_AK": "x"}, "HUAWEICLOUD_SDK_AK is set without HUAWEICLOUD_SDK_SK"),
        ({"HUAWEICLOUD_SDK_AK": "x", "HW_SECRET_KEY": "secret"}, "belong together"),
        ({"HW_USER_NAME": "x", "HW_DOMAIN_NAME": "y"}, "missing: HW_USER_PASSWORD"),
    ],
)
def test_missing_credentials_are_named(monkeypatch: pytest.MonkeyPatch, given: dict[str, str], missing: str) -> None:
    export(monkeypatch, given)
    assert missing in refusal("--region", "cn-north-4")


def test_a_login_or_a_lookup_needs_a_region(monkeypatch: pytest.MonkeyPatch) -> None:
    export(monkeypatch, KEY)
    assert "project ID nor a region" in refusal("--endpoint", "https://vod.example")


@pytest.mark.parametrize(
    "region", ["evil.example/#", "cn-north-4.evil.example", "CN-NORTH-4", "cn-north-4\n", "", "cn"]
)
@pytest.mark.parametrize("how", ["flag", "environment", "file"])
def test_a_region_that_would_change_the_host(monkeypatch: pytest.MonkeyPatch, region: str, how: str) -> None:
    export(monkeypatch, KEY, PROJECT)
    if how == "flag":
        ran = run("plan", "--region", region, "--json")
    elif how == "environment":
        monkeypatch.setenv("HW_REGION_NAME", region)
        ran = run("plan", "--json")
    else:
        write(entries(1), head=f"region: {json_string(region)}\n")
        ran = run("plan", "--json")
    assert ran.code == 1
    assert ran.document["error"]["type"] == ("desired_state" if how == "file" else "usage")


def json_string(text: str) -> str:
    import json

    return json.dumps(text)


@pytest.mark.parametrize("project", ["../../v3/auth", "0123", "0" * 31 + "/", "0" * 32 + "?x=", "0" * 33, "%2e" * 8])
def test_a_project_id_that_would_change_the_path(monkeypatch: pytest.MonkeyPatch, project: str) -> None:
    export(monkeypatch, KEY)
    assert "is not a valid project ID" in refusal("--region", "cn-north-4", "--project-id", project)
    monkeypatch.setenv("HW_PROJECT_ID", project)
    assert "is not a valid project ID" in refusal("--region", "cn-north-4")


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        ("http://vod.example", "plain http"),
        ("http://127.0.0.1.evil.example", "plain http"),
        ("http://169.254.169.254", "plain http"),
        ("http://127.0.0.1@evil.example", "nothing else"),
        ("https://user:pw@vod.example", "nothing else"),
        ("https://vod.example/?a=b", "nothing else"),
        ("https://vod.example/#x", "nothing else"),
        ("ftp://vod.example", "is not a valid http(s) URL"),
        ("vod.example", "is not a valid http(s) URL"),
        ("https://", "is not a valid http(s) URL"),
        ("https://[::1", "is not a valid URL"),
        ("https://vod.example:port", "is not a valid URL"),
    ],
)
@pytest.mark.parametrize("flag", ["--endpoint", "--iam-endpoint"])
def test_an_endpoint_that_credentials_must_not_go_to(
    monkeypatch: pytest.MonkeyPatch, flag: str, endpoint: str, told: str
) -> None:
    export(monkeypatch, KEY, PROJECT)
    assert told in refusal("--region", "cn-north-4", flag, endpoint)


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--read-quota", "often"),
        ("--write-quota", "0/minute"),
        ("--parallelism", "0"),
        ("--parallelism", "1.5"),
        ("--parallelism", "-3"),
        ("--timeout", "0"),
        ("--timeout", "soon"),
    ],
)
def test_numbers_that_make_no_sense(emulator: str, flag: str, value: str) -> None:
    assert value in refusal("--endpoint", emulator, flag, value)


def test_the_emulator_needs_no_credentials_and_keeps_its_state_in_the_state_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(entries(2, drifted=1))
    monkeypatch.setenv("RECONCILE_ENDPOINT", "emulator")
    assert run("apply", "--auto-approve").code == 0
    assert run("plan", "--detailed-exitcode").code == 0
    assert run("plan", "--detailed-exitcode", "--state-dir", "elsewhere").code == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_is_on_the_way_to_this_machine(serve: Serve, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    found = serve(EmulatorOptions())
    monkeypatch.setenv("RECONCILE_ENDPOINT", found.url.replace("127.0.0.1", host))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    write(entries(3, drifted=1))
    ran = run("plan", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.document["summary"]["update"] == 1


@pytest.mark.parametrize(
    "verb", [("show", video(0).asset_id), ("memory", "export", "m.json")], ids=["show", "memory"]
)
def test_the_project_in_the_desired_files_counts_for_verbs_without_paths(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...]
) -> None:
    found = serve(EmulatorOptions())
    monkeypatch.delenv("HUAWEICLOUD_SDK_PROJECT_ID")
    monkeypatch.setenv("HW_REGION_NAME", options.REGION)
    write(entries(1), head=f"project_id: {options.PROJECT_ID}\n")
    assert run("plan").code == 0
    assert run(*verb).code == 0
    assert not [entry for entry in found.requests() if "projects" in entry["path"]], "it need not be looked up"
