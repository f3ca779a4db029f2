"""Carries out planned changes, a few in parallel: waits for room in the quota, checks the change again, then PUTs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from reconciler.act.attempt import Attempt, Attempts
from reconciler.act.snapshot_change import SnapshotChange, outcome_of
from reconciler.act.take import Ended, Taker
from reconciler.decide.outcome import CHANGED, Failure, Outcome, failure_of, internal
from reconciler.decide.precondition import ChangeResult, PlannedChange
from reconciler.errors import ApiError, AuthenticationError, ReconcileError, StateError, UnreachableError, sentences
from reconciler.planning.planner import Planner
from reconciler.state.recorder import RunRecorder
from reconciler.util.concurrency import for_each

T = TypeVar("T")
_ENDS_THE_RUN = (AuthenticationError.type, UnreachableError.type, StateError.type)


class Applier:
    """Applies changes.

    Args:
        advance: called once for each that is finished.
        max_failures: so many PUTs that failed alike, without one success, end the run.
        taker: takes the snapshots that changes need.
        attempts: makes the attempt of each change that needs none.

    Attributes:
        stopped_because: why the rest is not attempted, other than an interrupt or an error that a result names.
    """

    def __init__(
        self,
        planner: Planner,
        recorder: RunRecorder,
        parallelism: int,
        advance: Callable[[], None],
        max_failures: int = 20,
        taker: Taker | None = None,
        attempts: Attempts = Attempt,
    ) -> None:
        self._planner = planner
        self._attempts = attempts
        self._recorder = recorder
        self._parallelism = parallelism
        self._advance = advance
        self._max_failures = max_failures
        self._taker = taker or Taker(planner, recorder, parallelism)
        self._outcomes: list[Outcome] = []
        self._waiting: dict[int, SnapshotChange] = {}
        """Changes whose snapshot is being taken, by their position."""
        self._cannot_watch: Failure | None = None
        self._failures = Counter[tuple[str, int | None]]()
        """PUTs that failed since the last success, by code and status."""
        self._succeeded = False
        self.stopped_because = ""
        self._stopped = False
        self._journal_failure: Failure | None = None
        self._unauthenticated = False
        self._running: set[asyncio.Future[Any]] = set()

    async def apply(self, changes: Sequence[PlannedChange]) -> list[Outcome]:
        """One outcome for each change, in their order. Never raises for what the service answers. While snapshots are
        taken, the other covers are set."""
        self._outcomes = [outcome_of(change, ChangeResult("not_attempted")) for change in changes]
        takes = [item for item in enumerate(changes) if item[1].take is not None]
        others = [item for item in enumerate(changes) if item[1].take is None]
        await for_each(takes, self._start, self._parallelism)
        await for_each(others, self._put, self._parallelism)
        await self._put_taken()
        if self._journal_failure is None:
            return self._outcomes
        return [
            replace(outcome, error=self._journal_failure) if outcome.outcome == "not_attempted" else outcome
            for outcome in self._outcomes
        ]

    def stop(self, because: str = "") -> None:
        """Starts nothing new and ends all waiting; PUTs that were sent are finished."""
        if not self._stopped:
            self.stopped_because = because
        self._stopped = True
        for task in self._running:
            task.cancel()

    async def _put(self, item: tuple[int, PlannedChange]) -> None:
        position, change = item
        await self._work(position, self._attempts(self._planner, self._recorder, change).run())

    async def _start(self, item: tuple[int, PlannedChange]) -> None:
        position, change = item
        self._waiting[position] = self._taker.prepare(change)
        await self._work(position, self._taker.start(self._waiting[position]))

    async def _put_taken(self) -> None:
        """Sets the covers whose snapshots are taken, as those come."""
        positions = {id(item): position for position, item in self._waiting.items()}

        async def put(ended: tuple[SnapshotChange, Ended]) -> None:
            await self._work(positions[id(ended[0])], self._taker.finish(*ended))

        async for batch in self._until_stopped(self._taker.watch(list(self._waiting.values()))):
            await for_each(batch, put, self._parallelism)
        for position, item in self._waiting.items():
            self._outcomes[position] = self._finished(self._taker.left(item, self._cannot_watch))

    async def _until_stopped(self, batches: AsyncIterator[T]) -> AsyncIterator[T]:
        """The batches, until the run stops, or an error ends it."""
        while not self._stopped:
            waiting = asyncio.ensure_future(anext(batches))
            self._running.add(waiting)
            try:
                batch = await waiting
            except StopAsyncIteration:
                return
            except asyncio.CancelledError:
                if not self._stopped:
                    raise
                return
            except ReconcileError as error:
                self._cannot_watch = failure_of(error)
                return
            except Exception as error:  # noqa: BLE001 whatever it is, what was done has a report
                self._cannot_watch = internal(error)
                return
            finally:
                self._running.discard(waiting)
            yield batch

    async def _work(self, position: int, attempt: Coroutine[Any, Any, Outcome | None]) -> None:
        """Keeps the outcome of an attempt, if it has one yet."""
        task = asyncio.current_task()
        if self._stopped or task is None:
            attempt.close()
            return
        self._running.add(task)
        try:
            outcome = await attempt
            if outcome is None:
                return
            self._outcomes[position] = self._reported_once(outcome)
        except asyncio.CancelledError:
            if not self._stopped:
                raise
            task.uncancel()
            if position in self._waiting:
                return
        finally:
            self._running.discard(task)
        self._waiting.pop(position, None)
        self._outcomes[position] = self._finished(self._outcomes[position])

    def _reported_once(self, outcome: Outcome) -> Outcome:
        """A 401 is reported once: the other changes in progress met the same refusal, and had no effect. One that may
        have had an effect before says so."""
        error = outcome.error
        if error is None or error.type != AuthenticationError.type or error.outcome_unknown:
            return outcome
        first, self._unauthenticated = not self._unauthenticated, True
        return outcome if first else replace(outcome, outcome="not_attempted", error=None)

    def _finished(self, outcome: Outcome) -> Outcome:
        """Writes the outcome to the journal, or says in it why not. Without a journal nothing more may be changed."""
        try:
            self._recorder.outcome(outcome)
        except StateError as error:
            self._journal_failure = Failure(error.type, error.text)
            outcome = replace(outcome, error=_with_unwritten(outcome.error, error))
        if self._journal_failure or (outcome.error is not None and outcome.error.type in _ENDS_THE_RUN):
            self.stop()
        self._count(outcome)
        self._advance()
        return outcome

    def _count(self, outcome: Outcome) -> None:
        """Stops where one PUT after the other fails alike: a permission that is missing is missing for all."""
        error = outcome.error
        if outcome.outcome in CHANGED:
            self._succeeded = True
            self._failures.clear()
        elif error is not None and error.type == ApiError.type:
            kind = (error.code, error.status)
            self._failures[kind] += 1
            if self._failures[kind] >= self._max_failures + self._succeeded:
                name = f"HTTP {error.status} {error.code}".rstrip() if error.status else "no answer"
                self.stop(f"{self._failures[kind]} covers in a row failed with {name} (--max-failures)")


def _with_unwritten(failure: Failure | None, error: StateError) -> Failure:
    unwritten = f"What became of it is not in the journal: {error.text}"
    if failure is None:
        return Failure(error.type, unwritten)
    return replace(failure, message=sentences(failure.message, unwritten))
