"""Which credentials apply. The official SDK is the oracle for the names that both know."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from huaweicloudsdkcore.auth.provider import CredentialProviderChain, OidcStsCredentialProvider

from reconciler.config.sources import find
from reconciler.errors import UsageError
from reconciler.util.credential_sources import (
    AccessKeySource,
    Agency,
    Credentials,
    LoginSource,
    MachineSource,
    OidcSource,
    TokenSource,
)

KEYS = {"HUAWEICLOUD_SDK_AK": "ak-env", "HUAWEICLOUD_SDK_SK": "sk-env"}
TERRAFORM = {"HW_ACCESS_KEY": "ak-tf", "HW_SECRET_KEY": "sk-tf"}
URNS = {"HUAWEICLOUD_OIDC_PROVIDER_URN": "iam::1:p", "HUAWEICLOUD_OIDC_AGENCY_URN": "iam::1:a"}
OIDC = {**URNS, "HUAWEICLOUD_OIDC_ID_TOKEN": "id-token-secret"}
LOGIN = {"HW_USER_NAME": "otto", "HW_USER_PASSWORD": "sesame-secret", "HW_DOMAIN_NAME": "acme"}
TOKEN = {"HW_AUTH_TOKEN": "token-secret"}
GITHUB = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://token.actions.example/?v=2",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "github-secret",
}
AGENCY = {"HW_ASSUME_ROLE_AGENCY_NAME": "covers", "HW_ASSUME_ROLE_DOMAIN_NAME": "acme"}
PROFILE = "[basic]\nak = ak-file\nsk = sk-file\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".huaweicloud").mkdir()
    return tmp_path


def profile(home: Path, text: str = PROFILE) -> Path:
    file = home / ".huaweicloud" / "credentials"
    file.write_text(text, encoding="utf-8")
    return file


def refused(env: dict[str, str]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        find(env)
    for secret in ("id-token-secret", "sesame-secret", "token-secret", "github-secret", "sk-file", "sk-env"):
        assert secret not in caught.value.text
    return caught.value


def sdk_choice(env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The AK that the official SDK takes, or how it gets one."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    [oidc, environment, from_file, *_] = CredentialProviderChain.get_basic()._providers
    found: Any = CredentialProviderChain((oidc, environment, from_file)).get_credentials()
    return str(found.ak or type(found.sts_accessor).__name__)


def our_choice(env: dict[str, str]) -> str:
    source = find(env).source
    return source.key if isinstance(source, AccessKeySource) else f"{type(source).__name__}"


@pytest.mark.parametrize(
    ("with_oidc", "with_keys", "with_profile"),
    [given for given in product([False, True], repeat=3) if any(given)],  # without any, the SDK asks the metadata
)
@pytest.mark.parametrize("named", [False, True], ids=["at home", "named"])
def test_the_choice_is_the_sdks(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    with_oidc: bool,
    with_keys: bool,
    with_profile: bool,
    named: bool,
) -> None:
    env = {"HOME": str(home), **(OIDC if with_oidc else {}), **(KEYS if with_keys else {})}
    if with_profile:
        file = profile(home, PROFILE + "security_token = t\n")
        if named:
            env["HUAWEICLOUD_SDK_CREDENTIALS_FILE"] = str(file.rename(home / "elsewhere"))
    theirs = {"OidcStsAccessor": "OidcSource"}
    chosen = sdk_choice(env, monkeypatch)
    assert our_choice(env) == theirs.get(chosen, chosen)


def test_the_names_of_oidc_are_the_sdks() -> None:
    names = {value for name, value in vars(OidcStsCredentialProvider).items() if name.endswith("_ENV")}
    assert {*URNS, "HUAWEICLOUD_OIDC_ID_TOKEN", "HUAWEICLOUD_OIDC_TOKEN_FILE"} <= names
    assert {"HUAWEICLOUD_OIDC_SESSION_NAME", "HUAWEICLOUD_OIDC_DURATION_SECONDS"} <= names


@pytest.mark.parametrize(
    ("env", "source"),
    [
        (OIDC | KEYS | TOKEN | LOGIN, OidcSource("iam::1:p", "iam::1:a", id_token="id-token-secret")),
        (URNS | {"HUAWEICLOUD_OIDC_TOKEN_FILE": "/run/t"}, OidcSource("iam::1:p", "iam::1:a", token_file="/run/t")),
        (
            URNS | GITHUB | {"RECONCILE_OIDC_AUDIENCE": "acme"},
            OidcSource(
                "iam::1:p",
                "iam::1:a",
                github_url="https://token.actions.example/?v=2",
                github_token="github-secret",
                audience="acme",
            ),
        ),
        (GITHUB | KEYS, AccessKeySource("ak-env", "sk-env")),
        (KEYS | TERRAFORM | TOKEN, AccessKeySource("ak-env", "sk-env")),
        (TERRAFORM | LOGIN, AccessKeySource("ak-tf", "sk-tf")),
        (TOKEN | LOGIN, TokenSource("token-secret")),
        (LOGIN, LoginSource("otto", "sesame-secret", "acme")),
        ({}, MachineSource()),
    ],
)
def test_one_source_applies(env: dict[str, str], source: object) -> None:
    found = find(env)
    assert found == Credentials(source)  # type: ignore[arg-type]
    shown = repr(found) + found.described
    assert not any(part in shown for part in ("secret", "sk-env", "sk-tf"))


def test_the_environment_comes_before_the_profile(home: Path) -> None:
    profile(home)
    assert find({"HOME": str(home), **TOKEN}).source == TokenSource("token-secret")


def test_a_profile_may_name_project_and_iam(home: Path) -> None:
    profile(home, PROFILE + f"project_id = {'0' * 32}\niam_endpoint = https://iam.example\n")
    found = find({"HOME": str(home)})
    assert (found.project_id, found.iam_endpoint) == ("0" * 32, "https://iam.example")


def test_a_secret_in_a_profile_may_have_a_percent_sign(home: Path) -> None:
    profile(home, "\ufeff[basic]\nak = a%k\nsk = s%(x)sk\n[global]\nak = other\n")
    assert find({"HOME": str(home)}).source == AccessKeySource("a%k", "s%(x)sk")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[global]\nak = x\nsk = y\n", "no section [basic]"),
        ("[basic]\nak = x\n", "has no sk"),
        ("[basic]\nsk = sk-file\n", "has no ak"),
        ("[basic]\nidp_id = x\nid_token_file = y\n", "idp_id is not supported"),
        ("sk-file\n", "not an INI file"),
        ("[basic]\nak = x\nak = sk-file\n", "not an INI file"),
        ("[basic]\nak = x\nsk = sk-file with spaces\n", "holds a line end, a space"),
        ("\x00\xff", "not an INI file"),
    ],
)
def test_a_named_profile_that_does_not_work_is_an_error(home: Path, text: str, why: str) -> None:
    file = profile(home, text)
    assert why in refused({"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(file)}).text


def test_a_profile_that_is_not_there_or_not_for_us(home: Path) -> None:
    assert find({"HOME": str(home)}).source == MachineSource()
    profile(home, "[global]\nak = x\nsk = y\n")
    assert find({"HOME": str(home)}).source == MachineSource()
    error = refused({"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(home / "nowhere")})
    assert "No such file" in error.message


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"HUAWEICLOUD_OIDC_PROVIDER_URN": "x"} | KEYS, ["HUAWEICLOUD_OIDC_AGENCY_URN"]),
        ({"HUAWEICLOUD_OIDC_AGENCY_URN": "x"}, ["HUAWEICLOUD_OIDC_PROVIDER_URN"]),
        ({"HUAWEICLOUD_OIDC_ID_TOKEN": "id-token-secret"}, ["HUAWEICLOUD_OIDC_PROVIDER_URN"]),
        (URNS, ["HUAWEICLOUD_OIDC_ID_TOKEN", "id-token: write"]),
        (URNS | {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://x"}, ["id-token: write"]),
        (URNS | GITHUB | {"ACTIONS_ID_TOKEN_REQUEST_URL": "http://token.example"}, ["not an https URL"]),
        (URNS | GITHUB | {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://["}, ["not an https URL"]),
        (URNS | GITHUB | {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://x:99999"}, ["not an https URL"]),
        (URNS | GITHUB | {"ACTIONS_ID_TOKEN_REQUEST_URL": "https:///x"}, ["not an https URL"]),
        (OIDC | {"HUAWEICLOUD_OIDC_DURATION_SECONDS": "899"}, ["900 to 43200"]),
        (OIDC | {"HUAWEICLOUD_OIDC_DURATION_SECONDS": "1e3"}, ["900 to 43200"]),
        (OIDC | {"HUAWEICLOUD_OIDC_ID_TOKEN": "id-token-secret\n"}, ["HUAWEICLOUD_OIDC_ID_TOKEN holds"]),
        (TOKEN | AGENCY, ["HW_ASSUME_ROLE_AGENCY_NAME", "cannot be assumed"]),
        (LOGIN | AGENCY, ["HW_ASSUME_ROLE_AGENCY_NAME", "cannot be assumed"]),
        (KEYS | {"HW_ASSUME_ROLE_AGENCY_NAME": "covers"}, ["HW_ASSUME_ROLE_DOMAIN_NAME"]),
        (
            KEYS | {"HUAWEICLOUD_SDK_IDP_ID": "x", "HUAWEICLOUD_SDK_ID_TOKEN_FILE": "y"},
            ["not supported", "HUAWEICLOUD_OIDC_PROVIDER_URN"],
        ),
    ],
)
def test_what_is_set_in_part_or_wrongly_is_an_error(env: dict[str, str], words: list[str]) -> None:
    text = refused(env).text
    assert all(word in text for word in words), text


@pytest.mark.parametrize("base", [KEYS, TERRAFORM, OIDC, {}])
def test_an_agency_is_assumed_on_top(base: dict[str, str]) -> None:
    found = find(base | AGENCY)
    assert found.agency == Agency("covers", "acme")
    assert found.source == find(base).source
    assert found.described.endswith("; then the agency covers")
