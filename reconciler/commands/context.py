"""What every verb is given: a `Run` with the options and the terminal; and what verbs do with them first."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from reconciler import config
from reconciler.commands.formats import ReportOptions
from reconciler.commands.result import Report, Terminal
from reconciler.config import ConnectionOptions, Settings
from reconciler.model import Compare, DesiredState, Reason

if TYPE_CHECKING:
    from reconciler.documents.schemas import PlanDoc, UnknownDoc
    from reconciler.report.options import RenderOptions


D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """How to write the report and errors. `output`: the file for the report; default: stdout."""

    form: Literal["text", "json", "markdown", "html"] = "text"
    output: str | None = None
    no_color: bool = False
    debug: bool = False


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """How to change covers.

    Attributes:
        force: override the safety limit; in a rollback, set snapshots of which it is not known what they were.
        replace_unreadable: replace covers that cannot be read.
        wait: for the new covers, at most `wait_timeout` seconds, until `wait_looks` looks in a row saw them.
        max_duration: seconds after which the run stops in order.
        max_failures: failures of one kind after which it stops.
        lock_timeout: seconds to wait for another apply.
        take_snapshots: have snapshots taken where `from: dots` names a second without one; at most `max_snapshots`,
            whose longest side has `snapshot_size` pixels.
        update_lock: write the lock lines of those that were set.
    """

    auto_approve: bool = False
    force: bool = False
    replace_unreadable: bool = False
    wait: bool = False
    wait_timeout: float = 600.0
    wait_looks: int = 2
    max_duration: float | None = None
    max_failures: int = 20
    lock_timeout: float = 0.0
    take_snapshots: bool = False
    max_snapshots: int = 100
    snapshot_size: int = 1080
    update_lock: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """The options that verbs share; each verb offers some of them.

    Attributes:
        paths: as given: empty where none was given.
        compare: how covers are compared.
        allow_unknown: reasons for unknown assets that don't fail the run.
        max_update_percent: the safety limit.
    """

    paths: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    compare: Compare = "auto"
    allow_unknown: tuple[Reason, ...] = ()
    max_update_percent: float = 30.0
    quiet: bool = False
    connection: ConnectionOptions = field(default_factory=ConnectionOptions)
    reports: ReportOptions = field(default_factory=ReportOptions)
    changes: ApplyOptions = field(default_factory=ApplyOptions)

    @property
    def desired_paths(self) -> tuple[str, ...]:
        return self.paths or ("desired",)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one verb. `session.connect` makes it a `ConnectedRun`."""

    options: Options
    terminal: Terminal

    def load(self) -> DesiredState:
        """Loads the desired files.

        Raises:
            DesiredError: they are invalid.
            UsageError: a report would overwrite one of them.
        """
        from reconciler.desired.load import load

        state = load(self.options.desired_paths)
        self.options.reports.check_apart(state.files)
        return state

    def require_locked(self, state: DesiredState) -> None:
        """
        Raises:
            DesiredError: an entry that the run looks at has no current line in its lock file.
        """
        from reconciler.desired.lock_plan import check_locked
        from reconciler.planning.selection import Selection

        selection = Selection(self.options.targets, self.options.excludes)
        check_locked(state, lambda one: selection.by_id(one.asset_id) is not False)

    def resolve(self, place: DesiredState | PlanDoc, *, offline: bool = False) -> Settings:
        """The settings for the project of desired files or of a saved plan: see `config.resolve`."""
        return config.resolve(self.options.connection, os.environ, place.region, place.project_id, offline=offline)

    def resolve_without_files(self, *, offline: bool = False) -> Settings:
        """For verbs that name their assets: the desired files matter only if options don't name the project."""
        given = self.options.connection
        where = given.endpoint or given.region
        known = where and (given.project_id or config.is_emulator(given.endpoint or ""))
        if known or not all(Path(path).exists() for path in self.options.desired_paths):
            return self.resolve(DesiredState((), ()), offline=offline)
        return self.resolve(self.load(), offline=offline)

    @property
    def render_options(self) -> RenderOptions:
        """For text on this terminal. A terminal with colours either shows links or skips them."""
        from reconciler.report.options import RenderOptions

        colour, links = self.terminal.colour, ""
        if colour:
            with suppress(OSError):  # the working folder may have been deleted
                links = f"{Path.cwd().as_uri()}/"
        rate, quiet = self.options.connection.write_quota, self.options.quiet
        return RenderOptions(rate=rate, quiet=quiet, colour=colour, links=links)

    def report(
        self,
        document: D,
        render: Callable[[D, RenderOptions], str],
        exit_code: int = 0,
        notes: Sequence[str] = (),
    ) -> Report:
        """The report of a document as JSON and text, without secrets."""
        from reconciler.documents.dump import as_json, redacted

        document = redacted(document, self.terminal.redact)
        text = partial(render, document, self.render_options)
        return Report(partial(as_json, document), text, exit_code, tuple(notes))

    def failing(self, unknown: Sequence[UnknownDoc]) -> list[UnknownDoc]:
        """The unknown assets that fail the run: those whose reason was not allowed."""
        return [item for item in unknown if item.reason not in self.options.allow_unknown]

    def failure_notes(self, unknown: Sequence[UnknownDoc]) -> Iterator[str]:
        """Why a run with unknown assets exits with 1."""
        reasons = Counter(item.reason for item in self.failing(unknown))
        if reasons:
            counts = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
            yield f"Exit code 1: some assets are unknown ({counts}).\n"

    def safety_warnings(self, plan: PlanDoc) -> Iterator[str]:
        """What apply would refuse."""
        from reconciler.decide.plan import check_safety
        from reconciler.errors import SafetyLimitError

        try:
            in_sync = plan.summary.in_sync + plan.left_out
            check_safety(plan.summary.update, in_sync, self.options.max_update_percent)
        except SafetyLimitError as error:
            yield f"Warning: {error.message}. A first apply needs --force once; otherwise check the plan.\n"

    def snapshot_warnings(self, plan: PlanDoc) -> Iterator[str]:
        """What apply would refuse of the snapshots to be taken."""
        from reconciler.decide.taking import check_snapshots
        from reconciler.errors import SafetyLimitError

        try:
            check_snapshots(plan.takes, self.options.changes.max_snapshots)
        except SafetyLimitError as error:
            yield f"Warning: {error.message} (--max-snapshots).\n"
