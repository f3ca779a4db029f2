"""Undo a run of apply, after asking.

It sets the covers from before that run: snapshots again, and pictures that were none of them from the files that they
were saved in. RUN is an ID that `reconcile history` shows; default: the last apply that
changed covers. Covers that were changed since that run stay. To redo, name the rollback's own run.

Exit codes: as for apply, and 1 if something could not be undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import click

from reconciler.commands import execute
from reconciler.commands.context import Run
from reconciler.commands.execute import ApplyResult, ApplyRun
from reconciler.commands.options import (
    ALLOW_UNKNOWN,
    CHANGES,
    COMPARE,
    CONNECTION,
    PAGE_OUTPUT,
    PICTURE_REPORTS,
    TARGETS,
)
from reconciler.commands.reports import images_of_plan, make_report
from reconciler.commands.result import Report, exit_code
from reconciler.commands.session import connect
from reconciler.commands.verb import OptionGroup, Verb
from reconciler.documents.dump import redacted
from reconciler.documents.images import ImagesByAsset
from reconciler.documents.rollback import NotUndoneDoc, rollback_document
from reconciler.documents.schemas import PlanDoc
from reconciler.documents.write import plan_document
from reconciler.model import Source
from reconciler.planning.rollback import NotUndoable, RollbackPlanner
from reconciler.planning.selection import Selection
from reconciler.report import text, text_rollback
from reconciler.state.runs import PastRun, Runs, with_uncertain
from reconciler.state.shared import PENDING
from reconciler.util.sanitize import clean


@click.argument("undone", required=False, metavar="[RUN]")
@click.option(
    "--force", is_flag=True, help="Also set snapshots of which it is not known whether they are still the same."
)
async def rollback(run: Run, *, undone: str | None) -> Report:
    """
    Raises:
        UsageError: there is no such run, or approval needs a terminal.
    """
    execute.check_approvable(run, "Pass --auto-approve.")
    async with connect(run, run.resolve_without_files()) as connected:
        session = connected.session
        runs = await session.state.runs(undone)
        earlier = runs.find(undone)
        async with execute.open_apply(connected, rollback_of=earlier.run) as applying:
            return await _undo(applying, runs, earlier)


async def _undo(run: ApplyRun, runs: Runs, undone: PastRun) -> Report:
    changes = runs.changes(undone.run)
    # What a killed run may have set a moment ago counts as pending, like what is known to have been applied.
    recent = with_uncertain(run.planner.recent, changes, run.session.clock.now() - PENDING)
    run = replace(run, planner=replace(run.planner, recent=recent, undoing=True))
    selection = Selection(run.options.targets, run.options.excludes)
    with run.terminal.progress("Reading", len(changes), run.settings.read_quota) as advance:
        rollback_planner = RollbackPlanner(run.planner, run.session.state, force=run.options.changes.force)
        found = await rollback_planner.make_plan(changes, selection, run.settings.parallelism, advance)
    document = plan_document(found.plan, run.origin)
    # No safety limit: a rollback cannot change more than its run did.
    not_undone = [await _document(run, item) for item in found.blocked]
    images = await images_of_plan(run, found.plan)  # before anything changes
    _show(run, undone.run, document, not_undone)
    steps = execute.steps_of(found.plan)
    if steps:
        execute.ask(run, "Rollback")
    result = await execute.apply_steps(run, document, steps)
    return _report(run, result, undone, not_undone, images)


def _show(run: ApplyRun, undone: str, document: PlanDoc, not_undone: Sequence[NotUndoneDoc]) -> None:
    """Shows the plan, and below it what else cannot be undone. (The plan says why its unknown assets are unknown.)"""
    unknown = {item.asset_id for item in document.unknown}
    below = [redacted(item, run.terminal.redact) for item in not_undone if item.asset_id not in unknown]
    if not run.options.quiet:
        run.terminal.say(f"Undoing {clean(undone)}:\n\n")
    execute.show(run, document, blocked=bool(below), nothing=text_rollback.NOTHING_TO_UNDO)
    if not run.options.quiet:
        run.terminal.say(text_rollback.render_not_undone(below, run.render_options))


def _report(
    run: ApplyRun,
    result: ApplyResult,
    undone: PastRun,
    not_undone: Sequence[NotUndoneDoc],
    images: ImagesByAsset,
) -> Report:
    document = redacted(rollback_document(result.document, undone.run, not_undone), run.terminal.redact)
    failing = [item for item in document.not_undone if item.reason not in run.options.allow_unknown]
    notes = list(result.notes)
    if failing and run.options.quiet:
        notes += [f"{item.asset_id}: {item.reason}: {clean(item.message)}\n" for item in failing]
    # Undoing a rollback sets again what the desired files want.
    if (document.summary.applied or document.summary.restored) and not undone.rollback_of and not run.options.quiet:
        notes.append(text_rollback.DESIRED_FILES_UNCHANGED)
    code = result.exit_code or exit_code(failed=failing)
    return make_report(run, document, partial(text.render, document, run.render_options), code, notes, images=images)


async def _document(run: ApplyRun, item: NotUndoable) -> NotUndoneDoc:
    change = item.change
    saved, before = change.saved_cover, change.before.content
    if saved is not None and before is not None:  # perhaps on another machine
        saved = str(await run.session.state.find_cover(change.asset_id, before.sha256) or saved)
    return NotUndoneDoc(
        asset_id=change.asset_id,
        title=item.title or None,
        source=Source(file=change.file, line=change.line, column=1),
        reason=item.reason,
        message=item.message,
        saved_cover=saved,
    )


_COMPARISON = OptionGroup("Comparison", (COMPARE, ALLOW_UNKNOWN))
command = Verb("rollback", __doc__, rollback, CHANGES, TARGETS, _COMPARISON, PICTURE_REPORTS, CONNECTION, PAGE_OUTPUT)
