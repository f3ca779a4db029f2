"""Lock each entry to the picture that it names.

PATH is a desired file, or a folder with desired files; default: desired. Writes covers.lock beside the desired files:
a line for each entry, with the bytes of its snapshot. Keep it in git. A line that is there stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import click

from reconciler.commands.context import Run
from reconciler.commands.options import CONNECTION, OUTPUT, SELECTION
from reconciler.commands.result import Report, exit_code
from reconciler.commands.session import ConnectedRun, connect
from reconciler.commands.verb import Verb
from reconciler.desired import lock_file
from reconciler.desired.load import load_with_locks
from reconciler.desired.lock_file import LockFile
from reconciler.desired.lock_files import LockFiles
from reconciler.desired.lock_plan import LockPlan, LockTask, lock_files_below, plan_locks
from reconciler.documents.locked import lock_document
from reconciler.documents.schemas import UnknownDoc
from reconciler.errors import UsageError
from reconciler.model import Desired, DesiredState
from reconciler.planning.locker import Locker, NotLocked
from reconciler.planning.selection import Selection
from reconciler.report import text_lock
from reconciler.state.folder import locate
from reconciler.state.settled_covers import Memory
from reconciler.util import atomic_files
from reconciler.util.clock import SystemClock
from reconciler.util.concurrency import for_each
from reconciler.util.git import git
from reconciler.util.sanitize import clean

_DEFAULT = "desired"
_NO_UNION = (
    "Git may report conflicts in {file} when branches are merged. To avoid that, add this line to .gitattributes:\n"
    "  covers.lock merge=union\n"
)


@click.option("--upgrade", is_flag=True, help="Accept pictures that were taken again since they were locked.")
@click.option("--check", is_flag=True, help="Only check that every entry has a current line, without the cloud.")
async def lock(run: Run, *, upgrade: bool, check: bool) -> Report:
    """
    Raises:
        DesiredError: the desired files or lock files are invalid; with --check: an entry has no current line.
        UsageError: a target matches nothing, or a lock file cannot be written.
    """
    if check and upgrade:
        raise UsageError("--check changes nothing: give it without --upgrade")
    selection = Selection(run.options.targets, run.options.excludes)
    state, locks = load_with_locks(run.options.desired_paths, mend=not check)
    if check:
        run.require_locked(state)
        selection.check_all_matched()
    whole = not (run.options.targets or run.options.excludes)
    elsewhere = lock_files_below(_DEFAULT, locks) if _within_default(run.options.desired_paths) else []
    plan = plan_locks(
        state, locks, lambda one: selection.by_id(one.asset_id) is not False, whole=whole, elsewhere=elsewhere
    )
    not_locked = [] if check else await _lock(run, state, locks, plan, selection, upgrade=upgrade)
    written = [] if check else list(_write(plan))
    document = lock_document(plan, not_locked, [file.path for file in written], SystemClock().now())
    notes = (
        [] if check else [_NO_UNION.format(file=clean(file.path)) for file in plan.files.values() if _conflicts(file)]
    )
    return run.report(document, text_lock.render, exit_code(failed=not_locked), notes[:1])


async def _lock(
    run: Run, state: DesiredState, locks: LockFiles, plan: LockPlan, selection: Selection, *, upgrade: bool
) -> list[UnknownDoc]:
    """Completes the plan by what the cloud shows; what could not be locked."""
    chosen = [one for one in state.covers if not one.ignore and selection.by_id(one.asset_id) is not False]
    tasks = list(plan.tasks)
    if upgrade:
        tasks += _kept(chosen, locks, plan, tasks)
    elif not tasks:
        tasks = _incomplete(run, state, _kept(chosen, locks, plan, ()))
    if not tasks:
        if not selection.matches_titles:
            selection.check_all_matched()
        return []
    async with connect(run, run.resolve(state)) as connected:
        if not upgrade and plan.tasks:
            memory = Memory(connected.session.folder)
            tasks += _without_cover(_kept(chosen, locks, plan, tasks), memory)
        failed = await _work(connected, state, tasks, plan, selection, upgrade=upgrade)
    selection.check_all_matched()
    order = {one.asset_id: position for position, one in enumerate(state.covers)}
    plan.changes.sort(key=lambda change: (change.file.path, change.asset_id))
    failed.sort(key=lambda item: order[item.desired.asset_id])
    return [
        UnknownDoc(
            asset_id=item.desired.asset_id,
            title=item.title or None,
            source=item.desired.source,
            reason=item.why.reason,
            message=item.why.message,
        )
        for item in failed
    ]


async def _work(
    run: ConnectedRun,
    state: DesiredState,
    tasks: list[LockTask],
    plan: LockPlan,
    selection: Selection,
    *,
    upgrade: bool,
) -> list[NotLocked]:
    locker = Locker(run.make_planner(state), selection, upgrade=upgrade)
    failed: list[NotLocked] = []
    with run.terminal.progress("Locking", len(tasks), run.settings.read_quota) as advance:

        async def work(task: LockTask) -> None:
            found = await locker.lock(task)
            if isinstance(found, NotLocked):
                failed.append(found)
            elif found is not None and found.line is not None:
                old = task.current[0] if task.current else None
                plan.put(task.file, found.asset_id, [lock_file.written(found.line, old)])
                plan.changes.append(found)
                plan.kept -= len(task.current) == 1
            advance()

        await for_each(tasks, work, run.settings.parallelism)
    return failed


def _kept(chosen: Iterable[Desired], locks: LockFiles, plan: LockPlan, tasks: Iterable[LockTask]) -> list[LockTask]:
    """A task for each entry whose one line is current."""
    busy = {task.desired.asset_id for task in tasks}
    found = []
    for desired in chosen:
        file = locks.beside(desired.file)
        lines = plan.lines[file.path].get(desired.asset_id, [])
        if desired.asset_id not in busy and len(lines) == 1:
            found.append(LockTask(desired, file, tuple(lines)))
    return found


def _without_cover(tasks: Iterable[LockTask], memory: Memory) -> list[LockTask]:
    """Those whose line does not say yet what the service makes of the picture, although that is remembered."""
    found = []
    for task in tasks:
        line = lock_file.parsed(task.current[0])
        remembered = memory.of(line.asset_id) if line.cover is None else ()
        if any(item.snapshot_sha256 == line.sha256 for item in remembered):
            found.append(task)
    return found


def _incomplete(run: Run, state: DesiredState, tasks: list[LockTask]) -> list[LockTask]:
    """The same, before there is a connection: where the project is not known, nothing is."""
    with suppress(UsageError):
        settings = run.resolve(state, offline=True)
        if settings.project_id is not None:
            folder = locate(settings.state_dir, settings.endpoint, settings.project_id)
            return _without_cover(tasks, Memory(folder))
    return []


def _within_default(paths: Iterable[str]) -> bool:
    default = Path(_DEFAULT).resolve()
    return default.is_dir() and any(Path(path).resolve().is_relative_to(default) for path in paths)


def _write(plan: LockPlan) -> Iterable[LockFile]:
    """Writes the lock files that change; checked first, so that none is written where another cannot be.

    Raises:
        UsageError: one cannot be written.
    """
    changed = list(plan.texts())
    for file, _ in changed:
        atomic_files.check_writable(file.path)
    for file, text in changed:
        atomic_files.write(file.path, text)
        yield file


def _conflicts(file: LockFile) -> bool:
    """Whether git would not merge both sides of a lock file."""
    if not Path(file.path).exists():
        return False
    folder, name = os.path.split(os.path.abspath(file.path))  # noqa: PTH100 -- links are kept
    answer = git("-C", folder, "check-attr", "merge", "--", name)
    return answer is not None and not answer.rstrip().endswith(": union")


command = Verb("lock", __doc__, lock, SELECTION, CONNECTION, OUTPUT)
