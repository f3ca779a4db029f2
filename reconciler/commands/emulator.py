"""Serve an emulated VOD API on a local port.

It is meant for tests and experiments, and prints what to export. POST /_emulator/cover?asset_id=ID with a picture
changes a cover from outside, to rehearse drift.
"""

from __future__ import annotations

import os
import shlex
import socket
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.commands.context import Run
from reconciler.commands.options import DEBUG
from reconciler.commands.verb import OptionGroup, Verb
from reconciler.errors import StateError, UsageError, not_installed
from reconciler.state import folder
from reconciler.util.atomic_files import check_links

if TYPE_CHECKING:
    from reconciler.emulator.options import EmulatorOptions


@click.option("--port", type=click.IntRange(0, 65535), default=8765, help="On 127.0.0.1; 0 takes a free one.")
@click.option("--state", metavar="FILE", help="Keep the assets in FILE. Default: in the user's state folder.")
@click.option("--assets", type=click.IntRange(0), default=24, help="How many there are at first. Default 24.")
@click.option("--odd-assets", is_flag=True, help="Add assets that are odd in one way each.")
@click.option(
    "--cover-mode",
    type=click.Choice(["reference", "copy", "recode"]),
    default="copy",
    help="What a set cover becomes: the snapshot's URL, a copy of its bytes (default), or a re-encoded one.",
)
@click.option(
    "--cover-name",
    type=click.Choice(["Cover0.jpg", "Cover0.png", "Cover0"]),
    default="Cover0.jpg",
    help="What such a copy is called. Default Cover0.jpg.",
)
@click.option(
    "--propagation", type=click.FloatRange(0), default=0.0, metavar="SECONDS", help="Until a new cover is visible."
)
@click.option(
    "--edge-delay",
    type=click.FloatRange(0),
    default=0.0,
    metavar="SECONDS",
    help="A second edge of the CDN, which answers every other request, shows new covers so much later.",
)
@click.option(
    "--etag",
    type=click.Choice(["md5", "weak", "random", "wrong", "same", "none", "always-304"]),
    default="md5",
    help="Of pictures. wrong: not the MD5; same: one for all; always-304: the MD5, and 304 to every If-None-Match.",
)
@click.option(
    "--anti-leech",
    type=click.Choice(["A", "B", "C", "D"]),
    help="URLs of pictures must be signed with this algorithm.",
)
@click.option(
    "--signature-seconds",
    type=click.FloatRange(0),
    default=7200.0,
    metavar="SECONDS",
    help="How long a signature holds. Default 7200.",
)
@click.option("--referer", default="", metavar="URL", help="Requests for pictures must have this Referer.")
@click.option(
    "--dots",
    type=click.Choice(["accumulate", "replace"]),
    default="accumulate",
    help="What snapshots on demand do to the dots that there are.",
)
@click.option(
    "--task-seconds", type=click.FloatRange(0), default=0.0, metavar="SECONDS", help="How long it takes to take them."
)
@click.option(
    "--failing-tasks", type=click.IntRange(0), default=0, metavar="N", help="The first N requests for them fail."
)
@click.option(
    "--uploads",
    type=click.Choice(["accept", "refuse"]),
    default="accept",
    help="Whether covers may be uploaded through the API.",
)
@click.option(
    "--upload-seconds",
    type=click.FloatRange(0),
    default=3600.0,
    metavar="SECONDS",
    help="How long the URL for an upload holds.",
)
@click.option(
    "--key-seconds",
    type=click.FloatRange(1),
    default=43_200.0,
    metavar="SECONDS",
    help="How long temporary keys are valid, at most.",
)
@click.option("--latency", type=click.FloatRange(0), default=0.0, metavar="MS", help="Of every answer.")
@click.option(
    "--quota",
    metavar="READ,WRITE",
    default="1500,100",
    help="Calls per minute, or for example 1500,10/2s; 0: no limit.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="ROUTE:KIND:N[:TEXT]",
    help="The first N requests of each URL fail: cover:503:2. With TEXT: only URLs that contain it. Repeatable.",
)
def emulator(
    run: Run, *, port: int, state: str | None, quota: str, faults: tuple[str, ...], **behaviour: Any
) -> None:
    """Serves until interrupted.

    Args:
        behaviour: fields of `EmulatorOptions`.

    Raises:
        UsageError: the port is not available, an option is invalid, or the extra is not installed.
        StateError: the state file cannot be used.
    """
    _check_installed(behaviour["anti_leech"])
    from reconciler.emulator import options as settings

    try:
        options = settings.EmulatorOptions(
            quota=settings.parse_quota(quota),
            faults=tuple(settings.parse_fault(text) for text in faults),
            **behaviour,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    if state:
        check_links(state)
    _serve(run, port, Path(state) if state else folder.make(_home()) / "emulator.sqlite", options)


def _check_installed(anti_leech: str | None) -> None:
    """
    Raises:
        UsageError: an extra is not installed. It is known before anything is written.
    """
    try:
        import uvicorn  # noqa: F401

        from reconciler.emulator import app  # noqa: F401

        if anti_leech == "D":
            import cryptography  # noqa: F401
    except ModuleNotFoundError as error:
        extras = "cdn,emulator" if anti_leech == "D" else "emulator"
        raise not_installed(error, "The emulator", extras) from error


def _serve(run: Run, port: int, store: Path, options: EmulatorOptions) -> None:
    import uvicorn

    from reconciler.emulator.app import create_app

    with closing(_listen(port)) as listener:
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            app = create_app(store, options, base)
        except (OSError, sqlite3.Error) as error:
            raise StateError(f"Cannot use {store}: {error}", hint="Choose another file with --state.") from error
        # These credentials are public, even if the environment holds the same ones.
        run.terminal.say(
            f"# The emulator listens on {base} and keeps its state in {store}. Run in another shell:\n"
            f"{_exports(base, options)}# Press Ctrl-C to stop it.\n",
            redact=False,
        )
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
        with suppress(KeyboardInterrupt):  # the usual way to stop it
            uvicorn.Server(config).run(sockets=[listener])


def _home() -> Path:
    given = os.environ.get("RECONCILE_STATE_DIR")
    return (Path(given) if given else folder.user_folder()) / "emulator-served"


def _exports(base: str, given: EmulatorOptions) -> str:
    from reconciler.emulator import options

    exports = {
        "RECONCILE_ENDPOINT": base,
        "HUAWEICLOUD_SDK_IAM_ENDPOINT": base,
        "HW_REGION_NAME": options.REGION,
        "HUAWEICLOUD_SDK_AK": options.ACCESS_KEY,
        "HUAWEICLOUD_SDK_SK": options.SECRET_KEY,
        "HUAWEICLOUD_SDK_PROJECT_ID": options.PROJECT_ID,
    }
    if given.anti_leech:
        exports |= {"RECONCILE_CDN_KEY": given.cdn_key, "RECONCILE_CDN_ALGORITHM": given.anti_leech}
    if given.referer:
        exports["RECONCILE_CDN_REFERER"] = given.referer
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in exports.items())


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


command = Verb("emulator", __doc__, emulator, OptionGroup("Output", (DEBUG,)))
