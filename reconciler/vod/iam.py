"""IAM: the project ID that belongs to a region."""

from __future__ import annotations

from reconciler.errors import ApiError
from reconciler.util.ids import LOWER_ID
from reconciler.util.sanitize import shorten
from reconciler.vod import schemas
from reconciler.vod.responses import ApiConnection, Throttled, TransientFault
from reconciler.vod.retry import ATTEMPTS, with_retries

_HINT = "Check the region, or set --project-id or HW_PROJECT_ID."


async def find_project(connection: ApiConnection, iam: str, region: str) -> str:
    """Returns the ID of the project that is named after the region (IAM, "Querying project information").

    Raises:
        ApiError: IAM does not answer, or has no such project, or several.
    """

    async def ask() -> schemas.Projects:
        request = connection.http.build_request("GET", f"{iam}/v3/projects", params={"name": region})
        return await connection.read("projects", request, schemas.Projects)

    try:
        answer = await with_retries(connection.clock, ask, TransientFault, Throttled)
    except TransientFault as fault:
        raise fault.error(ATTEMPTS, fatal=not fault.api_answered) from fault
    except Throttled as error:
        raise ApiError(
            "Looking up the project failed: IAM's quota is exceeded", status=429, hint="Try again in a minute."
        ) from error
    found = [project.id.lower() for project in answer.projects if project.name == region]
    if len(found) != 1:
        count = "no project" if not found else f"{len(found)} projects"
        raise ApiError(f"IAM has {count} named {region}", hint=_HINT)
    if not LOWER_ID.fullmatch(found[0]):
        raise ApiError(f"IAM returned an invalid ID of the project {region}: {shorten(found[0])!r}", hint=_HINT)
    return found[0]
