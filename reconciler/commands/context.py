"""What the verbs share: their options, what they hand back, how they read the desired state and say what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from reconciler import config as settings
from reconciler.commands.reports import Reports
from reconciler.commands.result import Terminal
from reconciler.commands.session import Session
from reconciler.config import Settings
from reconciler.decide.plan import check_safety
from reconciler.documents.schemas import Findings, PlanSummary, UnknownDoc
from reconciler.documents.write import Origin
from reconciler.errors import SafetyLimitError
from reconciler.model import WRITE_RATE, Compare, Desired, DesiredState, Plan, Rate, Reason
from reconciler.planning.planner import Planner
from reconciler.planning.selection import Selection
from reconciler.report.options import RenderOptions
from reconciler.state.runs import Runs
from reconciler.state.settled_covers import Memory
from reconciler.state.snapshot_cache import Readings

# "A new cover takes effect within 3 to 5 minutes" (user guide).
PENDING = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Options:
    """What every verb that talks to the cloud takes."""

    paths: tuple[str, ...]
    targets: tuple[str, ...]
    excludes: tuple[str, ...]
    compare: Compare
    allow_unknown: frozenset[Reason]
    flags: settings.Flags
    env: Mapping[str, str]
    quiet: bool
    safety_percent: float
    reports: Reports


def load(options: Options) -> DesiredState:
    """The desired state.

    Raises:
        DesiredError: it is not usable.
    """
    from reconciler.desired.load import load as load_files

    return load_files(options.paths)


def connect(options: Options, region: str | None, project_id: str | None, *, offline: bool = False) -> Settings:
    """See `settings.resolve`."""
    return settings.resolve(
        options.flags, options.env, file_region=region, file_project_id=project_id, offline=offline
    )


def connect_without_files(options: Options, *, offline: bool = False) -> Settings:
    """For verbs that name their assets: the desired files only say where, and only if nothing else does."""
    flags, env = options.flags, options.env
    where = flags.endpoint or flags.region or env.get("RECONCILE_ENDPOINT") or env.get("HW_REGION_NAME")
    project = flags.project_id or env.get("HUAWEICLOUD_SDK_PROJECT_ID") or env.get("HW_PROJECT_ID")
    emulated = settings.is_emulator(flags.endpoint or env.get("RECONCILE_ENDPOINT") or "")
    if (where and (project or emulated)) or not all(Path(path).exists() for path in options.paths):
        return connect(options, None, None, offline=offline)
    state = load(options)
    return connect(options, state.region, state.project_id, offline=offline)


@contextmanager
def planner(options: Options, session: Session, *, replace_unreadable: bool = False) -> Iterator[Planner]:
    """Asks the session's project, with what its state folder remembers."""
    recent = Runs(session.folder, session.endpoint, session.project_id).recent(session.clock.now(), PENDING)
    with closing(Memory(session.folder)) as memory, closing(Readings(session.folder)) as readings:
        yield Planner(
            session.client,
            session.pictures,
            memory,
            readings,
            options.compare,
            replace_unreadable,
            recent,
            keep_snapshots=options.reports.pictured,
        )


async def make_plan(
    options: Options,
    resolved: Settings,
    planner: Planner,
    covers: Sequence[Desired],
    terminal: Terminal,
) -> Plan:
    selection = Selection(options.targets, options.excludes)
    with terminal.progress("Reading", len(covers), resolved.read_rate) as advance:
        return await planner.make_plan(covers, selection, resolved.parallelism, advance)


def render_options(options: Options, terminal: Terminal, rate: Rate = WRITE_RATE) -> RenderOptions:
    """For text on this terminal; one that shows colours shows links, or ignores them."""
    links = f"{Path.cwd().as_uri()}/" if terminal.colour else ""
    return RenderOptions(rate=rate, quiet=options.quiet, colour=terminal.colour, links=links)


def origin(session: Session) -> Origin:
    return Origin(session.endpoint, session.region, session.project_id, session.clock.now())


def exit_code(document: Findings, options: Options, *, detailed: bool) -> int:
    """0, 1 or 2 as the contract has it: unknown outranks drift."""
    if failing(document.unknown, options):
        return 1
    return 2 if detailed and document.changes else 0


def safety_warning(summary: PlanSummary, percent: float) -> Iterator[str]:
    """What apply would refuse, as a warning."""
    try:
        check_safety(summary.update, summary.in_sync, percent)
    except SafetyLimitError as error:
        yield f"Warning: {error.message}. A first apply needs --force once; else check what the plan is about.\n"


def failing(unknown: Sequence[UnknownDoc], options: Options) -> list[UnknownDoc]:
    """The unknown assets that fail a run: those whose reason was not allowed."""
    return [item for item in unknown if item.reason not in options.allow_unknown]


def why(unknown: Sequence[UnknownDoc], options: Options) -> Iterator[str]:
    """Why a run that found unknown assets exits with 1."""
    reasons = Counter(item.reason for item in failing(unknown, options))
    if reasons:
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        yield f"Exit code 1: some assets are unknown ({told}).\n"
