"""Which cloud, as whom, how fast: what goes before what, and what leads nowhere it must not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.fakes import PROJECT
from support.samples import refused, settings

from reconciler.config import CdnAccess, Credentials, parse_rate
from reconciler.errors import UsageError
from reconciler.util.credential_sources import AccessKeySource, LoginSource, TokenSource
from reconciler.util.rate import READ_RATE, WRITE_RATE, Rate

KEYS = {"HUAWEICLOUD_SDK_AK": "ak-1", "HUAWEICLOUD_SDK_SK": "sk-1"}
HW_KEYS = {"HW_ACCESS_KEY": "ak-2", "HW_SECRET_KEY": "sk-2"}
LOGIN = {"HW_USER_NAME": "otto", "HW_USER_PASSWORD": "sesame", "HW_DOMAIN_NAME": "acme"}
REGION = {"HW_REGION_NAME": "cn-north-4"}
CDN = {"RECONCILE_CDN_KEY": "new-key,old-key", "RECONCILE_CDN_ALGORITHM": "B"}
VOD = "https://vod.cn-north-4.myhuaweicloud.com"
IAM = "https://iam.cn-north-4.myhuaweicloud.com"
READ_AS: dict[str, object] = {
    "5/minute": Rate(5, 60),
    "10/second": Rate(10, 1),
    "3": 3,
    "7": 7,
    "1.5": 1.5,
    "60": 60,
    "/low": Path("/low"),
    "/high": Path("/high"),
    "https://a": "https://a",
    "https://b": "https://b",
}


@pytest.mark.parametrize(
    ("flag", "variable", "in_file", "expected"),
    [
        ("cn-north-1", "cn-north-4", "cn-east-2", "cn-north-1"),
        (None, "cn-north-4", "cn-east-2", "cn-north-4"),
        (None, None, "cn-east-2", "cn-east-2"),
        ("", "cn-north-4", None, "cn-north-4"),
        (None, "", "cn-east-2", "cn-east-2"),
    ],
)
def test_region_flag_then_environment_then_file(
    flag: str | None, variable: str | None, in_file: str | None, expected: str
) -> None:
    env = KEYS | ({"HW_REGION_NAME": variable} if variable is not None else {})

    found = settings(env, in_file, **({"region": flag} if flag is not None else {}))

    assert found.region == expected
    assert found.endpoint == f"https://vod.{expected}.myhuaweicloud.com"
    assert found.iam_endpoint == f"https://iam.{expected}.myhuaweicloud.com"


def test_project_flag_then_sdk_then_terraform_then_file() -> None:
    ids = [digit * 32 for digit in "1234"]
    given: list[dict[str, Any]] = [
        {"project_id": ids[0]},
        {"env": {"HUAWEICLOUD_SDK_PROJECT_ID": ids[1]}},
        {"env": {"HW_PROJECT_ID": ids[2]}},
        {"file_project_id": ids[3]},
    ]
    for first in range(4):
        env = KEYS | REGION
        arguments: dict[str, str] = {}
        for source in given[first:]:
            env = source.get("env", {}) | env
            arguments |= {name: value for name, value in source.items() if name != "env"}
        assert settings(env, **arguments).project_id == ids[first]


def test_a_project_id_in_upper_case_is_folded() -> None:
    assert settings(KEYS | REGION, project_id=PROJECT.upper()).project_id == PROJECT


def test_without_a_project_id_it_is_to_be_looked_up() -> None:
    assert settings(KEYS | REGION).project_id is None


@pytest.mark.parametrize(
    ("field", "flag", "variable", "low", "high", "default"),
    [
        ("read_quota", "read_quota", "RECONCILE_READ_QUOTA", "5/minute", "10/second", READ_RATE),
        ("write_quota", "write_quota", "RECONCILE_WRITE_QUOTA", "5/minute", "10/second", WRITE_RATE),
        ("parallelism", "parallelism", "RECONCILE_PARALLELISM", "3", "7", 64),
        ("timeout", "timeout", "RECONCILE_TIMEOUT", "1.5", "60", 30),
        ("state_dir", "state_dir", "RECONCILE_STATE_DIR", "/low", "/high", None),
        ("endpoint", "endpoint", "RECONCILE_ENDPOINT", "https://a", "https://b", VOD),
        ("iam_endpoint", "iam_endpoint", "HUAWEICLOUD_SDK_IAM_ENDPOINT", "https://a", "https://b", IAM),
    ],
)
def test_a_flag_comes_before_its_variable(
    field: str, flag: str, variable: str, low: str, high: str, default: object
) -> None:
    env = KEYS | REGION

    assert getattr(settings(env), field) == default
    assert getattr(settings(env | {variable: low}), field) == READ_AS[low]
    assert getattr(settings(env | {variable: low}, **{flag: high}), field) == READ_AS[high]


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        (KEYS, Credentials(AccessKeySource("ak-1", "sk-1"))),
        (HW_KEYS, Credentials(AccessKeySource("ak-2", "sk-2"))),
        (KEYS | HW_KEYS, Credentials(AccessKeySource("ak-1", "sk-1"))),
        (KEYS | {"HUAWEICLOUD_SDK_SECURITY_TOKEN": "t"}, Credentials(AccessKeySource("ak-1", "sk-1", "t"))),
        (HW_KEYS | {"HW_SECURITY_TOKEN": "t"}, Credentials(AccessKeySource("ak-2", "sk-2", "t"))),
        (KEYS | {"HW_SECURITY_TOKEN": "t"}, Credentials(AccessKeySource("ak-1", "sk-1"))),
        (KEYS | LOGIN | {"HW_AUTH_TOKEN": "tok"}, Credentials(AccessKeySource("ak-1", "sk-1"))),
        (LOGIN | {"HW_AUTH_TOKEN": "tok"}, Credentials(TokenSource("tok"))),
        (LOGIN, Credentials(LoginSource("otto", "sesame", "acme"))),
        (KEYS | {"HW_ACCESS_KEY": "", "HW_USER_NAME": "x"}, Credentials(AccessKeySource("ak-1", "sk-1"))),
    ],
)
def test_one_way_to_authenticate(env: dict[str, str], expected: Credentials) -> None:
    assert settings(env | REGION).credentials == expected


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"HUAWEICLOUD_SDK_AK": "a", "HW_SECRET_KEY": "s"}, ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"]),
        ({"HW_ACCESS_KEY": "a", "HUAWEICLOUD_SDK_SK": "s"}, ["HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_AK"]),
        ({"HUAWEICLOUD_SDK_AK": "a"}, ["HUAWEICLOUD_SDK_SK"]),
        ({"HW_SECRET_KEY": "s"}, ["HW_ACCESS_KEY"]),
        ({"HUAWEICLOUD_SDK_AK": "a", "HUAWEICLOUD_SDK_SK": "", "HW_AUTH_TOKEN": "t"}, ["HUAWEICLOUD_SDK_SK"]),
        ({"HW_USER_NAME": "otto"}, ["HW_USER_PASSWORD", "HW_DOMAIN_NAME"]),
    ],
)
def test_half_a_way_to_authenticate_is_an_error_that_names_the_rest(env: dict[str, str], words: list[str]) -> None:
    error = refused(env | REGION)

    assert all(word in f"{error.message} {error.hint}" for word in words)
    assert not any(value in error.message for value in LOGIN.values())


@pytest.mark.parametrize("name", ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HW_SECURITY_TOKEN", "HW_AUTH_TOKEN"])
@pytest.mark.parametrize("value", ["secret-1\n", "sec ret-1", "\ufeffsecret-1", "secret-1\r"])
def test_a_credential_with_what_no_credential_has_is_named_and_not_shown(name: str, value: str) -> None:
    text = refused(KEYS | REGION | {name: value}).text
    assert f"{name} holds" in text
    assert "ret-1" not in text


def test_without_endpoint_and_region_it_is_said_what_is_missing() -> None:
    error = refused(KEYS)

    assert "region" in error.message
    assert "HW_REGION_NAME" in error.hint


def test_with_an_endpoint_but_no_region_a_project_is_needed() -> None:
    assert "project ID" in refused(KEYS, endpoint="https://vod.example.com").message
    assert settings(KEYS, endpoint="https://vod.example.com", project_id=PROJECT).region is None


def test_a_login_needs_a_region() -> None:
    assert "region" in refused(LOGIN, endpoint="https://vod.example.com", project_id=PROJECT).message


@pytest.mark.parametrize("endpoint", ["emulator", "emulator:", "emulator:/tmp/x.sqlite"])
def test_the_emulator_needs_nothing_and_takes_no_credentials(endpoint: str) -> None:
    found = settings(KEYS, endpoint=endpoint)

    assert found.emulated
    assert found.loopback
    assert found.credentials == Credentials()
    assert found.iam_endpoint is None
    assert settings({}, endpoint=endpoint).emulated


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("100/minute", Rate(100, 60)),
        ("10/2 seconds", Rate(10, 2)),
        ("10 per 2 second", Rate(10, 2)),
        ("1/hour", Rate(1, 3600)),
        ("1500 per 1 minute", Rate(1500, 60)),
        (" 5 PER 2 Days ", Rate(5, 172_800)),
    ],
)
def test_quotas(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fast",
        "100",
        "0/minute",
        "-1/minute",
        "1.5/minute",
        "1/fortnight",
        "100/minute x",
        "1/0 minutes",
        "1/-1 minute",
        "1//minute",
    ],
)
def test_what_is_no_quota(text: str) -> None:
    with pytest.raises(UsageError):
        parse_rate(text)


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "many", "1e3", " 5", "９", "999999", "nan", "inf"])
def test_what_is_no_parallelism(number: str) -> None:
    assert "parallelism" in refused(KEYS | REGION, parallelism=number).message


@pytest.mark.parametrize("number", ["0", "0.0", "-1", "soon", "1e3", "nan", "inf", "30s", "９"])
def test_what_is_no_timeout(number: str) -> None:
    assert "timeout" in refused(KEYS | REGION, timeout=number).message


def test_secrets_stay_out_of_repr() -> None:
    for env in (KEYS, LOGIN, {"HW_AUTH_TOKEN": "the-token"}, KEYS | CDN):
        told = repr(settings(env | REGION))
        assert not any(secret in told for secret in ("sk-1", "sesame", "the-token", "new-key"))


def test_how_pictures_are_asked_for() -> None:
    assert settings(KEYS | REGION).cdn == CdnAccess(keys=(), algorithm="", zone="Asia/Shanghai", referer="")
    found = settings(
        KEYS | REGION | CDN | {"RECONCILE_CDN_ZONE": "UTC", "RECONCILE_CDN_REFERER": "https://a.example/"}
    )
    assert found.cdn == CdnAccess(("new-key", "old-key"), "B", "UTC", "https://a.example/")
    assert settings(CDN, endpoint="emulator").cdn == CdnAccess(), "the emulator in the process demands nothing"


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"RECONCILE_CDN_KEY": "secret-1"}, "RECONCILE_CDN_KEY is set without RECONCILE_CDN_ALGORITHM"),
        ({"RECONCILE_CDN_ALGORITHM": "A"}, "RECONCILE_CDN_ALGORITHM is set without RECONCILE_CDN_KEY"),
        (CDN | {"RECONCILE_CDN_KEY": ","}, "RECONCILE_CDN_ALGORITHM is set without RECONCILE_CDN_KEY"),
        (CDN | {"RECONCILE_CDN_KEY": "secret-1, secret-2"}, "RECONCILE_CDN_KEY holds a line end, a space"),
        ({"RECONCILE_CDN_REFERER": "https://a\r\nX: y"}, "RECONCILE_CDN_REFERER holds a line end"),
    ],
)
def test_half_of_key_anti_leech_is_an_error(env: dict[str, str], words: str) -> None:
    error = refused(KEYS | REGION | env)

    assert words in error.message
    assert "secret" not in error.text
