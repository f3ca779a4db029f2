"""Plans the way back from each cover that a run changed, or says why there is none. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reconciler.decide.picture_id import picture
from reconciler.decide.plan import PlanBuilder
from reconciler.decide.verdict import snapshot_at, unknown
from reconciler.model import Cover, Desired, NoAnswer, Observed, Plan, Reason, Snapshot, SnapshotRef, Verdict
from reconciler.planning import restoring
from reconciler.planning.by_eye import looks_saved, looks_wanted
from reconciler.planning.own_cover import OwnCover
from reconciler.planning.planner import Planner
from reconciler.planning.restoring import SavedCovers, SavedPicture
from reconciler.planning.selection import Selection
from reconciler.state.runs import PastChange, WhyNot
from reconciler.util.concurrency import for_each


@dataclass(frozen=True, slots=True)
class NotUndoable:
    """A change that cannot be undone, and why."""

    change: PastChange
    title: str
    reason: WhyNot | Reason
    message: str


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """The plan to the covers from before, and all changes that cannot be undone, including those of assets that are
    unknown in the plan. Both are in the order of the run."""

    plan: Plan
    blocked: tuple[NotUndoable, ...]


class RollbackPlanner:
    """Plans against what the journal says of a run; each entry of the plan has its place there.

    Args:
        saved: covers that were saved before they were replaced.
        force: also set snapshots of which it is not known whether they are still the same.
    """

    def __init__(self, planner: Planner, saved: SavedCovers, *, force: bool) -> None:
        self._planner = planner
        self._saved = saved
        self._force = force

    async def make_plan(
        self, changes: Sequence[PastChange], selection: Selection, parallelism: int, advance: Callable[[], None]
    ) -> RollbackPlan:
        """One details call for each selected change, and pictures where the URLs do not decide. `advance` is called
        once for each change that is done.

        Raises:
            AuthenticationError, UnreachableError: no other asset would fare better.
            UsageError: a target or exclude matches nothing.
        """
        builder = PlanBuilder()
        blocked: dict[int, NotUndoable] = {}

        async def work(item: tuple[int, PastChange]) -> None:
            position, change = item
            found = await self._selected(change, selection)
            if isinstance(found, Verdict):
                builder.add(position, found)
                if found.state == "unknown":
                    blocked[position] = NotUndoable(change, found.title, found.reason or "api_error", found.message)
            elif found is not None:
                blocked[position] = found
            advance()

        await for_each(enumerate(changes), work, parallelism)
        selection.check_all_matched()
        return RollbackPlan(builder.build(), tuple(blocked[position] for position in sorted(blocked)))

    async def _selected(self, change: PastChange, selection: Selection) -> Verdict | NotUndoable | None:
        selected = selection.by_id(change.asset_id)
        if selected is False:
            return None
        observed = await self._planner.observe(change.asset_id)
        if selected is None and not selection.by_title(change.asset_id, observed):
            return None
        if isinstance(observed, NoAnswer):
            return unknown(self._entry(change), observed)
        return await self._decide(change, observed)

    async def _decide(self, change: PastChange, observed: Observed) -> Verdict | NotUndoable:
        if change.before.snapshot is None:
            return await self._to_no_snapshot(change, observed)
        wanted = _at(observed, change.before.snapshot)
        if wanted is None:
            return await self._to_missing_snapshot(change, change.before.snapshot, observed)
        back = await self._planner.decide(self._entry(change, wanted), observed)
        if back.state in ("in_sync", "pending"):
            return await self._still_the_same(change, wanted, back)
        if back.state != "update":
            return back
        if _never_left(change.before, back):
            return replace(back, state="in_sync")
        after = await self._verdict_on_change(change, observed)
        return (
            await self._retaken_since(change, wanted, back)
            or await self._changed_since(change, observed, back, after)
            or self._never_recorded(change, wanted, back)
            or back
        )

    async def _to_no_snapshot(self, change: PastChange, observed: Observed) -> Verdict | NotUndoable:
        before, after = change.before, await self._verdict_on_change(change, observed)
        if _never_left(before, after):
            return Verdict(self._entry(change), "in_sync", observed.title)
        if not before.cover_url:
            message = "It had no cover before, and the service cannot remove one."
            return NotUndoable(change, observed.title, "no_cover_before", message)
        if before.content is not None:
            return await self._restored(change, observed, after)
        saved = "It was not saved."
        if change.saved_cover is not None:
            saved = f"It is saved in {change.saved_cover}: upload it in the console."
        message = f"The cover before was not identified as a snapshot. {saved}"
        return NotUndoable(change, observed.title, "not_a_snapshot", message)

    async def _restored(self, change: PastChange, observed: Observed, after: Verdict | None) -> Verdict | NotUndoable:
        """The cover before was none of the snapshots: the way back is to upload it again."""
        wanted, planner = replace(change.before, snapshot=None), self._planner
        if after is None and not change.certain:  # its snapshot is not there: nothing is on its way
            planner = replace(planner, recent={})
        back = await restoring.check(planner, self._entry(change), wanted, observed)
        if back.state == "in_sync":
            return back
        saved = await restoring.find(self._saved, change.asset_id, wanted, change.saved_cover)
        picture_ = saved if isinstance(saved, SavedPicture) else None
        if back.state == "update":
            found = await self._changed_since(change, observed, back, after, picture_)
        else:
            found = back
        if isinstance(found, NotUndoable) or (found is not None and found.state == "in_sync"):
            return found
        if not isinstance(saved, SavedPicture):
            message = f"The cover before was none of its snapshots. {saved}"
            return NotUndoable(change, observed.title, "not_a_snapshot", message)
        return found or replace(back, restored_from=saved.file)

    async def _to_missing_snapshot(
        self, change: PastChange, before: SnapshotRef, observed: Observed
    ) -> Verdict | NotUndoable:
        entry = replace(self._entry(change), set=before.set, offset=before.offset)
        verdict = await self._planner.decide(entry, observed)
        if verdict.reason == "snapshots_in_progress":
            return verdict
        message = f"The cover before was {_place(before)}. Its snapshots were taken again: there is none there now."
        return NotUndoable(change, observed.title, "snapshots_retaken", message)

    async def _still_the_same(self, change: PastChange, wanted: Snapshot, back: Verdict) -> Verdict | NotUndoable:
        """The snapshot from before is the cover, or on its way. A copy of it as it was taken again since is not the
        cover from before; one whose URL names the snapshot never was more than that."""
        shown = (back.before.cover_url if back.before is not None else None) or ""
        if picture(shown) == picture(wanted.url):
            return back
        return await self._retaken_since(change, wanted, back) or back

    async def _retaken_since(
        self, change: PastChange, wanted: Snapshot, back: Verdict
    ) -> Verdict | NotUndoable | None:
        """The snapshot at that place is another picture now, as far as the journal knows what it was. Where it has
        only the cover's bytes, the service may have made those of it."""
        cover = change.before.content
        if cover is None and change.snapshot_sha256 is None:
            return None
        now = await self._planner.pictures.content(wanted.url)
        if isinstance(now, NoAnswer):
            return unknown(back.desired, now, back.title)
        remembered = self._planner.memory.of(change.asset_id)
        made_from = {item.snapshot_sha256 for item in remembered if cover and item.cover_sha256 == cover.sha256}
        if now.sha256 in {change.snapshot_sha256, cover and cover.sha256} | made_from:
            return None
        if change.snapshot_sha256 is not None:
            was = f"The cover before was {_place(wanted.ref)}."
            message = f"{was} Its snapshots were taken again: it is another picture now."
            return NotUndoable(change, back.title, "snapshots_retaken", message)
        return self._cannot_tell(change, wanted, back)

    def _never_recorded(self, change: PastChange, wanted: Snapshot, back: Verdict) -> NotUndoable | None:
        """The journal holds no bytes of the cover before, nor of the snapshot that it was."""
        recorded = change.before.content is not None or change.snapshot_sha256 is not None
        return None if recorded or back.state != "update" else self._cannot_tell(change, wanted, back)

    def _cannot_tell(self, change: PastChange, wanted: Snapshot, back: Verdict) -> NotUndoable | None:
        if self._force:
            return None
        was = f"The cover before was {_place(wanted.ref)}."
        message = f"{was} It is not known whether that snapshot is still the same; `--force` sets it anyway."
        return NotUndoable(change, back.title, "cannot_tell", message)

    async def _changed_since(
        self,
        change: PastChange,
        observed: Observed,
        back: Verdict,
        after: Verdict | None,
        saved: SavedPicture | None = None,
    ) -> Verdict | NotUndoable | None:
        """The cover is not what the run set, so a rollback must not replace it.

        Args:
            back: the verdict on the way back, and
            saved: the picture that it uploads, if it does.
            after: the verdict on the run's own change.
        """
        if after is not None and after.state == "unknown":
            return after
        sets_snapshot = after is not None and bool(back.put_url)
        now = (after.before if after is not None and sets_snapshot else back.before) or Cover()
        if await OwnCover(self._planner, self._saved, change).is_shown(observed, now, back, after):
            return None
        if await self._looks_undone(back, saved):
            return replace(back, state="in_sync")  # re-encoded, and never learned: undone already
        who = "Someone changed it since" if change.certain else "Someone changed it since, or the run never did"
        message = f"{who}: the cover is {_description(now)} now."
        return NotUndoable(change, back.title, "changed_since", message)

    async def _looks_undone(self, back: Verdict, saved: SavedPicture | None) -> bool:
        if saved is not None:
            return await looks_saved(back, saved.data, self._planner.pictures)
        return await looks_wanted(back, self._planner.pictures)

    async def _verdict_on_change(self, change: PastChange, observed: Observed) -> Verdict | None:
        """The verdict on the run's own change today; None where its snapshot no longer exists."""
        ref = change.after.snapshot
        snapshot = _at(observed, ref) if ref is not None else None
        if snapshot is None:
            return None
        verdict = await self._planner.decide(self._entry(change, snapshot), observed)
        if verdict.evidence == "url" or verdict.after is None or verdict.after.content is not None:
            return verdict
        read = await self._planner.pictures.content(snapshot.url)  # HEADs told that the cover is the snapshot
        if isinstance(read, NoAnswer):
            return unknown(verdict.desired, read, verdict.title)
        return replace(verdict, after=replace(verdict.after, content=read))

    def _entry(self, change: PastChange, wanted: Snapshot | None = None) -> Desired:
        entry = Desired(change.asset_id, change.file, change.line, 1)
        return entry if wanted is None else replace(entry, set=wanted.set, index=wanted.index, offset=wanted.offset)


def _never_left(before: Cover, now: Verdict | None) -> bool:
    """The run's change never took effect, or was undone: the very cover from before is there."""
    if now is None or now.state != "update" or now.before is None:
        return False
    shown = now.before
    if not before.cover_url or not shown.cover_url:
        return before.cover_url == shown.cover_url
    return before.content is not None and before.content == shown.content


def _at(observed: Observed, ref: SnapshotRef) -> Snapshot | None:
    """The asset's snapshot at that second today; of several the one with the same index."""
    return snapshot_at(observed, ref.set, ref.offset, ref.index)


def _place(ref: SnapshotRef) -> str:
    which = ref.set if ref.index is None else f"{ref.set}[{ref.index}]"
    return f"{which} at {ref.offset} s"


def _description(cover: Cover) -> str:
    if cover.snapshot is not None:
        return _place(cover.snapshot)
    if not cover.cover_url:
        return "none"
    return "none of its snapshots" if cover.content is not None else "one that was not looked at"
