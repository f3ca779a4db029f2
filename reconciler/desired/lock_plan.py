"""What locking can decide without the cloud: which lines stay, move or go, and which entries need their snapshot."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from reconciler.desired import files, lock_file
from reconciler.desired.lock_file import LockFile
from reconciler.desired.lock_files import LockFiles
from reconciler.desired.lock_line import parsed, respelled, written
from reconciler.desired.problems import MOST, Problems
from reconciler.errors import DesiredError, Problem
from reconciler.model import Desired, DesiredState, LockLine, NoAnswer

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
    """A line that changes.

    Attributes:
        source: the lock file that a line moved from.
        old_url, new_url: of an upgrade: of a cover that still shows the old picture, or "", and of the snapshot; as
            the API returned them.
        saved: of an upgrade: the file with the old picture, if no cover shows it.
    """

    asset_id: str
    action: LockAction
    file: LockFile
    line: LockLine | None = None
    before: LockLine | None = None
    desired: Desired | None = None
    title: str = ""
    source: str = ""
    old_url: str = field(default="", repr=False)
    new_url: str = field(default="", repr=False)
    saved: str = ""


@dataclass(frozen=True, slots=True)
class NotLocked:
    """An entry that could not be locked, and why."""

    desired: Desired
    title: str
    why: NoAnswer


@dataclass(slots=True)
class LockPlan:
    """The lines that each lock file will hold, and what is still to be done.

    Attributes:
        files: by their real folder.
        lines: for each lock file by its path: by asset ID.
        kept: assets whose current line stays as it is.
    """

    files: dict[str, LockFile] = field(default_factory=dict)
    lines: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    tasks: list[LockTask] = field(default_factory=list)
    changes: list[LockChange] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)

    def put(self, file: LockFile, asset_id: str, lines: Iterable[str]) -> None:
        self.lines[file.path][asset_id] = list(lines)

    def change(self, change: LockChange, line: str) -> None:
        """A line takes the place of an entry's lines."""
        self.put(change.file, change.asset_id, [line])
        self.changes.append(change)
        self.kept.discard(change.asset_id)

    def texts(self) -> Iterator[tuple[str, LockFile, str]]:
        """Each lock file that has to be written: its real folder, and its new text."""
        for folder, file in self.files.items():
            lines = self.lines[file.path]
            text = lock_file.rendered(lines, file.version, file.more)
            if text != file.text and (lines or file.text is not None):
                yield folder, file, text


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
    plan = LockPlan(dict(locks.by_folder), {file.path: {} for file in locks.by_folder.values()})
    holders: dict[str, list[LockFile]] = {}
    for file in (*locks.by_folder.values(), *elsewhere):
        for asset_id in file.lines:
            holders.setdefault(asset_id, []).append(file)
    homes: dict[str, LockFile] = {}
    for desired in state.covers:
        if not desired.ignore:
            homes[desired.asset_id] = home = locks.beside(desired.file)
            others = [file for file in holders.get(desired.asset_id, ()) if file is not home]
            _sort(plan, desired, home, others, is_selected=selected(desired))
    _sort_rest(plan, homes, _complete(state, locks) if whole else set())
    return plan


def _sort(plan: LockPlan, desired: Desired, file: LockFile, others: Iterable[LockFile], *, is_selected: bool) -> None:
    """What becomes of one entry's lines.

    Args:
        others: lock files of other folders that have lines about it.
    """
    asset_id = desired.asset_id
    found = _lines(file, asset_id)
    current = _current(found, desired)
    if len(current) == 1:
        plan.put(file, asset_id, current)
        plan.kept.add(asset_id)
    elif not is_selected:
        if found:
            plan.put(file, asset_id, found)
    elif current:
        plan.put(file, asset_id, current)
        plan.tasks.append(LockTask(desired, file, tuple(current)))
    else:
        _sort_without_current(plan, desired, file, others, found)


def _sort_without_current(
    plan: LockPlan, desired: Desired, file: LockFile, others: Iterable[LockFile], found: list[str]
) -> None:
    """An entry that was moved here from another folder brings its line; any other needs a new one."""
    asset_id = desired.asset_id
    moved = {line: other for other in others for line in _current(_lines(other, asset_id), desired)}
    if len(moved) == 1:
        [(text, source)] = moved.items()
        line = parsed(text)
        plan.change(LockChange(asset_id, "moved", file, line, line, desired, source=source.path), text)
        return
    if len(found) == 1:
        plan.put(file, asset_id, found)  # until the new one is there
    plan.tasks.append(LockTask(desired, file, tuple(moved), outdated=bool(found)))


