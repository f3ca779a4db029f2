"""The verbs that take over a catalogue and undo: import, adopt, rollback, history, memory."""

from __future__ import annotations

from typing import Any

import click

from reconciler.cli.options import (
    allow_unknown_option,
    changing_options,
    compare_option,
    connection_options,
    output_options,
    paths_argument,
    selection_options,
)
from reconciler.cli.root import boundary_for, options, reconcile

_MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]


@reconcile.command("import")
@click.option("--out", metavar="FILE", help="The desired file to write; it must not hold anything yet.")
@click.option("--update", metavar="FILE", help="Add what is missing to this desired file, touching nothing else.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    metavar="STATUS",
    help="Only assets with this status, such as PUBLISHED or THUMBNAIL_SUCCEED. Repeatable.",
)
@click.option("--created-after", type=click.DateTime(_MOMENTS), metavar="UTC", help="Such as 2026-01-31, inclusive.")
@click.option(
    "--created-before",
    type=click.DateTime(_MOMENTS),
    metavar="UTC",
    help="Such as 2026-01-31T12:00:00, inclusive. A date means its beginning, 00:00.",
)
@paths_argument
@selection_options
@output_options
@connection_options
def import_(**given: Any) -> None:
    """Writes a desired file for the covers that are there.

    What the desired files in PATH manage is left out; default: the folder desired, where FILE lies in it. An asset
    whose cover is none of its snapshots becomes `ignore: true`, with the reason as a comment.
    """
    from reconciler.commands import import_ as verb

    boundary = boundary_for(given)
    if bool(given["out"]) == bool(given["update"]):
        raise click.UsageError("give either --out FILE, to write a new file, or --update FILE, to add to one")
    after, before = given["created_after"], given["created_before"]
    if after and before and after > before:
        raise click.UsageError("--created-after is later than --created-before")
    choices = verb.Choices(
        file=given["out"] or given["update"],
        update=bool(given["update"]),
        beside=given["paths"],
        statuses=frozenset(status.upper() for status in given["statuses"]),
        created_after=after,
        created_before=before,
    )
    boundary.run(lambda: verb.run(options(given), choices, boundary))


@reconcile.command()
@click.option("--all", "everything", is_flag=True, help="Accept all drift there is.")
@paths_argument
@selection_options
@compare_option
@output_options
@connection_options
def adopt(**given: Any) -> None:
    """Accepts drift: writes the covers that are there into the desired files.

    PATH is a desired file, or a folder with such files; default: desired. Nothing but the numbers changes: comments,
    order and layout stay. No cover is touched.
    """
    from reconciler.commands import adopt as verb

    boundary = boundary_for(given)
    if given["everything"] == bool(given["targets"]):
        raise click.UsageError("name the assets with --target, or give --all to accept all drift")
    boundary.run(lambda: verb.run(options(given), boundary))


@reconcile.command()
@click.argument("wanted", required=False, metavar="[RUN]")
@click.option(
    "--force",
    is_flag=True,
    help="Also replace covers that can't be read, and go on where nothing tells whether a snapshot is the same.",
)
@changing_options
@selection_options
@compare_option
@allow_unknown_option
@output_options
@connection_options
def rollback(**given: Any) -> None:
    """Undoes a run of apply: sets the covers from before, after asking.

    RUN is as `reconcile history` names it; default: the last apply that changed covers. What somebody changed since
    is left alone. To redo, name the rollback's run.

    Exit codes: as apply's, and 1 where something could not be undone.
    """
    from reconciler.commands import rollback as verb

    boundary = boundary_for(given)
    choices = verb.Choices(
        wanted=given["wanted"],
        auto_approve=given["auto_approve"],
        force=given["force"],
        wait=given["wait_timeout"] if given["wait"] else None,
    )
    boundary.run(lambda: verb.run(options(given), choices, boundary))


@reconcile.command()
@output_options
@connection_options
def history(**given: Any) -> None:
    """Lists the runs that changed covers, from the journal of this machine."""
    from reconciler.commands import history as verb

    boundary = boundary_for(given)
    boundary.run(lambda: verb.run(options(given)))


@reconcile.group()
def memory() -> None:
    """What settled covers look like where the service re-encodes them, for other machines and CI caches."""


@memory.command("export")
@click.argument("file")
@output_options
@connection_options
def memory_export(**given: Any) -> None:
    """Writes the memory of a project's state folder to FILE."""
    from reconciler.commands import memory as verb

    boundary = boundary_for(given)
    boundary.run(lambda: verb.export(options(given), given["file"]))


@memory.command("import")
@click.argument("file")
@output_options
@connection_options
def memory_import(**given: Any) -> None:
    """Adds what FILE holds to the memory of a project's state folder."""
    from reconciler.commands import memory as verb

    boundary = boundary_for(given)
    boundary.run(lambda: verb.import_(options(given), given["file"]))
