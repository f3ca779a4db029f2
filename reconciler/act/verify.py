"""Waits until new covers are seen, and learns what they look like where the service re-encodes them."""

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
class _AppliedChange:
    """An applied change, and what the last look at its asset found."""

    change: PlannedChange
    verdict: Verdict | None = None
    content: Content | None = None
    """The cover's bytes, if they were no longer those from before."""
    seen: bool = False


class Verifier:
    """Watches applied covers. `advance` is called once for each that is seen."""

    def __init__(
        self, planner: Planner, recorder: RunRecorder, parallelism: int, advance: Callable[[], None]
    ) -> None:
        # What was applied a moment ago is just what to look for: nothing is pending here.
        self._planner = replace(planner, recent={})
        self._recorder = recorder
        self._parallelism = parallelism
        self._advance = advance
        self._applied: list[_AppliedChange] = []

    async def watch(self, changes: Sequence[PlannedChange], outcomes: Sequence[Outcome], seconds: float) -> None:
        """Looks at applied covers, with growing pauses, until all are seen or the time is up.

        Raises:
            StateError: what was seen cannot be written down.
        """
        clock = self._planner.client.clock
        applied = {outcome.asset_id for outcome in outcomes if outcome.outcome == "applied"}
        self._applied = [_AppliedChange(change) for change in changes if change.desired.asset_id in applied]
        deadline = clock.monotonic() + seconds
        pause = _FIRST_PAUSE
        while self._unseen():
            await self._look_at_unseen(max(deadline - clock.monotonic(), _FIRST_PAUSE))
            left = deadline - clock.monotonic()
            if left <= 0 or not self._unseen():
                break
            await clock.sleep(min(pause, left))
            pause = min(pause * 2, _LONGEST_PAUSE)
        await for_each(self._unseen(), self._compare_by_eye, self._parallelism)

    def verified(self, outcomes: Sequence[Outcome], *, finished: bool) -> list[Outcome]:
        """The outcomes with what was seen so far; only once the time is up the others count as not seen."""
        seen = {item.change.desired.asset_id for item in self._applied if item.seen}
        unseen = False if finished else None
        return [
            replace(outcome, verified=True if outcome.asset_id in seen else unseen)
            if outcome.outcome == "applied"
            else outcome
            for outcome in outcomes
        ]

    def _unseen(self) -> list[_AppliedChange]:
        return [item for item in self._applied if not item.seen]

    async def _look_at_unseen(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await for_each(self._unseen(), self._look, self._parallelism)
        except (TimeoutError, ApiError):
            # Nothing is wrong with what was applied; it just could not be looked at this time.
            return

    async def _look(self, item: _AppliedChange) -> None:
        verdict = await self._planner.check(item.change.desired)
        item.verdict, before, last = verdict, verdict.before, item.content
        item.content = None
        if verdict.state == "in_sync":
            self._confirm(item)
        elif verdict.state != "update" or before is None or before.content is None or before.snapshot is not None:
            return
        elif not same_cover(item.change.before, before):
            item.content = before.content
            if last == before.content:
                await self._learn(item, verdict, only_if_alike=False)

    async def _compare_by_eye(self, item: _AppliedChange) -> None:
        """A cover whose bytes never changed may have been made of the wanted snapshot already."""
        verdict = item.verdict
        if verdict is None or verdict.before is None or verdict.before.snapshot is not None:
            return  # known to be another snapshot, however much it looks like the wanted one
        if verdict.state == "update" and same_cover(item.change.before, verdict.before):
            await self._learn(item, verdict, only_if_alike=True)

    async def _learn(self, item: _AppliedChange, verdict: Verdict, *, only_if_alike: bool) -> None:
        """Remembers that the service made this cover of the wanted snapshot.

        Args:
            only_if_alike: only where both plainly show the same picture; else unless they plainly differ.
        """
        named = picture(verdict.put_url)
        shown = await self._planner.pictures.data(verdict.cover_url)
        wanted = await self._planner.pictures.data(verdict.put_url)
        if named is None or isinstance(shown, NoAnswer) or isinstance(wanted, NoAnswer):
            return
        like = await asyncio.to_thread(alike, shown, wanted)
        cover_sha256 = hashlib.sha256(shown).hexdigest()
        changed = item.content is not None and item.content.sha256 != cover_sha256
        if like is False or (only_if_alike and like is None) or changed:
            return
        settled = SettledCover(
            asset_id=item.change.desired.asset_id,
            cover_sha256=cover_sha256,
            snapshot_path=named.path,
            snapshot_sha256=hashlib.sha256(wanted).hexdigest(),
        )
        self._planner.memory.remember([settled])
        self._confirm(item)

    def _confirm(self, item: _AppliedChange) -> None:
        self._recorder.seen(item.change)
        item.seen = True
        self._advance()
