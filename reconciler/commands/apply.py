"""Set the covers that drifted, after asking.

PATH is a desired file, or a folder with desired files; default: desired. With --plan, exactly that saved plan is
executed, without asking.

Exit codes: 0 done, 1 an error, or an asset that is unknown, failed, stale or not attempted, or whose new cover was
not visible in time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import click

from reconciler.commands import execute
from reconciler.commands.changed_since import CHANGED_SINCE, load
from reconciler.commands.context import Run
from reconciler.commands.execute import ApplyRun
from reconciler.commands.options import CHANGES, CLOUD, SNAPSHOTS, duration
from reconciler.commands.reports import images_of_changes, images_of_plan, make_report, with_taken
from reconciler.commands.result import INTERRUPTED, Report
from reconciler.commands.session import connect
from reconciler.commands.taken_locks import check_locks, lock_taken
from reconciler.commands.verb import Verb
from reconciler.decide.plan import check_safety
from reconciler.decide.precondition import PlannedChange, revisit
from reconciler.decide.taking import check_snapshots
from reconciler.documents.images import ImagesByAsset
from reconciler.documents.read import read_plan
from reconciler.documents.schemas import PlanDoc
from reconciler.documents.write import plan_document
from reconciler.errors import DesiredError, PlanFileError, UsageError
from reconciler.model import Desired, Verdict
from reconciler.report.phrases import counted
from reconciler.util.clock import SystemClock
from reconciler.util.concurrency import for_each
from reconciler.util.sanitize import shorten

_WEEK = 7 * 24 * 3600.0


@click.option("--plan", "plan_file", metavar="FILE", help="Execute exactly this saved plan, without asking.")
@click.option(
    "--max-plan-age", type=duration, metavar="TIME", help="With --plan: how old it may be, at most. Default 7d."
)
@click.option("--force", is_flag=True, help="Override the safety limit.")
@click.option("--locked", is_flag=True, help="Refuse to run unless every entry has a current line in covers.lock.")
@CHANGED_SINCE
async def apply(
    run: Run,
    *,
    plan_file: str | None,
    max_plan_age: float | None = None,
    locked: bool = False,
    changed_since: str | None = None,
) -> Report:
    """Plans, shows the plan, asks, and changes what drifted; or executes a saved plan.

    Raises:
        UsageError: --plan was given beside options that select something else, --max-plan-age without --plan, or
            approval needs a terminal.
    """
    changes = run.options.changes
    if plan_file is not None and (locked or changed_since is not None or changes.update_lock):
        message = "--plan executes exactly a saved plan: it takes no --locked, --changed-since or --update-lock"
        raise UsageError(message)
    if changes.update_lock and not changes.take_snapshots:
        raise UsageError("--update-lock locks what --take-snapshots had taken", hint="Run `reconcile lock`.")
    if plan_file is not None:
        return await _apply_saved(run, plan_file, timedelta(seconds=_WEEK if max_plan_age is None else max_plan_age))
    if max_plan_age is not None:
        raise UsageError("--max-plan-age needs --plan")
    hint = "Pass --auto-approve, or save a plan with `reconcile plan --out FILE` and apply that."
    execute.check_approvable(run, hint)
    scope = load(run, changed_since, locked=locked)
    if changes.update_lock:
        check_locks(run.options.desired_paths)
    async with (
        connect(run, run.resolve(scope.state)) as connected,
        execute.open_apply(connected, state=scope.state) as applying,
    ):
        plan = await applying.make_plan(applying.planner, scope.covers, scope.left_out)
        document = scope.noted_in(plan_document(plan, applying.origin, takes=changes.take_snapshots))
        # Before anything changes: afterwards the covers from before may be gone.
        images = await images_of_plan(applying, plan)
        _show(applying, document, document.summary.in_sync + document.left_out)
        steps = execute.steps_of(plan)
        if steps:
            execute.ask(applying)
        return await _execute(applying, document, steps, images)


async def _apply_saved(run: Run, file: str, most: timedelta) -> Report:
    if run.options.paths or run.options.targets or run.options.excludes:
        raise UsageError("--plan executes exactly a saved plan: it takes no paths, --target or --exclude")
    run.options.reports.check_apart((file,))
    document = read_plan(file)
    _check_age(file, document, most)
    _check_may_take(run, document)
    settings = run.resolve(document)
    if settings.endpoint != document.endpoint:
        raise PlanFileError(
            f"{file}: the plan is for {document.endpoint}, not for {settings.endpoint}",
            hint="Pass the same --endpoint and region as for the plan, or plan again.",
        )
    async with connect(run, settings) as connected:
        if connected.session.project_id != document.project_id:
            raise PlanFileError(
                f"{file}: the plan is for project {document.project_id}, not for {connected.session.project_id}",
                hint="Pass the same --project-id as for the plan, or plan again.",
            )
        async with execute.open_apply(connected, plan_file=file) as applying:
            _show(applying, document, _in_sync(run, document))
            steps = _steps(document)
            images = await _images_of_saved(applying, steps)
            return await _execute(applying, document, steps, images)


def _check_may_take(run: Run, plan: PlanDoc) -> None:
    """
    Raises:
        UsageError: the plan has snapshots taken, and --take-snapshots is not given.
        SafetyLimitError: it has too many taken.
    """
    if plan.takes and not run.options.changes.take_snapshots:
        raise UsageError(
            f"The plan has {counted(len(plan.takes), 'snapshot')} taken, which is billed",
            hint="Pass --take-snapshots to apply it.",
        )
    check_snapshots(plan.takes, run.options.changes.max_snapshots)


def _check_age(file: str, plan: PlanDoc, most: timedelta) -> None:
    """
    Raises:
        PlanFileError: the plan is older.
    """
    try:
        age = SystemClock().now() - datetime.fromisoformat(plan.created_at)
    except (ValueError, TypeError) as error:  # it is no time, or names no time zone
        raise PlanFileError(f"{file}: created_at is not a time: {shorten(plan.created_at)}") from error
    if age > most:
        raise PlanFileError(
            f"{file}: the plan was made at {plan.created_at}, longer ago than --max-plan-age allows",
            hint="Make a new plan with `reconcile plan --out FILE`.",
        )


def _in_sync(run: Run, plan: PlanDoc) -> int:
    """How many assets are in sync. A plan only says so; where its desired files are at hand, there are not more than
    they have entries for."""
    claimed = plan.summary.in_sync + plan.left_out
    places = [item.source for item in plan.changes]
    places += [item.source for item in (*plan.pending, *plan.ignored)]
    places += [item.source for item in plan.unknown]
    try:
        state = run.load()
    except DesiredError:
        return claimed
    if not {place.file for place in places} <= set(state.files):
        return claimed
    return min(claimed, max(0, len(state.covers) - len(places)))


def _show(run: ApplyRun, document: PlanDoc, in_sync: int) -> None:
    """Shows the plan.

    Raises:
        SafetyLimitError: it changes too much.
    """
    execute.show(run, document)
    check_snapshots(document.takes, run.options.changes.max_snapshots)
    if not run.options.changes.force:
        check_safety(document.summary.update, in_sync, run.options.max_update_percent)


async def _execute(run: ApplyRun, document: PlanDoc, steps: Sequence[PlannedChange], images: ImagesByAsset) -> Report:
    result = await execute.apply_steps(run, document, steps)
    notes, failed = await lock_taken(run, result)
    if result.exit_code != INTERRUPTED:
        images = await with_taken(run, result.outcomes, images)
    code = result.exit_code or int(failed)
    return make_report(run, result.document, result.text, code, (*result.notes, *notes), images=images)


async def _images_of_saved(run: ApplyRun, steps: Sequence[PlannedChange]) -> ImagesByAsset:
    """The pictures of a saved plan's changes. Only URLs that the service returned just now are opened, never those of
    the file."""
    found: dict[int, Verdict] = {}

    async def work(item: tuple[int, PlannedChange]) -> None:
        position, step = item
        now = await run.planner.check(step.desired)
        if isinstance(revisit(step, now), str):
            found[position] = now

    await for_each(enumerate(steps[: run.options.reports.pictures]), work, run.settings.parallelism)
    return await images_of_changes(run, [found[position] for position in sorted(found)])


def _steps(document: PlanDoc) -> list[PlannedChange]:
    """A saved plan's changes: each snapshot by the second at which it was taken, since indices shift.

    Raises:
        PlanFileError: a change does not say which picture to set.
    """
    steps = []
    for change in document.changes:
        wanted, place = change.after.snapshot, change.source
        if wanted is None or (change.after.content is None and change.take is None):
            raise PlanFileError(f"asset {change.asset_id}: the plan does not say which picture to set. Plan again.")
        desired = Desired(
            change.asset_id,
            place.file,
            place.line,
            place.column,
            wanted.set,
            wanted.index,
            wanted.offset,
            change.note,
        )
        steps.append(PlannedChange(desired, change.title, change.before, change.after, change.take))
    return steps


command = Verb("apply", __doc__, apply, CHANGES, SNAPSHOTS, *CLOUD)
