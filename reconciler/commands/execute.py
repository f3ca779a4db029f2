"""What apply and rollback share: asking, carrying out what was approved, waiting, and saying what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from reconciler.act.apply import Applier
from reconciler.act.interrupts import EXIT_CODE, Interrupts, caught
from reconciler.act.verify import Verifier
from reconciler.commands import context as common
from reconciler.commands import reports
from reconciler.commands.context import Options
from reconciler.commands.result import Terminal
from reconciler.commands.session import Session
from reconciler.config import Settings
from reconciler.decide.precondition import PlannedChange
from reconciler.documents.schemas import ApplyDoc, PlanDoc
from reconciler.documents.write import apply_document
from reconciler.errors import StateError, UsageError
from reconciler.model import Cover, Outcome, Plan
from reconciler.planning.planner import Planner
from reconciler.report import text as text_report
from reconciler.report.options import NO_CHANGES, RenderOptions
from reconciler.state.recorder import RunRecorder, recording
from reconciler.util.sanitize import clean

_QUESTION = "\nDo you want to perform these actions?\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: "


@dataclass(frozen=True, slots=True)
class Manner:
    """How changes are made; `wait` is the seconds to wait for the new covers, or None."""

    auto_approve: bool
    force: bool
    wait: float | None


@dataclass(frozen=True, slots=True)
class Work:
    """All that a run which changes covers needs at hand."""

    options: Options
    manner: Manner
    settings: Settings
    session: Session
    terminal: Terminal
    planner: Planner
    record: RunRecorder


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it, for every audience."""

    document: ApplyDoc
    text: Callable[[], str]
    exit_code: int
    notes: tuple[str, ...]


def check_approvable(manner: Manner, terminal: Terminal, hint: str) -> None:
    """
    Raises:
        UsageError: there is a question to come, and nobody to answer it.
    """
    if not manner.auto_approve and not terminal.interactive:
        raise UsageError("Nobody can be asked for approval here: there is no terminal", hint=hint)


@contextmanager
def working(
    options: Options,
    manner: Manner,
    settings: Settings,
    session: Session,
    terminal: Terminal,
    *,
    files: Sequence[str] = (),
    rollback_of: str | None = None,
) -> Iterator[Work]:
    """Opens the journal for one run, alone on this machine.

    Args:
        files: what the run goes by.
        rollback_of: the run that it undoes.

    Raises:
        StateError: another apply is running, or the state folder can't be used.
    """
    about = recording(session.folder, session.clock, session.endpoint, session.project_id, files, rollback_of)
    with about as record, common.planner(options, session, replace_unreadable=manner.force) as planner:
        yield Work(options, manner, settings, session, terminal, planner, record)


def show(work: Work, document: PlanDoc, *, blocked: bool = False, nothing: str = NO_CHANGES) -> None:
    """See `RenderOptions`."""
    options = replace(render_options(work), blocked=blocked, no_changes=nothing)
    text = text_report.render(document, options)
    work.terminal.say(reports.folded(work.options.reports, document, text, rate=options.rate))


def render_options(work: Work) -> RenderOptions:
    return common.render_options(work.options, work.terminal, work.settings.write_rate)


def steps_of(plan: Plan) -> list[PlannedChange]:
    return [
        PlannedChange(verdict.desired, verdict.title, verdict.before or Cover(""), verdict.after or Cover(""))
        for verdict in plan.changes
    ]


def ask(work: Work, verb: str = "Apply") -> None:
    """
    Raises:
        UsageError: the answer is not yes.
    """
    if work.manner.auto_approve:
        return
    if work.terminal.ask(_QUESTION).strip() != "yes":
        raise UsageError(f"{verb} cancelled: the answer was not 'yes'")


async def carry_out(work: Work, plan: PlanDoc, steps: Sequence[PlannedChange]) -> Done:
    """Applies the steps, waits where that was asked for, and tells; an interrupt ends it in order."""
    if steps:
        work.record.start()
    wait = work.manner.wait
    with caught(work.terminal.note) as interrupts:
        with work.terminal.progress("Setting", len(steps), work.settings.write_rate) as advance:
            applier = Applier(work.planner, work.record, work.settings.parallelism, advance)
            interrupts.tell(applier.stop)
            outcomes = await applier.apply(steps)
        if wait is not None and not interrupts.requested:
            outcomes = await _wait(work, steps, outcomes, wait, interrupts)
    document = apply_document(outcomes, plan.unknown, common.origin(work.session))
    text = partial(text_report.render, document, render_options(work))
    if steps and work.manner.auto_approve and not work.options.quiet:
        work.terminal.say("\n")  # where there was no question, the plan's summary stands right above
    if interrupts.requested:
        return Done(document, text, EXIT_CODE, ())
    notes = (*common.why(plan.unknown, work.options), *_quiet_failures(document, work))
    return Done(document, text, _exit_code(document, outcomes, work.options), notes)


def _quiet_failures(document: ApplyDoc, work: Work) -> Iterator[str]:
    """--quiet leaves the results out, but nobody must search for why something failed."""
    for result in document.results if work.options.quiet else ():
        if result.error is not None:
            yield f"{result.asset_id}: {result.outcome}: {clean(result.error.message)}\n"


async def _wait(
    work: Work, steps: Sequence[PlannedChange], outcomes: list[Outcome], seconds: float, interrupts: Interrupts
) -> list[Outcome]:
    """The outcomes with what was seen, also when somebody interrupts the waiting or the state folder fails."""
    total = sum(outcome.outcome == "applied" for outcome in outcomes)
    finished = False
    with work.terminal.progress("Waiting", total, None) as advance:
        verifier = Verifier(work.planner, work.record, work.settings.parallelism, advance)
        watching = asyncio.ensure_future(verifier.watch(steps, outcomes, seconds))
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
    return verifier.verified(outcomes, finished=finished)


def _exit_code(document: ApplyDoc, outcomes: Sequence[Outcome], options: Options) -> int:
    counts = document.summary
    unseen = any(outcome.verified is False for outcome in outcomes)
    unknown = common.failing(document.unknown, options)
    return 1 if counts.failed or counts.stale or counts.not_attempted or unseen or unknown else 0
