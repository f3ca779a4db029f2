"""emulator: serves the embedded VOD API on a port, for tests and experiments."""

from __future__ import annotations

import os
import shlex
import socket
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.commands.result import Terminal
from reconciler.errors import StateError, UsageError, not_installed
from reconciler.state import folder

if TYPE_CHECKING:
    from reconciler.emulator.options import EmulatorOptions


def run(given: Mapping[str, Any], terminal: Terminal) -> None:
    """Serves until interrupted.

    Args:
        given: the command line's options by name; see `reconcile emulator --help`.

    Raises:
        UsageError: the port is not available, an option is invalid, or the extra is not installed.
        StateError: the state file cannot be used.
    """
    try:
        import uvicorn

        from reconciler.emulator.app import create_app
    except ModuleNotFoundError as error:
        raise not_installed(error, "The emulator", "emulator") from error
    options = _options(given)
    store = Path(given["state"]) if given["state"] else folder.make(_home()) / "emulator.sqlite"
    with closing(_listen(given["port"])) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            app = create_app(store, options, base)
        except (OSError, sqlite3.Error) as error:
            raise StateError(f"Cannot use {store}: {error}", hint="Choose another file with --state.") from error
        terminal.say(
            f"# The emulator listens on {base} and keeps its state in {store}. Run in another shell:\n"
            f"{_exports(base)}# Press Ctrl-C to stop it.\n"
        )
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
        with suppress(KeyboardInterrupt):  # the usual way to stop it
            uvicorn.Server(config).run(sockets=[listener])


def _home() -> Path:
    given = os.environ.get("RECONCILE_STATE_DIR")
    return (Path(given) if given else folder.user_folder()) / "emulator-served"


def _exports(base: str) -> str:
    from reconciler.emulator import options

    exports = {
        "RECONCILE_ENDPOINT": base,
        "HUAWEICLOUD_SDK_IAM_ENDPOINT": base,
        "HW_REGION_NAME": options.REGION,
        "HUAWEICLOUD_SDK_AK": options.ACCESS_KEY,
        "HUAWEICLOUD_SDK_SK": options.SECRET_KEY,
        "HUAWEICLOUD_SDK_PROJECT_ID": options.PROJECT_ID,
    }
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in exports.items())


def _options(given: Mapping[str, Any]) -> EmulatorOptions:
    from reconciler.emulator.options import EmulatorOptions, parse_fault, parse_quota

    try:
        return EmulatorOptions(
            assets=given["assets"],
            cover_mode=given["cover_mode"],
            propagation=given["propagation"],
            latency=given["latency"],
            quota=parse_quota(given["quota"]),
            faults=tuple(parse_fault(text) for text in given["faults"]),
        )
    except ValueError as error:
        raise UsageError(str(error)) from error


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        message = f"Cannot listen on port {port}: {error.strerror}."
        raise UsageError(message, hint="Choose another port with --port.") from error
    listener.listen(2048)
    return listener
