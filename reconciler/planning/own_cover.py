"""Whether a cover is the one that a run made it, so that a rollback may replace it."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.decide.equality import same_picture
from reconciler.decide.picture_id import picture
from reconciler.model import Cover, Observed, Verdict
from reconciler.planning import restoring
from reconciler.planning.by_eye import looks_saved, looks_wanted
from reconciler.planning.planner import Planner
from reconciler.planning.restoring import SavedCovers, SavedPicture
from reconciler.planning.taking import made_by_task
from reconciler.state.runs import PastChange


@dataclass(frozen=True, slots=True)
class OwnCover:
    """The cover that one change of a run made."""

    planner: Planner
    saved: SavedCovers
    change: PastChange

    async def is_shown(self, observed: Observed, now: Cover, back: Verdict, after: Verdict | None) -> bool:
        """Also where it cannot be read, and --replace-unreadable replaces it.

        Args:
            now: the cover.
            back: the verdict on the way back.
            after: the verdict on the run's own change; None where its snapshot does not exist any more.
        """
        if await self._is_snapshot(after) or self._is_picture(now):
            return True
        if not self.change.certain and await self._is_frame(now, observed):
            return True
        return self._unreadable(now) or await self._looks_uploaded(back)

    async def _is_snapshot(self, after: Verdict | None) -> bool:
        """Whether the cover is the snapshot that the run set, and that still is the same picture."""
        if after is None or after.after is None or not same_picture(self.change.after, after.after):
            return False
        return after.state in ("in_sync", "pending") or await looks_wanted(after, self.planner.pictures)

    def _is_picture(self, now: Cover) -> bool:
        """Whether the cover is the picture that the run set, or what the service is known to have made of it, though
        the snapshot is missing now, or another picture. The URL of a cover that was uploaded says nothing."""
        set_, put = self.change.after, self.change.after.content
        named = picture(set_.cover_url or "") if set_.snapshot is not None else None
        if named is not None and named == picture(now.cover_url or ""):
            return True
        if put is None or now.content is None:
            return False
        made = {(item.cover_sha256, item.snapshot_sha256) for item in self.planner.memory.of(self.change.asset_id)}
        return put == now.content or (now.content.sha256, put.sha256) in made

    async def _is_frame(self, now: Cover, observed: Observed) -> bool:
        """Whether the cover is one that a snapshot task of the run made, which ended before it set one itself."""
        pictures = self.planner.pictures
        return await made_by_task(now, observed.cover_url, observed.snapshots, self.change.dots, pictures)

    def _unreadable(self, now: Cover) -> bool:
        """Whether reading it was tried in vain: a planner that compares by URL alone has not tried."""
        tried = self.planner.replace_unreadable and self.planner.compare != "url"
        return tried and bool(now.cover_url) and now.snapshot is None and now.content is None

    async def _looks_uploaded(self, back: Verdict) -> bool:
        """Whether the cover plainly shows the picture that the run uploaded: the service may re-encode it."""
        if self.change.after.snapshot is not None or self.change.after.content is None:
            return False
        uploaded = await restoring.find(self.saved, self.change.asset_id, self.change.after)
        return isinstance(uploaded, SavedPicture) and await looks_saved(back, uploaded.data, self.planner.pictures)
