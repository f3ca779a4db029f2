"""The four calls of the VOD API: details, info, list and cover."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.responses import JSONResponse, Response

from reconciler.emulator import words
from reconciler.emulator.catalogue import ODD
from reconciler.emulator.refusal import Refusal, illegal, not_there
from reconciler.emulator.store import AssetFilter

if TYPE_CHECKING:
    from starlette.requests import Request

    from reconciler.emulator.world import World

_CATEGORIES = {"base_info", "transcode_info", "thumbnail_info", "review_info"}
_ID = re.compile(r"[0-9a-f]{32}")
_IDS_A_CALL = 10
_SIZE, _MOST = 10, 100
_REACH = 20_000
_UNSUPPORTED = {"tags", "category", "category_id", "order", "order_by"}


async def details(world: World, request: Request) -> Response:
    """`GET /v1.0/{project_id}/asset/details`"""
    asset_id = request.query_params.get("asset_id", "")
    if not _ID.fullmatch(asset_id):
        raise illegal("asset_id must have 32 hex digits.")
    named = [part for value in request.query_params.getlist("categories") for part in value.split(",")]
    wanted = {part for part in named if part} or _CATEGORIES
    if not wanted <= _CATEGORIES:
        raise illegal(f"categories must be one or more of {', '.join(sorted(_CATEGORIES))}.")
    if asset_id == ODD["api_error"]:
        raise Refusal(500, "VOD.10051", "The service has an internal error.")
    asset = world.store.asset(asset_id, world.clock())
    if asset is None:
        raise not_there()
    body: dict[str, object] = {"asset_id": asset_id}
    if "base_info" in wanted:
        body["base_info"] = words.base_info(world.urls, asset)
    thumbnails = words.thumbnail_info(world.urls, asset) if "thumbnail_info" in wanted else None
    if thumbnails is not None:
        body["thumbnail_info"] = thumbnails
    return JSONResponse(body)


async def info(world: World, request: Request) -> Response:
    """`GET /v1.0/{project_id}/asset/info`: by IDs (unknown ones are returned as NO_ASSET) or in pages."""
    asset_ids = _asset_ids(request)
    skip, limit = (0, -1) if asset_ids else _page(request)
    total, found = world.store.page(_selection(request, asset_ids), world.clock(), skip=skip, limit=limit)
    known = {
        asset.asset_id: {
            "asset_id": asset.asset_id,
            "status": "PUBLISHED",
            "description": "",
            "base_info": words.base_info(world.urls, asset),
        }
        for asset in found
    }
    array = [known.get(asset_id, {"asset_id": asset_id, "status": "NO_ASSET"}) for asset_id in asset_ids or known]
    truncated = 0 if asset_ids else int(skip + len(found) < total)
    return JSONResponse({"asset_info_array": array, "is_truncated": truncated, "total": min(total, _REACH)})


async def listed(world: World, request: Request) -> Response:
    """`GET /v1.0/{project_id}/asset/list`. As the SDK documents it, `total` is at most 20,000."""
    skip, limit = _page(request)
    chosen = _selection(request, _asset_ids(request))
    total, found = world.store.page(chosen, world.clock(), skip=skip, limit=limit)
    assets = [words.summary(world.urls, asset) for asset in found]
    return JSONResponse({"total": min(total, _REACH), "assets": assets})


async def cover(world: World, request: Request) -> Response:
    """`PUT /v1.0/{project_id}/asset/cover`: sets the cover of the asset that the path of the URL names."""
    try:
        url = json.loads(await request.body())["thumbnailUrl"]
        path = urlsplit(url).path
    except (ValueError, TypeError, KeyError, AttributeError):
        raise illegal('The request body must be {"thumbnailUrl": "..."}.') from None
    named = words.snapshot_named(path) if isinstance(path, str) else None
    if named is None:
        raise not_there()
    asset_id, set_name, offset = named
    now = world.clock()
    asset = world.store.asset(asset_id, now)
    if asset is None or offset not in asset.sets.get(set_name, ()):
        raise not_there()
    mode = world.options.cover_mode
    until = now + world.options.propagation
    world.store.put_cover(asset_id, mode, f"{set_name}/{offset}", now=now, visible_at=until)
    return Response(status_code=204)


def _asset_ids(request: Request) -> list[str]:
    """Repeated, or in one parameter with commas, as the official SDK sent them at first."""
    given = ",".join(request.query_params.getlist("asset_id"))
    asset_ids = list(dict.fromkeys(part for part in given.split(",") if part))
    if len(asset_ids) > _IDS_A_CALL:
        raise illegal(f"A call accepts at most {_IDS_A_CALL} asset_id.")
    return asset_ids


def _page(request: Request) -> tuple[int, int]:
    page, size = _number(request, "page", 0), _number(request, "size", _SIZE)
    if not 1 <= size <= _MOST:
        raise illegal(f"size must be from 1 to {_MOST}.")
    if (page + 1) * size > _REACH:
        raise illegal(f"(page + 1) * size must not be over {_REACH}.")
    return page * size, size


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise illegal(f"{name} must be a whole number.")
    return int(text)


def _selection(request: Request, asset_ids: list[str]) -> AssetFilter:
    unsupported = sorted(_UNSUPPORTED & request.query_params.keys())
    if unsupported:
        raise illegal(f"The emulator does not know the filter {unsupported[0]}.")
    start, end = (request.query_params.get(name) for name in ("start_time", "end_time"))
    return AssetFilter(
        asset_ids=asset_ids,
        statuses=request.query_params.getlist("status"),
        text=request.query_params.get("query_string", ""),
        start=None if start is None else words.moment(start, "start_time"),
        end=None if end is None else words.moment(end, "end_time"),
    )
