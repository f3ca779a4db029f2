"""Temporary keys: for an ID token through STS, for an agency through IAM, for an ECS instance from its metadata."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from reconciler.errors import ApiError, AuthenticationError, UnreachableError
from reconciler.util.credential_sources import Agency, MachineSource, OidcSource
from reconciler.util.sanitize import Redactor, shorten
from reconciler.vod import schemas
from reconciler.vod.auth import AccessKey
from reconciler.vod.key_sources import TemporaryKeys
from reconciler.vod.responses import ApiConnection, TransientFault, patiently

_AGENCY_SECONDS = 3600
_LONGEST_TOKEN = 64 * 1024
_NO_SUCH_CALL = (404, 405, 503)


@dataclass(frozen=True, slots=True)
class OidcExchange:
    """Keys for an ID token (STS, "AssumeAgencyWithOIDC").

    Args:
        connection: without authentication.
        sts: STS's base URL.
    """

    source: OidcSource
    connection: ApiConnection
    sts: str

    async def __call__(self) -> TemporaryKeys:
        token = await self._id_token()
        source = self.source
        body = {
            "provider_urn": source.provider_urn,
            "agency_urn": source.agency_urn,
            "agency_session_name": source.session_name,
            "id_token": token,
            "duration_seconds": source.seconds,
        }

        async def ask() -> schemas.StsAnswer:
            request = self.connection.http.build_request(
                "POST", f"{self.sts}/v5/agencies/assume-with-oidc", json=body
            )
            return await self.connection.read("sts", request, schemas.StsAnswer)

        with _refusals("STS", "Check the provider's and the agency's URN, the audience, and the token's age.", token):
            found = (await patiently(self.connection, ask)).credentials
            return _keys("STS", found.access_key_id, found.secret_access_key, found.security_token, found.expiration)

    async def _id_token(self) -> str:
        source = self.source
        if source.github_url:
            token = await self._of_github()
        elif source.token_file:
            token = _read_token(source.token_file)
        else:
            token = source.id_token
        return token

    async def _of_github(self) -> str:
        """A fresh ID token (GitHub Actions, "Configuring OpenID Connect in cloud providers")."""
        source = self.source
        headers = {"Authorization": f"bearer {source.github_token}"}
        url = httpx.URL(source.github_url)
        if source.audience:
            url = url.copy_merge_params({"audience": source.audience})

        async def ask() -> schemas.GithubToken:
            request = self.connection.http.build_request("GET", url, headers=headers)
            return await self.connection.read("id_token", request, schemas.GithubToken)

        with _refusals("GitHub", "Give the job `permissions: id-token: write`.", source.github_token):
            return _checked((await patiently(self.connection, ask)).value, "GitHub's ID token")


@dataclass(frozen=True, slots=True)
class AgencyExchange:
    """Keys for an agency (IAM, "Obtaining a temporary access key and security token through an agency").

    Args:
        connection: signs with the keys of the source.
        iam: IAM's base URL.
    """

    agency: Agency
    connection: ApiConnection
    iam: str

    async def __call__(self) -> TemporaryKeys:
        role: dict[str, Any] = {
            "agency_name": self.agency.name,
            "domain_name": self.agency.domain,
            "duration_seconds": _AGENCY_SECONDS,
        }
        body = {"auth": {"identity": {"methods": ["assume_role"], "assume_role": role}}}

        async def ask() -> schemas.CredentialAnswer:
            url = f"{self.iam}/v3.0/OS-CREDENTIAL/securitytokens"
            request = self.connection.http.build_request("POST", url, json=body)
            return await self.connection.read("agency", request, schemas.CredentialAnswer)

        hint = "Check HW_ASSUME_ROLE_AGENCY_NAME, HW_ASSUME_ROLE_DOMAIN_NAME, and that the agency trusts the user."
        with _refusals(f"the agency {shorten(self.agency.name)}", hint):
            found = (await patiently(self.connection, ask)).credential
            return _keys("the agency", found.access, found.secret, found.securitytoken, found.expires_at)


@dataclass(frozen=True, slots=True)
class MachineExchange:
    """Keys of the agency that an ECS instance has (ECS user guide, "Metadata").

    Args:
        connection: without authentication, with the little time that metadata may take.
    """

    source: MachineSource
    connection: ApiConnection

    async def __call__(self) -> TemporaryKeys:
        http, url = self.connection.http, self.source.url
        try:
            headers = await self._session_headers()
            request = http.build_request("GET", f"{url}/openstack/latest/securitykey", headers=headers)
            found = (await self.connection.read("metadata", request, schemas.CredentialAnswer)).credential
        except TransientFault as fault:
            raise AuthenticationError(f"The metadata of an ECS instance cannot be read: {fault.problem}") from fault
        except ApiError as error:
            raise AuthenticationError(f"The metadata of this machine gives no keys (HTTP {error.status})") from error
        return _keys("this instance", found.access, found.secret, found.securitytoken, found.expires_at)

    async def _session_headers(self) -> dict[str, str]:
        """Newer instances give keys to a session only."""
        request = self.connection.http.build_request(
            "PUT",
            f"{self.source.url}/meta-data/latest/api/token",
            headers={"X-Metadata-Token-Ttl-Seconds": "21600"},
        )
        try:
            _, body = await self.connection.exchange("metadata", request)
        except (ApiError, TransientFault) as error:
            if error.status in _NO_SUCH_CALL:
                return {}
            raise
        return {"X-Metadata-Token": _checked(body.decode("ascii", "replace").strip(), "the metadata's token")}


@contextmanager
def _refusals(who: str, hint: str, *secrets: str) -> Iterator[None]:
    """Turns a refusal of an exchange into an error that says which one, without what was sent."""
    try:
        yield
    except UnreachableError:
        raise
    except ApiError as error:
        raise AuthenticationError(
            f"{who} gives no keys: {Redactor(secrets)(error.message)}",
            status=error.status,
            request_id=error.request_id,
            hint=error.hint if "clock is" in error.hint else hint,
        ) from None


def _keys(who: str, key: str, secret: str, token: str, expires: str) -> TemporaryKeys:
    """
    Raises:
        AuthenticationError: the answer is not usable.
    """
    for value, name in ((key, "access key"), (secret, "secret key"), (token, "security token")):
        _checked(value, f"the {name} from {who}")
    try:
        at = datetime.fromisoformat(expires)
    except ValueError:
        raise AuthenticationError(f"{who} does not say in a known form until when its keys are valid") from None
    return TemporaryKeys(AccessKey(key, secret, token), at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC))


def _checked(value: str, name: str) -> str:
    """
    Raises:
        AuthenticationError: it is empty, or cannot stand in a header.
    """
    if not value or not value.isascii() or not value.isprintable() or " " in value or len(value) > _LONGEST_TOKEN:
        raise AuthenticationError(f"{name} is empty, or has characters that it cannot have")
    return value


def _read_token(file: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            text = opened.read(_LONGEST_TOKEN + 1).decode("ascii", "replace").strip()
    except OSError as error:
        raise AuthenticationError(
            f"The ID token's file {shorten(file)} cannot be read: {error.strerror or error}",
            hint="Check HUAWEICLOUD_OIDC_TOKEN_FILE.",
        ) from error
    return _checked(text, f"the ID token in {shorten(file)}")


async def caller_identity(connection: ApiConnection, sts: str) -> schemas.CallerIdentity:
    """Who the connection's credentials belong to (STS, "GetCallerIdentity").

    Args:
        sts: STS's base URL.
    """

    async def ask() -> schemas.CallerIdentity:
        request = connection.http.build_request("GET", f"{sts}/v5/caller-identity")
        return await connection.read("identity", request, schemas.CallerIdentity)

    return await patiently(connection, ask)
