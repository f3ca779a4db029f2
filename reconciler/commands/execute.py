"""What apply and rollback share: ask, apply the approved changes, wait for the new covers, and report."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from reconciler.act.apply import Applier
from reconciler.act.interrupts import Interrupts, caught
from reconciler.act.restore import attempts_with
from reconciler.act.take import Taker
from reconciler.act.verify import Verifier
from reconciler.commands import reports
from reconciler.commands.context import Run
from reconciler.commands.result import INTERRUPTED, exit_code
from reconciler.commands.session import ConnectedRun
from reconciler.decide.outcome import CHANGED, Failure, Outcome, internal
from reconciler.decide.precondition import PlannedChange
from reconciler.documents.dump import redacted
from reconciler.documents.schemas import ApplyDoc, PlanDoc, WarningDoc
from reconciler.documents.write import apply_document
from reconciler.errors import AuthenticationError, ReconcileError, StateError, UsageError
from reconciler.model import Cover, DesiredState, Plan
from reconciler.planning.planner import Planner
from reconciler.report import phrases, text
from reconciler.report.options import NO_CHANGES
from reconciler.state.recorder import RunRecorder
from reconciler.state.recording import recording
from reconciler.util.rate import duration
from reconciler.util.sanitize import clean

_QUESTION = "\nDo you want to perform these actions?\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: "


@dataclass(frozen=True, slots=True)
class ApplyRun(ConnectedRun):
    """A connected run that may change covers. `started`: on the session's monotonic clock."""

    planner: Planner
    recorder: RunRecorder
    started: float

    @property
    def seconds_left(self) -> float:
        """Until the run has to stop."""
        most = self.options.changes.max_duration
        return math.inf if most is None else max(0.0, self.started + most - self.session.clock.monotonic())


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What was done. `outcomes` are the document's results, with the URLs that no document holds."""

    document: ApplyDoc
    outcomes: Sequence[Outcome]
    text: Callable[[], str]
    exit_code: int
    notes: tuple[str, ...]


def check_approvable(run: Run, hint: str) -> None:
    """
    Raises:
        UsageError: the run will have to ask, but has no terminal.
    """
    if not run.options.changes.auto_approve and not run.terminal.interactive:
        raise UsageError("Approval needs a terminal", hint=hint)


@asynccontextmanager
async def open_apply(
    run: ConnectedRun, *, state: DesiredState | None = None, plan_file: str = "", rollback_of: str | None = None
) -> AsyncIterator[ApplyRun]:
    """Opens the journal for one run, the only one on this machine, and among all that share the state.

    Args:
        state: the desired covers, or
        plan_file: the saved plan.
        rollback_of: the run to undo.

    Raises:
        StateError: another apply is running, or the state cannot be used.
    """
    session = run.session
    started = session.clock.monotonic()
    files = state.files if state is not None else (plan_file,) if plan_file else ()
    timeout = run.options.changes.lock_timeout
    async with recording(session.state, files, rollback_of, timeout) as (recorder, remembered):
        planner = await run.planner_with(remembered, state)
        yield ApplyRun(run.options, run.terminal, run.settings, session, planner, recorder, started)


def show(run: ApplyRun, document: PlanDoc, *, blocked: bool = False, nothing: str = NO_CHANGES) -> None:
    """Prints the plan; see `RenderOptions`."""
    options = replace(run.render_options, blocked=blocked, no_changes=nothing)
    document = redacted(document, run.terminal.redact)
    run.terminal.say(reports.folded(run, document, text.render(document, options)))


def steps_of(plan: Plan) -> list[PlannedChange]:
    return [
        PlannedChange(
            verdict.desired,
            verdict.title,
            verdict.before or Cover(),
            verdict.after or Cover(),
            verdict.take,
            restored_from=verdict.restored_from,
        )
        for verdict in plan.changes
    ]


def ask(run: ApplyRun, action: str = "Apply") -> None:
    """Asks for approval, unless it was given.

    Raises:
        UsageError: the answer is not yes.
    """
    if run.options.changes.auto_approve:
        return
    if run.terminal.ask(_QUESTION).strip() != "yes":
        raise UsageError(f"{action} cancelled: the answer was not 'yes'")


