"""The way back from each cover that a run changed, or why there is none. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.decide.picture_id import picture
from reconciler.decide.plan import PlanBuilder
from reconciler.decide.verdict import unknown
from reconciler.model import Cover, Desired, NoAnswer, Observed, Plan, Reason, Snapshot, SnapshotRef, Verdict
from reconciler.planning.content import looks_wanted
from reconciler.planning.planner import Planner
from reconciler.planning.selection import Selection
from reconciler.state.runs import PastChange, WhyNot
from reconciler.util.concurrency import for_each


@dataclass(frozen=True, slots=True)
class Blocked:
    """A change that can't be undone; `file` is the journal that knows of it."""

    change: PastChange
    file: str
    title: str
    reason: WhyNot | Reason
    message: str


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """The plan to the covers from before, and all that can't be undone, those unknown in the plan among them; both
    in the order of the run."""

    plan: Plan
    blocked: tuple[Blocked, ...]


class RollbackPlanner:
    """Asks through one surveyor; `journal` is the file that every entry of the plan names as its place.

    A surveyor that replaces unreadable covers also goes on where nobody can tell any more what a snapshot was.
    """

    def __init__(self, planner: Planner, journal: Path) -> None:
        self._surveyor = planner
        self._journal = str(journal)

    async def make_plan(
        self, changes: Sequence[PastChange], selection: Selection, parallelism: int, advance: Callable[[], None]
    ) -> RollbackPlan:
        """One details call for each selected change, and pictures where the URLs do not tell. `advance` is called
        once for each change that is settled.

        Raises:
            AuthenticationError, UnreachableError: no other asset would fare better.
            UsageError: a target or exclude matches nothing.
        """
        builder = PlanBuilder()
        blocked: dict[int, Blocked] = {}

        async def work(item: tuple[int, PastChange]) -> None:
            position, change = item
            found = await self._selected(change, selection)
            if isinstance(found, Verdict):
                builder.add(position, found)
                if found.state == "unknown":
                    blocked[position] = Blocked(
                        change, self._journal, found.title, found.reason or "api_error", found.message
                    )
            elif found is not None:
                blocked[position] = found
            advance()

        await for_each(enumerate(changes), work, parallelism)
        selection.check_all_matched()
        return RollbackPlan(builder.build(), tuple(blocked[position] for position in sorted(blocked)))

    async def _selected(self, change: PastChange, selection: Selection) -> Verdict | Blocked | None:
        by_id = selection.by_id(change.asset_id)
        if by_id is False:
            return None
        seen = await self._surveyor.observe(change.asset_id)
        if by_id is None and not selection.by_title(change.asset_id, seen):
            return None
        if isinstance(seen, NoAnswer):
            return unknown(self._entry(change, None), seen)
        return await self._decide(change, seen)

    async def _decide(self, change: PastChange, seen: Observed) -> Verdict | Blocked:
        before = change.before
        if before.snapshot is None:
            return self._never_a_snapshot(change, before, seen, await self._after(change, seen))
        wanted = _at(seen, before.snapshot)
        if wanted is None:
            return await self._gone(change, before.snapshot, seen)
        back = await self._surveyor.decide(self._entry(change, wanted), seen)
        if back.state != "update":
            return back
        after = await self._after(change, seen)
        return await self._retaken(change, wanted, back) or await self._changed_since(change, back, after) or back

    def _never_a_snapshot(
        self, change: PastChange, before: Cover, seen: Observed, after: Verdict | None
    ) -> Verdict | Blocked:
        if _never_left(before, after):
            return Verdict(self._entry(change, None), "in_sync", seen.title)
        if not before.url:
            told = "It had no cover before, and the service can't take one away."
            return Blocked(change, self._journal, seen.title, "no_cover_before", told)
        what = "was none of its snapshots" if before.content is not None else "was not identified as a snapshot"
        saved = "It was not saved."
        if change.saved_cover is not None:
            saved = f"It is saved in {change.saved_cover}: upload it in the console."
        message = f"The cover before {what}. {saved}"
        return Blocked(change, self._journal, seen.title, "not_a_snapshot", message)

    async def _gone(self, change: PastChange, before: SnapshotRef, seen: Observed) -> Verdict | Blocked:
        entry = Desired(change.asset_id, self._journal, change.line, 1, before.set, offset=before.offset)
        verdict = await self._surveyor.decide(entry, seen)
        if verdict.reason == "snapshots_in_progress":
            return verdict
        told = f"The cover before was {_told(before)}. Its snapshots have been taken anew since: there is none there."
        return Blocked(change, self._journal, seen.title, "snapshots_retaken", told)

    async def _retaken(self, change: PastChange, wanted: Snapshot, back: Verdict) -> Verdict | Blocked | None:
        """The snapshot at that place is another picture now, as far as the journal knows what it was. Where it has
        only the cover's bytes, the service may have made those of it."""
        shown, known = change.before.content and change.before.content.sha256, change.snapshot_sha256
        if shown is None and known is None:
            return None
        now = await self._surveyor.pictures.content(wanted.url)
        if isinstance(now, NoAnswer):
            return unknown(back.desired, now, back.title)
        settled = self._surveyor.memory.of(change.asset_id)
        if now.sha256 in {shown, known, *(item.snapshot_sha256 for item in settled if item.cover_sha256 == shown)}:
            return None
        was = f"The cover before was {_told(wanted.ref)}."
        if known is not None:
            told = f"{was} Its snapshots have been taken anew since: it is another one."
            return Blocked(change, self._journal, back.title, "snapshots_retaken", told)
        if self._surveyor.replace_unreadable:
            return None
        told = f"{was} Whether that snapshot is still the same can't be told; `--force` sets it all the same."
        return Blocked(change, self._journal, back.title, "cannot_tell", told)

    async def _changed_since(
        self, change: PastChange, back: Verdict, after: Verdict | None
    ) -> Verdict | Blocked | None:
        """The cover is not what the run set, so that it is not the run's to take away."""
        if after is not None and after.state == "unknown":
            return after
        now = (after.before if after is not None else back.before) or Cover("")
        if after is not None and (
            after.state in ("in_sync", "pending") or await looks_wanted(after, self._surveyor.pictures)
        ):
            return None
        put = change.after
        named = picture(put.url)
        if (named is not None and named == picture(now.url)) or (put.content and put.content == now.content):
            return None  # the snapshot is not there any more, or retaken; what came of it is
        if self._unreadable(now):
            return None  # --force said so
        if await looks_wanted(back, self._surveyor.pictures):
            return replace(back, state="in_sync")  # re-encoded: undone already, though nobody waited to learn it
        who = "Someone changed it since" if change.certain else "Someone changed it since, or the run never did"
        return Blocked(change, self._journal, back.title, "changed_since", f"{who}: the cover is {_shown(now)} now.")

    def _unreadable(self, now: Cover) -> bool:
        """A surveyor that compares by URL alone has not even tried."""
        tried = self._surveyor.replace_unreadable and self._surveyor.compare != "url"
        return tried and bool(now.url) and now.snapshot is None and now.content is None

    async def _after(self, change: PastChange, seen: Observed) -> Verdict | None:
        """What stands for the run's own change today; None where its snapshot is there no more."""
        ref = change.after.snapshot
        put = _at(seen, ref) if ref is not None else None
        return await self._surveyor.decide(self._entry(change, put), seen) if put is not None else None

    def _entry(self, change: PastChange, wanted: Snapshot | None) -> Desired:
        if wanted is None:
            return Desired(change.asset_id, self._journal, change.line, 1)
        return Desired(change.asset_id, self._journal, change.line, 1, wanted.set, index=wanted.index)


def _never_left(before: Cover, after: Verdict | None) -> bool:
    """The run's change did not come about, or somebody has undone it: the very cover from before is there."""
    if after is None or after.state != "update" or after.before is None:
        return False
    now = after.before
    if not before.url or not now.url:
        return before.url == now.url
    return before.content is not None and before.content == now.content


def _at(seen: Observed, ref: SnapshotRef) -> Snapshot | None:
    """The asset's snapshot at that second today; of several the one with the same index."""
    found = [snapshot for snapshot in seen.in_set(ref.set) if snapshot.offset == ref.offset]
    return next((snapshot for snapshot in found if snapshot.index == ref.index), found[0] if found else None)


def _told(ref: SnapshotRef) -> str:
    return f"{ref.set}[{ref.index}] at {ref.offset} s"


def _shown(cover: Cover) -> str:
    if cover.snapshot is not None:
        return _told(cover.snapshot)
    if not cover.url:
        return "none"
    return "none of its snapshots" if cover.content is not None else "one that was not looked at"
