"""Carries out planned changes, a few at a time: room for the PUT first, then the question again, then the PUT."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from reconciler.act.record import Record
from reconciler.decide.precondition import Settled, Step, revisit
from reconciler.errors import ApiError, AuthenticationError, StateError, UnreachableError, sentences
from reconciler.model import Failure, NoAnswer, Outcome, Verdict
from reconciler.survey import Surveyor
from reconciler.workers import for_each


class Applier:
    """Applies steps through one surveyor. `advance` is called once for each step that is settled."""

    def __init__(self, surveyor: Surveyor, record: Record, at_once: int, advance: Callable[[], None]) -> None:
        self._surveyor = surveyor
        self._record = record
        self._at_once = at_once
        self._advance = advance
        self._stopped = False
        self._busy: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Starts nothing new and wakes whoever waits; PUTs that are on their way are let finish."""
        self._stopped = True
        for task in self._busy:
            task.cancel()

    async def apply(self, steps: Sequence[Step]) -> list[Outcome]:
        """One outcome for each step, in their order. Never raises for what the service answers."""
        outcomes = [_outcome(step, Settled("not_attempted")) for step in steps]

        async def work(item: tuple[int, Step]) -> None:
            position, step = item
            task = asyncio.current_task()
            if self._stopped or task is None:
                return
            self._busy.add(task)
            try:
                outcomes[position] = await _Attempt(self._surveyor, self._record, step).settle()
            except asyncio.CancelledError:
                if not self._stopped:
                    raise
                task.uncancel()
            finally:
                self._busy.discard(task)
            self._finish(outcomes, position)

        await for_each(enumerate(steps), work, self._at_once)
        return outcomes

    def _finish(self, outcomes: list[Outcome], position: int) -> None:
        """Journals what became of a step. Without a journal nothing more may be changed."""
        outcome = outcomes[position]
        if outcome.error is not None and outcome.error.type in _FINAL:
            self._stopped = True
        try:
            self._record.outcome(outcome)
        except StateError:
            self._stopped = True
        self._advance()


_FINAL = (AuthenticationError.type, UnreachableError.type, StateError.type)


class _Attempt:
    """One step on its way."""

    def __init__(self, surveyor: Surveyor, record: Record, step: Step) -> None:
        self._surveyor = surveyor
        self._record = record
        self._step = step
        self._settled: Settled | None = None
        self._sent = False
        self._saved: str | None = None

    async def settle(self) -> Outcome:
        try:
            await self._surveyor.client.set_cover(self._prepare)
            settled = self._settled or Settled("applied")
        except ApiError as error:
            settled = Settled("failed", _failure(error))
        except StateError as error:
            settled = Settled("failed", Failure(error.type, error.message))
        except asyncio.CancelledError:
            if not self._sent:
                raise
            told = "Interrupted before a usable answer came, so it may have been set all the same: run again to see."
            settled = Settled("failed", Failure("interrupted", told))
        return _outcome(self._step, settled, self._saved)

    async def _prepare(self) -> str | None:
        """The URL to PUT, once there is room for it; None where there is nothing to do."""
        now = await self._surveyor.check(self._step.desired)
        decision = revisit(self._step, now)
        if isinstance(decision, Settled):
            # In sync after an attempt whose answer was lost: that attempt did it.
            did_it = self._sent and decision.outcome == "unchanged"
            self._settled = Settled("applied") if did_it else decision
            return None
        if not self._sent:
            self._settled = await self._keep(now)
            if self._settled is not None:
                return None
            self._record.intent(self._step, self._saved)
        self._sent = True
        return decision

    async def _keep(self, now: Verdict) -> Settled | None:
        """Saves a cover that is none of the asset's snapshots; what settles the step where that can't be done."""
        if now.before is None or now.before.snapshot is not None or not now.cover_url:
            return None
        data = await self._surveyor.pictures.data(now.cover_url)
        if isinstance(data, NoAnswer):
            optional = self._surveyor.replace_unreadable or self._surveyor.compare == "url"
            return None if optional else Settled("failed", Failure(data.reason, data.message))
        self._saved = str(self._record.save(self._step.desired.asset_id, data))
        return None


def _outcome(step: Step, settled: Settled, saved: str | None = None) -> Outcome:
    desired = step.desired
    return Outcome(
        desired.asset_id,
        settled.outcome,
        desired.source,
        step.before,
        step.after,
        step.title,
        saved_cover=saved if settled.outcome in ("applied", "failed") else None,
        error=settled.error,
    )


def _failure(error: ApiError) -> Failure:
    message = error.message
    if error.outcome_unknown:
        message += "; no answer came, so it may have been set all the same: run again to see"
    return Failure(error.type, sentences(message, error.hint), error.code, error.status, error.request_id)
