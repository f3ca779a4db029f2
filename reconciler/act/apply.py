"""Carries out planned changes, a few at a time: room for the PUT first, then the question again, then the PUT."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from reconciler.decide.precondition import NoPut, PlannedChange, revisit
from reconciler.errors import ApiError, AuthenticationError, StateError, UnreachableError, sentences
from reconciler.model import Failure, NoAnswer, Outcome, Verdict
from reconciler.planning.content import looks_wanted
from reconciler.planning.planner import Planner
from reconciler.state.recorder import RunRecorder
from reconciler.util.concurrency import for_each
from reconciler.vod.client import CancelledAfterRefusal


class Applier:
    """Applies steps through one surveyor. `advance` is called once for each step that is settled."""

    def __init__(self, planner: Planner, record: RunRecorder, parallelism: int, advance: Callable[[], None]) -> None:
        self._surveyor = planner
        self._record = record
        self._at_once = parallelism
        self._advance = advance
        self._stopped = False
        self._trouble: Failure | None = None
        self._refused = False
        self._busy: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Starts nothing new and wakes whoever waits; PUTs that are on their way are let finish."""
        self._stopped = True
        for task in self._busy:
            task.cancel()

    async def apply(self, steps: Sequence[PlannedChange]) -> list[Outcome]:
        """One outcome for each step, in their order. Never raises for what the service answers."""
        outcomes = [_outcome(step, NoPut("not_attempted")) for step in steps]

        async def work(item: tuple[int, PlannedChange]) -> None:
            position, step = item
            task = asyncio.current_task()
            if self._stopped or task is None:
                return
            self._busy.add(task)
            try:
                outcome = await _Attempt(self._surveyor, self._record, step).settle()
                outcomes[position] = self._once(outcome)
            except asyncio.CancelledError:
                if not self._stopped:
                    raise
                task.uncancel()
            finally:
                self._busy.discard(task)
            self._finish(outcomes, position)

        await for_each(enumerate(steps), work, self._at_once)
        if self._trouble is None:
            return outcomes
        return [self._explained(outcome) for outcome in outcomes]

    def _explained(self, outcome: Outcome) -> Outcome:
        """Whoever was left out because the journal failed is told so."""
        left_out = outcome.outcome == "not_attempted"
        return replace(outcome, error=self._trouble) if left_out else outcome

    def _once(self, outcome: Outcome) -> Outcome:
        """A 401 is told once: the others that were on their way met the same refusal, and had no effect."""
        if outcome.error is None or outcome.error.type != AuthenticationError.type:
            return outcome
        first, self._refused = not self._refused, True
        return outcome if first else replace(outcome, outcome="not_attempted", error=None)

    def _finish(self, outcomes: list[Outcome], position: int) -> None:
        """Journals what became of a step. Without a journal nothing more may be changed."""
        outcome = outcomes[position]
        try:
            self._record.outcome(outcome)
        except StateError as error:
            self._trouble = Failure(error.type, error.told)
        if self._trouble is not None or (outcome.error is not None and outcome.error.type in _FINAL):
            self.stop()
        self._advance()


_FINAL = (AuthenticationError.type, UnreachableError.type, StateError.type)


class _Attempt:
    """One step on its way."""

    def __init__(self, planner: Planner, record: RunRecorder, step: PlannedChange) -> None:
        self._surveyor = planner
        self._record = record
        self._step = step
        self._settled: NoPut | None = None
        self._sent = 0
        self._saved: str | None = None

    async def settle(self) -> Outcome:
        try:
            await self._surveyor.client.set_cover(self._prepare)
            settled = self._settled or NoPut("applied")
        except ApiError as error:
            settled = NoPut("failed", _failure(error))
        except StateError as error:
            settled = NoPut("failed", Failure(error.type, error.told))
        except asyncio.CancelledError as error:
            if self._sent == 0 or (self._sent == 1 and isinstance(error, CancelledAfterRefusal)):
                raise
            settled = NoPut("failed", Failure("interrupted", f"Interrupted. {_PERHAPS}", perhaps=True))
        return _outcome(self._step, settled, self._saved)

    async def _prepare(self) -> str | None:
        """The URL to PUT, once there is room for it; None where there is nothing to do."""
        now = await self._surveyor.check(self._step.desired)
        decision = revisit(self._step, now)
        if isinstance(decision, NoPut):
            self._settled = await self._after_an_attempt(decision, now) if self._sent else decision
            return None
        if self._sent == 0:
            self._settled = await self._keep(now)
            if self._settled is not None:
                return None
            self._record.intent(self._step, self._saved, self._snapshot_sha256(now))
        self._sent += 1
        return decision

    def _snapshot_sha256(self, now: Verdict) -> str | None:
        """Of the snapshot that the cover is: its bytes are the cover's, or those that the cover is known to have come
        of."""
        before = now.before
        if before is None or before.snapshot is None or before.content is None:
            return None
        shown = before.content.sha256
        known = self._surveyor.memory.of(self._step.desired.asset_id)
        return next((item.snapshot_sha256 for item in known if item.cover_sha256 == shown), shown)

    async def _after_an_attempt(self, decision: NoPut, now: Verdict) -> NoPut:
        """What it means that the plan does not hold any more, when an attempt of ours got no usable answer."""
        if decision.outcome == "unchanged" or await looks_wanted(now, self._surveyor.pictures):
            return NoPut("applied")
        told = "Meanwhile the cover, or the snapshot that the entry names, is another one."
        if decision.outcome != "stale" and decision.error is not None:
            told = decision.error.message  # a stale one's says that nothing was touched
        return NoPut("failed", Failure("outcome_unknown", f"{_PERHAPS} {told}", perhaps=True))

    async def _keep(self, now: Verdict) -> NoPut | None:
        """Saves a cover that is none of the asset's snapshots; what settles the step where that can't be done."""
        if now.before is None or now.before.snapshot is not None or not now.cover_url:
            return None
        data = await self._surveyor.pictures.data(now.cover_url)
        if isinstance(data, NoAnswer):
            optional = self._surveyor.replace_unreadable or self._surveyor.compare == "url"
            return None if optional else NoPut("failed", Failure(data.reason, data.message))
        content = now.before.content
        if content is not None and hashlib.sha256(data).hexdigest() != content.sha256:
            return NoPut("stale", Failure("stale", "The cover changed while it was being saved. Plan again."))
        self._saved = str(self._record.save(self._step.desired.asset_id, data))
        return None


_PERHAPS = "No usable answer came to the PUT, so it may have been set all the same: run again to see."


def _outcome(step: PlannedChange, settled: NoPut, saved: str | None = None) -> Outcome:
    desired = step.desired
    return Outcome(
        desired.asset_id,
        settled.outcome,
        desired.source,
        step.before,
        step.after,
        step.title,
        desired.note,
        saved_cover=saved,
        error=settled.error,
    )


def _failure(error: ApiError) -> Failure:
    perhaps = _PERHAPS if error.outcome_unknown else ""
    return Failure(
        error.type,
        sentences(error.message, error.hint, perhaps),
        error.code,
        error.status,
        error.request_id,
        error.outcome_unknown,
    )
