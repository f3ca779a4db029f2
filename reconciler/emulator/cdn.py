"""Pictures as a CDN serves them: GET and HEAD, under any prefix, conditional ones too."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections import Counter
from typing import TYPE_CHECKING

from starlette.responses import Response

from reconciler.emulator import anti_leech, pictures, words
from reconciler.emulator.refusal import Refusal

if TYPE_CHECKING:
    from starlette.requests import Request

    from reconciler.emulator.options import ETag
    from reconciler.emulator.store import StoredAsset
    from reconciler.emulator.world import World


class Cdn:
    """The edges of the CDN, which answer in turn."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._asked: Counter[str] = Counter()

    async def picture(self, request: Request) -> Response:
        """`/asset/{id}/snapshot/{set}/{offset}.jpg` and `/asset/{id}/cover/Cover0.jpg`"""
        options, rest = self._world.options, request.path_params["rest"]
        if request.method == "HEAD" and not options.head:
            raise Refusal(405, "CDN.405", "HEAD is not supported here.", {"Allow": "GET"})
        anti_leech.check(options, request, self._world.clock())
        found = self._found(rest, self._edge(rest))
        if found is None:
            raise Refusal(404, "CDN.404", "The picture does not exist.")
        tag = _etag(options.etag, found)
        headers = {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", **({"ETag": tag} if tag else {})}
        if _not_modified(request.headers.get("if-none-match"), tag, always=options.etag == "always-304"):
            return Response(status_code=304, headers=headers)
        return Response(found.data, media_type=found.media_type, headers=headers)

    def _edge(self, rest: str) -> float:
        """The moment whose covers the edge shows that answers this request. Counting by picture makes it independent
        of the order in which parallel requests arrive."""
        self._asked[rest] += 1
        first = self._asked[rest] % 2 == 1
        return self._world.clock() - (0 if first else self._world.options.edge_delay)

    def _found(self, rest: str, moment: float) -> pictures.GeneratedPicture | None:
        store = self._world.store
        cover = re.fullmatch(rf"([0-9a-f]{{32}})/cover/{re.escape(self._world.options.cover_name)}", rest)
        if cover is not None:
            asset = store.asset(cover[1], moment)
            return None if asset is None else self._cover(asset, moment)
        named = words.snapshot_named(f"/asset/{rest}")
        if named is None:
            return None
        asset_id, set_name, offset = named
        asset = store.asset(asset_id, moment)
        if asset is None or offset not in asset.sets.get(set_name, ()):
            return None
        return pictures.drawn(asset_id, set_name, offset, unit=self._unit)

    def _cover(self, asset: StoredAsset, moment: float) -> pictures.GeneratedPicture | None:
        if asset.kind == "custom":
            data = self._world.store.uploaded(asset.asset_id, moment)
            if data is not None:
                return pictures.uploaded(data)
            return pictures.drawn(asset.asset_id, "upload", 0, unit=self._unit)
        if not asset.path:
            return None
        set_name, _, offset = asset.path.partition("/")
        render = pictures.recoded if asset.kind == "recode" else pictures.drawn
        return render(asset.asset_id, set_name, int(offset), unit=self._unit)

    @property
    def _unit(self) -> int:
        return pictures.ONE_LENGTH if self._world.options.etag == "same" else pictures.LENGTH_UNIT


def _etag(kind: ETag, found: pictures.GeneratedPicture) -> str | None:
    match kind:
        case "md5" | "always-304":
            return f'"{found.md5}"'
        case "weak":
            return f'W/"{found.md5}"'
        case "random":
            return f'"{secrets.token_hex(12)}"'
        case "wrong":
            return f'"{hashlib.md5(found.md5.encode(), usedforsecurity=False).hexdigest()}"'
        case "same":
            return '"v1-always-the-same"'
        case "none":
            return None


def _not_modified(asked: str | None, tag: str | None, *, always: bool) -> bool:
    """Whether If-None-Match names this ETag; weak and strong ones are the same here."""
    if asked is None or always:
        return asked is not None
    named = {part.strip().removeprefix("W/") for part in asked.split(",")}
    return "*" in named or (tag is not None and tag.removeprefix("W/") in named)
