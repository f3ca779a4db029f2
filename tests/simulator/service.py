"""The cloud as the tool meets it: VOD's calls and the CDN, over one world, in one verb's weather."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import re
import signal
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx

from simulator import network
from simulator.pictures import recoded
from simulator.weather import COVERS, SNAPSHOTS, Weather
from simulator.world import COVER, TAKING, Asked, Asset, World

ENDPOINT = "https://vod.cn-north-4.myhuaweicloud.com"
PROJECT = "0123456789abcdef0123456789abcdef"
SIGNATURE = "5ec2e7c0de5ec2e7c0de"
UPLOADS = "upload.vod.example.com"
_PICTURE = re.compile(r"/asset/([0-9a-f]{32})/(.+)")


@dataclass(frozen=True, slots=True)
class Manners:
    """How a CDN host behaves.

    Attributes:
        head: see weather.HEADS.
        packed: it compresses most answers, whatever is asked for.
    """

    head: str
    packed: bool


@dataclass(eq=False)
class Service:
    """Answers requests.

    Attributes:
        foreign: assets whose snapshots' URLs name another asset.
        refuses_uploads: covers can be set to snapshots only.
        weather: of the present verb. `interrupted`: Ctrl-C was pressed in it.
    """

    world: World
    hosts: dict[str, Manners]
    seed: int
    foreign: frozenset[str] = frozenset()
    weather: Weather = field(default_factory=Weather)
    interrupted: bool = False
    refuses_uploads: bool = False
    _count: Counter[tuple[str, ...]] = field(default_factory=Counter)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(self._draw("latency", str(request.url.path)).uniform(0.005, 0.4))
        self.world.advance()
        if self.world.clock.time >= self.weather.interrupted and not self.interrupted:
            self.weather.interrupted, self.interrupted = self.world.clock.time, True
            self.world.note("Ctrl-C")
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0)
        if request.url.host in self.hosts:
            return await self._picture(request)
        if request.url.host == UPLOADS:
            return await self._upload(request)
        if self.world.clock.time >= self.weather.revoked:
            self._note(request, "", "api", 401, "401")
            return network.refusal(401)
        name = request.url.path.rpartition("/")[2]
        if request.method == "PUT" and name == "cover":
            return await self._set_cover(request)
        if request.method == "PUT" and name == "asset":
            return self._announce(request)
        if request.method == "GET" and name == "details":
            return await self._details(request)
        if request.method == "GET" and name == "list":
            return self._list(request)
        self._note(request, "", "api", 404, "no such call")
        return network.refusal(404, "APIGW.0101")

    def _draw(self, *what: str) -> random.Random:
        """Chance that depends on nothing but the seed, the request and how often it came."""
        self._count[what] += 1
        return random.Random(f"{self.seed} {self.world.verb} {what} {self._count[what]}")

    def _note(
        self, request: httpx.Request, asset_id: str, route: str, status: int, fault: str = "", **more: Any
    ) -> None:
        world, path = self.world, more.get("path", "")
        told = f"{request.method} {route} {path} -> {status or 'no answer'}{f' ({fault})' if fault else ''}"
        if more.get("effect"):
            told += " (it took effect)"
        if more.get("body"):
            told += f" {_short(more['body'])}"
        world.log.append(
            Asked(
                world.clock.time, world.verb, asset_id, told, method=request.method, route=route, status=status,
                fault=fault, **more,
            )
        )  # fmt: skip

    async def _details(self, request: httpx.Request) -> httpx.Response:
        asset_id = parse_qs(request.url.query.decode())["asset_id"][0]
        now = self.world.clock.time
        asset = self.world.assets.get(asset_id)
        fault = self.weather.of("details", asset_id)
        kind = fault.next() if fault else ""
        if kind:
            self._note(request, asset_id, "details", 0, kind)
            return await network.api_fault(kind, self._told(asset, now) if asset else {})
        if asset is None or not asset.exists.at(now):
            self._note(request, asset_id, "details", 400, "no such asset")
            return network.refusal(400, "VOD.10062")
        told = self._told(asset, now)
        self._note(request, asset_id, "details", 200, path=asset.url.at(now) or "(no cover)")
        return network.as_json(told, packed=self._draw("packed", asset_id).random() < 0.1)

    def _told(self, asset: Asset, now: float) -> dict[str, Any]:
        """The details; every URL that they name counts as given."""
        path, status = asset.url.at(now), asset.status.at(now)
        covers = [{"cover_url": self._url(asset, path, now)}] if path else None
        info: dict[str, Any] = {"thumbnail_status": status}
        if status != TAKING:
            for one in asset.snapshots.at(now):
                url = self._url(asset, one.path, now)
                info.setdefault(one.set, []).append({"offset": one.offset, "url": url})
            for listed in info.values():
                if isinstance(listed, list):
                    self._draw("order", asset.asset_id).shuffle(listed)
        base = {"title": asset.title, "cover_info_array": covers}
        return {"asset_id": asset.asset_id, "base_info": base, "thumbnail_info": info}

    def _url(self, asset: Asset, path: str, now: float) -> str:
        asset_id = asset.asset_id
        if asset_id in self.foreign and path.startswith("snapshot/"):
            asset_id = next(one for one in self.world.assets if one != asset.asset_id)
        rng = self._draw("url", asset.asset_id)
        prefix = rng.choice(("", "", "/shield"))
        url = f"https://{asset.host}{prefix}/asset/{asset_id}/{path}?auth_key={rng.getrandbits(40)}-{SIGNATURE}"
        asset.given.setdefault(url, now)
        return url

    def _list(self, request: httpx.Request) -> httpx.Response:
        now = self.world.clock.time
        query = parse_qs(request.url.query.decode())
        page, size = int(query.get("page", ["0"])[0]), int(query.get("size", ["10"])[0])
        there = [asset for asset in self.world.assets.values() if asset.exists.at(now)]
        self._note(request, "", "list", 200)
        assets = [
            {
                "asset_id": asset.asset_id,
                "title": asset.title,
                "covers": [{"cover_url": self._url(asset, asset.url.at(now), now)}] if asset.url.at(now) else [],
                "create_time": "20260101000000",
                "asset_status": "PUBLISHED",
                "thumbnail_status": asset.status.at(now),
            }
            for asset in there[page * size : (page + 1) * size]
        ]
        return network.as_json({"total": len(there), "assets": assets})

    async def _set_cover(self, request: httpx.Request) -> httpx.Response:
        url = str(json.loads(request.content)["thumbnailUrl"])
        named = _PICTURE.search(httpx.URL(url).path)
        asset_id, path = (named[1], named[2]) if named else ("", "")
        now, asset = self.world.clock.time, self.world.assets.get(asset_id)
        snapshot = asset.by_path(path, now) if asset is not None and asset.exists.at(now) else None
        fault = self.weather.of("cover", asset_id)
        kind = fault.next() if fault else ""
        if asset is None or snapshot is None:
            self._note(request, asset_id, "cover", 400, "no such picture", path=path, url=url)
            return network.refusal(400, "VOD.10062")
        effect = not kind or kind.endswith(" done")
        body = snapshot.body.at(now)
        if effect:
            self.world.set_cover(asset, snapshot, now, self.world.actor)
        status = 0 if kind else 204
        self._note(
            request, asset_id, "cover", status, kind, path=path, url=url, body=body, effect=effect, accepted=not kind
        )
        return await network.api_fault(kind, None) if kind else network.answer(204)

    def _announce(self, request: httpx.Request) -> httpx.Response:
        """Where to upload a cover; some services refuse it."""
        asset_id = str(json.loads(request.content)["asset_id"])
        asset = self.world.assets[asset_id]
        if not asset.exists.at(self.world.clock.time) or self.refuses_uploads:
            self._note(request, asset_id, "asset", 400, "refused")
            return network.refusal(400, "VOD.10060")
        self._note(request, asset_id, "asset", 200)
        url = f"https://{UPLOADS}/{asset_id}?Signature={SIGNATURE}"
        return network.as_json({"asset_id": asset_id, "cover_upload_url": url})

    async def _upload(self, request: httpx.Request) -> httpx.Response:
        asset_id, now = request.url.path.strip("/"), self.world.clock.time
        asset = self.world.assets[asset_id]
        fault = self.weather.of("cover", asset_id)
        kind = fault.next() if fault else ""
        effect = asset.exists.at(now) and (not kind or kind.endswith(" done"))
        if effect:
            self.world.restore(asset, request.content, now, self.world.actor)
        status, url = 0 if kind else 200, str(request.url)
        self._note(
            request, asset_id, "upload", status, kind, url=url, body=request.content, effect=effect, accepted=not kind
        )
        return await network.api_fault(kind, None) if kind else network.answer(200)

    async def _picture(self, request: httpx.Request) -> httpx.Response:
        named = _PICTURE.search(request.url.path)
        if named is None:
            self._note(request, "", "page", 200)
            return network.answer(200, network.PAGE, Content_Type="text/html")
        asset_id, path = named[1], named[2]
        manners, now = self.hosts[request.url.host], self.world.clock.time
        body = self._body(asset_id, path, now)
        if body is None:
            self._note(request, asset_id, "picture", 404, "no such picture", path=path)
            return network.answer(404)
        fault = self.weather.of(COVERS if path == COVER else SNAPSHOTS, asset_id)
        head = request.method == "HEAD"
        kind = fault.next() if fault and (fault.heads or not head) else ""
        if kind:
            self._note(request, asset_id, "picture", 0, kind, path=path)
            elsewhere = f"https://{request.url.host}/login"
            return network.answer(403) if head else await network.picture_fault(kind, body, elsewhere)
        etag = hashlib.md5(body).hexdigest()
        if manners.head == "other etag":
            etag = hashlib.md5(request.url.host.encode()).hexdigest()
        if head:
            return self._head(request, asset_id, path, body, manners, etag)
        self._note(request, asset_id, "picture", 200, path=path, body=body)
        packed = manners.packed and self._draw("packed", asset_id, path).random() < 0.7
        return network.picture(body, packed=packed, etag="" if manners.head == "no etag" else etag)

    def _head(
        self, request: httpx.Request, asset_id: str, path: str, body: bytes, manners: Manners, etag: str
    ) -> httpx.Response:
        self._note(request, asset_id, "picture", 200, path=path)
        length = {} if manners.head == "no length" else {"Content_Length": str(len(body))}
        if manners.head == "wrong length":
            length = {"Content_Length": str(len(body) + len(path))}
        tag = {} if manners.head == "no etag" else {"ETag": f'"{etag}"'}
        if manners.head in ("refused", "missing"):
            return network.answer(405 if manners.head == "refused" else 404)
        return network.answer(200, b"", Content_Type="image/jpeg", **length, **tag)

    def _body(self, asset_id: str, path: str, now: float) -> bytes | None:
        asset = self.world.assets.get(asset_id)
        if asset is None or not asset.exists.at(now):
            return None
        if path == COVER:
            return self._draw("edge", asset_id).choice(asset.edges).at(now)
        snapshot = asset.by_path(path, now)
        return snapshot.body.at(now) if snapshot else None


def _short(body: bytes) -> str:
    """How the log names a picture."""
    return f"#{hashlib.sha256(body).hexdigest()[:6]}"


def names(asset: Asset, body: bytes | None, at: float) -> str:
    """What a picture is, as far as the model knows."""
    if body is None:
        return "none"
    for one in asset.snapshots.at(at):
        if one.body.at(at) == body:
            return f"{_short(body)} = {one.path}"
        if recoded_or_none(one.body.at(at)) == body:
            return f"{_short(body)} = {one.path} re-encoded"
    return f"{_short(body)}, none of its snapshots"


def recoded_or_none(body: bytes) -> bytes | None:
    try:
        return recoded(body)
    except OSError:
        return None
