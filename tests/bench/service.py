"""A small VOD without quota and signature checks, as server.py starts it.

Any asset has details, 3.2 KB each, and its cover is snapshot 0 until another is set; the first ASSETS are listed.
With --copies a cover is a copy at a URL of its own.
`/requests` tells how many calls of each kind there were.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import socket
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from aiohttp import web
from server import asset_id

REACH = 20_000
"""No page of the list ends beyond this, and its total stops here."""
FIRST, SPAN = datetime(2024, 1, 1, tzinfo=UTC), timedelta(days=700)
"""When the first listed asset was created, and over how long the others follow, evenly."""


def snapshot(asset: str, offset: int) -> str:
    """On the host that is asked, which also serves the pictures."""
    return f"{{host}}/asset/{asset}/snapshot/sample/{offset}.jpg"


def details(asset: str, cover: str) -> str:
    sample = [{"offset": offset, "url": snapshot(asset, offset)} for offset in range(0, 220, 10)]
    document = {
        "asset_id": asset,
        "base_info": {"title": f"Asset {asset}", "cover_info_array": [{"cover_url": cover}]},
        "thumbnail_info": {"sample": sample, "thumbnail_status": "THUMBNAIL_SUCCEED"},
    }
    return json.dumps(document)


def picture(path: str, covers: Mapping[str, str]) -> bytes:
    """The path of the snapshot that it shows."""
    asset = path.split("/")[2]
    if path.endswith("/cover/Cover0.jpg"):
        path = covers.get(asset, f"/asset/{asset}/snapshot/sample/0.jpg")
        path = path[path.index("/asset/") :]
    return path.encode()


class Service:
    def __init__(self, latency: float, assets: int, *, copies: bool) -> None:
        self.latency = latency
        self.copies = copies
        self.created = [f"{FIRST + SPAN * n / assets:%Y%m%d%H%M%S}" for n in range(assets)]
        self.covers: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        # Filling in is quicker than serialising, and the benchmark's subject is the client.
        self.template = details("{asset}", "{cover}")

    async def arrives(self, kind: str) -> None:
        self.counts[kind] += 1
        if self.latency:
            await asyncio.sleep(self.latency)

    def cover_of(self, asset: str) -> str:
        if self.copies:
            return f"{{host}}/asset/{asset}/cover/Cover0.jpg"
        return self.covers.get(asset) or snapshot(asset, 0)

    async def details(self, request: web.Request) -> web.Response:
        await self.arrives("details")
        asset = request.query["asset_id"]
        text = self.template.replace("{cover}", self.cover_of(asset)).replace("{asset}", asset)
        text = text.replace("{host}", f"http://{request.host}")
        return web.Response(text=text, content_type="application/json")

    async def cover(self, request: web.Request) -> web.Response:
        url = str((await request.json())["thumbnailUrl"])
        await self.arrives("cover")
        found = re.search(r"/asset/([0-9a-f]{32})/", url)
        if found is None:
            return web.json_response({"error_code": "VOD.10062", "error_msg": "no such picture"}, status=400)
        self.covers[found[1]] = url
        return web.Response(status=204)

    async def listed(self, request: web.Request) -> web.Response:
        await self.arrives("list")
        page, size = int(request.query["page"]), int(request.query["size"])
        if (page + 1) * size > REACH:
            return web.json_response({"error_code": "VOD.10053", "error_msg": "beyond the list"}, status=400)
        first = bisect_left(self.created, request.query.get("start_time", ""))
        last = bisect_right(self.created, request.query.get("end_time", "9"))
        numbers = range(first, last)[page * size : (page + 1) * size]
        body = {"total": min(last - first, REACH), "assets": [self.summary(number) for number in numbers]}
        text = json.dumps(body).replace("{host}", f"http://{request.host}")
        return web.Response(text=text, content_type="application/json")

    def summary(self, number: int) -> dict[str, object]:
        asset = asset_id(number)
        return {
            "asset_id": asset,
            "title": f"Asset {asset}",
            "covers": [{"cover_url": self.cover_of(asset)}],
            "create_time": self.created[number],
            "asset_status": "PUBLISHED",
            "thumbnail_status": "THUMBNAIL_SUCCEED",
        }

    async def info(self, request: web.Request) -> web.Response:
        await self.arrives("info")
        found = [
            {
                "asset_id": asset,
                "base_info": {"title": asset, "cover_info_array": [{"cover_url": self.cover_of(asset)}]},
            }
            for asset in request.query.getall("asset_id")
        ]
        text = json.dumps({"asset_info_array": found}).replace("{host}", f"http://{request.host}")
        return web.Response(text=text, content_type="application/json")

    async def picture(self, request: web.Request) -> web.Response:
        self.counts["picture"] += 1
        body = picture(request.path, self.covers)
        tag = {"ETag": f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'}
        return web.Response(body=body, content_type="image/jpeg", headers=tag)

    async def requests(self, _: web.Request) -> web.Response:
        return web.json_response(self.counts)

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/v1.0/{project}/asset/details", self.details)
        application.router.add_put("/v1.0/{project}/asset/cover", self.cover)
        application.router.add_get("/v1.0/{project}/asset/list", self.listed)
        application.router.add_get("/v1.0/{project}/asset/info", self.info)
        application.router.add_get("/asset/{path:.*}", self.picture)
        application.router.add_get("/requests", self.requests)
        return application


async def serve(service: Service) -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    runner = web.AppRunner(service.application(), access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("latency", type=float, help="seconds before each answer")
    parser.add_argument("assets", type=int, help="how many are listed")
    parser.add_argument("--copies", action="store_true", help="covers are copies")
    given = parser.parse_args()
    asyncio.run(serve(Service(given.latency, given.assets, copies=given.copies)))


if __name__ == "__main__":
    main()
