"""Uploads covers again that were none of their assets' snapshots, as `apply` sets snapshots: see there."""

from __future__ import annotations

from reconciler.act.attempt import Attempt, Attempts
from reconciler.decide.outcome import Failure, Outcome
from reconciler.decide.precondition import ChangeResult, PlannedChange
from reconciler.errors import ApiError, AuthenticationError, UnreachableError, sentences
from reconciler.model import Verdict
from reconciler.planning import restoring
from reconciler.planning.by_eye import looks_saved
from reconciler.planning.planner import Planner
from reconciler.planning.restoring import SavedPicture
from reconciler.state.recorder import RunRecorder
from reconciler.vod.uploads import CoverPicture, CoverUploads


def attempts_with(uploads: CoverUploads) -> Attempts:
    """The attempts of a run whose changes may restore covers."""

    def begin(planner: Planner, recorder: RunRecorder, change: PlannedChange) -> Attempt:
        if change.restored_from is None:
            return Attempt(planner, recorder, change)
        return RestoreAttempt(planner, recorder, change, change.restored_from, uploads)

    return begin


class RestoreAttempt(Attempt):
    """One cover being uploaded again.

    Args:
        file: where it was saved.
    """

    done = "restored"

    def __init__(
        self, planner: Planner, recorder: RunRecorder, change: PlannedChange, file: str, uploads: CoverUploads
    ) -> None:
        super().__init__(planner, recorder, change)
        self._file = file
        self._uploads = uploads
        self._saved: SavedPicture | None = None

    async def run(self) -> Outcome:
        read = restoring.read(self._file, self._change.after.content)
        if isinstance(read, SavedPicture):
            self._saved = read
        else:
            self._result = ChangeResult("failed", Failure("state", read))
        return await super().run()

    async def _set(self) -> None:
        if self._saved is None:
            return
        try:
            await self._uploads.set_cover(self._planner.client, self._picture)
        except (AuthenticationError, UnreachableError):
            raise
        except ApiError as error:
            by_hand = f"The picture is saved in {self._file}: upload it in the console."
            error.hint = sentences(error.hint, by_hand)
            raise

    async def _picture(self, in_doubt: bool) -> CoverPicture | None:
        """What is to be uploaded; called before each attempt, as `_url_to_put` is."""
        if self._saved is None or await self._url_to_put(in_doubt) is None:
            return None
        return CoverPicture(self._change.desired.asset_id, self._saved.kind, self._saved.data)

    async def _look(self) -> Verdict:
        return await restoring.check(self._planner, self._change.desired, self._change.after)

    async def _looks_done(self, now: Verdict) -> bool:
        return self._saved is not None and await looks_saved(now, self._saved.data, self._planner.pictures)
