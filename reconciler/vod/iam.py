"""IAM: a token for a login, and the project ID that belongs to a region."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

import httpx

from reconciler.errors import ApiError, AuthenticationError
from reconciler.util.ids import LOWER_ID
from reconciler.util.sanitize import shorten
from reconciler.vod import schemas
from reconciler.vod.auth import Auth, Login
from reconciler.vod.responses import ApiConnection, TransientFault, patiently

_HINT = "Check the region, or set --project-id or HW_PROJECT_ID."


class LoginAuth(Auth):
    """Logs in once for all requests, and again when the token is refused (it is valid for 24 hours).

    Source: IAM, "Obtaining a user token through password authentication".

    Args:
        connection: without authentication.
        iam: IAM's base URL.
    """

    def __init__(self, login: Login, connection: ApiConnection, iam: str) -> None:
        self._login = login
        self._connection = connection
        self._url = f"{iam}/v3/auth/tokens"
        self._token: str | None = None
        self._one_at_a_time = asyncio.Lock()

    async def ready(self) -> None:
        await self._renew(None)

    async def renewed(self, refused: httpx.Request) -> bool:
        await self._renew(refused.headers.get("X-Auth-Token"))
        return True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["X-Auth-Token"] = str(self._token)
        yield request

    async def _renew(self, refused: str | None) -> None:
        async with self._one_at_a_time:
            if self._token == refused:
                self._token = await patiently(self._connection, self._log_in)

    async def _log_in(self) -> str:
        login = self._login
        user = {"name": login.user, "password": login.password, "domain": {"name": login.domain}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = {"auth": {"identity": identity, "scope": {"project": {"name": login.region}}}}
        request = self._connection.http.build_request("POST", self._url, json=body)
        try:
            response, _ = await self._connection.exchange("token", request)
        except ApiError as error:
            raise AuthenticationError(
                f"IAM refused the login of {login.user!r} (HTTP {error.status})",
                status=error.status,
                request_id=error.request_id,
                hint="Check HW_USER_NAME, HW_USER_PASSWORD, HW_DOMAIN_NAME and the region.",
            ) from None
        token: str = response.headers.get("X-Subject-Token", "")
        if not (token and token.isascii() and token.isprintable()):
            raise TransientFault("token", f"HTTP {response.status_code} without a token")
        return token


async def find_project(connection: ApiConnection, iam: str, region: str) -> str:
    """Returns the ID of the project that is named after the region (IAM, "Querying project information").

    Raises:
        ApiError: IAM does not answer, or has no such project, or several.
    """

    async def ask() -> schemas.Projects:
        request = connection.http.build_request("GET", f"{iam}/v3/projects", params={"name": region})
        return await connection.read("projects", request, schemas.Projects)

    answer = await patiently(connection, ask)
    found = [project.id.lower() for project in answer.projects if project.name == region]
    if len(found) != 1:
        count = "no project" if not found else f"{len(found)} projects"
        raise ApiError(f"IAM has {count} named {region}", hint=_HINT)
    if not LOWER_ID.fullmatch(found[0]):
        raise ApiError(f"IAM returned an invalid ID of the project {region}: {shorten(found[0])!r}", hint=_HINT)
    return found[0]
