"""Carries out planned changes, a few in parallel: waits for room in the quota, checks the change again, then PUTs."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from reconciler.decide.outcome import Failure, Outcome
from reconciler.decide.precondition import ChangeResult, PlannedChange, revisit
from reconciler.errors import ApiError, AuthenticationError, StateError, UnreachableError, sentences
from reconciler.model import Cover, NoAnswer, Verdict
from reconciler.planning.by_eye import looks_wanted
from reconciler.planning.planner import Planner
from reconciler.state.recorder import RunRecorder
from reconciler.util.concurrency import for_each
from reconciler.util.sanitize import shorten
from reconciler.vod.retry import CancelledInDoubt

_ENDS_THE_RUN = (AuthenticationError.type, UnreachableError.type, StateError.type)
_MAYBE_SET = "No usable answer came to the PUT, so it may have been set anyway: run again to see."


class Applier:
    """Applies changes.

    Args:
        advance: called once for each that is finished.
        max_failures: so many PUTs that failed alike, without one success, end the run.

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
    ) -> None:
        self._planner = planner
        self._recorder = recorder
        self._parallelism = parallelism
        self._advance = advance
        self._max_failures = max_failures
        self._failures = Counter[tuple[str, int | None]]()
        """PUTs that failed since the last success, by code and status."""
        self._succeeded = False
        self.stopped_because = ""
        self._stopped = False
        self._journal_failure: Failure | None = None
        self._unauthenticated = False
        self._running: set[asyncio.Task[None]] = set()

    async def apply(self, changes: Sequence[PlannedChange]) -> list[Outcome]:
        """One outcome for each change, in their order. Never raises for what the service answers."""
        outcomes = [_outcome(change, ChangeResult("not_attempted")) for change in changes]

        async def work(item: tuple[int, PlannedChange]) -> None:
            position, change = item
            task = asyncio.current_task()
            if self._stopped or task is None:
                return
            self._running.add(task)
            try:
                outcome = await _Attempt(self._planner, self._recorder, change).run()
                outcomes[position] = self._reported_once(outcome)
            except asyncio.CancelledError:
                if not self._stopped:
                    raise
                task.uncancel()
            finally:
                self._running.discard(task)
            outcomes[position] = self._finished(outcomes[position])

        await for_each(enumerate(changes), work, self._parallelism)
        if self._journal_failure is None:
            return outcomes
        return [
            replace(outcome, error=self._journal_failure) if outcome.outcome == "not_attempted" else outcome
            for outcome in outcomes
        ]

    def stop(self, because: str = "") -> None:
        """Starts nothing new and ends all waiting; PUTs that were sent are finished."""
        if not self._stopped:
            self.stopped_because = because
        self._stopped = True
        for task in self._running:
            task.cancel()

    def _reported_once(self, outcome: Outcome) -> Outcome:
        """A 401 is reported once: the other changes in progress met the same refusal, and had no effect."""
        if outcome.error is None or outcome.error.type != AuthenticationError.type:
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
        if outcome.outcome == "applied":
            self._succeeded = True
            self._failures.clear()
        elif error is not None and error.type == ApiError.type:
            kind = (error.code, error.status)
            self._failures[kind] += 1
            if self._failures[kind] >= self._max_failures + self._succeeded:
                name = f"HTTP {error.status} {error.code}".rstrip() if error.status else "no answer"
                self.stop(f"{self._failures[kind]} covers in a row failed with {name} (--max-failures)")


