"""Snapshot tasks: the calls that start them, and that tell how they go on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from reconciler.errors import ApiError
from reconciler.util.sanitize import shorten
from reconciler.vod import schemas
from reconciler.vod.client import VodClient

_LONGEST_ID = 200
BUSY = "VOD.10083"
"""The state of the asset does not allow the call; another task is under way."""


async def start_task(
    client: VodClient,
    asset_id: str,
    wanted: int,
    size: int,
    prepare: Callable[[bool], Awaitable[Sequence[int] | None]],
) -> str | None:
    """Has snapshots taken, which is billed (API page "Processing media assets").

    Args:
        wanted: the one of the seconds whose snapshot the service may make the cover; it does so with one of them.
        size: the longest side, in pixels.
        prepare: see `VodClient.change`; returns the seconds.

    Returns:
        the ID of the task, or "" where the service does not say; None where `prepare` did not want one.

    Raises:
        ApiError: refused, or no usable answer came.
        CancelledInDoubt: cancelled when an attempt may have been carried out.
    """

    async def send(dots: Sequence[int]) -> str:
        thumbnail = {
            "type": "dots",
            "dots": list(dots),
            "cover_position": dots.index(wanted) + 1,
            "format": 1,
            "aspect_ratio": 0,
            "max_length": size,
        }
        body = {"asset_id": asset_id, "thumbnail": thumbnail}
        answer = await client.post("process", f"{client.base}/process", body, schemas.ProcessAnswer)
        if answer.asset_id and answer.asset_id.lower() != asset_id:
            about = shorten(answer.asset_id)
            raise ApiError(
                f"Taking snapshots failed: the answer is about another asset, {about}", outcome_unknown=True
            )
        return answer.thumbnail_task_id[:_LONGEST_ID]

    return await client.change("process", prepare, send)


async def statuses(client: VodClient, asset_ids: Sequence[str]) -> dict[str, str]:
    """The `thumbnail_status` of at most IDS_PER_CALL assets, by ID; unknown assets are missing."""
    query = "&".join(f"asset_id={asset_id}" for asset_id in asset_ids)
    found = (await client.page(f"{query}&page=0&size={len(asset_ids)}")).assets
    return {one.asset_id.lower(): one.thumbnail_status for one in found}


async def last_task(client: VodClient, asset_id: str) -> str:
    """WAITING, PROCESSING, SUCCEED or FAILED, of the asset's newest snapshot task; "" where none is known, or the
    service has no such call or does not allow it."""
    root, _, project = client.base.removesuffix("/asset").rpartition("/v1.0/")
    url = f"{root}/v1/{project}/asset/tasks?type=THUMBNAIL&asset_id={asset_id}"
    try:
        tasks = (await client.get("tasks", url, schemas.AssetTasks)).results
    except ApiError as error:
        if error.status in (403, 404):
            return ""
        raise
    return max(tasks, key=lambda task: task.create_time).status if tasks else ""
