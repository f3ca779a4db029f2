"""A stand-in for the server of `reconcile choose`: what the page asks, in memory, with assets and pictures made up.

It speaks the protocol and knows nothing of clouds or files, so that the page is tested by itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from socket import create_server
from typing import Any

from PIL import Image, ImageDraw
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

import reconciler
from support.command_line import serving

STATIC = Path(reconciler.__file__).parent / "choose" / "static"
STYLE = Path(reconciler.__file__).parent / "report" / "templates" / "style.css"
TOKEN = "a-token-of-the-test"
CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
FILES = ("desired/a.yaml", "desired/campaigns/春季 spring.yaml")
TITLES = (
    "Opening keynote",
    "新手入门：第一课",
    "Quarterly results, with questions",
    "产品发布会（完整版）",
    "Harbour at dawn",
)
HOSTILE = "</span><script>document.title='ran'</script><img src=http://127.0.0.1:9/x onerror=alert(1)>\u202e{{7*7}}"
STEP = 5
"""Seconds between two snapshots."""

Json = dict[str, Any]
Handler = Callable[[Request], Awaitable[Response]]


class ChooseFake:
    """The assets, what is chosen, and whatever a test wants to go wrong.

    Every eighth asset is to change, every fortieth has a black cover. Of the first ones, 3 has no snapshots, 5 has a
    hostile title, 6 an unreadable picture, 7 no file, and 9 may have snapshots taken.
    """

    def __init__(self, count: int = 40) -> None:
        self.assets = {asset_id: n for n in range(count) for asset_id in [f"{n:08x}{'ab' * 12}"]}
        self.chosen: dict[str, Json] = {}
        self.asked: list[str] = []
        self.posted: list[tuple[str, Json]] = []
        self.reading: Json = {"done": count, "total": count, "waiting": ""}
        self.conflict = ""
        self.version = 1
        self.written: set[str] = set()
        self.meanwhile: Callable[[], None] = lambda: None
        """Called just before something is written."""
        self.delay = 0.0
        """Seconds until an asset's snapshots are answered."""

    def state(self, n: int) -> str:
        if n == 3:
            return "unknown"
        if n % 10 == 7:
            return "unmanaged"
        return "update" if n % 8 == 0 else "ignored" if n % 13 == 1 else "in_sync"

    def snapshots(self, n: int) -> int:
        return 0 if n == 3 else 6 + n % 7

    def title(self, n: int) -> str:
        return HOSTILE if n == 5 else f"{TITLES[n % len(TITLES)]} {n}" if n % 17 != 12 else ""

    def file(self, n: int) -> str:
        return FILES[n % len(FILES)]

    def picture(self, n: int, index: int) -> Json:
        blank = "nearly black" if index == 0 and n % 40 == 0 else ""
        problem = "its CDN answered HTTP 403" if n == 6 and index == 2 else ""
        url = "" if problem else f"/picture/{n}/{index}"
        return {"name": f"sample[{index}] 0:{index * STEP:02d}", "url": url, "blank": blank, "problem": problem}

    def row(self, asset_id: str) -> Json:
        n = self.assets[asset_id]
        state, some = self.state(n), self.snapshots(n) > 0
        managed = state not in ("unmanaged", "ignored") and some
        wanted = self.wanted(n)
        chosen = self.chosen.get(asset_id)
        return {
            "asset_id": asset_id,
            "title": self.title(n),
            "state": state,
            "place": "" if state == "unmanaged" else f"{self.file(n)}:{n + 3}",
            "reason": "" if some else "no_snapshots",
            "message": "" if some else "It has no snapshots.",
            "note": "the logo, not the crowd" if n == 2 else "",
            "cover": self.picture(n, 0) if some else None,
            "wanted": self.picture(n, wanted) if managed else None,
            "chosen": self.chosen_picture(n, chosen) if chosen else None,
        }

    def wanted(self, n: int) -> int:
        return 2 if self.state(n) == "update" else 0

    def chosen_picture(self, n: int, chosen: Json) -> Json:
        if "take" in chosen:
            name = f"dots 0:{chosen['take']:02d} (to be taken, billed)"
            return {"name": name, "url": "", "blank": "", "problem": ""}
        return self.picture(n, chosen["index"])

    def asset(self, asset_id: str) -> Json:
        n = self.assets[asset_id]
        row, chosen = self.row(asset_id), self.chosen.get(asset_id, {})
        snapshots = [
            {
                "index": index,
                "offset": index * STEP,
                "time": f"0:{index * STEP:02d}",
                "picture": self.picture(n, index),
                "cover": index == 0,
                "wanted": row["wanted"] is not None and index == self.wanted(n),
                "chosen": chosen.get("index") == index,
            }
            for index in range(self.snapshots(n))
        ]
        return row | {
            "sets": [{"name": "sample", "snapshots": snapshots}, {"name": "dots", "snapshots": []}],
            "can_take": n == 9,
            "last_second": 61 if n == 9 else None,
            "file": self.file(n),
            "files": list(FILES),
        }

    def found(self, query: dict[str, str]) -> list[str]:
        kinds: dict[str, Callable[[str, int], bool]] = {
            "drifted": lambda _, n: self.state(n) == "update",
            "unknown": lambda _, n: self.state(n) == "unknown",
            "unmanaged": lambda _, n: self.state(n) == "unmanaged",
            "chosen": lambda asset_id, _: asset_id in self.chosen,
            "blank": lambda _, n: n % 40 == 0,
        }
        kind = kinds.get(query.get("filter", "all"))
        text, file = query.get("q", "").casefold(), query.get("file", "")
        found = [
            asset_id
            for asset_id, n in self.assets.items()
            if (kind is None or kind(asset_id, n))
            and (not text or text in self.title(n).casefold() or text in asset_id)
            and (not file or (self.file(n) == file and self.state(n) != "unmanaged"))
        ]
        return found[::-1] if query.get("sort") == "created" else found

    def overview(self) -> Json:
        kinds = ("all", "drifted", "unknown", "unmanaged", "chosen", "blank")
        return {
            "project": "cn-north-4 / 0123456789abcdef0123456789abcdef",
            "version": self.version,
            "reading": self.reading,
            "counts": {kind: len(self.found({"filter": kind})) for kind in kinds},
            "files": list(FILES),
            "unwritten": len(self.chosen),
        }

    def review(self) -> Json:
        items, lines = [], []
        for asset_id, chosen in sorted(self.chosen.items()):
            n = self.assets[asset_id]
            row = self.row(asset_id)
            after = chosen.get("index", chosen.get("take"))
            items.append(
                {
                    "asset_id": asset_id,
                    "title": row["title"],
                    "place": row["place"],
                    "before": row["cover"],
                    "after": row["chosen"],
                    "text": f"{asset_id}: {self.wanted(n)}  ->  {asset_id}: {after}",
                    "conflict": f"{self.conflict} changed on disk." if self.conflict == self.file(n) else "",
                }
            )
            lines += [f"@@ -{n + 3} +{n + 3} @@", f"-  {asset_id}: {self.wanted(n)}", f"+  {asset_id}: {after}"]
        head = ["--- desired/a.yaml", "+++ desired/a.yaml"]
        conflicts = (
            [{"file": self.conflict, "message": "changed on disk since it was read."}] if self.conflict else []
        )
        return {
            "digest": hashlib.sha256(repr((sorted(self.chosen.items()), self.conflict)).encode()).hexdigest(),
            "items": items,
            "diff": "\n".join([*head, *lines, ""]) if items else "",
            "conflicts": conflicts,
        }


