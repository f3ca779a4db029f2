"""What doctor says of this machine, without the network."""

from __future__ import annotations

import pytest

from reconciler.commands.doctor_checks import _clock
from reconciler.commands.doctor_local import check_machine

URNS = {"HUAWEICLOUD_OIDC_PROVIDER_URN": "p", "HUAWEICLOUD_OIDC_AGENCY_URN": "a"}


def told(check: str, endpoint: str = "") -> tuple[str, str]:
    [found] = [item for item in check_machine(endpoint) if item.check == check]
    return found.status, found.message


@pytest.fixture(autouse=True)
def _no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nowhere")


@pytest.mark.parametrize(
    ("env", "status", "message"),
    [
        ({"HUAWEICLOUD_SDK_AK": "a", "HUAWEICLOUD_SDK_SK": "b"}, "ok", "AK/SK"),
        (URNS | {"HUAWEICLOUD_OIDC_ID_TOKEN": "t"}, "ok", "OIDC"),
        ({"HW_AUTH_TOKEN": "t"}, "warning", "a token; state in obs:// needs AK/SK"),
        ({}, "warning", "none is set, so the metadata of an ECS instance is asked"),
        (URNS, "failed", "OIDC needs an ID token: HUAWEICLOUD_OIDC_ID_TOKEN or HUAWEICLOUD_OIDC_TOKEN_FILE"),
        (
            {
                "HW_ACCESS_KEY": "a",
                "HW_SECRET_KEY": "b",
                "HW_ASSUME_ROLE_AGENCY_NAME": "x",
                "HW_ASSUME_ROLE_DOMAIN_NAME": "y",
            },
            "ok",
            "AK/SK, then an agency",
        ),
    ],
)
def test_credentials_by_kind_only(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], status: str, message: str
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert told("credentials") == (status, message)


def test_the_emulator_needs_none() -> None:
    assert told("credentials", "emulator:x.sqlite") == ("ok", "the emulator needs none")


def test_proxies_by_name_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told("proxy") == ("ok", "none is set")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy.example")
    monkeypatch.setenv("no_proxy", "example.com")
    assert told("proxy") == ("ok", "HTTPS_PROXY, NO_PROXY set")


def test_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    assert told("certificates") == ("ok", "the usual authorities")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    status, message = told("certificates")
    assert (status, message.startswith("SSL_CERT_FILE cannot be used")) == ("failed", True)


@pytest.mark.parametrize(
    ("ahead", "status", "words"),
    [
        (None, "warning", "does not say what time it is"),
        (-59, "ok", "within a minute"),
        (120, "warning", "2 min ahead of"),
        (-1200, "failed", "20 min behind"),
    ],
)
def test_the_clock(ahead: float | None, status: str, words: str) -> None:
    found = _clock(ahead)
    assert (found.status, words in found.message) == (status, True)
