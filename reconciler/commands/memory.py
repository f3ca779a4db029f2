"""Export or import what is known about re-encoded covers.

Where the service re-encodes covers, the state folder remembers what each looks like. This moves that memory between
machines and CI caches. No cover is read.
"""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.commands.context import Run
from reconciler.commands.options import CONNECTION, OUTPUT
from reconciler.commands.result import Report
from reconciler.commands.session import connect
from reconciler.commands.verb import Verb
from reconciler.state.folder import make
from reconciler.state.lock import exclusive
from reconciler.state.settled_covers import Memory, document_text, read_document
from reconciler.util import atomic_files
from reconciler.util.clock import SystemClock


@click.argument("file")
async def export_memory(run: Run, *, file: str) -> Report:
    """
    Raises:
        UsageError: the file cannot be written.
    """
    atomic_files.check_writable(file)
    covers = Memory(await _folder(run)).all()
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
    folder = make(await _folder(run))
    with exclusive(folder, SystemClock().now()):
        Memory(folder).remember(document.covers)
    count = len(document.covers)
    return _report("import", file, count, f"Imported {count:,} settled covers from {file}.\n")


async def _folder(run: Run) -> Path:
    """The state folder that plan and apply would use; the project may have to be looked up for that."""
    async with connect(run, run.resolve_without_files()) as connected:
        return connected.session.folder


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