class _Attempt:
    """One change being carried out."""

    def __init__(self, planner: Planner, recorder: RunRecorder, change: PlannedChange) -> None:
        self._planner = planner
        self._recorder = recorder
        self._change = change
        self._result = ChangeResult("applied")
        self._intended = False
        self._in_doubt = False
        self._saved_cover: str | None = None

    async def run(self) -> Outcome:
        try:
            await self._planner.client.set_cover(self._url_to_put)
        except ApiError as error:
            self._result = ChangeResult("failed", _failure(error))
        except StateError as error:
            self._result = ChangeResult("failed", Failure(error.type, error.text))
            if self._in_doubt:
                self._result = _maybe_set(error.type, sentences(error.text, _MAYBE_SET))
        except Exception as error:  # noqa: BLE001 whatever it is, the others have a report
            message = f"Internal error: {type(error).__name__}: {shorten(str(error))}"
            maybe = _maybe_set("internal", f"{message}. {_MAYBE_SET}")
            self._result = maybe if self._intended else ChangeResult("failed", Failure("internal", message))
        except CancelledInDoubt:
            self._result = _maybe_set("interrupted", f"Interrupted. {_MAYBE_SET}")
        return _outcome(self._change, self._result, self._saved_cover)

    async def _url_to_put(self, in_doubt: bool) -> str | None:
        """Called before each attempt, once there is room in the quota; None where there is nothing to do.

        Args:
            in_doubt: an earlier attempt may have set the cover.
        """
        self._in_doubt = in_doubt
        now = await self._planner.check(self._change.desired)
        decision = revisit(self._change, now)
        if isinstance(decision, ChangeResult):
            self._result = await self._after_a_put(decision, now) if in_doubt else decision
            return None
        failed = await self._save_cover(now)  # each time: its snapshot may have been taken again since
        if failed is not None:
            self._result = await self._after_a_put(failed, now) if in_doubt else failed
            return None
        if not self._intended:
            before = await self._before(now)
            snapshot_sha256 = self._snapshot_sha256(now, before)
            self._intended = True
            await self._recorder.intent(self._change, before, self._saved_cover, snapshot_sha256)
        else:
            await self._recorder.confirm()
        return decision

    async def _save_cover(self, now: Verdict) -> ChangeResult | None:
        """Saves a cover that is none of the asset's snapshots; the change's result where that is not possible."""
        shown = now.shown or now.before
        if shown is None or shown.snapshot is not None or not now.cover_url:
            return None
        data = await self._planner.pictures.data(now.cover_url)
        if isinstance(data, NoAnswer):
            if self._change.before.content is not None:
                message = f"{data.message} It could be read for the plan, so it is not replaced unsaved. Plan again."
                return ChangeResult("failed", Failure(data.reason, message))
            optional = self._planner.replace_unreadable or self._planner.compare == "url"
            return None if optional else ChangeResult("failed", Failure(data.reason, data.message))
        content = shown.content
        if content is not None and hashlib.sha256(data).hexdigest() != content.sha256:
            return ChangeResult("stale", Failure("stale", "The cover changed while it was being saved. Plan again."))
        self._saved_cover = str(await self._recorder.save(self._change.desired.asset_id, data))
        return None

    async def _before(self, now: Verdict) -> Cover:
        """The cover that is replaced, as it was just read: since it was planned its snapshot may have been taken
        again, so that it is none of them now. `--compare url` may know only by its URL which snapshot it is; then
        its bytes are read for the journal."""
        read, planned = now.before, self._change.before
        if read is not None and read.content is not None:
            return read
        by_url = self._planner.compare == "url" and planned.content is None and planned.snapshot is not None
        if not by_url or now.shown:
            return planned
        content = await self._planner.pictures.content(now.cover_url)
        return planned if isinstance(content, NoAnswer) else replace(planned, content=content)

    def _snapshot_sha256(self, now: Verdict, before: Cover) -> str | None:
        """Of the snapshot that the cover is: it has the cover's bytes, or the cover is known to be made of it."""
        shown = now.before
        if shown is None or shown.snapshot is None or before.content is None:
            return None
        content = shown.content or before.content
        remembered = self._planner.memory.of(self._change.desired.asset_id)
        made_from = (item.snapshot_sha256 for item in remembered if item.cover_sha256 == content.sha256)
        return next(made_from, content.sha256)

    async def _after_a_put(self, decision: ChangeResult, now: Verdict) -> ChangeResult:
        """The result where the plan no longer holds, after a PUT of ours that got no usable answer."""
        if decision.outcome == "unchanged" or await looks_wanted(now, self._planner.pictures):
            return ChangeResult("applied")
        message = "Meanwhile the cover, or the snapshot that the entry names, is another one."
        if decision.outcome != "stale" and decision.error is not None:
            message = decision.error.message  # that of a stale one says that nothing was touched
        return _maybe_set("outcome_unknown", f"{_MAYBE_SET} {message}")


def _outcome(change: PlannedChange, result: ChangeResult, saved_cover: str | None = None) -> Outcome:
    desired = change.desired
    return Outcome(
        desired.asset_id,
        result.outcome,
        desired.source,
        change.before,
        change.after,
        title=change.title,
        note=desired.note,
        saved_cover=saved_cover,
        error=result.error,
    )


def _with_unwritten(failure: Failure | None, error: StateError) -> Failure:
    unwritten = f"What became of it is not in the journal: {error.text}"
    if failure is None:
        return Failure(error.type, unwritten)
    return replace(failure, message=sentences(failure.message, unwritten))


def _maybe_set(type_: str, message: str) -> ChangeResult:
    return ChangeResult("failed", Failure(type_, message, outcome_unknown=True))


def _failure(error: ApiError) -> Failure:
    return Failure(
        error.type,
        sentences(error.message, error.hint, _MAYBE_SET if error.outcome_unknown else ""),
        error.status,
        error.request_id,
        error.outcome_unknown,
        code=error.code,
    )
