"""Temporary keys: STS for an ID token, IAM for an agency, metadata for an ECS instance; and GitHub's ID tokens.

The forms are those that the official SDK reads (huaweicloudsdkcore, `auth/internal.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse, Response

from reconciler.emulator import options
from reconciler.emulator.iam import DOMAIN_ID, iso
from reconciler.emulator.refusal import Refusal, illegal
from reconciler.emulator.words import json_body

if TYPE_CHECKING:
    from starlette.requests import Request

    from reconciler.emulator.auth import CredentialCheck

_SESSION_TOKEN = "emulator-metadata-session"  # noqa: S105
_SHORTEST, _LONGEST = 900, 43_200


async def assume_with_oidc(auth: CredentialCheck, request: Request) -> Response:
    """`POST /v5/agencies/assume-with-oidc`, unsigned."""
    body = await json_body(request)
    names = ("provider_urn", "agency_urn", "agency_session_name", "id_token")
    if not all(isinstance(body.get(name), str) and body[name] for name in names):
        raise Refusal(400, "STS5.1001", f"The body must have {', '.join(names)}.")
    seconds = body.get("duration_seconds", 3600)
    if not isinstance(seconds, int) or not _SHORTEST <= seconds <= _LONGEST:
        raise Refusal(400, "STS5.1002", "duration_seconds must be from 900 to 43200.")
    if body["id_token"] == options.EXPIRED_ID_TOKEN:
        raise Refusal(400, "STS5.1010", "The id_token has expired.")
    if body["id_token"] != options.ID_TOKEN or body["provider_urn"] != options.PROVIDER_URN:
        raise Refusal(403, "STS5.1011", "The issuer or the audience of the id_token is not trusted.")
    if body["agency_urn"] != options.AGENCY_URN:
        raise Refusal(403, "STS5.1012", "The agency does not exist or does not trust the provider.")
    key, secret, token, expires = auth.issue_keys(seconds)
    given = {
        "access_key_id": key,
        "secret_access_key": secret,
        "security_token": token,
        "expiration": iso(expires),
    }
    return JSONResponse({"credentials": given, "assumed_agency": {"urn": options.AGENCY_URN, "id": DOMAIN_ID}})


async def assume_agency(auth: CredentialCheck, request: Request) -> Response:
    """`POST /v3.0/OS-CREDENTIAL/securitytokens` with assume_role, signed."""
    try:
        identity = (await json_body(request))["auth"]["identity"]
        role = identity["assume_role"]
        given = (identity["methods"], role["agency_name"], role["domain_name"])
    except (KeyError, TypeError):
        raise illegal("The request body must have auth.identity.assume_role.") from None
    if given != (["assume_role"], options.AGENCY_NAME, options.DOMAIN_NAME):
        raise Refusal(403, "IAM.0051", "The agency does not exist, or does not trust the user.")
    return JSONResponse({"credential": _credential(auth, role.get("duration_seconds", 900))}, 201)


async def caller_identity(_: Request) -> Response:
    """`GET /v5/caller-identity`, signed."""
    urn = f"sts::{DOMAIN_ID}:assumed-agency:emulator/reconcile"
    return JSONResponse({"account_id": DOMAIN_ID, "principal_urn": urn, "principal_id": "emulator:reconcile"})


async def metadata_session(_: Request) -> Response:
    """`PUT /meta-data/latest/api/token`."""
    return PlainTextResponse(_SESSION_TOKEN)


async def metadata_keys(auth: CredentialCheck, request: Request) -> Response:
    """`GET /openstack/latest/securitykey`."""
    if request.headers.get("x-metadata-token") != _SESSION_TOKEN:
        raise Refusal(401, "", "The metadata token is missing or not valid.")
    return JSONResponse({"credential": _credential(auth, 3600)})


async def github_token(request: Request) -> Response:
    """GitHub Actions' endpoint for ID tokens."""
    if request.headers.get("authorization") != f"bearer {options.GITHUB_TOKEN}":
        raise Refusal(401, "", "Bad credentials")
    return JSONResponse({"count": 1, "value": options.ID_TOKEN})


def _credential(auth: CredentialCheck, seconds: int) -> dict[str, str]:
    key, secret, token, expires = auth.issue_keys(seconds)
    return {"access": key, "secret": secret, "securitytoken": token, "expires_at": iso(expires)}
