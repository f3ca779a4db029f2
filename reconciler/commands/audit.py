"""Report drift and unmanaged assets, for schedulers.

PATH is a desired file, or a folder with desired files; default: desired.

Exit codes: 0 in sync, 2 drift, 1 an error or an unknown asset.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import partial

import click

from reconciler.commands.changed_since import CHANGED_SINCE, Scope, load
from reconciler.commands.context import Run
from reconciler.commands.options import AUDIT_REPORTS, COMPARISON, CONNECTION, PAGE_OUTPUT, SELECTION
from reconciler.commands.reports import images_of_plan, make_report
from reconciler.commands.result import Report, exit_code
from reconciler.commands.session import ConnectedRun, connect
from reconciler.commands.verb import Verb
from reconciler.documents.baseline import since
from reconciler.documents.dump import as_json, redacted
from reconciler.documents.images import ImagesByAsset
from reconciler.documents.read import read_audit
from reconciler.documents.schemas import AuditDoc, TrafficDoc, WarningDoc
from reconciler.documents.write import audit_document
from reconciler.errors import CrowdedError, UsageError
from reconciler.observe.covers import ListedAsset, list_covers
from reconciler.report import text
from reconciler.report.options import RunFacts
from reconciler.util.sanitize import json_text


def _replaced(_ctx: click.Context, option: click.Parameter, given: object) -> None:
    """
    Raises:
        click.UsageError: the option was given.
    """
    if given:
        name = option.opts[0]
        raise click.UsageError(f"{name} is no longer needed: with `reconcile lock` every audit is as cheap")


_LAST = "last"
_CROWDED = "The assets that no file manages cannot all be counted: {}."


@click.option(
    "--baseline",
    metavar="FILE",
    help="An earlier `audit --json`: also show what changed since then. last: the last whole audit.",
)
@click.option("--fast", is_flag=True, hidden=True, expose_value=False, callback=_replaced)
@click.option("--max-age", hidden=True, expose_value=False, callback=_replaced)
@CHANGED_SINCE
async def audit(run: Run, *, baseline: str | None, changed_since: str | None) -> Report:
    """
    Raises:
        PlanFileError: the baseline cannot be used.
        UsageError: nor can it beside --changed-since.
    """
    if baseline is not None and changed_since is not None:
        raise UsageError("--baseline compares audits of all entries: it takes no --changed-since")
    earlier = read_audit(baseline) if baseline not in (None, _LAST) else None
    scope = load(run, changed_since)
    state = scope.state
    async with connect(run, run.resolve(state)) as connected:
        session, clock = connected.session, connected.session.clock
        started = clock.monotonic()
        kept = await session.state.last_audit() if baseline == _LAST else None
        if kept is not None:
            earlier = read_audit(*kept)
        document, images = await _audit(connected, scope)
        if baseline == _LAST or not (changed_since or run.options.targets or run.options.excludes):
            await session.state.keep_audit(lambda: _as_bytes(document), needed=baseline == _LAST)
        facts = RunFacts(session.client.calls, clock.monotonic() - started, clock.now().timestamp())
    if earlier is not None:
        managed = {desired.asset_id for desired in state.covers}
        document = replace(document, since=since(kept[0] if kept else baseline or "", earlier, document, managed))
    render = partial(text.render, document, run.render_options)
    code = exit_code(failed=run.failing(document.unknown), drift=document.changes)
    notes = tuple(run.failure_notes(document.unknown))
    return make_report(run, document, render, code, notes, images=images, facts=facts)


async def _audit(run: ConnectedRun, scope: Scope) -> tuple[AuditDoc, ImagesByAsset]:
    """Lists all assets, which shows those that no file manages and the covers of those that are locked."""
    session, state = run.session, scope.state
    managed = {desired.asset_id for desired in state.covers}
    listed: dict[str, ListedAsset] = {}
    unmanaged: set[str] = set()

    def add(asset_id: str, asset: ListedAsset) -> None:
        if asset_id in managed:
            listed[asset_id] = asset
        else:
            unmanaged.add(asset_id)

    why = ""
    try:
        await list_covers(session.client, add)
    except CrowdedError as error:
        why = error.message
    reached = len(listed)
    planner = replace(await run.make_planner(state), listed=listed)
    plan = await run.make_plan(planner, scope.covers, scope.left_out)
    if len(listed) > reached:  # the planner added those that it had to ask for by ID
        why = why or f"the list leaves out {len(listed) - reached:,} of those that files manage"
    warnings = (WarningDoc(type="unmanaged_uncounted", message=_CROWDED.format(why)),) if why else ()
    images = await images_of_plan(run, plan)
    document = audit_document(
        plan,
        run.origin,
        sorted(unmanaged),
        targets=run.options.targets,
        excludes=run.options.excludes,
        pictures=TrafficDoc(**asdict(session.pictures.traffic)),
        warnings=warnings,
    )
    return redacted(scope.noted_in(document), run.terminal.redact), images


def _as_bytes(document: AuditDoc) -> bytes:
    return json_text(as_json(document)).encode()


command = Verb("audit", __doc__, audit, SELECTION, COMPARISON, AUDIT_REPORTS, CONNECTION, PAGE_OUTPUT)