def _sort_rest(plan: LockPlan, homes: dict[str, LockFile], complete: set[str]) -> None:
    """Drops the lines that no entry needs, where all entries of the folder are known.

    Args:
        homes: by asset ID, the lock file beside its entry.
    """
    moved = {(change.asset_id, change.source) for change in plan.changes}
    for folder, file in plan.files.items():
        for asset_id in file.lines:
            if homes.get(asset_id) is file:
                continue
            if folder not in complete:
                plan.put(file, asset_id, _lines(file, asset_id))
            elif (asset_id, file.path) not in moved:
                plan.changes.append(LockChange(asset_id, "dropped", file, before=file.of(asset_id)))


def _lines(file: LockFile, asset_id: str) -> list[str]:
    """The lines about an asset in our spelling, each once."""
    return list(dict.fromkeys(map(respelled, file.all_of(asset_id))))


def _current(lines: Iterable[str], desired: Desired) -> list[str]:
    return [line for line in lines if parsed(line).is_current(desired)]


def with_lines(locks: LockFiles, new: Iterable[tuple[str, LockLine]]) -> LockPlan:
    """The lock files with these lines instead of those about the same assets.

    Args:
        new: each with the desired file that it lies beside.
    """
    found, plan = list(new), LockPlan()
    for folder, file in locks.by_folder.items():
        own = {line.asset_id: [written(line)] for beside, line in found if locks.beside(beside) is file}
        if own:
            plan.files[folder] = file
            plan.lines[file.path] = {asset_id: _lines(file, asset_id) for asset_id in file.lines} | own
    return plan


def _complete(state: DesiredState, locks: LockFiles) -> set[str]:
    """The folders of which every desired file was loaded."""
    loaded = {os.path.realpath(file) for file in state.files}
    return {
        folder
        for folder in locks.by_folder
        if all(os.path.realpath(file) in loaded for file in files.directly_in(folder))
    }


def lock_files_below(folder: str, known: LockFiles) -> dict[str, LockFile]:
    """The lock files of a folder and those below it that were not read yet, by their real folder. Broken ones are
    left out."""
    found: dict[str, LockFile] = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        real = os.path.realpath(place)
        if lock_file.NAME in names and real not in known.by_folder:
            problems = Problems()
            file = lock_file.read(os.path.join(place, lock_file.NAME), real, problems)  # noqa: PTH118
            found |= {} if problems else {real: file}
    return found


def check_locked(state: DesiredState, looked_at: Callable[[Desired], bool]) -> None:
    """
    Raises:
        DesiredError: an entry has no current line.
    """
    problems = [
        Problem(one.file, one.line, one.column, f"the asset {one.asset_id} has no current line in covers.lock")
        for one in state.covers
        if not one.ignore and looked_at(one) and state.locked(one) is None
    ]
    if problems:
        count = "1 entry has" if len(problems) == 1 else f"{len(problems):,} entries have"
        raise _to_be_locked(f"{count} no current line in covers.lock", problems)


def check_written(plan: LockPlan) -> None:
    """
    Raises:
        DesiredError: a lock file is not as it would be written, in its lines, their order or their spelling.
    """
    problems = []
    for _, file, text in plan.texts():
        old, new = (file.text or "").split("\n"), text.split("\n")
        dropped = {change.asset_id for change in plan.changes if change.file is file and change.action == "dropped"}
        stray = {file.lines[asset_id] for asset_id in dropped}
        places = [number for number, line in enumerate(old, start=1) if line.removesuffix("\r") in stray]
        problems += [Problem(file.path, number, 1, "no entry needs this line") for number in places]
        if not places:
            differs = (
                number for number, pair in enumerate(zip(old, new, strict=False), start=1) if pair[0] != pair[1]
            )
            place = next(differs, len(old))
            problems.append(Problem(file.path, place, 1, "this line is out of order, or in another spelling"))
    if problems:
        count = "1 line is" if len(problems) == 1 else f"{len(problems):,} lines are"
        raise _to_be_locked(f"{count} not as `reconcile lock` writes them", problems)


def _to_be_locked(message: str, problems: list[Problem]) -> DesiredError:
    return DesiredError(message, tuple(problems[:MOST]), hint="Run `reconcile lock`.")
