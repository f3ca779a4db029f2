"""Report drift and unmanaged assets, for schedulers.

PATH is a desired file, or a folder with desired files; default: desired.

Exit codes: 0 in sync, 2 drift, 1 an error or an unknown asset.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

import click

from reconciler.commands.context import Run
from reconciler.commands.options import AUDIT_REPORTS, COMPARISON, CONNECTION, PAGE_OUTPUT, SELECTION, duration
from reconciler.commands.reports import images_of_changes, make_report
from reconciler.commands.result import Report, exit_code
from reconciler.commands.session import ConnectedRun, connect
from reconciler.commands.verb import Verb
from reconciler.documents.baseline import since
from reconciler.documents.dump import redacted
from reconciler.documents.images import ImagesByAsset
from reconciler.documents.read import read_audit
from reconciler.documents.schemas import AuditDoc, FastDoc
from reconciler.documents.write import audit_document, moment
from reconciler.errors import UsageError
from reconciler.model import DesiredState
from reconciler.planning.asset_index import AssetIndex, read_covers
from reconciler.report import text
from reconciler.report.options import RunFacts

_DAY = 24 * 3600.0


@click.option("--baseline", metavar="FILE", help="An earlier `audit --json`: also show what changed since then.")
@click.option("--fast", is_flag=True, help="Read covers from the asset list, and details only where needed.")
@click.option(
    "--max-age",
    type=duration,
    metavar="TIME",
    help="With --fast: how old the snapshots remembered from an earlier read may be. Default 24h.",
)
async def audit(run: Run, *, baseline: str | None, fast: bool, max_age: float | None) -> Report:
    """
    Raises:
        UsageError: --max-age without --fast.
        PlanFileError: the baseline cannot be used.
    """
    if max_age is not None and not fast:
        raise UsageError("--max-age needs --fast")
    earlier = read_audit(baseline) if baseline is not None else None
    state = run.load()
    async with connect(run, run.resolve(state)) as connected:
        session, clock = connected.session, connected.session.clock
        started = clock.monotonic()
        age = timedelta(seconds=_DAY if max_age is None else max_age) if fast else None
        document, images = await _audit(connected, state, age)
        facts = RunFacts(session.client.calls, clock.monotonic() - started, clock.now().timestamp())
    if earlier is not None:
        managed = {desired.asset_id for desired in state.covers}
        document = replace(document, since=since(baseline or "", earlier, document, managed))
    render = partial(text.render, document, run.render_options)
    code = exit_code(failed=run.failing(document.unknown), drift=document.changes)
    notes = tuple(run.failure_notes(document.unknown))
    return make_report(run, document, render, code, notes, images=images, facts=facts)


async def _audit(run: ConnectedRun, state: DesiredState, max_age: timedelta | None) -> tuple[AuditDoc, ImagesByAsset]:
    """Audits by the asset list where it is enough (`max_age`), or reads the details of every asset (None)."""
    session, index = run.session, None
    with run.open_planner() as planner:
        if max_age is not None:
            covers = await read_covers(session.client)
            index = AssetIndex(covers, planner.readings, session.clock.now(), max_age, run.options.compare)
        plan = await run.make_plan(replace(planner, asset_index=index), state.covers)
    images = await images_of_changes(run, plan.changes)
    if index is not None:
        listed = set(index.assets)
    else:
        listed = {asset.asset_id.lower() async for asset in session.client.list_assets()}
    document = audit_document(
        plan,
        run.origin,
        sorted(listed - {desired.asset_id for desired in state.covers}),
        targets=run.options.targets,
        excludes=run.options.excludes,
        fast=_evidence(index) if index is not None else None,
    )
    return redacted(document, run.terminal.redact), images


def _evidence(index: AssetIndex) -> FastDoc:
    oldest = moment(index.oldest) if index.oldest is not None else None
    return FastDoc(by_url=index.by_url, by_memory=index.by_memory, by_details=index.undecided, oldest_reading=oldest)


command = Verb("audit", __doc__, audit, SELECTION, COMPARISON, AUDIT_REPORTS, CONNECTION, PAGE_OUTPUT)
