"""The connection to one project: `connect` makes a `Run` a `ConnectedRun`, and opens and closes everything."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import httpx

from reconciler import __version__
from reconciler.commands.context import Run
from reconciler.commands.credentials import open_credentials
from reconciler.config import EMULATOR, Settings
from reconciler.desired import lock_line
from reconciler.documents.write import Origin
from reconciler.errors import StateError, UsageError, not_installed
from reconciler.model import Desired, DesiredState, Plan
from reconciler.observe.pictures import Pictures
from reconciler.planning.planner import Planner
from reconciler.planning.selection import Selection
from reconciler.planning.taking import Taking
from reconciler.state import folder
from reconciler.state.project_state import ProjectState, Remembered
from reconciler.state.shared import SharedState
from reconciler.util.atomic_files import check_links
from reconciler.util.clock import Clock, SystemClock
from reconciler.util.rate import Rate
from reconciler.vod.addresses import is_near, is_public
from reconciler.vod.anti_leech import SigningTransport, signer
from reconciler.vod.auth import AccessKey, AccessKeyAuth
from reconciler.vod.bodies import IDENTITY
from reconciler.vod.client import RateLimiters, VodClient
from reconciler.vod.fast_client import FastHttpClient
from reconciler.vod.iam import find_project
from reconciler.vod.key_sources import KeySource
from reconciler.vod.rate_limit import RateLimiter
from reconciler.vod.redis_rate_limit import RedisStore, RedisWindow
from reconciler.vod.responses import ApiConnection
from reconciler.vod.transport import Transport
from reconciler.vod.uploads import CoverUploads
from reconciler.vod.waits import Tell

_AGENT = {"User-Agent": f"reconcile/{__version__}", "Accept": "application/json", **IDENTITY}


@dataclass(frozen=True, slots=True)
class Session:
    """The clients for one project, and what is remembered of it."""

    client: VodClient
    pictures: Pictures
    uploads: CoverUploads
    clock: Clock
    state: ProjectState
    endpoint: str
    region: str | None
    project_id: str


@dataclass(frozen=True, slots=True)
class ConnectedRun(Run):
    """A run that can talk to its project."""

    settings: Settings
    session: Session

    @property
    def origin(self) -> Origin:
        session = self.session
        return Origin(session.endpoint, session.region, session.project_id, session.clock.now())

    async def make_planner(self, state: DesiredState | None = None) -> Planner:
        """A planner with what is remembered, and with the lock lines of the desired covers."""
        return await self.planner_with(await self.session.state.recall(), state)

    async def planner_with(self, remembered: Remembered, state: DesiredState | None) -> Planner:
        taking = None
        if self.options.changes.take_snapshots:
            taking = Taking(partial(_locked_dot, state), await self.session.state.open_tasks())
        return Planner(
            self.session.client,
            self.session.pictures,
            remembered.memory,
            self.options.compare,
            self.options.changes.replace_unreadable,
            remembered.recent,
            locked=(state or DesiredState((), ())).locked,
            keep_snapshots=self.options.reports.pictures > 0,
            remembers=remembered.complete and not self._starts_with_nothing,
            taking=taking,
        )

    async def make_plan(self, planner: Planner, covers: Sequence[Desired], left_out: Collection[str] = ()) -> Plan:
        """Plans the selected entries.

        Args:
            left_out: IDs of the other entries of the desired files.
        """
        selection = Selection(self.options.targets, self.options.excludes, left_out=left_out)
        with self.terminal.progress("Reading", len(covers), self.settings.read_quota) as advance:
            plan = await planner.make_plan(covers, selection, self.settings.parallelism, advance)
        if self._starts_with_nothing and (plan.changes or plan.unknown):
            self.terminal.note(
                "Warning: this CI runner remembers nothing: covers that were applied within the last five minutes "
                "may be shown as drift, and re-encoded covers cannot be recognized. Share the state: --state.\n"
            )
        return plan

    @property
    def _starts_with_nothing(self) -> bool:
        """Whether this is a CI runner without any state."""
        state = self.session.state
        return bool(os.environ.get("CI")) and state.shared is None and state.is_empty


def _locked_dot(state: DesiredState | None, desired: Desired) -> int | None:
    """The second of the dot that the lock line of the entry's asset names, also where the entry names another now."""
    text = state.lock_text(desired) if state is not None else None
    line = lock_line.parsed(text) if text is not None else None
    return line.offset if line is not None and line.set == "dots" else None


def open_state(settings: Settings, clock: Clock, tell: Tell, keys: KeySource | None = None) -> ProjectState:
    """What is remembered of the project that the settings name.

    Args:
        keys: to sign requests to OBS with.

    Raises:
        StateError: the state folder cannot be used.
        UsageError: nor can the shared state.
    """
    project_id = settings.project_id or ""
    home = folder.locate(settings.state_dir, settings.endpoint, project_id)
    shared = None
    if settings.shared_state:
        from reconciler.state import store_address
        from reconciler.state.folder_store import FolderStore
        from reconciler.state.object_store import ObjectStore

        address = store_address.parse(settings.shared_state, settings.region)
        store = ObjectStore(address, project_id, keys)
        shared = SharedState(store, clock, FolderStore(home / "shared"))
    return ProjectState(home, settings.endpoint, project_id, clock, shared, tell)


