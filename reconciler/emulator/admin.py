"""Calls for tests, beside the API: without credentials, quotas, faults and the request log."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import JSONResponse, Response

from reconciler.emulator.refusal import illegal, not_there
from reconciler.emulator.store import AssetFilter

if TYPE_CHECKING:
    from starlette.requests import Request

    from reconciler.emulator.world import World


class Logged(NamedTuple):
    """A request and its status; status 0: no answer was sent."""

    method: str
    path: str
    query: str
    status: int


class Log:
    """Requests in the order in which they ended, and their number by call."""

    def __init__(self) -> None:
        self.requests: list[Logged] = []
        self.counts: Counter[str] = Counter()

    def add(self, entry: Logged, template: str) -> None:
        self.requests.append(entry)
        self.counts[f"{entry.method} {template}"] += 1

    async def show(self, _: Request) -> Response:
        """`GET /_emulator/requests`"""
        return JSONResponse({"counts": self.counts, "requests": [entry._asdict() for entry in self.requests]})


async def upload(world: World, request: Request) -> Response:
    """`POST /_emulator/cover?asset_id=ID`: the request body becomes the cover at once."""
    asset_id, picture, now = request.query_params.get("asset_id", ""), await request.body(), world.clock()
    if not picture:
        raise illegal("The request body must be a picture.")
    if world.store.asset(asset_id, now) is None:
        raise not_there()
    world.store.upload_cover(asset_id, picture, now)
    return Response(status_code=204)


async def delete(world: World, request: Request) -> Response:
    """`DELETE /_emulator/asset?asset_id=ID`: somebody deletes it."""
    world.store.delete(request.query_params.get("asset_id", ""))
    return Response(status_code=204)


async def catalogue(world: World, _: Request) -> Response:
    """`GET /_emulator/catalogue`: every listed asset."""
    _total, assets = world.store.page(AssetFilter(), world.clock())
    found = [
        {
            "asset_id": asset.asset_id,
            "title": asset.title,
            "thumbnail_status": asset.state,
            "sets": asset.sets,
            "cover": {"kind": asset.kind, "snapshot": asset.path or None},
        }
        for asset in assets
    ]
    return JSONResponse({"assets": found})
