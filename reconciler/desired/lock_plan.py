"""What locking can decide without the cloud: which lines stay, move or go, and which entries need their snapshot."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from reconciler.desired import files, lock_file
from reconciler.desired.lock_file import LockFile
from reconciler.desired.lock_files import LockFiles
from reconciler.desired.problems import Problems
from reconciler.errors import Problem
from reconciler.model import Desired, DesiredState, LockLine

LockAction = Literal["added", "updated", "upgraded", "moved", "dropped"]


@dataclass(frozen=True, slots=True)
class LockTask:
    """An entry that cannot be locked without its snapshot.

    Attributes:
        current: its current lines: none; or several that contradict each other; or one, to be upgraded or completed.
        outdated: there is a line about another snapshot.
    """

    desired: Desired
    file: LockFile
    current: tuple[str, ...] = ()
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class LockChange:
    """A line that changes. `source` is the lock file that a line moved from."""

    asset_id: str
    action: LockAction
    file: LockFile
    line: LockLine | None = None
    before: LockLine | None = None
    desired: Desired | None = None
    title: str = ""
    source: str = ""


@dataclass(slots=True)
class LockPlan:
    """The lines that each lock file will hold, and what is still to be done.

    Attributes:
        lines: for each lock file by its path: by asset ID.
    """

    files: dict[str, LockFile] = field(default_factory=dict)
    lines: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    tasks: list[LockTask] = field(default_factory=list)
    changes: list[LockChange] = field(default_factory=list)
    kept: int = 0

    def put(self, file: LockFile, asset_id: str, lines: Iterable[str]) -> None:
        self.lines[file.path][asset_id] = list(lines)

    def texts(self) -> Iterator[tuple[LockFile, str]]:
        """Each lock file that has to be written, with its new text."""
        for path, file in self.files.items():
            text = lock_file.rendered(file.version, self.lines[path])
            if text != file.text and (self.lines[path] or file.text is not None):
                yield file, text


def unlocked(state: DesiredState, looked_at: Callable[[Desired], bool]) -> tuple[Problem, ...]:
    """A problem for each entry that has no current line."""
    return tuple(
        Problem(one.file, one.line, one.column, f"the asset {one.asset_id} has no current line in covers.lock")
        for one in state.covers
        if not one.ignore and looked_at(one) and state.locked(one) is None
    )


def plan_locks(
    state: DesiredState,
    locks: LockFiles,
    selected: Callable[[Desired], bool],
    *,
    whole: bool,
    elsewhere: Iterable[LockFile] = (),
) -> LockPlan:
    """Sorts the lines of all lock files.

    Args:
        selected: whether an entry is to be locked; the lines of others stay as they are.
        whole: all entries are, so that lines of no entry may go.
        elsewhere: lock files of other folders, from which lines may be taken over.
    """
    plan = LockPlan()
    for file in locks.by_folder.values():
        plan.files[file.path] = file
        plan.lines[file.path] = {}
    sources = [*locks.by_folder.values(), *elsewhere]
    wanted: dict[str, Desired] = {}
    for desired in state.covers:
        if not desired.ignore:
            wanted[desired.asset_id] = desired
            _sort(plan, desired, locks.beside(desired.file), sources, is_selected=selected(desired))
    complete = _complete(state, locks)
    for folder, file in locks.by_folder.items():
        drop = whole and folder in complete
        for asset_id in file.lines:
            owner = wanted.get(asset_id)
            if owner is not None and locks.beside(owner.file) is file:
                continue
            if not drop:
                plan.put(file, asset_id, dict.fromkeys(map(lock_file.respelled, file.all_of(asset_id))))
            elif not any((change.asset_id, change.source) == (asset_id, file.path) for change in plan.changes):
                plan.changes.append(LockChange(asset_id, "dropped", file, before=file.of(asset_id)))
    return plan


def _sort(
    plan: LockPlan, desired: Desired, file: LockFile, sources: Iterable[LockFile], *, is_selected: bool
) -> None:
    """What becomes of one entry's lines."""
    asset_id = desired.asset_id
    found = list(dict.fromkeys(map(lock_file.respelled, file.all_of(asset_id))))
    current = [line for line in found if lock_file.parsed(line).is_current(desired)]
    if len(current) == 1:
        plan.put(file, asset_id, current)
        plan.kept += 1
    elif current:
        plan.put(file, asset_id, current)
        plan.tasks.append(LockTask(desired, file, tuple(current)))
    elif not is_selected:
        if found:
            plan.put(file, asset_id, found)
    elif (moved := _from_elsewhere(desired, file, sources)) is not None:
        source, text = moved
        plan.put(file, asset_id, [text])
        line = lock_file.parsed(text)
        plan.changes.append(LockChange(asset_id, "moved", file, line, line, desired, source=source.path))
    else:
        if found:  # until the new one is there
            plan.put(file, asset_id, found)
        plan.tasks.append(LockTask(desired, file, outdated=bool(found)))


def _from_elsewhere(desired: Desired, file: LockFile, sources: Iterable[LockFile]) -> tuple[LockFile, str] | None:
    """The current line of an entry that was moved here from another folder."""
    for source in sources:
        lines = source.all_of(desired.asset_id) if source is not file else []
        if len(lines) == 1 and lock_file.parsed(lines[0]).is_current(desired):
            return source, lock_file.respelled(lines[0])
    return None


def _complete(state: DesiredState, locks: LockFiles) -> set[str]:
    """The folders of which every desired file was loaded."""
    loaded = {os.path.realpath(file) for file in state.files}
    return {
        folder
        for folder in locks.by_folder
        if all(os.path.realpath(file) in loaded for file in files.directly_in(folder))
    }


def lock_files_below(folder: str, known: LockFiles) -> list[LockFile]:
    """The lock files of a folder and those below it that were not read yet. Broken ones are left out."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        real = os.path.realpath(place)
        if lock_file.NAME in names and real not in known.by_folder:
            problems = Problems()
            file = lock_file.read(os.path.join(place, lock_file.NAME), real, problems)  # noqa: PTH118
            found += [] if problems else [file]
    return found
