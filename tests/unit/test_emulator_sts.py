"""The emulator's STS takes what the API takes, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from test_emulator_api import Cloud, code

from reconciler.emulator import options

if TYPE_CHECKING:
    from pathlib import Path

BODY: dict[str, Any] = {
    "provider_urn": options.PROVIDER_URN,
    "agency_urn": options.AGENCY_URN,
    "agency_session_name": "test",
    "id_token": options.ID_TOKEN,
    "duration_seconds": 900,
}


@pytest.fixture
def there(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path / "state.sqlite")


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"id_token": ""}, (400, "STS5.1001")),
        ({"agency_session_name": 7}, (400, "STS5.1001")),
        ({"duration_seconds": 899}, (400, "STS5.1002")),
        ({"duration_seconds": "900"}, (400, "STS5.1002")),
        ({"provider_urn": "another"}, (403, "STS5.1011")),
    ],
)
def test_what_is_refused(there: Cloud, change: dict[str, Any], answer: tuple[int, str]) -> None:
    assert code(there.send("POST", "/v5/agencies/assume-with-oidc", json=BODY | change)) == answer


def test_bodies_of_another_form(there: Cloud) -> None:
    assert code(there.send("POST", "/v5/agencies/assume-with-oidc", content=b"[]")) == (400, "VOD.10053")
    headers = {"X-Auth-Token": there.token}
    url = "/v3.0/OS-CREDENTIAL/securitytokens"
    assert code(there.send("POST", url, json={"auth": {}}, headers=headers)) == (400, "VOD.10053")


def test_metadata_gives_keys_to_a_session_only(there: Cloud) -> None:
    assert there.send("GET", "/openstack/latest/securitykey").status_code == 401
    token = there.send("PUT", "/meta-data/latest/api/token").text
    answer = there.send("GET", "/openstack/latest/securitykey", headers={"X-Metadata-Token": token})
    assert set(answer.json()["credential"]) == {"access", "secret", "securitytoken", "expires_at"}
