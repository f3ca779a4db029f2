"""history: the runs of this project, as the journal tells them. No cover is looked at."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from reconciler.commands import context as common
from reconciler.commands.context import Options
from reconciler.commands.result import Report
from reconciler.commands.session import open_session
from reconciler.config import Settings
from reconciler.documents.history import history_document
from reconciler.documents.write import Origin, as_json
from reconciler.report import text_history
from reconciler.report.options import RenderOptions
from reconciler.state.folder import locate
from reconciler.state.runs import Runs
from reconciler.util.clock import SystemClock


async def run(options: Options) -> Report:
    """
    Raises:
        StateError: the journal can't be read.
        ApiError: the project had to be looked up, and could not be.
    """
    folder, origin = await _place(common.connect_without_files(options, offline=True))
    runs = Runs(folder, origin.endpoint, origin.project_id).all()
    document = history_document(runs, origin)
    text = partial(text_history.render, document, RenderOptions(quiet=options.quiet))
    return Report(partial(as_json, document), text, 0)


async def _place(settings: Settings) -> tuple[Path, Origin]:
    """The state folder, and whose it is. Who is locked out wants to see what was done, too: a known project needs
    nobody's leave."""
    if settings.project_id is None or settings.emulated:
        async with open_session(settings) as session:
            return session.folder, common.origin(session)
    folder = locate(settings.state_dir, settings.endpoint, settings.project_id)
    return folder, Origin(settings.endpoint, settings.region, settings.project_id, SystemClock().now())
