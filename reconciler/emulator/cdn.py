"""Pictures as a CDN serves them: GET and HEAD, under any prefix, without credentials."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from starlette.responses import Response

from reconciler.emulator import pictures, words
from reconciler.emulator.refusal import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

    from reconciler.emulator.store import StoredAsset
    from reconciler.emulator.world import World

_COVER = re.compile(r"([0-9a-f]{32})/cover/Cover0\.jpg")


async def picture(world: World, request: Request) -> Response:
    """`/asset/{id}/snapshot/{set}/{offset}.jpg` and `/asset/{id}/cover/Cover0.jpg`"""
    if request.method == "HEAD" and not world.options.head:
        raise Refusal(405, "CDN.405", "HEAD is not supported here.", {"Allow": "GET"})
    found = _found(world, request.path_params["rest"])
    if found is None:
        raise Refusal(404, "CDN.404", "The picture does not exist.")
    headers = {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
    match world.options.etag:
        case "md5":
            headers["ETag"] = f'"{found.md5}"'
        case "random":
            headers["ETag"] = f'"{secrets.token_hex(12)}"'
        case "same":
            headers["ETag"] = '"v1-always-the-same"'
    return Response(found.data, media_type=found.media_type, headers=headers)


def _found(world: World, rest: str) -> pictures.GeneratedPicture | None:
    now = world.clock()
    cover = _COVER.fullmatch(rest)
    if cover is not None:
        asset = world.store.asset(cover[1], now)
        return None if asset is None else _cover(world, asset, now)
    named = words.snapshot_named(f"/asset/{rest}")
    if named is None:
        return None
    asset_id, set_name, offset = named
    asset = world.store.asset(asset_id, now)
    if asset is None or offset not in asset.sets.get(set_name, ()):
        return None
    return pictures.drawn(asset_id, set_name, offset, unit=_unit(world))


def _cover(world: World, asset: StoredAsset, now: float) -> pictures.GeneratedPicture | None:
    if asset.kind == "custom":
        data = world.store.uploaded(asset.asset_id, now)
        if data is not None:
            return pictures.uploaded(data)
        return pictures.drawn(asset.asset_id, "upload", 0, unit=_unit(world))
    if not asset.path:
        return None
    set_name, _, offset = asset.path.partition("/")
    render = pictures.recoded if asset.kind == "recode" else pictures.drawn
    return render(asset.asset_id, set_name, int(offset), unit=_unit(world))


def _unit(world: World) -> int:
    return pictures.ONE_LENGTH if world.options.etag == "same" else pictures.LENGTH_UNIT
