"""The emulator as an ASGI app: routes, and the checks that a request passes before its handler."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.emulator import admin, cdn, faults, iam, sts, tasks, vod
from reconciler.emulator.auth import CredentialCheck
from reconciler.emulator.quota import Quota
from reconciler.emulator.refusal import Refusal
from reconciler.emulator.store import AssetStore
from reconciler.emulator.words import PictureUrls
from reconciler.emulator.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Message, Receive, Scope, Send

    from reconciler.emulator.options import EmulatorOptions

Handler = Callable[[Request], Awaitable[Response]]
_TEMPLATE = "reconciler.emulator.template"
_ADMIN = "/_emulator/"
_ASSET = "/v1.0/{project_id}/asset"
_PICTURE = "/asset/{rest:path}"


def create_app(
    state: Path, options: EmulatorOptions, base_url: str, *, clock: Callable[[], float] = time.time
) -> Emulator:
    """Creates the emulator over this SQLite file; a file that does not exist is created and filled.

    Args:
        base_url: the start of picture URLs, for example `http://127.0.0.1:8080`; not stored.
        clock: seconds since the epoch.

    Raises:
        OSError, sqlite3.Error: the file cannot be used.
    """
    store = AssetStore(
        state,
        assets=options.assets,
        odd_assets=options.odd_assets,
        mode=options.cover_mode,
        dots=options.dots,
        propagation=options.propagation,
        history=options.edge_delay,
    )
    urls = PictureUrls(base_url.rstrip("/"), options.cover_name, signed=options.anti_leech is None)
    return Emulator(World(store, options, urls, clock))


class Emulator(Starlette):
    """The app. `state.requests` is the list of requests so far: (method, path, query, status)."""

    def __init__(self, world: World) -> None:
        self._latency = world.options.latency / 1000
        self._log = admin.Log()
        super().__init__(
            routes=_routes(world, self._log),
            exception_handlers={Refusal: _refused, 404: _no_such_call, 405: _no_such_call, ClientDisconnect: _gone},
        )
        self.state.requests = self._log.requests
        self.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_ADMIN):
            await super().__call__(scope, receive, send)
            return
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if scope.get(faults.DROPPED):
                return
            if message["type"] == "http.response.start":
                status = message["status"]
                request_id = ("x-request-id", uuid.uuid4().hex)
                message["headers"] = [*message["headers"], tuple(part.encode() for part in request_id)]
            await send(message)

        # Faults that drop the connection get at it through this function of the server.
        scope[faults.RAW_SEND] = send
        await asyncio.sleep(self._latency)
        try:
            await super().__call__(scope, receive, watched)
        finally:
            query = scope["query_string"].decode("latin-1")
            entry = admin.Logged(scope["method"], scope["path"], query, status)
            self._log.add(entry, scope.get(_TEMPLATE, scope["path"]))


def _routes(world: World, log: admin.Log) -> list[Route]:
    auth, rules = CredentialCheck(world.clock, world.options.key_seconds), faults.Faults(world.options.faults)
    reads, writes = (Quota(rate, world.clock) for rate in world.options.rates())

    def guarded(
        name: str, template: str, handler: Handler, *, quota: Quota | None = None, signed: bool = True
    ) -> Handler:
        async def endpoint(request: Request) -> Response:
            request.scope[_TEMPLATE] = template
            body = await request.body()
            if signed:
                auth.check(request, body)
            if quota is not None:
                quota.take()
            return await faults.answer(rules.next(name, request, body), partial(handler, request))

        return endpoint

    def call(
        method: str, path: str, name: str, handler: Handler, *, quota: Quota | None = None, signed: bool = True
    ) -> Route:
        return Route(path, guarded(name, path, handler, quota=quota, signed=signed), methods=[method])

    picture = guarded("picture", _PICTURE, cdn.Cdn(world).picture, signed=False)
    return [
        call("GET", f"{_ASSET}/details", "details", partial(vod.details, world), quota=reads),
        call("GET", f"{_ASSET}/info", "info", partial(vod.info, world), quota=reads),
        call("GET", f"{_ASSET}/list", "list", partial(vod.listed, world), quota=reads),
        call("PUT", f"{_ASSET}/cover", "cover", partial(vod.cover, world), quota=writes),
        call("POST", "/v3/auth/tokens", "token", partial(iam.token, auth), signed=False),
        call("GET", "/v3/projects", "projects", iam.projects),
        call("POST", f"{_ASSET}/process", "process", partial(tasks.process, world), quota=writes),
        call("GET", "/v1/{project_id}/asset/tasks", "tasks", partial(tasks.listed, world), quota=reads),
        call("PUT", _ASSET, "asset", partial(tasks.request_upload, world), quota=writes),
        call("PUT", "/upload/{name}", "upload", partial(tasks.upload, world), signed=False),
        *_temporary_keys(auth, call),
        *(Route(f"/{version}/{{rest:path}}", _no_such_api) for version in ("v1", "v1.0", "v1.1", "v3", "v3.0", "v5")),
        Route(_PICTURE, picture),
        Route("/{prefix:path}" + _PICTURE, picture),
        Route(f"{_ADMIN}requests", log.show),
        Route(f"{_ADMIN}cover", partial(admin.upload, world), methods=["POST"]),
        Route(f"{_ADMIN}asset", partial(admin.delete, world), methods=["DELETE"]),
        Route(f"{_ADMIN}catalogue", partial(admin.catalogue, world)),
        Route(f"{_ADMIN}billing", partial(tasks.billing, world)),
    ]


def _temporary_keys(auth: CredentialCheck, call: Callable[..., Route]) -> list[Route]:
    oidc, agency = "/v5/agencies/assume-with-oidc", "/v3.0/OS-CREDENTIAL/securitytokens"
    session, keys = "/meta-data/latest/api/token", "/openstack/latest/securitykey"
    return [
        call("POST", oidc, "sts", partial(sts.assume_with_oidc, auth), signed=False),
        call("POST", agency, "agency", partial(sts.assume_agency, auth)),
        call("GET", "/v5/caller-identity", "identity", sts.caller_identity),
        call("PUT", session, "metadata", sts.metadata_session, signed=False),
        call("GET", keys, "metadata", partial(sts.metadata_keys, auth), signed=False),
        call("GET", "/github/id-token", "github", sts.github_token, signed=False),
    ]


async def _no_such_api(request: Request) -> Response:
    return await _no_such_call(request, Exception())


async def _refused(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, Refusal):
        raise refusal
    return refusal.response()


async def _gone(_: Request, __: Exception) -> Response:
    """The client has disconnected; this answer reaches no one."""
    return Response(status_code=499)


async def _no_such_call(request: Request, _: Exception) -> Response:
    message = f"The API does not exist or has not been published in the environment: {request.method}"
    return Refusal(404, "APIGW.0101", message).response()
