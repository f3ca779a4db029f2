"""Makes lock lines of what the cloud shows: the picture that each entry names today."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reconciler.decide.picture_id import picture
from reconciler.decide.verdict import choose
from reconciler.desired import lock_file
from reconciler.desired.lock_plan import LockAction, LockChange, LockTask
from reconciler.model import Desired, LockLine, NoAnswer, Observed, PictureBytes, Snapshot
from reconciler.planning.planner import Planner
from reconciler.planning.selection import Selection


@dataclass(frozen=True, slots=True)
class NotLocked:
    """An entry that could not be locked, and why."""

    desired: Desired
    title: str
    why: NoAnswer


class Locker:
    """Locks entries, one at a time.

    Args:
        upgrade: pictures that were taken again are accepted.
    """

    def __init__(self, planner: Planner, selection: Selection, *, upgrade: bool) -> None:
        self._planner = planner
        self._selection = selection
        self._upgrade = upgrade

    async def lock(self, task: LockTask) -> LockChange | NotLocked | None:
        """The line that an entry gets; None where the one that it has stays.

        Raises:
            AuthenticationError, UnreachableError: no other entry would fare better.
        """
        desired = task.desired
        observed = await self._planner.observe(desired.asset_id)
        selected = self._selection.by_id(desired.asset_id)
        if selected is None and not self._selection.by_title(desired.asset_id, observed):
            return None
        if isinstance(observed, NoAnswer):
            return NotLocked(desired, "", observed)
        found = await self._todays_line(desired, observed)
        if isinstance(found, NoAnswer):
            return NotLocked(desired, observed.title, found)
        current = [lock_file.parsed(line) for line in task.current]
        same = next((line for line in current if line.sha256 == found.sha256), None)
        if same is not None:
            return await self._completed(task, observed, same)
        if current and not self._upgrade:
            return NotLocked(desired, observed.title, _ambiguous(found))
        action: LockAction = "upgraded" if current else "updated" if task.outdated else "added"
        before = current[0] if current else None
        return LockChange(desired.asset_id, action, task.file, found, before, desired, observed.title)

    async def _todays_line(self, desired: Desired, observed: Observed) -> LockLine | NoAnswer:
        wanted = choose(desired, observed)
        if isinstance(wanted, NoAnswer):
            return wanted
        read = await self._planner.pictures.picture(wanted.url)
        if isinstance(read, NoAnswer):
            return read
        return new_line(observed, wanted, read)

    async def _completed(self, task: LockTask, observed: Observed, line: LockLine) -> LockChange | None:
        """A line with the cover that the service made of its picture, where that is known and was missing."""
        cover = await self._settled_cover(observed, line) if line.cover is None else None
        if cover is None and len(task.current) == 1:
            return None
        completed = replace(line, cover=cover) if cover is not None else line
        return LockChange(line.asset_id, "updated", task.file, completed, line, task.desired, observed.title)

    async def _settled_cover(self, observed: Observed, line: LockLine) -> PictureBytes | None:
        remembered = self._planner.memory.of(line.asset_id)
        known = {item.cover_sha256 for item in remembered if item.snapshot_sha256 == line.sha256}
        if not known or not observed.cover_url:
            return None
        shown = await self._planner.pictures.picture(observed.cover_url)
        return shown if isinstance(shown, PictureBytes) and shown.sha256 in known else None


def new_line(observed: Observed, snapshot: Snapshot, read: PictureBytes) -> LockLine:
    """The line of an entry that names this snapshot."""
    named = picture(snapshot.url)
    return LockLine(
        observed.asset_id,
        snapshot.set,
        snapshot.index,
        snapshot.offset,
        len(observed.in_set(snapshot.set)),
        named.path if named is not None else "",
        read.sha256,
        read.md5,
        read.length,
    )


def _ambiguous(found: LockLine) -> NoAnswer:
    return NoAnswer(
        "snapshot_changed",
        f"It is locked as several pictures, and {found.set}[{found.index}] is none of them now. Look at it; to "
        f"accept it: reconcile lock --upgrade --target {found.asset_id}",
    )
