"""Has snapshots taken for the changes that need them, and waits for all of them together.

A task changes the cover by itself, so the cover is looked at, and saved, before. What is billed is never asked for
twice: the journal holds each call before it is made, and one whose answer was lost is looked for at the service.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from reconciler.act.attempt import guarded, put_taken
from reconciler.act.saving import replaced_cover, save_cover
from reconciler.act.snapshot_change import SnapshotChange
from reconciler.decide.equality import same_cover
from reconciler.decide.outcome import Failure, Outcome
from reconciler.decide.precondition import ChangeResult, NextStep, PlannedChange, revisit_take
from reconciler.decide.taking import MOST_DOTS
from reconciler.errors import ApiError, AuthenticationError, UnreachableError, sentences
from reconciler.model import SNAPSHOTS_IN_PROGRESS, NoAnswer, Observed, Snapshot
from reconciler.planning.planner import Planner
from reconciler.state.recorder import RunRecorder
from reconciler.state.runs import OpenTask
from reconciler.util.concurrency import for_each
from reconciler.util.rate import duration
from reconciler.util.sanitize import shorten
from reconciler.vod import error_codes, snapshot_tasks
from reconciler.vod.client import IDS_PER_CALL

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
_ENOUGH_LOOKS = 3
_SHOWS_AFTER = 5.0  # seconds, until the service shows a task whose answer was lost
_UNDER_WAY = ("WAITING", "PROCESSING")
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
        item = SnapshotChange(change, self._client.clock.monotonic() + self._seconds, change.before, task=task)
        if task is not None and task.before is not None and same_cover(task.before, change.before):
            # Which of the snapshots it is cannot be seen while a task is under way.
            item.before, item.snapshot_sha256 = task.before, task.snapshot_sha256
            item.saved_cover = task.saved_cover
        return item

    async def start(self, item: SnapshotChange) -> Outcome | None:
        """Makes the call, unless one was made already; None where the snapshot is to be waited for."""
        ended = await self._called(item)
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
        if item.task is None and why is None:
            return item.outcome(ChangeResult("not_attempted"))
        failure = why or Failure("interrupted", "The run stopped before the snapshot was there.")
        message = sentences(failure.message, _what_next(item))
        return item.outcome(ChangeResult("failed", replace(failure, message=message)))

    async def watch(self, waiting: Sequence[SnapshotChange]) -> AsyncIterator[list[tuple[SnapshotChange, Ended]]]:
        """Those whose snapshot is there, with the asset as it is then, and those that failed, as they end.

        Raises:
            AuthenticationError, UnreachableError: nothing more can be seen.
        """
        clock, pause = self._client.clock, _FIRST_PAUSE
        left = list(waiting)
        if left:
            tasks = "1 snapshot task" if len(left) == 1 else f"{len(left):,} snapshot tasks"
            self._client.connection.tell(f"Waiting for {tasks}, at most {duration(self._seconds)} (--wait-timeout).")
        while left:
            await clock.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            ended = await self._ended(left)
            done = {id(item) for item, _ in ended}
            left = [item for item in left if id(item) not in done]
            yield ended

    async def _called(self, item: SnapshotChange) -> ChangeResult | None:
        """Makes the call, unless one was made already: the result of the change where it ends with that."""
        result: ChangeResult | None = None

        async def call() -> None:
            nonlocal result
            result = await self._call(item)

        def perhaps() -> bool:
            return item.called

        return await guarded(call(), _MAYBE_TAKEN, in_doubt=perhaps, sent=perhaps) or result

    async def _call(self, item: SnapshotChange) -> ChangeResult | None:
        """
        Raises:
            ApiError, StateError, CancelledInDoubt: see `VodClient.change`.
        """
        result: ChangeResult | None = None

        async def prepare(in_doubt: bool) -> Sequence[int] | None:
            nonlocal result
            if in_doubt:
                await self._client.clock.sleep(_SHOWS_AFTER)
            step = await self._next_step(item)
            result = step if isinstance(step, ChangeResult) else None
            return item.task.dots if step == "start" and item.task is not None else None

        try:
            task = await snapshot_tasks.start_task(
                self._client, item.asset_id, item.change.desired.offset or 0, self._size, prepare
            )
        except ApiError as error:
            if item.called and not error.outcome_unknown:
                item.forget()
                if error_codes.lacks_permission(error.code, error.status):
                    error.hint = _GRANT
            if not await self._is_busy(item, error):
                raise
            item.refuse(error.message, self._client.clock.monotonic())
            return None
        if task is not None:
            item.accept()
            item.deadline = self._client.clock.monotonic() + self._seconds
            await self._recorder.task(item.asset_id, task)
        return result

    async def _ended(self, waiting: Sequence[SnapshotChange]) -> list[tuple[SnapshotChange, Ended]]:
        """One look at all of them."""
        states = await self._states(waiting)
        ended: list[tuple[SnapshotChange, Ended]] = []

        async def look(item: SnapshotChange) -> None:
            found = None
            status = states.get(item.asset_id, SNAPSHOTS_IN_PROGRESS)
            if status != SNAPSHOTS_IN_PROGRESS:
                found = await self._look(item, status)
            if found is None and self._client.clock.monotonic() >= item.deadline:
                found = self._too_late(item)
            if found is not None:
                ended.append((item, found))

        await for_each(waiting, look, self._parallelism)
        return ended

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

    async def _look(self, item: SnapshotChange, status: str) -> Ended | None:
        """What became of a task that is under way no more; None where that is not certain yet.

        Args:
            status: of the asset's snapshots, as the list has it.
        """
        if item.task is None:  # another was under way
            return await self._called(item) if self._client.clock.monotonic() >= item.not_before else None
        observed = await self._planner.observe(item.asset_id)
        if isinstance(observed, NoAnswer):
            return ChangeResult("failed", Failure(observed.reason, sentences(observed.message, _what_next(item))))
        if observed.thumbnail_status == SNAPSHOTS_IN_PROGRESS:
            item.looks = 0
            return None
        if (dot := item.dot(observed)) is not None:
            item.accept()
            return observed if await self._is_readable(item, dot) else None
        state = await self._task_state(item)
        if state is None:
            return None
        return self._missing(item, observed, state or status.removeprefix("THUMBNAIL_"))

    async def _is_readable(self, item: SnapshotChange, dot: Snapshot) -> bool:
        """Whether the CDN has the picture, too, or would have it by now."""
        item.looks += 1
        read = await self._planner.pictures.content(dot.url)
        return not isinstance(read, NoAnswer) or item.looks >= _ENOUGH_LOOKS

    async def _task_state(self, item: SnapshotChange) -> str | None:
        """See `last_task`; None where it cannot be read now."""
        try:
            return await snapshot_tasks.last_task(self._client, item.asset_id)
        except (AuthenticationError, UnreachableError):
            raise
        except ApiError:
            return None

    def _missing(self, item: SnapshotChange, observed: Observed, state: str) -> ChangeResult | None:
        """The result where a task ended without the snapshot; details and tasks may be those of a moment ago."""
        item.looks = 0 if state in _UNDER_WAY else item.looks + 1
        if item.looks < _ENOUGH_LOOKS:
            return None
        if not item.accepted:  # it was another one: the call was never made
            item.forget()
            return None
        if state == "FAILED":
            why = f": {shorten(observed.task_error, 200)}" if observed.task_error else "."
            return ChangeResult("failed", Failure("task_failed", f"The service could not take the snapshot{why}"))
        dots = ", ".join(str(dot.offset) for dot in observed.in_set("dots")[:MOST_DOTS]) or "none"
        message = (
            f"The service took snapshots, but none is at {item.change.desired.offset} s (dots: {dots}). No other "
            "is taken within a day: choose one of these, or look at it in the console."
        )
        return ChangeResult("failed", Failure("no_snapshot_at_offset", message))

    def _too_late(self, item: SnapshotChange) -> ChangeResult:
        message = f"The snapshot was not there within {duration(self._seconds)} (--wait-timeout)."
        if item.task is None:
            busy = "The service allowed no snapshots" if item.refusal else "Another snapshot task was under way"
            message = f"{busy} for {duration(self._seconds)} (--wait-timeout)."
        return ChangeResult("failed", Failure("task_timeout", sentences(message, item.refusal, _what_next(item))))

    async def _next_step(self, item: SnapshotChange) -> NextStep | ChangeResult:
        """By a look at the asset; where a call may have been made that left no trace there, at its tasks. Before one
        is made, the cover is saved, and the call is in the journal."""
        now, take = await self._planner.check(item.change.desired), item.change.take
        if item.task is not None and now.take is not None and not now.take.accepted:
            if not await self._is_over(item):
                return "wait"
            item.forget()
        step = revisit_take(item.change, now, ours=item.task is not None)
        if step != "start" or take is None:
            return step
        saved = await save_cover(self._planner, self._recorder, item.change, now)
        if isinstance(saved, ChangeResult):
            return saved
        item.before, item.snapshot_sha256 = await replaced_cover(self._planner, item.change, now)
        item.saved_cover = saved
        await self._recorder.intent(item.change, item.before, saved, item.snapshot_sha256, take.dots)
        item.task, item.called = OpenTask(take.dots), True
        return step

    async def _is_over(self, item: SnapshotChange) -> bool:
        """Whether a call that left no snapshot was not carried out, or failed."""
        state = await self._task_state(item)
        return state == "FAILED" or not (state is None or state in _UNDER_WAY or item.accepted)

    async def _is_busy(self, item: SnapshotChange, error: ApiError) -> bool:
        """Whether a call was refused because another task is under way."""
        if error.status is None or not 400 <= error.status < 500:
            return False
        observed = await self._planner.observe(item.asset_id)
        taking = isinstance(observed, Observed) and observed.thumbnail_status == SNAPSHOTS_IN_PROGRESS
        return taking or error.code == snapshot_tasks.BUSY


def _what_next(item: SnapshotChange) -> str:
    """What the next run will do."""
    if item.task is None:
        return "Run again later."
    return _GOES_ON if item.accepted else _MAYBE_TAKEN