@lru_cache(maxsize=4096)
def drawn(n: int, index: int, width: int) -> bytes:
    """A frame that differs from the others of its asset; the first one of every fortieth asset is black."""
    height = width * 9 // 16
    hue = (n * 47 + index * 23) % 256
    dark = index == 0 and n % 40 == 0
    picture = Image.new("HSV", (width, height), (hue, 110, 0 if dark else 190)).convert("RGB")
    if not dark:
        draw = ImageDraw.Draw(picture)
        at = width * (index % 8) // 9
        draw.rectangle((0, height * 2 // 3, width, height), fill=(40, 52, 60))
        draw.ellipse((at, height // 5, at + width // 5, height // 5 + width // 5), fill=(250, 240, 215))
        draw.polygon(
            [(0, height * 2 // 3), (width // 3, height // 3), (width * 2 // 3, height * 2 // 3)], fill=(70, 86, 92)
        )
    data = io.BytesIO()
    picture.save(data, "WEBP", quality=70)
    return data.getvalue()


class _Routes:
    def __init__(self, fake: ChooseFake) -> None:
        self.fake = fake

    async def index(self, request: Request) -> Response:
        if request.query_params.get("token") == TOKEN:
            answer: Response = RedirectResponse("/", 303)
            answer.set_cookie("token", TOKEN, httponly=True, samesite="strict")
            return answer
        return FileResponse(STATIC / "index.html")

    async def static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name == "tokens.css":
            style = STYLE.read_text(encoding="utf-8")
            return Response(style[: style.index("*, ::before")], media_type="text/css")
        return FileResponse(STATIC / name)

    async def picture(self, request: Request) -> Response:
        n, index = request.path_params["n"], request.path_params["index"]
        if n == 6 and index == 4:
            return Response("its bytes are no picture", 404)
        width = int(request.query_params["size"])
        data = await asyncio.to_thread(drawn, n, index, width)
        return Response(data, media_type="image/webp", headers={"cache-control": "max-age=60"})

    async def state(self, request: Request) -> Response:
        return JSONResponse(self.fake.overview())

    async def assets(self, request: Request) -> Response:
        query = dict(request.query_params)
        found = self.fake.found(query)
        offset, limit = int(query["offset"]), int(query["limit"])
        rows = [self.fake.row(asset_id) for asset_id in found[offset : offset + limit]]
        return JSONResponse({"version": self.fake.version, "total": len(found), "offset": offset, "rows": rows})

    async def asset(self, request: Request) -> Response:
        await asyncio.sleep(self.fake.delay)
        return JSONResponse(self.fake.asset(request.path_params["asset_id"]))

    async def review(self, request: Request) -> Response:
        return JSONResponse(self.fake.review())

    async def post(self, request: Request) -> Response:
        body = await request.json()
        name = request.path_params["name"]
        self.fake.posted.append((name, body))
        answer: Response = getattr(self, f"_{name}")(body)
        self.fake.version += 1
        return answer

    def _choose(self, body: Json) -> Response:
        asset_id = body.pop("asset_id")
        self.fake.chosen[asset_id] = body
        return JSONResponse(self.fake.row(asset_id))

    def _undo(self, body: Json) -> Response:
        if body.get("all"):
            undone = len(self.fake.chosen)
            self.fake.chosen.clear()
            return JSONResponse({"undone": undone})
        self.fake.chosen.pop(body["asset_id"], None)
        return JSONResponse(self.fake.row(body["asset_id"]))

    def _write(self, body: Json) -> Response:
        self.fake.meanwhile()
        if body["digest"] != self.fake.review()["digest"]:
            return JSONResponse({"error": "Something changed since the review."}, 409)
        left = {
            asset_id
            for asset_id in self.fake.chosen
            if self.fake.file(self.fake.assets[asset_id]) == self.fake.conflict
        }
        written = sorted({self.fake.file(self.fake.assets[asset_id]) for asset_id in self.fake.chosen.keys() - left})
        self.fake.written |= self.fake.chosen.keys() - left
        self.fake.chosen = {asset_id: self.fake.chosen[asset_id] for asset_id in left}
        kept = [{"file": self.fake.conflict, "message": "changed on disk."}] if left else []
        return JSONResponse({"written": written, "left": kept, "next": ["git diff", "reconcile plan"]})

    def _carry(self, body: Json) -> Response:
        self.fake.conflict = ""
        return JSONResponse(self.fake.review())


class _Guarded:
    """Sets the policy, notes what was asked, and lets nobody in without the token."""

    def __init__(self, fake: ChooseFake) -> None:
        routes = _Routes(fake)
        self._fake = fake
        self._app = Starlette(
            routes=[
                Route("/", routes.index),
                Route("/static/{name}", routes.static),
                Route("/picture/{n:int}/{index:int}", routes.picture),
                Route("/api/state", routes.state),
                Route("/api/assets", routes.assets),
                Route("/api/assets/{asset_id}", routes.asset),
                Route("/api/review", routes.review),
                Route("/api/{name}", routes.post, methods=["POST"]),
            ]
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope)
        self._fake.asked.append(request.url.path)

        async def with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", CSP.encode())]
            await send(message)

        if request.url.path.startswith("/api/") and request.cookies.get("token") != TOKEN:
            await JSONResponse({"error": "no token"}, 403)(scope, receive, with_policy)
        else:
            await self._app(scope, receive, with_policy)


@contextmanager
def choose_fake(fake: ChooseFake) -> Iterator[str]:
    """Serves it on a free port of the loopback interface; yields the address with the token."""
    with closing(create_server(("127.0.0.1", 0))) as listening, serving(_Guarded(fake), listening):
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/?token={TOKEN}"