@asynccontextmanager
async def connect(run: Run, settings: Settings) -> AsyncIterator[ConnectedRun]:
    """Connects to the project that the settings name.

    Raises:
        ReconcileError: the project cannot be found, or the emulator is not installed.
    """
    clock, stack = SystemClock(), AsyncExitStack()

    def tell(sentence: str) -> None:
        run.terminal.note(f"{sentence}\n")

    try:
        opened = await (_emulated if settings.emulated else _connected)(settings, clock, stack, tell)
        yield ConnectedRun(run.options, run.terminal, settings, opened)
    finally:
        try:
            await stack.aclose()
        except Exception as error:  # noqa: BLE001 the work is done, and its report comes
            run.terminal.note(f"Warning: a connection could not be closed: {type(error).__name__}\n")


async def _connected(settings: Settings, clock: Clock, stack: AsyncExitStack, tell: Tell) -> Session:
    transport = Transport()
    stack.push_async_callback(transport.aclose)
    iam = FastHttpClient(base_url=settings.endpoint, transport=transport, headers=_AGENT)
    auth, keys = await open_credentials(settings, ApiConnection(iam, clock, settings.timeout, tell))
    outside = Transport(is_near if settings.loopback else is_public)
    api = FastHttpClient(base_url=settings.endpoint, auth=auth, transport=transport, headers=_AGENT)
    await stack.enter_async_context(api)
    connection = ApiConnection(api, clock, settings.timeout, tell)
    project_id = settings.project_id
    if project_id is None:
        project_id = await find_project(connection, settings.iam_endpoint or "", settings.region or "")
    if keys is not None:
        api.headers["X-Project-Id"] = project_id
    return await _session(replace(settings, project_id=project_id), stack, connection, outside, keys)


def _picture_client(settings: Settings, clock: Clock, outside: httpx.AsyncBaseTransport) -> FastHttpClient:
    cdn = settings.cdn
    if cdn.keys:
        outside = SigningTransport(outside, signer(cdn.algorithm, cdn.keys, cdn.zone, clock), cdn.keys)
    headers = _AGENT | ({"Referer": cdn.referer} if cdn.referer else {})
    return FastHttpClient(transport=outside, headers=headers)


async def _session(
    settings: Settings,
    stack: AsyncExitStack,
    api: ApiConnection,
    outside: httpx.AsyncBaseTransport,
    keys: KeySource | None = None,
) -> Session:
    """`settings` name the project; `outside` is for pictures and uploads; `keys` sign requests to OBS, too."""
    clock = api.clock
    pictures = await stack.enter_async_context(_picture_client(settings, clock, outside))
    uploads = await stack.enter_async_context(FastHttpClient(transport=outside, headers=_AGENT))
    project_id = settings.project_id or ""
    store = RedisStore(settings.quota_store) if settings.quota_store else None
    if store is not None:
        stack.push_async_callback(store.aclose)

    def limiter(name: str, rate: Rate) -> RateLimiter:
        # A call is granted, made and answered within the time-out; after twice that time its process is dead.
        lease = 2 * settings.timeout
        shared = RedisWindow(store, f"{settings.endpoint}:{name}", rate, lease) if store else None
        opened = RateLimiter(rate, clock, shared, api.tell)
        stack.push_async_callback(opened.aclose)
        return opened

    limiters = RateLimiters(limiter("reads", settings.read_quota), limiter("writes", settings.write_quota))
    return Session(
        client=VodClient(api, project_id, limiters),
        pictures=Pictures(pictures, trusted=settings.loopback, clock=clock, timeout=settings.timeout),
        uploads=CoverUploads(uploads, trusted=settings.loopback, timeout=settings.timeout),
        clock=clock,
        state=open_state(settings, clock, api.tell, keys),
        endpoint=settings.endpoint,
        region=settings.region,
        project_id=project_id,
    )


async def _emulated(settings: Settings, clock: Clock, stack: AsyncExitStack, tell: Tell) -> Session:
    """The emulator in this process: same client, no port, its own credentials and project."""
    try:
        from reconciler.emulator import options
        from reconciler.emulator.app import create_app
    except ModuleNotFoundError as error:
        raise not_installed(error, "The emulator", "emulator") from error
    file = settings.endpoint.removeprefix(EMULATOR).removeprefix(":")
    if file:
        check_links(file)
    home = folder.locate(settings.state_dir, EMULATOR, options.PROJECT_ID)
    store = Path(file) if file else folder.make(home) / "emulator.sqlite"
    if not store.parent.is_dir():
        raise UsageError(f"The emulator cannot keep its state in {file}: there is no folder {store.parent}")
    base = "http://emulator.localhost"
    try:
        transport = httpx.ASGITransport(create_app(store, options.EmulatorOptions(), base))
    except (OSError, sqlite3.Error) as error:
        hint = "Choose another file: --endpoint emulator:FILE."
        raise StateError(f"Cannot use {store}: {error}", hint=hint) from error
    auth = AccessKeyAuth(AccessKey(options.ACCESS_KEY, options.SECRET_KEY), clock)
    api = FastHttpClient(base_url=base, auth=auth, transport=transport, headers=_AGENT)
    await stack.enter_async_context(api)
    settings = replace(settings, region=options.REGION, project_id=options.PROJECT_ID)
    return await _session(settings, stack, ApiConnection(api, clock, settings.timeout, tell), transport)
