"""Makes lock lines of what the cloud shows: the picture that each entry names today."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from reconciler.decide.picture_id import picture
from reconciler.decide.verdict import choose, name
from reconciler.desired import lock_line
from reconciler.desired.lock_plan import LockAction, LockChange, LockTask, NotLocked
from reconciler.model import LockLine, NoAnswer, Observed, PictureBytes, Snapshot
from reconciler.planning.content import is_locked
from reconciler.planning.planner import Planner
from reconciler.planning.selection import Selection

FindCover = Callable[[str, str], Awaitable[Path | None]]


class Locker:
    """Locks entries, one at a time.

    Args:
        find_cover: returns the file of a cover that was saved.
        upgrade: pictures that were taken again are accepted.
    """

    def __init__(self, planner: Planner, selection: Selection, find_cover: FindCover, *, upgrade: bool) -> None:
        self._planner = planner
        self._selection = selection
        self._find_cover = find_cover
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
        lacks_cover = len(task.current) == 1 and not self._upgrade
        if isinstance(observed, NoAnswer):
            return None if lacks_cover else NotLocked(desired, "", observed)
        current = [lock_line.parsed(line) for line in task.current]
        if lacks_cover:
            return await self._completed(task, observed, current)
        return await self._read(task, observed, current)

    async def _read(
        self, task: LockTask, observed: Observed, current: Sequence[LockLine]
    ) -> LockChange | NotLocked | None:
        """The line that is made of the snapshot as it is now, unless it has the bytes of a current one."""
        desired, wanted = task.desired, choose(task.desired, observed)
        if isinstance(wanted, NoAnswer):
            return NotLocked(desired, observed.title, wanted)
        line = await read_line(self._planner, observed, wanted)
        if isinstance(line, NoAnswer):
            return NotLocked(desired, observed.title, line)
        same = [one for one in current if one.sha256 == line.sha256]
        if same:
            return await self._completed(task, observed, same)
        if current and not self._upgrade:
            return NotLocked(desired, observed.title, _ambiguous(wanted, desired.asset_id))
        if current:
            return await self._upgraded(task, observed, current[0], line, wanted.url)
        action: LockAction = "updated" if task.outdated else "added"
        return LockChange(desired.asset_id, action, task.file, line, None, desired, observed.title)

    async def _upgraded(
        self, task: LockTask, observed: Observed, old: LockLine, new: LockLine, url: str
    ) -> LockChange:
        """The change with where both pictures can be seen."""
        shown = await self._planner.pictures.look(observed.cover_url, old.pictures)
        is_shown = isinstance(shown, PictureBytes) and is_locked(shown, old, self._planner.memory)
        saved = None
        for one in () if is_shown else old.pictures:
            saved = saved or await self._find_cover(old.asset_id, one.sha256)
        return LockChange(
            old.asset_id,
            "upgraded",
            task.file,
            new,
            old,
            task.desired,
            observed.title,
            old_url=observed.cover_url if is_shown else "",
            new_url=url,
            saved=str(saved) if saved is not None else "",
        )

    async def _completed(self, task: LockTask, observed: Observed, same: Sequence[LockLine]) -> LockChange | None:
        """The one of these lines that stays, with what the service made of its picture, if that is known."""
        line = max(same, key=lambda one: one.cover is not None)
        cover = line.cover or await _settled_cover(self._planner, observed, line)
        if len(task.current) == 1 and cover == line.cover:
            return None
        completed = replace(line, cover=cover)
        return LockChange(line.asset_id, "updated", task.file, completed, line, task.desired, observed.title)


async def read_line(planner: Planner, observed: Observed, snapshot: Snapshot) -> LockLine | NoAnswer:
    """The line of an entry that names this snapshot, as it is now."""
    read = await planner.pictures.picture(snapshot.url)
    if isinstance(read, NoAnswer):
        return read
    named = picture(snapshot.url)
    line = LockLine(
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
    return replace(line, cover=await _settled_cover(planner, observed, line))


async def _settled_cover(planner: Planner, observed: Observed, line: LockLine) -> PictureBytes | None:
    """What the service made of a line's picture, if that is remembered, and is the cover."""
    remembered = planner.memory.of(line.asset_id)
    known = {item.cover_sha256 for item in remembered if item.snapshot_sha256 == line.sha256}
    if not known or not observed.cover_url:
        return None
    shown = await planner.pictures.picture(observed.cover_url)
    return shown if isinstance(shown, PictureBytes) and shown.sha256 in known else None


def _ambiguous(found: Snapshot, asset_id: str) -> NoAnswer:
    return NoAnswer(
        "snapshot_changed",
        f"It is locked as several pictures, and {name(found)} is none of them now. Look at it; to accept it: "
        f"reconcile lock --upgrade --target {asset_id}",
    )
