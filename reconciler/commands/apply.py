"""apply: plans, shows, asks, and PUTs what drifted; or executes exactly a saved plan."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from reconciler.act.apply import Applier
from reconciler.act.record import Record, recording
from reconciler.act.settle import Settler
from reconciler.commands import common
from reconciler.commands.base import Report, Terminal
from reconciler.commands.common import Options
from reconciler.commands.interrupts import EXIT_CODE, Interrupts, caught
from reconciler.decide.plan import check_safety
from reconciler.decide.precondition import Step
from reconciler.documents.read import read_plan
from reconciler.documents.shapes import ApplyDoc, PlanDoc
from reconciler.documents.write import apply_document, as_json, plan_document
from reconciler.errors import PlanFileError, StateError, UsageError
from reconciler.model import Cover, Desired, Outcome
from reconciler.report.text import Text
from reconciler.safe import clean
from reconciler.session import Session, open_session
from reconciler.settings import Settings
from reconciler.survey import Surveyor

_QUESTION = "\nDo you want to perform these actions?\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: "


@dataclass(frozen=True, slots=True)
class Choices:
    """apply's own flags; `wait` is the seconds to wait for the new covers, or None."""

    auto_approve: bool
    plan_file: str | None
    force: bool
    wait: float | None


async def run(options: Options, choices: Choices, terminal: Terminal) -> Report:
    if choices.plan_file is not None:
        return await _saved(options, choices, choices.plan_file, terminal)
    if not choices.auto_approve and not terminal.interactive:
        raise UsageError(
            "Nobody can be asked for approval here: there is no terminal",
            hint="Pass --auto-approve, or save a plan with `reconcile plan --out FILE` and apply that.",
        )
    state = common.load(options)
    settings = common.connect(options, state.region, state.project_id)
    async with open_session(settings) as session:
        with _work(options, choices, settings, session, terminal, state.files) as work:
            plan = await common.survey(options, settings, work.surveyor, state.covers, terminal)
            document = plan_document(plan, common.origin(session))
            _show(work, document)
            steps = [
                Step(verdict.desired, verdict.title, verdict.before or Cover(""), verdict.after or Cover(""))
                for verdict in plan.changes
            ]
            if steps and not choices.auto_approve:
                _ask(terminal)
            return await _carry_out(work, document, steps)


async def _saved(options: Options, choices: Choices, file: str, terminal: Terminal) -> Report:
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
        with _work(options, choices, settings, session, terminal, (file,)) as work:
            _show(work, document)
            return await _carry_out(work, document, _steps(document))


@dataclass(frozen=True, slots=True)
class _Work:
    """All that a run of apply needs at hand."""

    options: Options
    choices: Choices
    settings: Settings
    session: Session
    terminal: Terminal
    surveyor: Surveyor
    record: Record


@contextmanager
def _work(
    options: Options,
    choices: Choices,
    settings: Settings,
    session: Session,
    terminal: Terminal,
    files: Sequence[str],
) -> Iterator[_Work]:
    with (
        recording(session.folder, session.clock, session.endpoint, session.project_id, files) as record,
        common.surveyor(options, session, replace_unreadable=choices.force) as surveyor,
    ):
        yield _Work(options, choices, settings, session, terminal, surveyor, record)


def _show(work: _Work, document: PlanDoc) -> None:
    """Shows the plan, and refuses one that changes too much.

    Raises:
        SafetyLimitError: see `check_safety`.
    """
    text = Text(colour=work.terminal.colour)
    work.terminal.say(text.findings(document, work.settings.write_rate, quiet=work.options.quiet))
    if not work.choices.force:
        check_safety(document.summary.update, document.summary.in_sync, work.options.safety_percent)


def _ask(terminal: Terminal) -> None:
    if terminal.ask(_QUESTION).strip() != "yes":
        raise UsageError("Apply cancelled: the answer was not 'yes'")


async def _carry_out(work: _Work, plan: PlanDoc, steps: Sequence[Step]) -> Report:
    if steps:
        work.record.start()
    with caught(work.terminal.note) as interrupts:
        with work.terminal.progress("Setting", len(steps), work.settings.write_rate) as advance:
            applier = Applier(work.surveyor, work.record, work.settings.parallelism, advance)
            interrupts.tell(applier.stop)
            outcomes = await applier.apply(steps)
        if work.choices.wait is not None and not interrupts.requested:
            outcomes = await _wait(work, steps, outcomes, work.choices.wait, interrupts)
    waited = work.choices.wait is not None
    document = apply_document(outcomes, plan.unknown, common.origin(work.session))
    text = Text(colour=work.terminal.colour).applied(document, waited=waited, quiet=work.options.quiet)
    code = EXIT_CODE if interrupts.requested else _exit_code(document, outcomes, work.options)
    notes = (
        [] if interrupts.requested else [*common.why(plan.unknown, work.options), *_quiet_failures(document, work)]
    )
    return Report(as_json(document), text, code, tuple(notes))


def _quiet_failures(document: ApplyDoc, work: _Work) -> Iterator[str]:
    """--quiet leaves the results out, but nobody must search for why something failed."""
    for result in document.results if work.options.quiet else ():
        if result.error is not None:
            yield f"{result.asset_id}: {result.outcome}: {clean(result.error.message)}\n"


async def _wait(
    work: _Work, steps: Sequence[Step], outcomes: list[Outcome], seconds: float, interrupts: Interrupts
) -> list[Outcome]:
    """The outcomes with what was seen, also when somebody interrupts the waiting or the state folder fails."""
    total = sum(outcome.outcome == "applied" for outcome in outcomes)
    finished = False
    with work.terminal.progress("Waiting", total, None) as advance:
        settler = Settler(work.surveyor, work.record, work.settings.parallelism, advance)
        watching = asyncio.ensure_future(settler.watch(steps, outcomes, seconds))
        interrupts.tell(watching.cancel)
        try:
            await watching
            finished = True
        except StateError as error:
            work.terminal.note(f"Error: {error.told}\n")
            finished = True
        except asyncio.CancelledError:
            if not interrupts.requested:
                raise
    return settler.verified(outcomes, finished=finished)


def _exit_code(document: ApplyDoc, outcomes: Sequence[Outcome], options: Options) -> int:
    counts = document.summary
    unseen = any(outcome.verified is False for outcome in outcomes)
    unknown = common.failing(document.unknown, options)
    return 1 if counts.failed or counts.stale or counts.not_attempted or unseen or unknown else 0


def _steps(document: PlanDoc) -> list[Step]:
    """A saved plan's changes: the snapshot is asked for by the index that the plan resolved."""
    steps = []
    for change in document.changes:
        wanted, place = change.after.snapshot, change.source
        if wanted is None:
            raise PlanFileError(f"asset {change.asset_id} has no snapshot to be changed to")
        desired = Desired(
            change.asset_id, place.file, place.line, place.column, wanted.set, index=wanted.index, note=change.note
        )
        steps.append(Step(desired, change.title, change.before.value(), change.after.value()))
    return steps
