"""apply: plans, shows, asks, and PUTs what drifted; or executes exactly a saved plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.commands import context as common
from reconciler.commands import execute as carry_out
from reconciler.commands import reports
from reconciler.commands.context import Options
from reconciler.commands.execute import Done, Manner, Work
from reconciler.commands.result import Report, Terminal
from reconciler.commands.session import open_session
from reconciler.decide.plan import check_safety
from reconciler.decide.precondition import PlannedChange
from reconciler.documents.images import ImagesByAsset
from reconciler.documents.read import read_plan
from reconciler.documents.schemas import PlanDoc
from reconciler.documents.write import plan_document
from reconciler.errors import PlanFileError
from reconciler.model import Desired

if TYPE_CHECKING:
    from reconciler.observe.report_images import ImageRequest


@dataclass(frozen=True, slots=True)
class Choices:
    """apply's own flags; `wait` is the seconds to wait for the new covers, or None."""

    auto_approve: bool
    plan_file: str | None
    force: bool
    wait: float | None

    @property
    def manner(self) -> Manner:
        return Manner(self.auto_approve, self.force, self.wait)


async def run(options: Options, choices: Choices, terminal: Terminal) -> Report:
    if choices.plan_file is not None:
        return await _saved(options, choices, choices.plan_file, terminal)
    carry_out.check_approvable(
        choices.manner,
        terminal,
        "Pass --auto-approve, or save a plan with `reconcile plan --out FILE` and apply that.",
    )
    state = common.load(options)
    options.reports.check_apart(state.files)
    settings = common.connect(options, state.region, state.project_id)
    async with open_session(settings) as session:
        opened = carry_out.working(options, choices.manner, settings, session, terminal, files=state.files)
        with opened as work:
            plan = await common.make_plan(options, settings, work.planner, state.covers, terminal)
            document = plan_document(plan, common.origin(session))
            # Before anything changes: afterwards the covers from before may be gone.
            parallelism = settings.parallelism
            images = await reports.of_changes(options.reports, plan.changes, session, parallelism, terminal)
            _show(work, document)
            steps = carry_out.steps_of(plan)
            if steps:
                carry_out.ask(work)
            return _report(work, await carry_out.carry_out(work, document, steps), images)


async def _saved(options: Options, choices: Choices, file: str, terminal: Terminal) -> Report:
    options.reports.check_apart((file,))
    document = read_plan(file)
    settings = common.connect(options, document.region, document.project_id)
    if settings.endpoint != document.endpoint:
        raise PlanFileError(
            f"{file}: the plan is for {document.endpoint}, not for {settings.endpoint}",
            hint="Pass the same --endpoint and region as for the plan, or plan again.",
        )
    async with open_session(settings) as session:
        if session.project_id != document.project_id:
            raise PlanFileError(
                f"{file}: the plan is for project {document.project_id}, not for {session.project_id}",
                hint="Pass the same --project-id as for the plan, or plan again.",
            )
        with carry_out.working(options, choices.manner, settings, session, terminal, files=(file,)) as work:
            images = await _saved_pictures(work, document)
            _show(work, document)
            return _report(work, await carry_out.carry_out(work, document, _steps(document)), images)


def _show(work: Work, document: PlanDoc) -> None:
    """Shows the plan, and refuses one that changes too much.

    Raises:
        SafetyLimitError: see `check_safety`.
    """
    carry_out.show(work, document)
    if not work.manner.force:
        check_safety(document.summary.update, document.summary.in_sync, work.options.safety_percent)


def _report(work: Work, done: Done, images: ImagesByAsset) -> Report:
    wanted, rate = work.options.reports, work.settings.write_rate
    return reports.report(
        wanted, work.terminal, done.document, done.text, done.exit_code, done.notes, rate=rate, images=images
    )


async def _saved_pictures(work: Work, plan: PlanDoc) -> ImagesByAsset:
    """The pictures of a saved plan, as far as its URLs, which stand without their queries, still lead to them."""

    def wanted() -> list[ImageRequest]:
        from reconciler.observe.report_images import ImageRequest

        return [
            ImageRequest(change.asset_id, change.before.cover_url or "", change.after.cover_url or "", (), None)
            for change in plan.changes
        ]

    parallelism = work.settings.parallelism
    return await reports.fetched(work.options.reports, wanted, work.session, parallelism, work.terminal)


def _steps(document: PlanDoc) -> list[PlannedChange]:
    """A saved plan's changes: the snapshot is asked for by the index that the plan resolved."""
    steps = []
    for change in document.changes:
        wanted, place = change.after.snapshot, change.source
        if wanted is None:
            raise PlanFileError(f"asset {change.asset_id} has no snapshot to be changed to")
        desired = Desired(
            change.asset_id, place.file, place.line, place.column, wanted.set, index=wanted.index, note=change.note
        )
        steps.append(PlannedChange(desired, change.title, change.before.value(), change.after.value()))
    return steps
