"""Observes and decides, for one entry and for all: the question that plan, apply, --wait and audit share.

From the top: `make_plan` for many entries, `check` for one, `decide` once the asset has been read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.decide.equality import not_visible_yet, same_picture
from reconciler.decide.plan import PlanBuilder
from reconciler.decide.verdict import choose, ignored, judge, unknown, update
from reconciler.model import (
    Compare,
    Content,
    Cover,
    Desired,
    Evidence,
    LockLine,
    NoAnswer,
    Observed,
    Plan,
    Verdict,
)
from reconciler.observe.assets import observe
from reconciler.observe.covers import ListedAsset, add_by_id, read_covers
from reconciler.observe.pictures import Pictures
from reconciler.planning import content as compare
from reconciler.planning.by_eye import looks_wanted, on_its_way
from reconciler.planning.lock_evidence import LockChecker, LockEvidence
from reconciler.planning.selection import Selection
from reconciler.planning.taking import Taking, made_by_task
from reconciler.state.runs import PastChange
from reconciler.state.settled_covers import Memory
from reconciler.util.concurrency import for_each
from reconciler.vod.client import VodClient

_NOT_REMEMBERED = (
    "The cover looks like the wanted snapshot, but has other bytes, and what the service makes of snapshots is not "
    "known here. Share the state (--state), or run `reconcile lock` where it is known."
)


@dataclass(frozen=True, slots=True)
class Planner:
    """Says of entries what differs. Changes nothing.

    Args:
        memory: what settled covers look like.
        compare: how a cover whose URL names no snapshot is compared.
        replace_unreadable: a cover that cannot be read counts as drift.
        recent: by asset ID, what was applied so recently that it may not be visible yet.
        undoing: what is on its way counts as the cover even where the wanted one is still shown.
        locked: the lock line of an entry, if it has one.
        listed: every asset as the list shows it, by ID, where that was read already.
        keep_snapshots: a change comes with all snapshots of its asset.
        remembers: False where `memory` cannot be had: then it is not known whether a cover that only looks like the
            wanted snapshot was made of it.
        taking: snapshots that are missing are planned to be taken.
    """

    client: VodClient
    pictures: Pictures
    memory: Memory
    compare: Compare = "auto"
    replace_unreadable: bool = False
    recent: Mapping[str, PastChange] = field(default_factory=dict)
    undoing: bool = False
    locked: Callable[[Desired], LockLine | None] = field(default=lambda _: None, repr=False)
    listed: dict[str, ListedAsset] | None = field(default=None, repr=False)
    keep_snapshots: bool = False
    remembers: bool = True
    taking: Taking | None = None

    async def make_plan(
        self, covers: Sequence[Desired], selection: Selection, parallelism: int, advance: Callable[[], None]
    ) -> Plan:
        """The plan for all selected entries. `advance` is called once for each entry that is done.

        Raises:
            AuthenticationError, UnreachableError: no other entry would fare better.
            UsageError: a target or exclude matches nothing.
        """
        builder = PlanBuilder()
        evidence = await self._by_lock(covers, selection, parallelism, advance)

        async def work(item: tuple[int, Desired]) -> None:
            position, desired = item
            if desired.asset_id in evidence.in_sync:
                builder.add(position, Verdict(desired, "in_sync", evidence="lock"))
                return
            verdict = await self._selected(desired, selection, evidence)
            if verdict is not None:
                builder.add(position, verdict)
            advance()

        await for_each(enumerate(covers), work, parallelism)
        selection.check_all_matched()
        return builder.build()

    async def _by_lock(
        self, covers: Sequence[Desired], selection: Selection, parallelism: int, advance: Callable[[], None]
    ) -> LockEvidence:
        """What the locked pictures decide. `--compare url` opens no cover, so nothing then."""
        may_be = [one for one in covers if self.compare != "url" and selection.by_id(one.asset_id) is not False]
        locked = [(desired, line) for desired in may_be if (line := self.locked(desired)) is not None]
        asset_ids = {desired.asset_id for desired, _ in locked}
        if self.listed is None:
            assets = await read_covers(self.client, asset_ids, parallelism) if locked else {}
        else:
            assets = self.listed
            await add_by_id(self.client, asset_ids, assets, parallelism)
        checker = LockChecker(self.pictures, self.memory, parallelism)
        return await checker.check(locked, selection, assets, advance)

    async def _selected(self, desired: Desired, selection: Selection, evidence: LockEvidence) -> Verdict | None:
        """The verdict on an entry by its asset's details; None where it is not selected."""
        selected = selection.by_id(desired.asset_id)
        if selected is None and not desired.ignore:
            listed = evidence.assets.get(desired.asset_id)
            selected = selection.by_title(desired.asset_id, listed) if listed is not None else None
        if selected is False:
            return None
        if desired.ignore:
            return ignored(desired) if selected else None
        observed = await self.observe(desired.asset_id)
        if selected is None and not selection.by_title(desired.asset_id, observed):
            return None
        return await self.decide(desired, observed, evidence.read)

    async def check(self, desired: Desired) -> Verdict:
        """The verdict on one entry right now: one details call, and pictures where the URL does not decide.

        Raises:
            AuthenticationError, UnreachableError: no other entry would fare better.
        """
        if desired.ignore:
            return ignored(desired)
        return await self.decide(desired, await self.observe(desired.asset_id))

    async def observe(self, asset_id: str) -> Observed | NoAnswer:
        """One details call."""
        return await observe(self.client, asset_id)

    async def decide(
        self, desired: Desired, observed: Observed | NoAnswer, read: Mapping[str, Content] | None = None
    ) -> Verdict:
        """The verdict on one entry whose asset has been read: by the URLs, else by the bytes.

        Args:
            read: pictures that were read a moment ago, by URL.
        """
        verdict = judge(desired, observed, self.compare, self.locked(desired))
        if isinstance(verdict, Verdict):
            verdict = replace(verdict, evidence="url" if verdict.state == "in_sync" else "details")
        else:
            evidence: Evidence = "url" if verdict.by_url else "content"
            answered = await compare.answer(
                verdict, self.pictures, self.memory, replace_unreadable=self.replace_unreadable, read=read or {}
            )
            verdict = replace(answered, evidence=evidence)
        if self.taking is not None and verdict.state == "unknown" and isinstance(observed, Observed):
            verdict = await self.taking.instead(self, verdict, observed)
        applied = self.recent.get(desired.asset_id)
        if applied is not None and isinstance(observed, Observed):
            verdict = await self._after(applied, verdict, observed)
        if not self.remembers and verdict.state == "update" and await looks_wanted(verdict, self.pictures):
            return unknown(desired, NoAnswer("content_unavailable", _NOT_REMEMBERED), verdict.title)
        if self.keep_snapshots and verdict.state == "update" and isinstance(observed, Observed):
            return replace(verdict, snapshots=observed.snapshots)
        return verdict

    async def _after(self, applied: PastChange, verdict: Verdict, observed: Observed) -> Verdict:
        """The verdict after a change that was applied a moment ago: its cover may not be visible yet, at some edge of
        the CDN or at all. Until then it counts as the cover where one from before is shown, unless that is wanted."""
        if verdict.before is None or verdict.after is None:
            return verdict
        shows_old = not_visible_yet(applied.old_covers, applied.after, verdict.before) or (
            bool(applied.dots)
            and await made_by_task(
                verdict.before, observed.cover_url, observed.snapshots, applied.dots, self.pictures
            )
        )
        if same_picture(applied.after, verdict.after):
            if verdict.state != "update":
                return verdict
            coming = shows_old or await on_its_way(verdict, applied.old_covers, self.pictures)
            return replace(verdict, state="pending") if coming else verdict
        if not shows_old or (verdict.state == "in_sync" and not self.undoing):
            return verdict
        if verdict.state == "update":
            return replace(verdict, before=applied.after, shown=verdict.before)
        return await self._back_from(applied.after, verdict, observed)

    async def _back_from(self, coming: Cover, verdict: Verdict, observed: Observed) -> Verdict:
        """The update from a cover that is on its way to the one that is still shown."""
        wanted = choose(verdict.desired, observed)
        if isinstance(wanted, NoAnswer):
            return unknown(verdict.desired, wanted, verdict.title)
        content = verdict.after.content if verdict.after is not None else None
        read = content or await self.pictures.content(wanted.url)
        if isinstance(read, NoAnswer):
            return unknown(verdict.desired, read, verdict.title)
        return update(verdict.desired, observed, wanted, coming, read)
