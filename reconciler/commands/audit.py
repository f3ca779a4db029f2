"""audit: the read-only drift report for schedulers, with the assets that no file manages."""

from __future__ import annotations

from reconciler.commands import common
from reconciler.commands.base import Report, Terminal
from reconciler.commands.common import Options
from reconciler.documents.write import as_json, audit_document
from reconciler.report.text import Text
from reconciler.session import open_session


async def run(options: Options, terminal: Terminal) -> Report:
    state = common.load(options)
    settings = common.connect(options, state.region, state.project_id)
    async with open_session(settings) as session:
        with common.surveyor(options, session) as surveyor:
            plan = await common.survey(options, settings, surveyor, state.covers, terminal)
        managed = {desired.asset_id for desired in state.covers}
        strangers = {asset.asset_id.lower() async for asset in session.client.list_assets()} - managed
        document = audit_document(plan, common.origin(session), sorted(strangers))
    text = Text(colour=terminal.colour).findings(document, settings.write_rate, quiet=options.quiet)
    code = common.exit_code(document, options, detailed=True)
    return Report(as_json(document), text, code, tuple(common.why(document.unknown, options)))
