"""Export or import what is known about re-encoded covers.

Where the service re-encodes covers, the state folder remembers what each looks like. This moves that memory between
machines and CI caches. No cover is read.
"""

from __future__ import annotations

import click

from reconciler.commands.context import Run
from reconciler.commands.options import CONNECTION, OUTPUT
from reconciler.commands.result import Report
from reconciler.commands.session import connect
from reconciler.commands.verb import Verb
from reconciler.state.recording import recording
from reconciler.state.settled_covers import document_text, read_document
from reconciler.util import atomic_files


@click.argument("file")
async def export_memory(run: Run, *, file: str) -> Report:
    """
    Raises:
        UsageError: the file cannot be written.
    """
    atomic_files.check_writable(file)
    async with connect(run, run.resolve_without_files()) as connected:
        covers = (await connected.session.state.recall()).memory.all()
    atomic_files.write(file, document_text(covers), private=True)
    return _report("export", file, len(covers), f"Wrote {len(covers):,} settled covers to {file}.\n")


@click.argument("file")
async def import_memory(run: Run, *, file: str) -> Report:
    """
    Raises:
        UsageError: the file is not an exported memory.
        StateError: an apply is running.
    """
    document = read_document(file)
    async with (
        connect(run, run.resolve_without_files()) as connected,
        recording(connected.session.state) as (_, remembered),
    ):
        remembered.memory.remember(document.covers)
    count = len(document.covers)
    return _report("import", file, count, f"Imported {count:,} settled covers from {file}.\n")


def _report(action: str, file: str, covers: int, text: str) -> Report:
    document = {"format_version": "1.0", "kind": f"memory_{action}", "file": file, "covers": covers}
    return Report(lambda: document, lambda: text, 0)


command = click.Group(
    "memory",
    help=__doc__,
    commands=[
        Verb("export", "Write the memory of a project to FILE.", export_memory, CONNECTION, OUTPUT),
        Verb("import", "Add the memory in FILE to a project's.", import_memory, CONNECTION, OUTPUT),
    ],
)
