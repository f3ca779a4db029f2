"""Carries out planned changes, a few at a time: room for the PUT first, then the question again, then the PUT."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from reconciler.decide.precondition import Settled, Step, revisit
from reconciler.errors import ApiError, AuthenticationError, UnreachableError
from reconciler.model import Failure, Outcome
from reconciler.survey import Surveyor
from reconciler.workers import for_each

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0


class Applier:
    """Applies steps through one surveyor. `advance` is called once for each step that is settled."""

    def __init__(self, surveyor: Surveyor, at_once: int, advance: Callable[[], None]) -> None:
        self._surveyor = surveyor
        self._at_once = at_once
        self._advance = advance
        self._stopped = asyncio.Event()

    async def apply(self, steps: Sequence[Step]) -> list[Outcome]:
        """One outcome for each step, in their order. Never raises for what the service answers."""
        outcomes = [_outcome(step, Settled("not_attempted")) for step in steps]

        async def work(item: tuple[int, Step]) -> None:
            position, step = item
            if not self._stopped.is_set():
                outcomes[position] = _outcome(step, await self._settle(step))
            self._advance()

        await for_each(enumerate(steps), work, self._at_once)
        return outcomes

    async def _settle(self, step: Step) -> Settled:
        settled: Settled | None = None
        sent = False

        async def prepare() -> str | None:
            nonlocal settled, sent
            decision = revisit(step, await self._surveyor.check(step.desired))
            if isinstance(decision, Settled):
                # In sync after an attempt whose answer was lost: that attempt did it.
                settled = Settled("applied") if sent and decision.outcome == "unchanged" else decision
                return None
            sent = True
            return decision

        try:
            await self._surveyor.client.set_cover(prepare)
        except ApiError as error:
            if isinstance(error, (AuthenticationError, UnreachableError)):
                self._stopped.set()
            return Settled("failed", _failure(error))
        return settled or Settled("applied")

    async def wait(self, steps: Sequence[Step], outcomes: Sequence[Outcome], seconds: float) -> list[Outcome]:
        """Looks at applied covers, with growing pauses, until all are seen or the time is up."""
        clock = self._surveyor.client.clock
        checked = list(outcomes)
        unseen = {at for at, outcome in enumerate(checked) if outcome.outcome == "applied"}
        deadline = clock.monotonic() + seconds
        pause = _FIRST_PAUSE

        async def look(at: int) -> None:
            verdict = await self._surveyor.check(steps[at].desired)
            if verdict.state == "in_sync":
                unseen.discard(at)
                checked[at] = replace(checked[at], verified=True)
                self._advance()

        while unseen:
            try:
                async with asyncio.timeout(max(deadline - clock.monotonic(), 0) + 1):
                    await for_each(sorted(unseen), look, self._at_once)
            except (TimeoutError, ApiError):
                break
            if not unseen or clock.monotonic() + pause > deadline:
                break
            await clock.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        for at in unseen:
            checked[at] = replace(checked[at], verified=False)
        return checked


def _outcome(step: Step, settled: Settled) -> Outcome:
    desired = step.desired
    return Outcome(
        desired.asset_id, settled.outcome, desired.source, step.before, step.after, step.title, error=settled.error
    )


def _failure(error: ApiError) -> Failure:
    message = error.message
    if error.outcome_unknown:
        message += "; no answer came, so it may have been set all the same: run again to see"
    told = f"{message}. {error.hint}" if error.hint else message
    return Failure(error.type, told, error.code, error.status, error.request_id)
