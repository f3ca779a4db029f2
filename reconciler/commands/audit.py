"""audit: the read-only drift report for schedulers, with the assets that no file manages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from reconciler.commands import context as common
from reconciler.commands import reports
from reconciler.commands.context import Options
from reconciler.commands.result import Report, Terminal
from reconciler.commands.session import Session, open_session
from reconciler.config import Settings
from reconciler.documents.baseline import since
from reconciler.documents.images import ImagesByAsset
from reconciler.documents.read import read_audit
from reconciler.documents.schemas import AuditDoc, FastDoc
from reconciler.documents.write import Selected, audit_document, moment, sealed
from reconciler.model import DesiredState
from reconciler.planning.asset_index import AssetIndex, read_covers
from reconciler.report import text as text_report
from reconciler.report.metrics import RunFacts


@dataclass(frozen=True, slots=True)
class Choices:
    """audit's own flags.

    Attributes:
        baseline: the file with an earlier audit, to be compared with.
        fast: decide by the asset list what it can decide.
        max_age: of remembered snapshots that may decide, in seconds.
    """

    baseline: str | None
    fast: bool
    max_age: float


async def run(options: Options, choices: Choices, terminal: Terminal) -> Report:
    baseline = read_audit(choices.baseline) if choices.baseline is not None else None
    state = common.load(options)
    options.reports.check_apart(state.files)
    settings = common.connect(options, state.region, state.project_id)
    async with open_session(settings) as session:
        started = session.clock.monotonic()
        document, images = await _audit(options, choices, settings, session, state, terminal)
        clock = session.clock
        facts = RunFacts(session.client.calls, clock.monotonic() - started, clock.now().timestamp())
    if baseline is not None:
        managed = {desired.asset_id for desired in state.covers}
        told = since(choices.baseline or "", baseline, document, managed)
        document = sealed(document.model_copy(update={"since": told}))
    text = partial(text_report.render, document, common.render_options(options, terminal, settings.write_rate))
    code = common.exit_code(document, options, detailed=True)
    why, rate = tuple(common.why(document.unknown, options)), settings.write_rate
    return reports.report(options.reports, terminal, document, text, code, why, rate=rate, images=images, facts=facts)


async def _audit(
    options: Options,
    choices: Choices,
    settings: Settings,
    session: Session,
    state: DesiredState,
    terminal: Terminal,
) -> tuple[AuditDoc, ImagesByAsset]:
    """Both kinds of audit: a fast one lists first and reads what is left, a full one reads everything."""
    listing: AssetIndex | None = None
    with common.planner(options, session) as planner:
        if choices.fast:
            covers = await read_covers(session.client)
            max_age = timedelta(seconds=choices.max_age)
            listing = AssetIndex(covers, planner.readings, session.clock.now(), max_age, options.compare)
        asking = replace(planner, listing=listing)
        plan = await common.make_plan(options, settings, asking, state.covers, terminal)
    parallelism = settings.parallelism
    images = await reports.of_changes(options.reports, plan.changes, session, parallelism, terminal)
    if listing is not None:
        listed = set(listing.assets)
    else:
        listed = {asset.asset_id.lower() async for asset in session.client.list_assets()}
    strangers = sorted(listed - {desired.asset_id for desired in state.covers})
    fast = _fast(listing) if listing is not None else None
    about = Selected(options.targets, options.excludes)
    return audit_document(plan, common.origin(session), strangers, about, fast), images


def _fast(listing: AssetIndex) -> FastDoc:
    oldest = moment(listing.oldest) if listing.oldest is not None else None
    return FastDoc(
        by_url=listing.by_url, by_memory=listing.by_memory, by_details=listing.undecided, oldest_reading=oldest
    )
