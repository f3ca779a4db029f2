"""Observe and decide, for one entry and for all: the one question that plan, apply, --wait and audit ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.decide.equality import same_cover, same_picture
from reconciler.decide.plan import PlanBuilder
from reconciler.decide.verdict import choose, ignored, judge, update
from reconciler.model import Compare, Desired, NoAnswer, Observed, Plan, Verdict
from reconciler.observe.assets import observe
from reconciler.observe.pictures import Pictures
from reconciler.planning import content as compare
from reconciler.planning.asset_index import AssetIndex
from reconciler.planning.selection import Selection
from reconciler.state.runs import PastChange
from reconciler.state.settled_covers import Memory
from reconciler.state.snapshot_cache import Readings
from reconciler.util.concurrency import for_each
from reconciler.vod.client import VodClient


@dataclass(frozen=True, slots=True)
class Planner:
    """Asks the cloud about entries.

    Args:
        compare: how covers whose URL names no snapshot are told apart.
        replace_unreadable: a cover that can't be read counts as drift.
        memory: what settled covers look like.
        readings: where snapshots are remembered as they were read.
        recent: what was applied so recently that it need not be visible yet, by asset ID.
        keep_snapshots: a change comes with all snapshots of its asset.
        listing: covers as the asset list shows them, to be tried before the details.
    """

    client: VodClient
    pictures: Pictures
    memory: Memory
    readings: Readings
    compare: Compare = "auto"
    replace_unreadable: bool = False
    recent: Mapping[str, PastChange] = field(default_factory=dict)
    listing: AssetIndex | None = None
    keep_snapshots: bool = False

    async def check(self, desired: Desired) -> Verdict:
        """What stands for one entry right now: one details call, and pictures where the URL does not tell.

        Raises:
            AuthenticationError, UnreachableError: no other entry would fare better.
        """
        if desired.ignore:
            return ignored(desired)
        return await self.decide(desired, await self.observe(desired.asset_id))

    async def observe(self, asset_id: str) -> Observed | NoAnswer:
        """One details call; its snapshots are remembered."""
        seen = await observe(self.client, asset_id)
        if isinstance(seen, Observed):
            self.readings.keep(seen, self.client.clock.now())
        return seen

    async def decide(self, desired: Desired, seen: Observed | NoAnswer) -> Verdict:
        """What stands for one entry, with its asset observed."""
        verdict = judge(desired, seen, self.compare)
        if not isinstance(verdict, Verdict):
            verdict = await compare.answer(
                verdict, self.pictures, self.memory, replace_unreadable=self.replace_unreadable
            )
        if await self._pending(verdict):
            return replace(verdict, state="pending")
        verdict = self._overtaken(verdict, seen)
        if self.keep_snapshots and verdict.state == "update" and isinstance(seen, Observed):
            return replace(verdict, snapshots=seen.snapshots)
        return verdict

    async def _pending(self, verdict: Verdict) -> bool:
        """Applied a moment ago to what is wanted today, and the service still shows what it showed then; or shows
        something new that looks like what is wanted, since it re-encodes."""
        applied = self.recent.get(verdict.desired.asset_id)
        if verdict.state != "update" or applied is None or verdict.before is None or verdict.after is None:
            return False
        if not same_picture(applied.after, verdict.after):
            return False
        return same_cover(applied.before, verdict.before) or await compare.looks_wanted(verdict, self.pictures)

    def _overtaken(self, verdict: Verdict, seen: Observed | NoAnswer) -> Verdict:
        """In sync only until something else appears, which was applied a moment ago: that is to be undone."""
        applied = self.recent.get(verdict.desired.asset_id)
        if verdict.state != "in_sync" or applied is None or isinstance(seen, NoAnswer):
            return verdict
        shown, wanted = verdict.before, choose(verdict.desired, seen)
        if shown is None or verdict.after is None or isinstance(wanted, NoAnswer):
            return verdict
        coming = applied.after
        if same_picture(coming, verdict.after) or not same_cover(applied.before, shown):
            return verdict
        return update(verdict.desired, seen, wanted, coming, verdict.after.content)

    async def make_plan(
        self,
        covers: Sequence[Desired],
        selection: Selection,
        parallelism: int,
        advance: Callable[[], None],
    ) -> Plan:
        """The plan for all selected entries. `advance` is called once for each that is settled."""
        builder = PlanBuilder()

        async def work(item: tuple[int, Desired]) -> None:
            position, desired = item
            verdict = await self._selected(desired, selection)
            if verdict is not None:
                builder.add(position, verdict)
            advance()

        await for_each(enumerate(covers), work, parallelism)
        selection.check_all_matched()
        return builder.build()

    async def _selected(self, desired: Desired, selection: Selection) -> Verdict | None:
        by_id = selection.by_id(desired.asset_id)
        listed = self.listing.of(desired.asset_id) if self.listing is not None else None
        if by_id is None and listed is not None and not desired.ignore:
            by_id = selection.by_title(desired.asset_id, listed)
        if by_id is False:
            return None
        if desired.ignore:
            return ignored(desired) if by_id else None
        if by_id and self.listing is not None:
            verdict = self.listing.decides(desired, coming=desired.asset_id in self.recent)
            if verdict is not None:
                return verdict
        seen = await self.observe(desired.asset_id)
        if by_id is None and not selection.by_title(desired.asset_id, seen):
            return None
        return await self.decide(desired, seen)
