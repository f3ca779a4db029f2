"""What needs no account: the demo and the emulator."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.error_handler import Boundary
from reconciler.cli.options import output_options
from reconciler.cli.root import boundary_for, options, reconcile


@reconcile.command()
@output_options
def demo(**given: Any) -> None:
    """plan, apply, plan on an emulator in this process: no account, no network."""
    from reconciler.commands import demo as verb

    boundary = boundary_for(given)
    boundary.run(lambda: verb.run(options(given), boundary))


@reconcile.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8765, help="On 127.0.0.1; 0 takes a free one.")
@click.option("--state", metavar="FILE", help="Where it keeps its assets. Default: in the user's state folder.")
@click.option("--assets", type=click.IntRange(0), default=24, help="How many there are at first. Default 24.")
@click.option(
    "--cover-mode",
    type=click.Choice(["reference", "copy", "recode"]),
    default="copy",
    help="What a set cover becomes: the snapshot's URL, a copy of its bytes (default), or a re-encoded one.",
)
@click.option(
    "--propagation", type=click.FloatRange(0), default=0.0, metavar="SECONDS", help="Until a new cover is seen."
)
@click.option("--latency", type=click.FloatRange(0), default=0.0, metavar="MS", help="Of every answer.")
@click.option(
    "--quota", metavar="READ,WRITE", default="1500,100", help="Calls a minute, or such as 1500,10/2s; 0 is none."
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="ROUTE:KIND:N[:TEXT]",
    help="The first N requests of each URL fail: cover:503:2. With TEXT: only URLs that contain it. Repeatable.",
)
@click.option("--debug", is_flag=True, help="Tracebacks.")
def emulator(**given: Any) -> None:
    """Serves the embedded VOD API on a port, and prints what to export.

    POST /_emulator/cover?asset_id=ID with a picture changes a cover behind your back, to rehearse drift.
    """
    from reconciler.commands import emulator as verb

    # What it prints to be exported is nobody's secret, and may well be exported already.
    boundary = Boundary(no_color=True, debug=given["debug"], secrets=())
    boundary.run(lambda: verb.run(given, boundary))
