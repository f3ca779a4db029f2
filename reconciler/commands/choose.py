"""Choose covers by eye, on a page that only this machine can open.

The page shows every asset with its snapshots. It reads the cloud as plan does, and never changes it: what is chosen
is reviewed as a diff, and written into the desired files. Credentials that may only read are enough.
"""

from __future__ import annotations

import asyncio
import socket
import webbrowser
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import click

from reconciler.commands.context import Run
from reconciler.commands.options import COMPARE, CONNECTION, DEBUG
from reconciler.commands.session import ConnectedRun, connect
from reconciler.commands.verb import OptionGroup, Verb
from reconciler.desired.load import load_with_locks
from reconciler.desired.lock_files import LockFiles
from reconciler.errors import UsageError, not_installed
from reconciler.model import DesiredState
from reconciler.report.phrases import counted
from reconciler.util import signals

_PATHS = OptionGroup("Selection", (click.Argument(["paths"], nargs=-1, metavar="[PATH]..."),))


@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="On 127.0.0.1; 0: a free one.")
@click.option("--open/--no-open", "opened", default=True, help="Open the page in the browser.")
async def choose(run: Run, *, port: int, opened: bool) -> None:
    """Serves the page until interrupted.

    Raises:
        UsageError: the extra is not installed, or the port is not available.
        DesiredError: the desired files are invalid.
    """
    _check_installed()
    loaded = load_with_locks(run.options.desired_paths)
    with closing(_listening(port)) as listener:
        async with connect(run, run.resolve(loaded[0])) as connected:
            await _serve(connected, listener, loaded, opened=opened)


def _check_installed() -> None:
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ModuleNotFoundError as error:
        raise not_installed(error, "reconcile choose", "choose") from error


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise UsageError(f"Cannot listen on port {port}: {error.strerror}", hint="Choose another --port.") from error


async def _serve(
    run: ConnectedRun, listener: socket.socket, loaded: tuple[DesiredState, LockFiles], *, opened: bool
) -> None:
    import uvicorn

    from reconciler.choose.app import ChooseApp
    from reconciler.choose.choices import Choices
    from reconciler.choose.guard import Guard
    from reconciler.choose.items import Items
    from reconciler.choose.pictures import Thumbnails
    from reconciler.choose.reader import Reader
    from reconciler.choose.workspace import Workspace

    session, port = run.session, listener.getsockname()[1]
    planner = await run.make_planner(loaded[0])
    choices = Choices(session.state.folder)
    items, thumbnails = Items(choices), Thumbnails(session.pictures)
    reader = Reader(planner, items, thumbnails, run.settings.parallelism, run.terminal.note)
    workspace = Workspace(run.options.desired_paths, loaded, items, choices, reader, thumbnails)
    app = ChooseApp(workspace, f"{session.region or session.endpoint} / {session.project_id}").starlette()
    guard = Guard(app, port)
    address = f"http://127.0.0.1:{port}/?token={guard.token}"
    run.terminal.say(f"Choose covers at {address}\nPress Ctrl-C to stop.\n", redact=False)
    workspace.start(reader.run())
    if opened and run.terminal.interactive:
        await asyncio.to_thread(webbrowser.open, address)
    config = uvicorn.Config(guard, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2)

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield  # Ctrl-C is ours

    server = Server(config)

    def stop() -> None:
        server.should_exit = True

    with signals.first(stop), suppress(asyncio.CancelledError):
        await server.serve(sockets=[listener])
    if choices:
        left, them = counted(len(choices), "choice is", "choices are"), "it" if len(choices) == 1 else "them"
        run.terminal.note(f"{left} not written yet. `reconcile choose` shows {them} again.\n")


command = Verb(
    "choose",
    __doc__,
    choose,
    _PATHS,
    OptionGroup("Comparison", (COMPARE,)),
    CONNECTION,
    OptionGroup("Output", (DEBUG,)),
)
