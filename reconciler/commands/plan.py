"""plan: reads, compares, prints. Changes nothing."""

from __future__ import annotations

from functools import partial

from reconciler.commands import context as common
from reconciler.commands import reports
from reconciler.commands.context import Options
from reconciler.commands.result import Report, Terminal
from reconciler.commands.session import open_session
from reconciler.documents.transform import redacted
from reconciler.documents.write import as_json, plan_document, sealed
from reconciler.report import text as text_report
from reconciler.util import atomic_files as files
from reconciler.util.sanitize import json_text


async def run(options: Options, terminal: Terminal, *, detailed: bool, out: str | None) -> Report:
    """
    Args:
        detailed: exit with 2 where there is drift.
        out: the file to save the plan to.
    """
    if out is not None:
        files.check_writable(out)
    state = common.load(options)
    options.reports.check_apart(state.files)
    settings = common.connect(options, state.region, state.project_id)
    async with open_session(settings) as session:
        with common.planner(options, session) as planner:
            plan = await common.make_plan(options, settings, planner, state.covers, terminal)
        parallelism = settings.parallelism
        images = await reports.of_changes(options.reports, plan.changes, session, parallelism, terminal)
        document = plan_document(plan, common.origin(session))
        del plan  # as large as the document
    notes = list(common.safety_warning(document.summary, options.safety_percent))
    if out is not None:
        saved = sealed(redacted(document, terminal.redact))
        files.write(out, json_text(as_json(saved)) + "\n", private=True)
        force = " --force" if notes else ""
        notes.append(f"Saved the plan to {out}. Execute exactly it with: reconcile apply --plan {out}{force}\n")
    text = partial(text_report.render, document, common.render_options(options, terminal, settings.write_rate))
    code = common.exit_code(document, options, detailed=detailed)
    notes += common.why(document.unknown, options)
    rate = settings.write_rate
    return reports.report(options.reports, terminal, document, text, code, notes, rate=rate, images=images)
