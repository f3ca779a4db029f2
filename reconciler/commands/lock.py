"""Lock each entry to the picture that it names.

PATH is a desired file, or a folder with desired files; default: desired. Writes covers.lock beside the desired files:
a line for each entry, with the bytes of its snapshot. Keep it in git. A line that is there stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import click

from reconciler.commands.context import Run
from reconciler.commands.lock_report import images_of_upgrades, make_lock_report
from reconciler.commands.options import CONNECTION, PAGE_OUTPUT, PICTURE_REPORTS, SELECTION
from reconciler.commands.result import Report, exit_code
from reconciler.commands.session import ConnectedRun, connect
from reconciler.commands.verb import Verb
from reconciler.desired import lock_line
from reconciler.desired.load import load_with_locks
from reconciler.desired.lock_files import LockFiles
from reconciler.desired.lock_plan import (
    LockPlan,
    LockTask,
    NotLocked,
    check_locked,
    check_written,
    lock_files_below,
    plan_locks,
)
from reconciler.desired.lock_writing import check_writable, merge_notes, write_locks
from reconciler.documents.images import ImagesByAsset
from reconciler.documents.locked import lock_document
from reconciler.documents.write import Origin
from reconciler.errors import UsageError
from reconciler.model import Desired, DesiredState
from reconciler.planning.locker import Locker
from reconciler.planning.selection import Selection
from reconciler.state.folder import folders_of, locate
from reconciler.state.settled_covers import Memory
from reconciler.util.clock import SystemClock
from reconciler.util.concurrency import for_each

_DEFAULT = "desired"


@click.option("--upgrade", is_flag=True, help="Accept pictures that were taken again since they were locked.")
@click.option("--check", is_flag=True, help="Only check that every entry has a current line, without the cloud.")
async def lock(run: Run, *, upgrade: bool, check: bool) -> Report:
    """
    Raises:
        DesiredError: the desired files or lock files are invalid; with --check: they are not as they would be left.
        UsageError: a target matches nothing, or a lock file cannot be written.
    """
    if check and upgrade:
        raise UsageError("--check changes nothing: give it without --upgrade")
    paths, selection = run.options.desired_paths, Selection(run.options.targets, run.options.excludes)
    state, locks = load_with_locks(paths, mend=not check)
    chosen = [one for one in state.covers if selection.by_id(one.asset_id) is not False and not one.ignore]
    selected = {one.asset_id for one in chosen}
    whole = not (run.options.targets or run.options.excludes)
    for path in filter(os.path.isdir, paths):  # beside no desired file any more
        locks.by_folder.update(lock_files_below(path, locks))
    elsewhere = lock_files_below(_DEFAULT, locks).values() if _within_default(paths) else ()
    plan = plan_locks(state, locks, lambda one: one.asset_id in selected, whole=whole, elsewhere=elsewhere)
    run.options.reports.check_apart((*state.files, *plan.lines))
    done = _FromCloud()
    written: list[str] = []
    if check:
        selection.check_all_matched()
        check_locked(state, lambda one: one.asset_id in selected)
        check_written(plan)
    else:
        done = await _lock(run, state, plan, _kept(chosen, locks, plan), selection, upgrade=upgrade)
        written = write_locks(plan)
    document = lock_document(plan, done.not_locked, written, SystemClock().now(), done.origin)
    code = exit_code(failed=done.not_locked)
    return make_lock_report(run, document, code, merge_notes(written), done.images)


@dataclass(frozen=True, slots=True)
class _FromCloud:
    """What could not be locked, the project if it was read, and pictures for the report."""

    not_locked: tuple[NotLocked, ...] = ()
    origin: Origin | None = None
    images: ImagesByAsset = field(default_factory=dict)


async def _lock(
    run: Run, state: DesiredState, plan: LockPlan, kept: list[LockTask], selection: Selection, *, upgrade: bool
) -> _FromCloud:
    """Completes the plan by what the cloud shows.

    Args:
        kept: the entries whose line is current.
    """
    if upgrade:
        plan.tasks += kept
    shared = run.options.connection.shared_state is not None
    if not (plan.tasks or shared) and not any(_without_cover(kept, memory) for memory in _memories(run, state)):
        if not selection.matches_titles:
            selection.check_all_matched()
        return _FromCloud()
    check_writable(plan)
    async with connect(run, run.resolve(state)) as connected:
        planner = await connected.make_planner(state)
        if not upgrade:
            plan.tasks += _without_cover(kept, planner.memory)
        locker = Locker(planner, selection, connected.session.state.find_cover, upgrade=upgrade)
        failed = await _work(connected, plan, locker)
        selection.check_all_matched()
        images, origin = await images_of_upgrades(connected, plan), connected.origin
    order = {one.asset_id: position for position, one in enumerate(state.covers)}
    return _FromCloud(tuple(sorted(failed, key=lambda item: order[item.desired.asset_id])), origin, images)


async def _work(run: ConnectedRun, plan: LockPlan, locker: Locker) -> list[NotLocked]:
    failed: list[NotLocked] = []
    with run.terminal.progress("Locking", len(plan.tasks), run.settings.read_quota) as advance:

        async def work(task: LockTask) -> None:
            found = await locker.lock(task)
            if isinstance(found, NotLocked):
                failed.append(found)
            elif found is not None and found.line is not None:
                plan.change(found, lock_line.written(found.line, task.current[0] if task.current else None))
            advance()

        await for_each(plan.tasks, work, run.settings.parallelism)
    return failed


def _kept(chosen: Iterable[Desired], locks: LockFiles, plan: LockPlan) -> list[LockTask]:
    """A task for each entry whose one line is current, also where it was moved."""
    current = plan.kept | {change.asset_id for change in plan.changes if change.action == "moved"}
    found = []
    for desired in chosen:
        if desired.asset_id in current:
            file = locks.beside(desired.file)
            found.append(LockTask(desired, file, tuple(plan.lines[file.path][desired.asset_id])))
    return found


def _without_cover(tasks: Iterable[LockTask], memory: Memory) -> list[LockTask]:
    """Those whose line does not say yet what the service makes of the picture, although that is remembered."""
    found = []
    for task in tasks:
        line = lock_line.parsed(task.current[0])
        remembered = memory.of(line.asset_id) if line.cover is None else ()
        if any(item.snapshot_sha256 == line.sha256 for item in remembered):
            found.append(task)
    return found


def _memories(run: Run, state: DesiredState) -> list[Memory]:
    """What is remembered of the project; of all that it may be, where it takes a call to know which one it is."""
    with suppress(UsageError):
        settings = run.resolve(state, offline=True)
        if settings.project_id is not None:
            return [Memory(locate(settings.state_dir, settings.endpoint, settings.project_id))]
        return [Memory(folder) for folder in folders_of(settings.state_dir, settings.endpoint)]
    return []


def _within_default(paths: Iterable[str]) -> bool:
    default = Path(_DEFAULT).resolve()
    return default.is_dir() and any(Path(path).resolve().is_relative_to(default) for path in paths)


command = Verb("lock", __doc__, lock, SELECTION, PICTURE_REPORTS, CONNECTION, PAGE_OUTPUT)