async def apply_steps(run: ApplyRun, plan: PlanDoc, steps: Sequence[PlannedChange]) -> ApplyResult:
    """Applies the steps, and waits for the new covers if requested; an interrupt ends it in order."""
    if steps:
        await run.recorder.start()
    quiet, changes = run.options.quiet, run.options.changes
    with caught(run.terminal.note) as interrupts:
        outcomes, stopped = await _set(run, steps, interrupts)
        with suppress(StateError):  # said in the end, where it is tried once more
            await run.recorder.confirm()
        if changes.wait and not interrupts.requested:
            outcomes = await _wait(run, outcomes, interrupts)
    document = apply_document(
        outcomes, plan.unknown, run.origin, plan, warnings=stopped, takes=changes.take_snapshots
    )
    document = redacted(document, run.terminal.redact)
    render = partial(text.render, document, run.render_options)
    if steps and changes.auto_approve and not quiet:
        with suppress(OSError, UsageError):
            run.terminal.say("\n")  # without a question, the plan's summary is right above
    if interrupts.requested:
        return ApplyResult(document, outcomes, render, INTERRUPTED, ())
    notes = (*run.failure_notes(plan.unknown), *(_failures(document) if quiet else ()))
    return ApplyResult(document, outcomes, render, exit_code(failed=_failed(run, document, outcomes)), notes)


async def _set(
    run: ApplyRun, steps: Sequence[PlannedChange], interrupts: Interrupts
) -> tuple[list[Outcome], tuple[WarningDoc, ...]]:
    """Sets the covers, and says in one sentence why it stopped before all were attempted."""
    changes, timer = run.options.changes, None
    with run.terminal.progress("Setting", len(steps), run.settings.write_quota) as advance:
        parallelism, attempts = run.settings.parallelism, attempts_with(run.session.uploads)
        taker = Taker(run.planner, run.recorder, parallelism, changes.snapshot_size, changes.wait_timeout)
        applier = Applier(
            run.planner, run.recorder, parallelism, advance, changes.max_failures, taker, attempts=attempts
        )
        interrupts.tell(applier.stop)
        if changes.max_duration is not None:
            because = f"{duration(changes.max_duration)} are over (--max-duration)"
            timer = asyncio.get_running_loop().call_later(run.seconds_left, applier.stop, because)
        outcomes = await applier.apply(steps)
        if timer is not None:
            timer.cancel()
    left = sum(outcome.outcome == "not_attempted" for outcome in outcomes)
    if not (left and applier.stopped_because):
        return outcomes, ()
    covers = phrases.counted(left, "cover was", "covers were")
    message = f"Stopped: {applier.stopped_because}; {covers} not attempted."
    run.terminal.note(f"{message}\n")
    return outcomes, (WarningDoc(type="stopped", message=message),)


def _failures(document: ApplyDoc) -> Iterator[str]:
    """Why assets failed, since --quiet leaves out the results."""
    for result in document.results:
        if result.error is not None:
            yield f"{result.asset_id}: {result.outcome}: {clean(result.error.message)}\n"


def _failed(run: ApplyRun, document: ApplyDoc, outcomes: Sequence[Outcome]) -> bool:
    counts = document.summary
    troubled = any(outcome.error is not None or outcome.verified is False for outcome in outcomes)
    return bool(counts.failed or counts.stale or counts.not_attempted or troubled or run.failing(document.unknown))


async def _wait(run: ApplyRun, outcomes: list[Outcome], interrupts: Interrupts) -> list[Outcome]:
    """Returns the outcomes with what was verified, also after an interrupt or an error."""
    total = sum(outcome.outcome in CHANGED for outcome in outcomes)
    finished, failure = False, None
    with run.terminal.progress("Waiting", total, None) as advance:
        changes = run.options.changes
        verifier = Verifier(run.planner, run.settings.parallelism, changes.wait_looks, advance)
        watching = asyncio.ensure_future(verifier.watch(outcomes, min(changes.wait_timeout, run.seconds_left)))
        interrupts.tell(watching.cancel)
        try:
            await watching
            finished = True
        except Exception as error:  # noqa: BLE001 what was applied is reported, whatever happened since
            failure = _failure(error)
            run.terminal.note(f"Error: {failure.message}\n")
            finished = not isinstance(error, AuthenticationError)
        except asyncio.CancelledError:
            if not interrupts.requested:
                raise
    verified = verifier.verified(outcomes, finished=finished)
    return [
        replace(outcome, error=outcome.error or failure)
        if outcome.outcome in CHANGED and not outcome.verified
        else outcome
        for outcome in verified
    ]


def _failure(error: Exception) -> Failure:
    return Failure(error.type, error.text) if isinstance(error, ReconcileError) else internal(error)
