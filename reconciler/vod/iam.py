"""IAM: the project ID that belongs to a region."""

from __future__ import annotations

from reconciler.errors import ApiError
from reconciler.util.ids import LOWER_ID
from reconciler.util.sanitize import shorten
from reconciler.vod import schemas as wire
from reconciler.vod.responses import ApiConnection, Throttled, TransientFault
from reconciler.vod.retry import ATTEMPTS, persistently

_HINT = "Check the region, or set --project-id or HW_PROJECT_ID."


async def find_project(line: ApiConnection, iam: str, region: str) -> str:
    """The ID of the project that is named after the region (IAM, "Querying project information").

    Raises:
        ApiError: IAM can't be asked, or knows no such project, or several.
    """

    async def ask() -> wire.Projects:
        request = line.http.build_request("GET", f"{iam}/v3/projects", params={"name": region})
        return await line.read("projects", request, wire.Projects)

    try:
        answer = await persistently(line.clock, ask, TransientFault, Throttled)
    except TransientFault as fault:
        raise fault.error(ATTEMPTS, fatal=not fault.heard) from fault
    except Throttled as error:
        raise ApiError(
            "Looking up the project failed: IAM is over its quota", status=429, hint="Try again in a minute."
        ) from error
    found = [project.id.lower() for project in answer.projects if project.name == region]
    if len(found) != 1:
        count = "no project" if not found else f"{len(found)} projects"
        raise ApiError(f"IAM knows {count} named {region}", hint=_HINT)
    if not LOWER_ID.fullmatch(found[0]):
        raise ApiError(f"IAM's ID of the project {region} is none: {shorten(found[0])!r}", hint=_HINT)
    return found[0]
