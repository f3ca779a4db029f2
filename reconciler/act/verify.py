"""Waits until new covers are seen, and learns what they look like where the service re-encodes them.

What counts is the picture that was PUT, not what the entry names today: snapshots may come and go meanwhile.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reconciler.decide.outcome import CHANGED, Outcome
from reconciler.decide.picture_id import PictureId, picture
from reconciler.decide.verdict import identify
from reconciler.errors import ApiError, AuthenticationError
from reconciler.model import Content, NoAnswer, Observed
from reconciler.observe.similarity import alike
from reconciler.planning import restoring
from reconciler.planning.content import identify_cover
from reconciler.planning.planner import Planner
from reconciler.planning.restoring import SavedPicture
from reconciler.state.settled_covers import SettledCover
from reconciler.util.concurrency import for_each

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0


@dataclass(slots=True)
class _AppliedChange:
    """An applied change, and what the last looks at its asset found."""

    outcome: Outcome
    observed: Observed | None = None
    named: PictureId | None = None
    """The picture that the cover's URL names."""
    content: Content | None = None
    """The cover's bytes; None where there is no cover, or only its URL was looked at."""
    looks: int = 0
    """So many looks in a row found just this."""
    seen: bool = False

    def found(self, observed: Observed, content: Content | None) -> None:
        named = picture(observed.cover_url)
        self.looks = self.looks + 1 if (named, content) == (self.named, self.content) else 1
        self.observed, self.named, self.content = observed, named, content

    def url_of_wanted(self, observed: Observed) -> str:
        """Where the snapshot that was PUT is today; "" where it is gone."""
        named = picture(self.outcome.after.cover_url or "")
        return next((one.url for one in observed.snapshots if picture(one.url) == named is not None), "")


