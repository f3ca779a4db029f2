"""One change being carried out: looked at again once there is room in the quota, saved, written down, then PUT."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from reconciler.act.saving import replaced_cover, save_cover
from reconciler.act.snapshot_change import SnapshotChange, outcome_of
from reconciler.decide.equality import same_cover
from reconciler.decide.outcome import Failure, Outcome, OutcomeName, failure_of, internal
from reconciler.decide.precondition import ChangeResult, PlannedChange, revisit
from reconciler.errors import ApiError, StateError, sentences
from reconciler.model import Cover, NoAnswer, Observed, Verdict
from reconciler.planning.by_eye import looks_wanted
from reconciler.planning.planner import Planner
from reconciler.planning.taking import made_by_task
from reconciler.state.recorder import RunRecorder
from reconciler.util.sanitize import bare_url
from reconciler.vod.retry import CancelledInDoubt

_MAYBE_SET = "No usable answer came to the PUT, so it may have been set anyway: run again to see."


class Attempt:
    """Sets one cover."""

    done: OutcomeName = "applied"

    def __init__(self, planner: Planner, recorder: RunRecorder, change: PlannedChange) -> None:
        self._planner = planner
        self._recorder = recorder
        self._change = change
        self._result = ChangeResult(self.done)
        self._intended = False
        self._in_doubt = False
        self._saved_cover: str | None = None

    async def run(self) -> Outcome:
        """Never raises for what the service answers."""
        failed = await guarded(self._set(), _MAYBE_SET, in_doubt=lambda: self._in_doubt, sent=lambda: self._intended)
        return outcome_of(self._change, failed or self._result, self._saved_cover)

    async def _set(self) -> None:
        await self._planner.client.set_cover(self._url_to_put)

    async def _url_to_put(self, in_doubt: bool) -> str | None:
        """Called before each attempt, once there is room in the quota; None where there is nothing to do.

        Args:
            in_doubt: an earlier attempt may have set the cover.
        """
        self._in_doubt = in_doubt
        now = await self._look()
        decision = await self._decision(now)
        if isinstance(decision, ChangeResult):
            self._result = await self._after_a_put(decision, now) if in_doubt else decision
            return None
        saved = await save_cover(self._planner, self._recorder, self._change, now)  # each time: see there
        if isinstance(saved, ChangeResult):
            self._result = await self._after_a_put(saved, now) if in_doubt else saved
            return None
        self._saved_cover = saved or self._saved_cover
        if not self._intended:
            replaced = await self._replaced(now)
            self._intended = True
            await self._recorder.intent(self._change, *replaced)
        else:
            await self._recorder.confirm()
        return decision

    async def _look(self) -> Verdict:
        """The verdict on the change now."""
        return await self._planner.check(self._change.desired)

    async def _looks_done(self, now: Verdict) -> bool:
        """Whether the cover plainly shows what was to be set, re-encoded."""
        return await looks_wanted(now, self._planner.pictures)

    async def _decision(self, now: Verdict) -> str | ChangeResult:
        return revisit(self._change, now)

    async def _replaced(self, now: Verdict) -> tuple[Cover, str | None, str | None]:
        """For the journal: the cover that is replaced, where it is saved, and the digest of its snapshot."""
        before, snapshot_sha256 = await replaced_cover(self._planner, self._change, now)
        return before, self._saved_cover, snapshot_sha256

    async def _after_a_put(self, decision: ChangeResult, now: Verdict) -> ChangeResult:
        """The result where the plan no longer holds, after a PUT of ours that got no usable answer."""
        if decision.outcome == "unchanged" or await self._looks_done(now):
            return ChangeResult(self.done)
        message = "Meanwhile the cover, or the snapshot that the entry names, is another one."
        if decision.outcome != "stale" and decision.error is not None:
            message = decision.error.message  # that of a stale one says that nothing was touched
        return _maybe_done("outcome_unknown", f"{_MAYBE_SET} {message}")


Attempts = Callable[[Planner, RunRecorder, PlannedChange], Attempt]


class TakenAttempt(Attempt):
    """Sets a cover whose snapshot was taken for it. The task may have made another frame the cover meanwhile."""

    def __init__(self, planner: Planner, recorder: RunRecorder, taken: SnapshotChange, after: Cover) -> None:
        change = replace(taken.change, before=taken.before, after=after, take=None, taken=True)
        # The pictures of all dots tell what the task made of the cover.
        super().__init__(replace(planner, keep_snapshots=True), recorder, change)
        self._taken = taken

    async def _decision(self, now: Verdict) -> str | ChangeResult:
        shown = now.before
        if shown is not None and not same_cover(self._change.before, shown) and await self._is_expected(shown, now):
            self._change = replace(self._change, before=shown)
        return revisit(self._change, now)

    async def _replaced(self, _: Verdict) -> tuple[Cover, str | None, str | None]:
        """The cover from before the task: what the task made of it is not one to go back to."""
        still_shown = same_cover(self._change.before, self._taken.before)
        saved = self._taken.saved_cover or (self._saved_cover if still_shown else None)
        return self._taken.before, saved, self._taken.snapshot_sha256

    async def _is_expected(self, shown: Cover, now: Verdict) -> bool:
        dots = self._taken.task.dots if self._taken.task is not None else ()
        made = made_by_task(shown, now.cover_url, now.snapshots, dots, self._planner.pictures)
        return same_cover(self._taken.before, shown) or await made


async def put_taken(planner: Planner, recorder: RunRecorder, taken: SnapshotChange, observed: Observed) -> Outcome:
    """Sets the snapshot that was taken.

    Args:
        observed: the asset with the snapshot.
    """
    dot = taken.dot(observed)
    content = await planner.pictures.content(dot.url) if dot is not None else None
    if dot is None or content is None or isinstance(content, NoAnswer):
        why = content.message if isinstance(content, NoAnswer) else "The snapshot is not there any more."
        return taken.outcome(ChangeResult("failed", Failure("content_unavailable", why)))
    after = Cover(bare_url(dot.url), dot.ref, content)
    outcome = await TakenAttempt(planner, recorder, taken, after).run()
    return replace(taken.completed(outcome), set_url=dot.url if outcome.outcome == "applied" else "")


async def guarded(
    work: Awaitable[None], doubt: str, *, in_doubt: Callable[[], bool], sent: Callable[[], bool]
) -> ChangeResult | None:
    """The result where `work` raises; None where it does not.

    Args:
        doubt: the sentence for what may have been carried out although no usable answer came.
        in_doubt: whether an earlier attempt may have been.
        sent: whether a request may have been sent.
    """
    try:
        await work
    except ApiError as error:
        return ChangeResult("failed", failure_of(error, doubt if error.outcome_unknown else ""))
    except StateError as error:
        if in_doubt():
            return _maybe_done(error.type, sentences(error.text, doubt))
        return ChangeResult("failed", Failure(error.type, error.text))
    except Exception as error:  # noqa: BLE001 whatever it is, the others have a report
        failure = internal(error)
        return _maybe_done(failure.type, f"{failure.message}. {doubt}") if sent() else ChangeResult("failed", failure)
    except CancelledInDoubt:
        return _maybe_done("interrupted", f"Interrupted. {doubt}")
    return None


def _maybe_done(type_: str, message: str) -> ChangeResult:
    return ChangeResult("failed", Failure(type_, message, outcome_unknown=True))
