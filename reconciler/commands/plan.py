"""plan: reads, compares, prints. Changes nothing."""

from __future__ import annotations

from functools import partial

from reconciler import files
from reconciler.commands import common
from reconciler.commands.base import Report, Terminal
from reconciler.commands.common import Options
from reconciler.documents.write import as_json, plan_document
from reconciler.report.text import Text
from reconciler.safe import json_text
from reconciler.session import open_session


async def run(options: Options, terminal: Terminal, *, detailed: bool, out: str | None) -> Report:
    """
    Args:
        detailed: exit with 2 where there is drift.
        out: the file to save the plan to.
    """
    if out is not None:
        files.check_writable(out)
    state = common.load(options)
    settings = common.connect(options, state.region, state.project_id)
    async with open_session(settings) as session:
        with common.surveyor(options, session) as surveyor:
            plan = await common.survey(options, settings, surveyor, state.covers, terminal)
        document = plan_document(plan, common.origin(session))
        del plan  # as large as the document
    notes = list(common.safety_warning(document.summary, options.safety_percent))
    if out is not None:
        files.write(out, json_text(as_json(document)) + "\n", private=True)
        force = " --force" if notes else ""
        notes.append(f"Saved the plan to {out}. Execute exactly it with: reconcile apply --plan {out}{force}\n")
    text = partial(Text(colour=terminal.colour).findings, document, settings.write_rate, quiet=options.quiet)
    code = common.exit_code(document, options, detailed=detailed)
    return Report(partial(as_json, document), text, code, (*notes, *common.why(document.unknown, options)))