class Verifier:
    """Watches applied covers.

    Args:
        looks: how many looks in a row must agree; one edge of a CDN may show a new cover before another does.
        advance: called once for each cover that is seen.
    """

    def __init__(self, planner: Planner, parallelism: int, looks: int, advance: Callable[[], None]) -> None:
        # A cache on the way may hold the old cover: each look asks what is there now.
        self._planner = replace(planner, pictures=planner.pictures.revalidating())
        self._parallelism = parallelism
        self._looks = looks
        self._advance = advance
        self._applied: list[_AppliedChange] = []
        self._news = False
        """The last looks found something else than those before."""

    async def watch(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        """Looks at applied covers, with growing pauses, until all are seen or the time is up.

        Raises:
            StateError: what a cover was made of cannot be remembered.
            AuthenticationError: nothing more can be seen.
        """
        clock = self._planner.client.clock
        self._applied = [_AppliedChange(outcome) for outcome in outcomes if outcome.outcome in CHANGED]
        deadline = clock.monotonic() + seconds
        pause = _FIRST_PAUSE
        while self._unseen():
            await self._look_at_unseen(max(deadline - clock.monotonic(), _FIRST_PAUSE))
            left = deadline - clock.monotonic()
            if left <= 0 or not self._unseen():
                break
            pause = _FIRST_PAUSE if self._news else min(pause * 2, _LONGEST_PAUSE)
            await clock.sleep(min(pause, left))
        await for_each(self._unseen(), self._compare_by_eye, self._parallelism)

    def verified(self, outcomes: Sequence[Outcome], *, finished: bool) -> list[Outcome]:
        """The outcomes with what was seen so far; only once the time is up the others count as not seen."""
        seen = {item.outcome.asset_id for item in self._applied if item.seen}
        unseen = False if finished else None
        return [
            replace(outcome, verified=True if outcome.asset_id in seen else unseen)
            if outcome.outcome in CHANGED
            else outcome
            for outcome in outcomes
        ]

    def _unseen(self) -> list[_AppliedChange]:
        return [item for item in self._applied if not item.seen]

    async def _look_at_unseen(self, seconds: float) -> None:
        self._news = False
        try:
            async with asyncio.timeout(seconds):
                await for_each(self._unseen(), self._look, self._parallelism)
        except AuthenticationError:
            raise
        except (TimeoutError, ApiError):
            # Nothing is wrong with what was applied; it just could not be looked at this time.
            return

    async def _look(self, item: _AppliedChange) -> None:
        """One look. One that fails says nothing, neither for nor against the new cover."""
        observed = await self._planner.observe(item.outcome.asset_id)
        if isinstance(observed, NoAnswer):
            return
        content = None
        # A restored cover's URL says nothing: it may be that of the cover before.
        if observed.cover_url and (self._planner.compare != "url" or item.outcome.restored_from is not None):
            read = await self._planner.pictures.content(observed.cover_url)
            if isinstance(read, Content):
                content = read
            elif identify(observed) is None:
                return
        item.found(observed, content)
        self._news = self._news or item.looks == 1
        if item.looks < self._looks:
            return
        if self._is_wanted(item) or (content != item.outcome.before.content and await self._learn(item)):
            self._confirm(item)

    def _is_wanted(self, item: _AppliedChange) -> bool:
        """Whether the cover is the picture that was PUT, or what the service is known to have made of it."""
        shown, wanted = item.content, item.outcome.after.content
        if shown is None or wanted is None:
            if item.outcome.restored_from is not None:
                return False
            return item.named is not None and item.named == picture(item.outcome.after.cover_url or "")
        remembered = self._planner.memory.of(item.outcome.asset_id)
        known = {(settled.cover_sha256, settled.snapshot_sha256) for settled in remembered}
        return shown == wanted or (shown.sha256, wanted.sha256) in known

    async def _compare_by_eye(self, item: _AppliedChange) -> None:
        """A cover whose bytes never changed may have been made of the wanted snapshot already."""
        before = item.outcome.before
        if item.looks < self._looks or before.snapshot is not None:
            return  # known to be another snapshot, however much it looks like the wanted one
        if item.content == before.content and await self._learn(item):
            self._confirm(item)

    async def _learn(self, item: _AppliedChange) -> bool:
        """Remembers that the service made this cover of the wanted snapshot, where it plainly shows the same. Of a
        picture that was restored there is nothing to remember: the cover is compared with the saved file again."""
        observed, content, put = item.observed, item.content, item.outcome.after.content
        named = picture(item.outcome.after.cover_url or "")
        if observed is None or content is None or put is None or named is None or identify(observed) is not None:
            return False
        pictures = self._planner.pictures
        shown, wanted = await pictures.data(observed.cover_url), await self._wanted(item, observed)
        if isinstance(shown, NoAnswer) or isinstance(wanted, NoAnswer):
            return False
        if (_sha256(shown), _sha256(wanted)) != (content.sha256, put.sha256):
            return False  # another edge's cover, or a snapshot that was taken again since
        if await asyncio.to_thread(alike, shown, wanted) is not True:
            return False
        identified = await identify_cover(observed, pictures, self._planner.memory)
        if identified.cover.snapshot is not None:
            return False  # another snapshot, however much it looks like the wanted one
        if item.outcome.restored_from is not None:
            return True
        settled = SettledCover(
            asset_id=item.outcome.asset_id,
            cover_sha256=content.sha256,
            snapshot_path=named.path,
            snapshot_sha256=put.sha256,
        )
        self._planner.memory.remember([settled])
        return True

    async def _wanted(self, item: _AppliedChange, observed: Observed) -> bytes | NoAnswer:
        """The picture that was PUT, or uploaded."""
        file = item.outcome.restored_from
        if file is None:
            return await self._planner.pictures.data(item.url_of_wanted(observed))
        saved = restoring.read(file, item.outcome.after.content)
        return saved.data if isinstance(saved, SavedPicture) else NoAnswer("content_unavailable", saved)

    def _confirm(self, item: _AppliedChange) -> None:
        item.seen = True
        self._advance()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
