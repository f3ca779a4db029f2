"""Has snapshots taken for the changes that need them, and waits for all of them together.

A task changes the cover by itself, so the cover is looked at, and saved, before. What is billed is never asked for
twice: the journal holds each call before it is made, and one whose answer was lost is looked for at the service.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

from reconciler.act.attempt import guarded, put_taken
from reconciler.act.saving import replaced_cover, save_cover
from reconciler.act.snapshot_change import SnapshotChange
from reconciler.decide.outcome import Failure, Outcome, failure_of
from reconciler.decide.precondition import ChangeResult, NextStep, PlannedChange, revisit_take
from reconciler.errors import ApiError, AuthenticationError, UnreachableError, sentences
from reconciler.model import SNAPSHOTS_IN_PROGRESS, NoAnswer, Observed
from reconciler.planning.planner import Planner
from reconciler.state.recorder import RunRecorder
from reconciler.state.runs import OpenTask
from reconciler.util.concurrency import for_each
from reconciler.util.rate import duration
from reconciler.util.sanitize import shorten
from reconciler.vod import snapshot_tasks
from reconciler.vod.client import IDS_PER_CALL

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
_ENOUGH_LOOKS = 3
_GOES_ON = "The next apply with --take-snapshots goes on, without another call."
_MAYBE_TAKEN = (
    "No usable answer came to the call, so the snapshot may be taken, and billed, anyway. "
    "The next apply with --take-snapshots looks for it before it makes another call."
)
_GRANT = "Grant the user vod:asset:createProcessTask."

Ended = Observed | ChangeResult
"""The asset, with the snapshot that was taken, or why there is none."""


class Taker:
    """Starts snapshot tasks, and watches them.

    Args:
        size: the longest side of a snapshot, in pixels.
        seconds: how long to wait for one.
    """

    def __init__(
        self, planner: Planner, recorder: RunRecorder, parallelism: int, size: int = 1080, seconds: float = 600.0
    ) -> None:
        # What a task makes the cover may be cached as it was before.
        self._planner = replace(planner, pictures=planner.pictures.revalidating())
        self._client = planner.client
        self._recorder = recorder
        self._parallelism = parallelism
        self._size = size
        self._seconds = seconds

    def prepare(self, change: PlannedChange) -> SnapshotChange:
        taking = self._planner.taking
        task = taking.open_task(change.desired) if taking is not None else None
        return SnapshotChange(change, self._client.clock.monotonic() + self._seconds, change.before, task=task)

    async def start(self, item: SnapshotChange) -> Outcome | None:
        """Makes the call, unless one was made already; None where the snapshot is to be waited for."""
        result: ChangeResult | None = None

        async def call() -> None:
            nonlocal result
            result = await self._call(item)

        def accepted() -> bool:
            return item.billed

        failed = await guarded(call(), _MAYBE_TAKEN, in_doubt=accepted, sent=lambda: item.task is not None)
        ended = failed or result
        return item.outcome(ended) if ended is not None else None

    async def finish(self, item: SnapshotChange, ended: Ended) -> Outcome:
        """Sets the cover to the snapshot that is there now."""
        if isinstance(ended, ChangeResult):
            return item.outcome(ended)
        return await put_taken(self._planner, self._recorder, item, ended)

    def left(self, item: SnapshotChange, why: Failure | None) -> Outcome:
        """The outcome of a change that is not waited for any longer.

        Args:
            why: an error that ended the run.
        """
        failure = why or Failure("interrupted", "The run stopped before the snapshot was there.")
        message = sentences(failure.message, _GOES_ON)
        return item.outcome(ChangeResult("failed", replace(failure, message=message, outcome_unknown=True)))

    async def _call(self, item: SnapshotChange) -> ChangeResult | None:
        """Makes the call, unless one was made already.

        Raises:
            ApiError, StateError, CancelledInDoubt: see `VodClient.change`.
        """
        result: ChangeResult | None = None

        async def prepare(_: bool) -> Sequence[int] | None:
            nonlocal result
            step = await self._next_step(item)
            result = step if isinstance(step, ChangeResult) else None
            return item.task.dots if step == "start" and item.task is not None else None

        try:
            task = await snapshot_tasks.start_task(self._client, item.asset_id, self._size, prepare)
        except ApiError as error:
            if not await self._is_busy(item, error):
                raise
            item.task = None
            return None
        if task is not None and item.task is not None:
            item.task, item.billed = replace(item.task, accepted=True), True
            await self._recorder.task(item.asset_id, task)
        return result

    async def watch(self, waiting: Sequence[SnapshotChange]) -> AsyncIterator[list[tuple[SnapshotChange, Ended]]]:
        """Those whose snapshot is there, with the asset as it is then, and those that failed, as they end.

        Raises:
            AuthenticationError, UnreachableError, StateError: nothing more can be seen, or done.
        """
        clock, pause = self._client.clock, _FIRST_PAUSE
        left = list(waiting)
        if left:
            tasks = "1 snapshot task" if len(left) == 1 else f"{len(left):,} snapshot tasks"
            self._client.connection.tell(f"Waiting for {tasks}, at most {duration(self._seconds)} (--wait-timeout).")
        while left:
            await clock.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            states = await self._states(left)
            ended: list[tuple[SnapshotChange, Ended]] = []

            async def look(
                item: SnapshotChange,
                states: Mapping[str, str] = states,
                ended: list[tuple[SnapshotChange, Ended]] = ended,
            ) -> None:
                found = None
                if states.get(item.asset_id, SNAPSHOTS_IN_PROGRESS) != SNAPSHOTS_IN_PROGRESS:
                    found = await self._look(item)
                if found is None and clock.monotonic() >= item.deadline:
                    found = self._too_late(item)
                if found is not None:
                    ended.append((item, found))

            await for_each(left, look, self._parallelism)
            done = {id(item) for item, _ in ended}
            left = [item for item in left if id(item) not in done]
            yield ended

    async def _states(self, waiting: Sequence[SnapshotChange]) -> dict[str, str]:
        """The status of all assets, ten a call. Those that cannot be read are asked for again later; one that the
        list does not know is looked at."""
        found: dict[str, str] = {}

        async def ask(batch: Sequence[SnapshotChange]) -> None:
            asset_ids = [item.asset_id for item in batch]
            try:
                states = await snapshot_tasks.statuses(self._client, asset_ids)
            except (AuthenticationError, UnreachableError):
                raise
            except ApiError:
                return
            found.update({**dict.fromkeys(asset_ids, ""), **states})

        batches = [waiting[at : at + IDS_PER_CALL] for at in range(0, len(waiting), IDS_PER_CALL)]
        await for_each(batches, ask, self._parallelism)
        return found

    async def _look(self, item: SnapshotChange) -> Ended | None:
        """What became of a task that is under way no more; None where that is not certain yet."""
        try:
            if item.task is None:  # another was under way
                return await self._call(item)
            observed = await self._planner.observe(item.asset_id)
            if isinstance(observed, NoAnswer):
                return ChangeResult("failed", Failure(observed.reason, observed.message, outcome_unknown=True))
            if item.dot(observed) is not None:
                return observed
            state = await snapshot_tasks.last_task(self._client, item.asset_id)
        except (AuthenticationError, UnreachableError):
            raise
        except ApiError as error:
            return ChangeResult("failed", failure_of(error)) if item.task is None else None
        return self._missing(item, observed, state)

    def _missing(self, item: SnapshotChange, observed: Observed, state: str) -> ChangeResult | None:
        """The result where a task ended without the snapshot; the details may show it a moment later."""
        if state in ("WAITING", "PROCESSING"):
            item.looks = 0
            return None
        item.looks += 1
        if state == "FAILED" or item.looks >= _ENOUGH_LOOKS:
            accepted = item.task is not None and item.task.accepted
            if not accepted:  # it was another one: the call was never made
                item.task, item.looks = None, 0
                return None
            if state == "FAILED":
                why = f": {shorten(observed.task_error, 200)}" if observed.task_error else "."
                return ChangeResult("failed", Failure("task_failed", f"The service could not take the snapshot{why}"))
            dots = ", ".join(str(dot.offset) for dot in observed.in_set("dots")) or "none"
            message = (
                f"The service took snapshots, but none is at {item.change.desired.offset} s (dots: {dots}). No other "
                "is taken within a day: choose one of these, or look at it in the console."
            )
            return ChangeResult("failed", Failure("no_snapshot_at_offset", message, outcome_unknown=True))
        return None

    def _too_late(self, item: SnapshotChange) -> ChangeResult:
        message = f"The snapshot was not there within {duration(self._seconds)} (--wait-timeout)."
        if item.task is None:
            message = (
                f"Another snapshot task of the asset was under way for {duration(self._seconds)} (--wait-timeout)."
            )
            return ChangeResult("failed", Failure("task_timeout", sentences(message, "Run again later.")))
        return ChangeResult("failed", Failure("task_timeout", sentences(message, _GOES_ON), outcome_unknown=True))

    async def _next_step(self, item: SnapshotChange) -> NextStep | ChangeResult:
        """By a look at the asset; where a call may have been made that left no trace there, at its tasks. Before one
        is made, the cover is saved, and the call is in the journal."""
        now = await self._planner.check(item.change.desired)
        step = revisit_take(item.change, now, ours=item.task is not None)
        if step == "wait for another":
            item.task = None
        if step != "start":
            return step
        if item.task is not None:
            state = await snapshot_tasks.last_task(self._client, item.asset_id)
            if state in ("WAITING", "PROCESSING") or (item.task.accepted and state != "FAILED"):
                return "wait"
        saved = await save_cover(self._planner, self._recorder, item.change, now)
        if isinstance(saved, ChangeResult):
            return saved
        take = item.change.take
        item.before, snapshot_sha256 = await replaced_cover(self._planner, item.change, now)
        item.saved_cover = saved
        item.task = OpenTask(take.dots if take is not None else ())
        await self._recorder.intent(item.change, item.before, saved, snapshot_sha256, item.task.dots)
        return step

    async def _is_busy(self, item: SnapshotChange, error: ApiError) -> bool:
        """Whether a call was refused because another task is under way."""
        if error.status == 403:
            error.hint = _GRANT
        if error.status is None or not 400 <= error.status < 500 or error.outcome_unknown:
            return False
        observed = await self._planner.observe(item.asset_id)
        taking = isinstance(observed, Observed) and observed.thumbnail_status == SNAPSHOTS_IN_PROGRESS
        return taking or error.code == snapshot_tasks.BUSY
