"""apply: plans, shows, asks, and PUTs what drifted; or executes exactly a saved plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.act.apply import Applier
from reconciler.commands import common
from reconciler.commands.base import Report, Terminal
from reconciler.commands.common import Options
from reconciler.decide.plan import check_safety
from reconciler.decide.precondition import Step
from reconciler.documents.read import read_plan
from reconciler.documents.shapes import ApplyDoc, CoverDoc, Findings, PlanDoc
from reconciler.documents.write import apply_document, as_json, plan_document
from reconciler.errors import PlanFileError, UsageError
from reconciler.model import Content, Cover, Desired, Outcome, SnapshotRef
from reconciler.report.text import Text
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
        surveyor = _surveyor(options, choices, session)
        plan = await common.survey(options, settings, surveyor, state.covers, terminal)
        document = plan_document(plan, common.origin(session))
        terminal.say(Text(colour=terminal.colour).findings(document, settings.write_rate, quiet=options.quiet))
        _check_safety(document, options, choices)
        steps = [
            Step(verdict.desired, verdict.title, verdict.before or Cover(""), verdict.after or Cover(""))
            for verdict in plan.changes
        ]
        if steps and not choices.auto_approve:
            _ask(terminal)
        return await _carry_out(options, choices, settings, session, surveyor, document, steps, terminal)


async def _saved(options: Options, choices: Choices, file: str, terminal: Terminal) -> Report:
    document = read_plan(file)
    settings = common.connect(options, document.region, document.project_id)
    if settings.endpoint != document.endpoint:
        raise PlanFileError(
            f"{file}: the plan is for {document.endpoint}, not for {settings.endpoint}",
            hint="Pass the same --endpoint and region as for the plan, or plan again.",
        )
    _check_safety(document, options, choices)
    async with open_session(settings) as session:
        if session.project_id != document.project_id:
            raise PlanFileError(
                f"{file}: the plan is for project {document.project_id}, not for {session.project_id}",
                hint="Pass the same --project-id as for the plan, or plan again.",
            )
        terminal.say(Text(colour=terminal.colour).findings(document, settings.write_rate, quiet=options.quiet))
        surveyor = _surveyor(options, choices, session)
        steps = _steps(document)
        return await _carry_out(options, choices, settings, session, surveyor, document, steps, terminal)


def _surveyor(options: Options, choices: Choices, session: Session) -> Surveyor:
    return Surveyor(session.client, session.pictures, options.compare, replace_unreadable=choices.force)


def _check_safety(document: Findings, options: Options, choices: Choices) -> None:
    if not choices.force:
        check_safety(document.summary.update, document.summary.in_sync, options.safety_percent)


def _ask(terminal: Terminal) -> None:
    terminal.say(_QUESTION)
    if terminal.ask().strip() != "yes":
        raise UsageError("Apply cancelled: the answer was not 'yes'")


async def _carry_out(
    options: Options,
    choices: Choices,
    settings: Settings,
    session: Session,
    surveyor: Surveyor,
    plan: PlanDoc,
    steps: Sequence[Step],
    terminal: Terminal,
) -> Report:
    with terminal.progress("Setting", len(steps)) as advance:
        outcomes = await Applier(surveyor, settings.parallelism, advance).apply(steps)
    if choices.wait is not None and any(outcome.outcome == "applied" for outcome in outcomes):
        total = sum(outcome.outcome == "applied" for outcome in outcomes)
        with terminal.progress("Waiting", total) as advance:
            waiting = Applier(surveyor, settings.parallelism, advance)
            outcomes = await waiting.wait(steps, outcomes, choices.wait)
    document = apply_document(outcomes, plan.unknown, common.origin(session))
    text = Text(colour=terminal.colour).applied(document, waited=choices.wait is not None, quiet=options.quiet)
    return Report(as_json(document), text, _exit_code(document, outcomes, options))


def _exit_code(document: ApplyDoc, outcomes: Sequence[Outcome], options: Options) -> int:
    counts = document.summary
    unseen = any(outcome.verified is False for outcome in outcomes)
    unknown = any(unknown.reason not in options.allow_unknown for unknown in document.unknown)
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
        steps.append(Step(desired, change.title, _cover(change.before), _cover(change.after)))
    return steps


def _cover(doc: CoverDoc) -> Cover:
    ref, content = doc.snapshot, doc.content
    return Cover(
        doc.cover_url or "",
        SnapshotRef(ref.set, ref.index, ref.offset) if ref else None,
        Content(content.sha256, content.length) if content else None,
    )
