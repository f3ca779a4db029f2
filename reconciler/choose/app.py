"""The page's server: rows and pictures out, choices in, and what was reviewed into the files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Any, get_args

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from reconciler.choose import rows
from reconciler.choose.choices import Chosen
from reconciler.choose.items import FILTERS, Item
from reconciler.choose.pictures import WIDTHS
from reconciler.choose.review import Conflict, Edit
from reconciler.choose.workspace import RefusedError, Workspace
from reconciler.decide.taking import last_second
from reconciler.decide.verdict import snapshot_at
from reconciler.errors import DesiredError, ReconcileError, sentences
from reconciler.model import NoAnswer, Observed, SetName
from reconciler.observe.thumbnails import Thumbnail
from reconciler.util.ids import ID
from reconciler.util.sanitize import clean, hide

_MOST_BODY = 64 * 1024
_MOST_ROWS = 200
_LONGEST_QUERY = 200
_STATIC = re.compile(r"[a-z]{1,40}\.(?:css|js|svg)")
_KINDS = {"css": "text/css", "html": "text/html", "js": "text/javascript", "svg": "image/svg+xml"}
_TOKENS = re.compile(
    r"^(?::root \{.*?^\}|@media \(prefers-color-scheme: dark\) \{\n  :root \{.*?^\})", re.MULTILINE | re.DOTALL
)


class ChooseApp:
    """
    Args:
        place: region and project, in words.
    """

    def __init__(self, workspace: Workspace, place: str) -> None:
        self._workspace = workspace
        self._place = place

    def starlette(self) -> Starlette:
        routes = [
            Route("/", self._page),
            Route("/static/{name}", self._static),
            Route("/api/state", self._state),
            Route("/api/assets", self._assets),
            Route("/api/assets/{asset_id}", self._asset),
            Route("/api/choose", self._choose, methods=["POST"]),
            Route("/api/undo", self._undo, methods=["POST"]),
            Route("/api/review", self._review),
            Route("/api/write", self._write, methods=["POST"]),
            Route("/api/carry", self._carry, methods=["POST"]),
            Route("/picture/{asset_id}/{what}", self._picture),
        ]
        handlers: dict[Any, Callable[..., Any]] = {ReconcileError: _failed, RefusedError: _refused}
        return Starlette(routes=routes, exception_handlers=handlers)

    async def _page(self, _: Request) -> Response:
        return _static_file("index.html")

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name == "tokens.css":
            style = files("reconciler").joinpath("report/templates/style.css").read_text(encoding="utf-8")
            return Response("\n".join(_TOKENS.findall(style)), media_type=_KINDS["css"])
        return _static_file(name) if _STATIC.fullmatch(name) else PlainTextResponse("Not found.\n", 404)

    async def _state(self, _: Request) -> Response:
        there = self._workspace
        reader = there.reader
        return JSONResponse(
            {
                "project": self._place,
                "version": there.items.version,
                "reading": {"done": reader.done, "total": reader.total, "waiting": hide(clean(reader.waiting))},
                "counts": there.items.counts(),
                "files": [clean(file) for file in there.state.files],
                "unwritten": len(there.choices),
            }
        )

    async def _assets(self, request: Request) -> Response:
        query, items = request.query_params, self._workspace.items
        filtered = next((name for name in FILTERS if name == query.get("filter", "all")), None)
        if filtered is None:
            raise RefusedError(f"filter must be one of {', '.join(FILTERS)}")
        text = query.get("q", "")[:_LONGEST_QUERY]
        found = items.select(filtered, query.get("file", ""), text, by_creation=query.get("sort") == "created")
        offset, limit = _number(query.get("offset", "0")), min(_number(query.get("limit", "100")), _MOST_ROWS)
        found_rows = [self._row(item) for item in found[offset : offset + limit]]
        return JSONResponse({"version": items.version, "total": len(found), "offset": offset, "rows": found_rows})

    async def _asset(self, request: Request) -> Response:
        item = self._item(request.path_params["asset_id"])
        observed = await self._workspace.reader.observed(item.asset_id)
        row = self._row(item)
        if isinstance(observed, NoAnswer):
            return JSONResponse({**row, "sets": [], "can_take": False, "message": rows.text(observed.message)})
        names = sorted({snapshot.set for snapshot in observed.snapshots}, key=get_args(SetName).index)
        marks = await self._workspace.marks(item, observed)
        sets = [{"name": name, "snapshots": rows.snapshots(item, marks, observed, name)} for name in names]
        last = last_second(observed)
        return JSONResponse(
            {
                **row,
                "sets": sets,
                "can_take": not observed.audio,
                "last_second": last,
                "file": clean(self._workspace.file_of(item)),
                "files": [clean(file) for file in self._workspace.state.files],
            }
        )

    async def _choose(self, request: Request) -> Response:
        body = await _body(request)
        item = self._item(body.get("asset_id"))
        observed = await self._workspace.reader.observed(item.asset_id)
        if isinstance(observed, NoAnswer):
            raise RefusedError(observed.message)
        await self._workspace.choose(item, _chosen(body, observed), observed)
        return JSONResponse(self._row(item))

    async def _undo(self, request: Request) -> Response:
        body = await _body(request)
        if body.get("all") is True:
            return JSONResponse({"undone": self._workspace.undo()})
        item = self._item(body.get("asset_id"))
        self._workspace.undo(item.asset_id)
        return JSONResponse(self._row(item))

    async def _review(self, _: Request) -> Response:
        return JSONResponse(await self._reviewed())

    async def _write(self, request: Request) -> Response:
        body = await _body(request)
        done = await self._workspace.write(str(body.get("digest", "")))
        if done is None:
            return JSONResponse({"error": "Something changed since the review. Look at it again."}, 409)
        return JSONResponse(
            {
                "written": [clean(one.file) for one in done if isinstance(one, Edit)],
                "left": [rows.conflict(one) for one in done if isinstance(one, Conflict)],
                "next": ["git diff", "reconcile plan"],
            }
        )

    async def _carry(self, request: Request) -> Response:
        await _body(request)
        self._workspace.reload()
        return JSONResponse(await self._reviewed())

    async def _picture(self, request: Request) -> Response:
        item, what = self._item(request.path_params["asset_id"]), request.path_params["what"]
        width = WIDTHS[1] if request.query_params.get("size") == str(WIDTHS[1]) else WIDTHS[0]
        url = {"cover": item.cover_url, "wanted": item.wanted_url}.get(what, "")
        if not url and what not in ("cover", "wanted"):
            observed = await self._workspace.reader.observed(item.asset_id)
            snapshots = observed.snapshots if isinstance(observed, Observed) else ()
            url = next((one.url for one in snapshots if rows.key(one) == what), "")
        made = await self._workspace.thumbnails.get(url, width) if url else NoAnswer("content_unavailable", "None.")
        if isinstance(made, NoAnswer):
            return PlainTextResponse(f"{rows.text(made.message)}\n", 404)
        return _webp(made)

    def _row(self, item: Item) -> dict[str, Any]:
        return rows.row(item, self._workspace.choices.get(item.asset_id))

    async def _reviewed(self) -> dict[str, Any]:
        there = self._workspace
        return rows.reviewed(await there.review(), there.choices, there.items)

    def _item(self, asset_id: object) -> Item:
        """
        Raises:
            RefusedError: there is no such asset.
        """
        item = self._workspace.items.get(asset_id) if isinstance(asset_id, str) and ID.fullmatch(asset_id) else None
        if item is None:
            raise RefusedError("There is no such asset.")
        return item


def _chosen(body: dict[str, Any], observed: Observed) -> Chosen:
    """
    Raises:
        RefusedError: there is no such snapshot, and none can be taken there.
    """
    file = body.get("file")
    second = body.get("take")
    if isinstance(second, int) and not isinstance(second, bool):
        last = last_second(observed)
        if second < 0 or observed.audio or (last is not None and second > last):
            raise RefusedError(f"There is no frame at {second} s.")
        there = snapshot_at(observed, "dots", second)
        return Chosen(
            "dots", there.index if there is not None else None, second, file if isinstance(file, str) else ""
        )
    wanted = (body.get("set"), body.get("index"))
    found = next((one for one in observed.snapshots if (one.set, one.index) == wanted), None)
    if found is None:
        raise RefusedError("There is no such snapshot.")
    return Chosen(found.set, found.index, found.offset, file if isinstance(file, str) else "")


def _number(text: str) -> int:
    return int(text) if re.fullmatch("[0-9]{1,7}", text) else 0


def _webp(made: Thumbnail) -> Response:
    return Response(made.webp, media_type="image/webp", headers={"Cache-Control": "private, max-age=60"})


def _static_file(name: str) -> Response:
    try:
        data = files("reconciler").joinpath("choose/static", name).read_bytes()
    except FileNotFoundError:
        return PlainTextResponse("Not found.\n", 404)
    kind = f"{_KINDS[name.rpartition('.')[2]]}; charset=utf-8"
    return Response(data, media_type=kind, headers={"Cache-Control": "no-cache"})


async def _body(request: Request) -> dict[str, Any]:
    """
    Raises:
        RefusedError: it is not a JSON object, or too large.
    """
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > _MOST_BODY:
            raise RefusedError("The request is too large.")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RefusedError("The request is not JSON.") from error
    if not isinstance(body, dict):
        raise RefusedError("The request is not a JSON object.")
    return body


async def _refused(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": rows.text(str(error))}, 400)


async def _failed(_: Request, error: Exception) -> Response:
    text = error.text if isinstance(error, ReconcileError) else str(error)
    if isinstance(error, DesiredError):
        text = sentences(text, *(f"{one.file}:{one.line}: {one.message}" for one in error.problems[:3]))
    return JSONResponse({"error": rows.text(text)}, 502)
