"""Regions, project IDs and base URLs become part of where credentials are sent: nothing leads elsewhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import PROJECT
from support.samples import refused, settings

from reconciler.config import base_url
from reconciler.errors import UsageError

KEYS = {"HUAWEICLOUD_SDK_AK": "ak-1", "HUAWEICLOUD_SDK_SK": "sk-1"}
LOGIN = {"HW_USER_NAME": "otto", "HW_USER_PASSWORD": "sesame", "HW_DOMAIN_NAME": "acme"}
REGION = {"HW_REGION_NAME": "cn-north-4"}


INJECTIONS = [
    "evil.example/#",
    "cn-north-4.evil.example",
    "cn-north-4/",
    "cn-north-4@evil",
    "cn-north-4\n",
    "CN-NORTH-4",
    "cn north 4",
    "cn-north",
    "-4",
    "cn--4",
    "..",
    "片-a-1",
    "cn-north-４",
]


@pytest.mark.parametrize("region", INJECTIONS)
def test_a_region_that_would_change_the_host_is_refused_from_wherever_it_comes(region: str) -> None:
    for error in (refused(KEYS, region=region), refused(KEYS | {"HW_REGION_NAME": region}), refused(KEYS, region)):
        assert "is not a valid region" in error.message
        assert error.message.isprintable()


@pytest.mark.parametrize(
    "project", ["../x", f"{PROJECT}/", f"{PROJECT}\n", PROJECT[:-1], f"{PROJECT}0", "%2e" * 11, "０" * 32]
)
def test_a_project_id_that_would_change_the_path_is_refused(project: str) -> None:
    assert "is not a valid project ID" in refused(KEYS | REGION, project_id=project).message
    assert "is not a valid project ID" in refused(KEYS | REGION | {"HW_PROJECT_ID": project}).message
    with pytest.raises(UsageError, match="is not a valid project ID"):
        settings(KEYS | REGION, None, project)


@given(st.text(max_size=40))
def test_any_region_is_of_the_form_or_refused(region: str) -> None:
    try:
        found = settings(KEYS, region)
    except UsageError:
        return
    assert found.endpoint == f"https://vod.{region}.myhuaweicloud.com"
    assert region.isascii()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://vod.example.com", "https://vod.example.com"),
        ("https://vod.example.com/", "https://vod.example.com"),
        ("https://vod.example.com:8443/base/", "https://vod.example.com:8443/base"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_base_urls(text: str, expected: str) -> None:
    assert base_url(text, "endpoint") == expected


@pytest.mark.parametrize(
    "text",
    [
        "vod.example.com",
        "ftp://vod.example.com",
        "https://",
        "https:///path",
        "https://user@vod.example.com",
        "https://user:pass@vod.example.com",
        "https://@vod.example.com",
        "https://vod.example.com?x=1",
        "https://vod.example.com#x",
        "https://vod.example.com:99999",
        "https://vod.example.com:port",
        "https://vod.example.com/a\nb",
        "https://vod exämple.com",
        "https://[::1",
        "https://evil.example\\@vod.example.com",
        "http://vod.example.com",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://[::ffff:8.8.8.8]",
        "http://[2001:db8::1]",
        "",
    ],
)
def test_what_is_no_base_url_or_plain_http_to_a_foreign_host(text: str) -> None:
    with pytest.raises(UsageError):
        base_url(text, "endpoint")


def test_whoever_serves_vod_on_this_machine_gets_the_login_too() -> None:
    found = settings(LOGIN | REGION, endpoint="http://127.0.0.1:8080/base")

    assert found.iam_endpoint == "http://127.0.0.1:8080"
    assert found.loopback


def test_a_foreign_iam_must_be_https_too() -> None:
    assert "plain http" in refused(LOGIN | REGION, iam_endpoint="http://iam.example.com").message
