"""Plans snapshots that are to be taken for entries which ask for the frame at a second where there is none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.decide.taking import may_be_taken, plan_take
from reconciler.decide.verdict import identify, unknown
from reconciler.model import Cover, Desired, NoAnswer, Observed, Snapshot, SnapshotRef, Take, Verdict
from reconciler.observe.pictures import Pictures
from reconciler.planning.by_eye import looks_like
from reconciler.planning.content import MOST_CANDIDATES
from reconciler.planning.shown_cover import shown_cover
from reconciler.state.runs import OpenTask

if TYPE_CHECKING:
    from reconciler.planning.planner import Planner


@dataclass(frozen=True, slots=True)
class Taking:
    """What is needed to plan snapshots; only there with --take-snapshots.

    Args:
        locked_dot: the second of the dot that a lock line of the entry's asset names, whether it is current or not.
        open_tasks: by asset ID, snapshot tasks of earlier runs that may not have come to their end.
    """

    locked_dot: Callable[[Desired], int | None] = field(default=lambda _: None, repr=False)
    open_tasks: Mapping[str, OpenTask] = field(default_factory=dict)

    def open_task(self, desired: Desired) -> OpenTask | None:
        """The task of an earlier run that takes the snapshot which an entry asks for."""
        found = self.open_tasks.get(desired.asset_id)
        asked = found is not None and desired.set == "dots" and desired.offset in found.dots
        return found if asked else None

    async def instead(self, planner: Planner, verdict: Verdict, observed: Observed) -> Verdict:
        """The change that takes the snapshot which is missing, where that is why an entry is unknown."""
        desired, under_way = verdict.desired, verdict.reason == "snapshots_in_progress"
        task = self.open_task(desired)
        if task is not None and (under_way or (task.accepted and may_be_taken(desired, verdict.reason))):
            again = tuple(dot for dot in task.dots if dot != desired.offset)
            return await _update(planner, desired, observed, Take(desired.offset or 0, again, accepted=True))
        if not may_be_taken(desired, verdict.reason):
            return verdict
        take = plan_take(desired, observed, self.locked_dot(desired))
        if isinstance(take, NoAnswer):
            return unknown(desired, take, observed.title)
        return await _update(planner, desired, observed, take)


async def _update(planner: Planner, desired: Desired, observed: Observed, take: Take) -> Verdict:
    before = await _cover(planner, observed)
    if isinstance(before, NoAnswer):
        return unknown(desired, before, observed.title)
    after = Cover(snapshot=SnapshotRef("dots", None, take.offset))
    return Verdict(
        desired, "update", observed.title, before=before, after=after, cover_url=observed.cover_url, take=take
    )


async def _cover(planner: Planner, observed: Observed) -> Cover | NoAnswer:
    """The cover that the task will replace; `--compare url` opens none."""
    if planner.compare == "url":
        named = identify(observed)
        return observed.cover(named.ref if named is not None else None)
    return await shown_cover(planner, observed, MOST_CANDIDATES)


async def made_by_task(
    cover: Cover, cover_url: str, snapshots: Iterable[Snapshot], dots: Collection[int], pictures: Pictures
) -> bool:
    """Whether a snapshot task of these seconds made the cover: it is one of their frames, or plainly shows one."""
    if cover.snapshot is not None:
        return cover.snapshot.set == "dots" and cover.snapshot.offset in dots
    frames = [one.url for one in snapshots if one.set == "dots" and one.offset in dots]
    return cover.content is not None and await looks_like(cover_url, frames, pictures)
