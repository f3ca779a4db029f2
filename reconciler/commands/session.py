"""Everything that talks to one project, opened and closed together."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from reconciler import __version__
from reconciler.config import EMULATOR, Credentials, Settings
from reconciler.errors import StateError, UsageError, not_installed
from reconciler.model import Rate
from reconciler.observe.pictures import Pictures
from reconciler.state import folder
from reconciler.util.clock import Clock, SystemClock
from reconciler.vod.auth import AccessKey, AccessKeyAuth, Login, LoginAuth, TokenAuth
from reconciler.vod.client import RateLimiters, VodClient
from reconciler.vod.fast_client import FastHttpClient
from reconciler.vod.iam import find_project
from reconciler.vod.rate_limit import RateLimiter
from reconciler.vod.redis_rate_limit import RedisStore, RedisWindow
from reconciler.vod.responses import ApiConnection
from reconciler.vod.transport import Transport, is_near, is_public

_AGENT = {"User-Agent": f"reconcile/{__version__}", "Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Session:
    """One project, ready to be asked."""

    client: VodClient
    pictures: Pictures
    clock: Clock
    folder: Path
    """The state folder; it need not exist yet."""
    endpoint: str
    region: str | None
    project_id: str


@asynccontextmanager
async def open_session(settings: Settings) -> AsyncIterator[Session]:
    """Connects to the project that the settings name.

    Raises:
        ReconcileError: the project can't be found, or the emulator is not installed.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        if settings.emulated:
            yield await _emulated(settings, clock, stack)
        else:
            yield await _connected(settings, clock, stack)


async def _connected(settings: Settings, clock: Clock, stack: AsyncExitStack) -> Session:
    auth = _auth(settings, clock)
    transport = Transport()
    outside = Transport(is_near if settings.loopback else is_public)
    api = FastHttpClient(base_url=settings.endpoint, auth=auth, transport=transport, headers=_AGENT)
    pictures = httpx.AsyncClient(transport=outside, headers=_AGENT, timeout=settings.timeout, trust_env=False)
    await stack.enter_async_context(api)
    await stack.enter_async_context(pictures)
    project_id = settings.project_id
    if project_id is None:
        line = ApiConnection(api, clock, settings.timeout)
        project_id = await find_project(line, settings.iam_endpoint or "", settings.region or "")
    if isinstance(auth, AccessKeyAuth):
        api.headers["X-Project-Id"] = project_id
    return _session(settings, clock, stack, api, pictures, settings.region, project_id)


def _session(
    settings: Settings,
    clock: Clock,
    stack: AsyncExitStack,
    api: FastHttpClient,
    pictures: httpx.AsyncClient,
    region: str | None,
    project_id: str,
) -> Session:
    store = RedisStore(settings.quota_store) if settings.quota_store else None
    if store is not None:
        stack.push_async_callback(store.aclose)

    def window(name: str, rate: Rate) -> RateLimiter:
        # A call is granted, made within the time-out, and answered; twice that is dead for certain.
        lease = 2 * settings.timeout
        shared = RedisWindow(store, f"{settings.endpoint}:{name}", rate, lease) if store else None
        opened = RateLimiter(rate, clock, shared)
        stack.push_async_callback(opened.aclose)
        return opened

    windows = RateLimiters(window("reads", settings.read_rate), window("writes", settings.write_rate))
    return Session(
        client=VodClient(ApiConnection(api, clock, settings.timeout), project_id, windows),
        pictures=Pictures(pictures, trusted=settings.loopback, clock=clock, timeout=settings.timeout),
        clock=clock,
        folder=folder.locate(settings.state_dir, settings.endpoint, project_id),
        endpoint=settings.endpoint,
        region=region,
        project_id=project_id,
    )


async def _emulated(settings: Settings, clock: Clock, stack: AsyncExitStack) -> Session:
    """The emulator in this process: same client, no port, its own credentials and project."""
    try:
        from reconciler.emulator import options
        from reconciler.emulator.app import create_app
    except ModuleNotFoundError as error:
        raise not_installed(error, "The emulator", "emulator") from error
    file = settings.endpoint.removeprefix(EMULATOR).removeprefix(":")
    home = folder.locate(settings.state_dir, EMULATOR, options.PROJECT_ID)
    store = Path(file) if file else folder.make(home) / "emulator.sqlite"
    if not store.parent.is_dir():
        raise UsageError(f"The emulator's file {file} can't be there: there is no folder {store.parent}")
    base = "http://emulator.localhost"
    try:
        transport = httpx.ASGITransport(create_app(store, options.EmulatorOptions(), base))
    except (OSError, sqlite3.Error) as error:
        raise StateError(
            f"{store} can't be used: {error}", hint="Choose another: --endpoint emulator:FILE."
        ) from error
    auth = AccessKeyAuth(AccessKey(options.ACCESS_KEY, options.SECRET_KEY), clock)
    api = FastHttpClient(base_url=base, auth=auth, transport=transport, headers=_AGENT)
    pictures = httpx.AsyncClient(transport=transport, headers=_AGENT, trust_env=False)
    await stack.enter_async_context(api)
    await stack.enter_async_context(pictures)
    return _session(settings, clock, stack, api, pictures, options.REGION, options.PROJECT_ID)


def _auth(settings: Settings, clock: Clock) -> httpx.Auth:
    given: Credentials = settings.credentials
    if given.access_key is not None:
        return AccessKeyAuth(AccessKey(*given.access_key), clock)
    if given.token is not None:
        return TokenAuth(given.token)
    if given.login is None or settings.iam_endpoint is None:
        raise UsageError("No credentials")
    user, password, domain = given.login
    return LoginAuth(Login(user, password, domain, settings.region or ""), settings.iam_endpoint)
