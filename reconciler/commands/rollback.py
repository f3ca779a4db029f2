"""rollback: undoes a run from the journal, shown and approved like any other plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from reconciler.commands import context as common
from reconciler.commands import execute as carry_out
from reconciler.commands.context import Options
from reconciler.commands.execute import Done, Manner, Work
from reconciler.commands.result import Report, Terminal
from reconciler.commands.session import open_session
from reconciler.documents.rollback import NotUndoneDoc, rollback_document
from reconciler.documents.schemas import PlanDoc, SourceDoc
from reconciler.documents.write import as_json, plan_document
from reconciler.planning.rollback import NotUndoable, RollbackPlanner
from reconciler.planning.selection import Selection
from reconciler.report import text_rollback
from reconciler.state.runs import Run, Runs, with_uncertain
from reconciler.util.sanitize import clean, hide


@dataclass(frozen=True, slots=True)
class Choices:
    """rollback's own flags; `wanted` is a run's ID or how it begins, `wait` the seconds to wait, or None."""

    wanted: str | None
    auto_approve: bool
    force: bool
    wait: float | None


async def run(options: Options, choices: Choices, terminal: Terminal) -> Report:
    """
    Raises:
        UsageError: there is no such run, or nobody to approve.
    """
    manner = Manner(choices.auto_approve, choices.force, choices.wait)
    carry_out.check_approvable(manner, terminal, "Pass --auto-approve.")
    settings = common.connect_without_files(options)
    async with open_session(settings) as session:
        runs = Runs(session.folder, session.endpoint, session.project_id)
        undone = runs.find(choices.wanted)
        opened = carry_out.working(options, manner, settings, session, terminal, rollback_of=undone.run)
        with opened as work:
            return await _undo(work, runs, undone)


async def _undo(work: Work, runs: Runs, undone: Run) -> Report:
    options, terminal = work.options, work.terminal
    changes = runs.changes(undone.run)
    # What a killed run may have set a moment ago counts as on its way, like what is known to have been applied.
    recent = with_uncertain(work.planner.recent, changes, work.session.clock.now() - common.PENDING)
    work = replace(work, planner=replace(work.planner, recent=recent))
    selection = Selection(options.targets, options.excludes)
    with terminal.progress("Reading", len(changes), work.settings.read_rate) as advance:
        rollback_planner = RollbackPlanner(work.planner, runs.journal)
        found = await rollback_planner.make_plan(changes, selection, work.settings.parallelism, advance)
    document = plan_document(found.plan, common.origin(work.session))
    # No safety limit: a rollback can't change more than its run did.
    not_undone = [_document(item, str(runs.journal)) for item in found.blocked]
    _show(work, undone.run, document, not_undone)
    steps = carry_out.steps_of(found.plan)
    if steps:
        carry_out.ask(work, "Rollback")
    done = await carry_out.carry_out(work, document, steps)
    return _report(work, done, undone, not_undone)


def _show(work: Work, run: str, document: PlanDoc, not_undone: Sequence[NotUndoneDoc]) -> None:
    """The plan, whose unknown assets tell why themselves, and below it what else can't be undone."""
    unknown = {item.asset_id for item in document.unknown}
    below = [item for item in not_undone if item.asset_id not in unknown]
    if not work.options.quiet:
        work.terminal.say(f"Undoing {clean(run)}:\n\n")
    carry_out.show(work, document, blocked=bool(below), nothing=text_rollback.NOTHING_TO_UNDO)
    if not work.options.quiet:
        work.terminal.say(text_rollback.render_not_undone(below, carry_out.render_options(work)))


def _report(work: Work, done: Done, undone: Run, not_undone: Sequence[NotUndoneDoc]) -> Report:
    document = rollback_document(done.document, undone.run, not_undone)
    failing = [item for item in not_undone if item.reason not in work.options.allow_unknown]
    notes = list(done.notes)
    if failing and work.options.quiet:
        notes += [f"{item.asset_id}: {item.reason}: {clean(item.message)}\n" for item in failing]
    # Undoing a rollback sets again what the desired files want.
    if document.summary.applied and not undone.rollback_of and not work.options.quiet:
        notes.append(text_rollback.DESIRED_FILES_UNCHANGED)
    text = text_rollback.render(document, carry_out.render_options(work))
    return Report(partial(as_json, document), lambda: text, done.exit_code or (1 if failing else 0), tuple(notes))


def _document(item: NotUndoable, journal: str) -> NotUndoneDoc:
    change = item.change
    return NotUndoneDoc(
        asset_id=change.asset_id,
        title=hide(item.title) or None,
        source=SourceDoc(file=journal, line=change.line, column=1),
        reason=item.reason,
        message=hide(item.message),
        saved_cover=hide(change.saved_cover) if change.saved_cover else None,
    )
