"""history: the runs of this project, as the journal tells them. No cover is looked at."""

from __future__ import annotations

from functools import partial

from reconciler.commands import common
from reconciler.commands.base import Report
from reconciler.commands.common import Options
from reconciler.documents.history import history_document
from reconciler.documents.write import as_json
from reconciler.report.history import history_text
from reconciler.session import open_session
from reconciler.state.runs import Runs


async def run(options: Options) -> Report:
    """
    Raises:
        StateError: the journal can't be read.
    """
    settings = common.connect_without_files(options)
    async with open_session(settings) as session:
        runs = Runs(session.folder, session.endpoint, session.project_id).all()
        document = history_document(runs, common.origin(session))
    return Report(partial(as_json, document), partial(history_text, document, quiet=options.quiet), 0)
