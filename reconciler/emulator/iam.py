"""The part of IAM that the VOD API needs: a token for a password, and project IDs by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from reconciler.emulator import words
from reconciler.emulator.options import DOMAIN_NAME, PROJECT_ID, REGION, USER_NAME, USER_PASSWORD
from reconciler.emulator.refusal import Refusal, illegal

if TYPE_CHECKING:
    from starlette.requests import Request

    from reconciler.emulator.auth import CredentialCheck

DOMAIN_ID = "d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0"


async def token(auth: CredentialCheck, request: Request) -> Response:
    """`POST /v3/auth/tokens`: 201, the token in X-Subject-Token, its expiry in the body."""
    try:
        body = json.loads(await request.body())["auth"]
        user = body["identity"]["password"]["user"]
        given = (user["name"], user["password"], user["domain"]["name"])
        methods, project = body["identity"]["methods"], body["scope"]["project"]
        scope = project.get("name", ""), project.get("id", "")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise illegal("The request body must have auth.identity.password.user and auth.scope.project.") from None
    if methods != ["password"] or given != (USER_NAME, USER_PASSWORD, DOMAIN_NAME):
        raise Refusal(401, "APIGW.0301", "The username or password is wrong.")
    if scope not in {(REGION, ""), ("", PROJECT_ID), (REGION, PROJECT_ID)}:
        raise Refusal(401, "APIGW.0301", "The project does not exist.")
    text, expires = auth.issue_token()
    domain = {"id": DOMAIN_ID, "name": DOMAIN_NAME}
    answer: dict[str, Any] = {
        "catalog": [],
        "methods": ["password"],
        "expires_at": iso(expires),
        "project": {"id": PROJECT_ID, "name": REGION, "domain": domain},
        "user": {"name": USER_NAME, "domain": domain},
    }
    return JSONResponse({"token": answer}, 201, headers={"X-Subject-Token": text})


async def projects(request: Request) -> Response:
    """`GET /v3/projects`: all projects, or those with this `name`."""
    name = request.query_params.get("name", REGION)
    found = [{"id": PROJECT_ID, "name": REGION, "domain_id": DOMAIN_ID, "enabled": True}]
    return JSONResponse({"projects": found if name == REGION else [], "links": {"next": None}})


def iso(seconds: float) -> str:
    at = words.written(seconds)
    return f"{at[:4]}-{at[4:6]}-{at[6:8]}T{at[8:10]}:{at[10:12]}:{at[12:]}.000000Z"
