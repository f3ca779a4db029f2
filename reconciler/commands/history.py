"""List the runs that changed covers.

They come from the journal of this machine, and from the state that a team shares (--state); no cover is read.
"""

from __future__ import annotations

import click

from reconciler.commands.context import Run
from reconciler.commands.options import CONNECTION, OUTPUT, whole_number
from reconciler.commands.result import Report
from reconciler.commands.session import connect, open_state
from reconciler.commands.verb import Verb
from reconciler.documents.history import history_document
from reconciler.documents.write import Origin
from reconciler.report import text_history
from reconciler.state.project_state import ProjectState
from reconciler.util.clock import SystemClock


@click.option("--limit", type=whole_number, default="100", show_default=True, metavar="N", help="The newest N runs.")
async def history(run: Run, *, limit: int) -> Report:
    """
    Raises:
        StateError: the journal cannot be read.
        ApiError: the project had to be looked up, and could not be.
    """
    settings = run.resolve_without_files(offline=True)
    if settings.project_id is None or settings.emulated:
        async with connect(run, settings) as connected:
            return await _report(run, connected.session.state, connected.origin, limit)
    # A known project needs no credentials, so that the history can be read when they are refused.
    clock = SystemClock()
    state = open_state(settings, clock, lambda sentence: run.terminal.note(f"{sentence}\n"))
    origin = Origin(settings.endpoint, settings.region, settings.project_id, clock.now())
    return await _report(run, state, origin, limit)


async def _report(run: Run, state: ProjectState, origin: Origin, limit: int) -> Report:
    runs, more = await state.last_runs(limit)
    found = runs.all()
    older = max(0, len(found) - limit)
    notes = ("There are older runs: see --limit.\n",) if (more or older) and not run.options.quiet else ()
    return run.report(history_document(found[older:], origin), text_history.render, notes=notes)


command = Verb("history", __doc__, history, CONNECTION, OUTPUT)
