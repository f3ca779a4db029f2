"""memory: what settled covers look like, moved between machines and CI caches. No cover is looked at."""

from __future__ import annotations

from pathlib import Path

from reconciler.commands import context as common
from reconciler.commands.context import Options
from reconciler.commands.result import Report
from reconciler.commands.session import open_session
from reconciler.state.folder import make
from reconciler.state.settled_covers import Memory, document_text, read_document
from reconciler.util import atomic_files as files


async def export(options: Options, file: str) -> Report:
    """
    Raises:
        UsageError: the file can't be written.
    """
    files.check_writable(file)
    memory = Memory(await _folder(options))
    try:
        covers = memory.all()
    finally:
        memory.close()
    files.write(file, document_text(covers), private=True)
    return _report("export", file, len(covers), f"Wrote {len(covers):,} settled covers to {file}.\n")


async def import_(options: Options, file: str) -> Report:
    """
    Raises:
        UsageError: the file is no exported memory.
    """
    document = read_document(file)
    memory = Memory(make(await _folder(options)))
    try:
        memory.remember(document.covers)
    finally:
        memory.close()
    count = len(document.covers)
    return _report("import", file, count, f"Took {count:,} settled covers from {file}.\n")


async def _folder(options: Options) -> Path:
    """The state folder that plan and apply would use; the project may have to be looked up for that."""
    settings = common.connect_without_files(options)
    async with open_session(settings) as session:
        return session.folder


def _report(action: str, file: str, covers: int, text: str) -> Report:
    document = {"format_version": "1.0", "kind": f"memory_{action}", "file": file, "covers": covers}
    return Report(lambda: document, lambda: text, 0)
