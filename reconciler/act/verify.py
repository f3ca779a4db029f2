"""Waiting for new covers to be seen, and learning what they look like where the service re-encodes them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reconciler.decide.equality import same_cover
from reconciler.decide.picture_id import picture
from reconciler.decide.precondition import PlannedChange
from reconciler.errors import ApiError
from reconciler.model import Content, NoAnswer, Outcome, Verdict
from reconciler.observe.similarity import alike
from reconciler.planning.planner import Planner
from reconciler.state.recorder import RunRecorder
from reconciler.state.settled_covers import SettledCover
from reconciler.util.concurrency import for_each

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0


@dataclass(slots=True)
class _Watched:
    step: PlannedChange
    last: Content | None = None
    """The cover's bytes at the last look, where they were no longer those from before."""
    verdict: Verdict | None = None


class Verifier:
    """Watches applied covers. `advance` is called once for each that is seen."""

    def __init__(self, planner: Planner, record: RunRecorder, parallelism: int, advance: Callable[[], None]) -> None:
        # What was applied a moment ago is the very thing to look for: nothing is pending here.
        self._surveyor = replace(planner, recent={})
        self._record = record
        self._at_once = parallelism
        self._advance = advance
        self._seen: set[str] = set()

    async def watch(self, steps: Sequence[PlannedChange], outcomes: Sequence[Outcome], seconds: float) -> None:
        """Looks at applied covers, with growing pauses, until all are seen or the time is up.

        Raises:
            StateError: what was seen can't be written down.
        """
        clock = self._surveyor.client.clock
        applied = {outcome.asset_id for outcome in outcomes if outcome.outcome == "applied"}
        watched = [_Watched(step) for step in steps if step.desired.asset_id in applied]
        deadline = clock.monotonic() + seconds
        pause = _FIRST_PAUSE
        while waiting := self._unseen(watched):
            left = deadline - clock.monotonic()
            await self._look_at(waiting, max(left, _FIRST_PAUSE))
            left = deadline - clock.monotonic()
            if left <= 0 or not self._unseen(watched):
                break
            await clock.sleep(min(pause, left))
            pause = min(pause * 2, _LONGEST_PAUSE)
        await for_each(self._unseen(watched), self._last_resort, self._at_once)

    def verified(self, outcomes: Sequence[Outcome], *, finished: bool) -> list[Outcome]:
        """The outcomes with what was seen so far; what was not seen counts as such only once the time is up."""
        unseen = False if finished else None
        return [
            replace(outcome, verified=True if outcome.asset_id in self._seen else unseen)
            if outcome.outcome == "applied"
            else outcome
            for outcome in outcomes
        ]

    def _unseen(self, watched: Sequence[_Watched]) -> list[_Watched]:
        return [item for item in watched if item.step.desired.asset_id not in self._seen]

    async def _look_at(self, waiting: Sequence[_Watched], seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await for_each(waiting, self._look, self._at_once)
        except (TimeoutError, ApiError):
            # Nothing is wrong with what was applied; it just could not be looked at this time.
            return

    async def _look(self, item: _Watched) -> None:
        verdict = await self._surveyor.check(item.step.desired)
        item.verdict = verdict
        if verdict.state == "in_sync":
            self._see(item)
            return
        before = verdict.before
        if verdict.state != "update" or before is None or before.content is None or before.snapshot is not None:
            item.last = None
            return
        if same_cover(item.step.before, before):
            item.last = None
        elif item.last == before.content:
            await self._learn(item, verdict, plainly=False)
        else:
            item.last = before.content

    async def _last_resort(self, item: _Watched) -> None:
        """A cover whose bytes never changed may have come of that very snapshot before: the eye decides."""
        verdict = item.verdict
        if verdict is None or verdict.before is None or verdict.before.snapshot is not None:
            return  # known to be another snapshot, however much it looks like the wanted one
        if verdict.state == "update" and same_cover(item.step.before, verdict.before):
            await self._learn(item, verdict, plainly=True)

    async def _learn(self, item: _Watched, verdict: Verdict, *, plainly: bool) -> None:
        """Remembers that this cover is what came of the wanted snapshot.

        Args:
            plainly: only where both plainly show the same picture; else unless they plainly show different ones.
        """
        named = picture(verdict.put_url)
        shown = await self._surveyor.pictures.data(verdict.cover_url)
        wanted = await self._surveyor.pictures.data(verdict.put_url)
        if named is None or isinstance(shown, NoAnswer) or isinstance(wanted, NoAnswer):
            return
        like = await asyncio.to_thread(alike, shown, wanted)
        cover = hashlib.sha256(shown).hexdigest()
        moved_on = item.last is not None and item.last.sha256 != cover
        if like is False or (plainly and like is None) or moved_on:
            return
        settled = SettledCover(
            asset_id=item.step.desired.asset_id,
            cover_sha256=cover,
            snapshot_path=named.path,
            snapshot_sha256=hashlib.sha256(wanted).hexdigest(),
        )
        self._surveyor.memory.remember([settled])
        self._see(item)

    def _see(self, item: _Watched) -> None:
        self._seen.add(item.step.desired.asset_id)
        self._record.seen(item.step)
        self._advance()
