"""Snapshots on demand and uploaded covers: tasks that take time, are billed per picture, and change the cover."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from reconciler.emulator import pictures, words
from reconciler.emulator.refusal import Refusal, illegal, not_there

if TYPE_CHECKING:
    from starlette.requests import Request

    from reconciler.emulator.store import StoredAsset
    from reconciler.emulator.world import World

_MOST_DOTS = 10
_ID = re.compile(r"[0-9a-f]{32}")
_KINDS = {"JPG": "image/jpeg", "PNG": "image/png"}


async def process(world: World, request: Request) -> Response:
    """`POST /v1.0/{project_id}/asset/process` with a thumbnail of type dots: takes snapshots. 202."""
    body = await words.json_body(request)
    asset = _asset(world, body)
    thumbnail = body.get("thumbnail")
    if not isinstance(thumbnail, dict) or thumbnail.get("type") != "dots":
        raise illegal("The emulator takes thumbnails of type dots only.")
    dots = thumbnail.get("dots")
    if not isinstance(dots, list) or not dots or len(dots) > _MOST_DOTS or not all(_is_second(dot) for dot in dots):
        raise illegal(f"thumbnail.dots must be 1 to {_MOST_DOTS} whole seconds.")
    if max(dots) * 1000 >= words.duration_ms(asset):
        raise illegal("thumbnail.dots must lie within the video.")
    position = thumbnail.get("cover_position", 1)
    if not isinstance(position, int):
        raise illegal("thumbnail.cover_position must be a whole number.")
    cover = dots[position - 1] if 1 <= position <= len(dots) else None
    now, options = world.clock(), world.options
    started = world.store.start_task(
        asset.asset_id, dots, cover, now=now, done_at=now + options.task_seconds, most_failing=options.failing_tasks
    )
    if started is None:
        raise Refusal(400, "VOD.10083", "Another task of this asset is being processed.")
    return JSONResponse({"asset_id": asset.asset_id, "thumbnail_task_id": started}, 202)


async def listed(world: World, request: Request) -> Response:
    """`GET /v1/{project_id}/asset/tasks`: the snapshot tasks of an asset, the newest first."""
    if request.query_params.get("type") != "THUMBNAIL":
        raise illegal("The emulator knows tasks of the type THUMBNAIL only.")
    found = [
        {
            "type": "THUMBNAIL",
            "asset_id": task.asset_id,
            "status": task.status,
            "create_time": words.written(task.created),
            "end_time": words.written(task.done_at) if task.status in ("SUCCEED", "FAILED") else "",
        }
        for task in world.store.tasks(request.query_params.get("asset_id", ""), world.clock())
    ]
    return JSONResponse({"results": found, "count": len(found), "next_marker": ""})


async def request_upload(world: World, request: Request) -> Response:
    """`PUT /v1.0/{project_id}/asset` with cover_type and cover_md5: where to upload a cover."""
    body = await words.json_body(request)
    asset = _asset(world, body)
    if world.options.uploads == "refuse":
        raise Refusal(400, "VOD.10060", "The asset is not in a state that allows it.")
    kind, md5 = body.get("cover_type"), body.get("cover_md5")
    if kind not in _KINDS or not isinstance(md5, str) or _digest(md5) is None:
        raise illegal("cover_type must be JPG or PNG, and cover_md5 the MD5 in base64.")
    until = int(world.clock() + world.options.upload_seconds)
    name = f"{asset.asset_id}.{kind.lower()}"
    url = f"{world.urls.base}/upload/{name}?expires={until}&md5={_digest(md5)}&sign={_sign(name, until, md5)}"
    return JSONResponse({"asset_id": asset.asset_id, "cover_upload_url": url})


async def upload(world: World, request: Request) -> Response:
    """`PUT /upload/{name}`: the bytes, with Content-Type and Content-MD5 as they were announced."""
    name, query = request.path_params["name"], request.query_params
    match = re.fullmatch(r"([0-9a-f]{32})\.(jpg|png)", name)
    given = request.headers.get("content-md5", "")
    until = query.get("expires", "")
    if match is None or not until.isdigit() or query.get("sign") != _sign(name, int(until), given):
        raise Refusal(403, "OBS.SignatureDoesNotMatch", "The signature or the MD5 does not match.")
    if int(until) <= world.clock():
        raise Refusal(403, "OBS.AccessDenied", "The request has expired.")
    body = await request.body()
    if base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode() != given:
        raise Refusal(400, "OBS.BadDigest", "The Content-MD5 is not that of the body.")
    if request.headers.get("content-type") != _KINDS[match[2].upper()]:
        raise Refusal(403, "OBS.SignatureDoesNotMatch", "The Content-Type does not match.")
    if world.options.cover_mode == "recode":
        body = pictures.reencoded(body)
    now = world.clock()
    world.store.upload_cover(match[1], body, now, visible_at=now + world.options.propagation)
    return Response(status_code=200)


async def billing(world: World, _: Request) -> Response:
    """`GET /_emulator/billing`: how many tasks were accepted, and how many pictures they were asked for."""
    tasks, pictures = world.store.billed()
    return JSONResponse({"tasks": tasks, "pictures": pictures})


def _asset(world: World, body: dict[str, Any]) -> StoredAsset:
    asset_id = body.get("asset_id")
    if not isinstance(asset_id, str) or not _ID.fullmatch(asset_id):
        raise illegal("asset_id must have 32 hex digits.")
    asset = world.store.asset(asset_id, world.clock())
    if asset is None:
        raise not_there(403)
    return asset


def _is_second(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _digest(md5: str) -> str | None:
    try:
        found = base64.b64decode(md5, validate=True)
    except (binascii.Error, ValueError):
        return None
    return found.hex() if len(found) == 16 else None


def _sign(name: str, until: int, md5: str) -> str:
    return hashlib.sha256(f"upload {name} {until} {md5}".encode()).hexdigest()[:32]
