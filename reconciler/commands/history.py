"""List the runs that changed covers.

They come from the journal of this machine; no cover is read.
"""

from __future__ import annotations

from pathlib import Path

from reconciler.commands.context import Run
from reconciler.commands.options import CONNECTION, OUTPUT
from reconciler.commands.result import Report
from reconciler.commands.session import connect
from reconciler.commands.verb import Verb
from reconciler.documents.history import history_document
from reconciler.documents.write import Origin
from reconciler.report import text_history
from reconciler.state.folder import locate
from reconciler.state.runs import Runs
from reconciler.util.clock import SystemClock


async def history(run: Run) -> Report:
    """
    Raises:
        StateError: the journal cannot be read.
        ApiError: the project had to be looked up, and could not be.
    """
    folder, origin = await _place(run)
    runs = Runs(folder, origin.endpoint, origin.project_id).all()
    return run.report(history_document(runs, origin), text_history.render)


async def _place(run: Run) -> tuple[Path, Origin]:
    """The state folder and its project. A known project needs no credentials, so that the history can be read when
    they are refused."""
    settings = run.resolve_without_files(offline=True)
    if settings.project_id is None or settings.emulated:
        async with connect(run, settings) as connected:
            return connected.session.folder, connected.origin
    folder = locate(settings.state_dir, settings.endpoint, settings.project_id)
    return folder, Origin(settings.endpoint, settings.region, settings.project_id, SystemClock().now())


command = Verb("history", __doc__, history, CONNECTION, OUTPUT)
