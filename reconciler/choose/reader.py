"""Reads the cloud for the page, as a plan does: the list, then the entries in their order, then how covers look."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

from reconciler.choose.choices import Chosen
from reconciler.choose.items import Item, Items
from reconciler.choose.pictures import Thumbnails
from reconciler.errors import ReconcileError
from reconciler.model import Desired, LockLine, NoAnswer, Observed, SnapshotRef, Verdict
from reconciler.observe.covers import ListedAsset
from reconciler.planning.content import identify_cover
from reconciler.planning.locker import read_line
from reconciler.planning.planner import Planner
from reconciler.planning.selection import Selection
from reconciler.util.concurrency import for_each
from reconciler.util.ids import ID

_CHUNK = 256
_MOST_OBSERVED = 512
_FRESH = 300.0
"""Seconds; URLs of pictures may be signed, and snapshots may be taken again."""
_PROBES = 8


class Reader:
    """
    Args:
        tell: takes a sentence for the user.

    Attributes:
        done, total: entries that are known, and all.
    """

    def __init__(
        self, planner: Planner, items: Items, thumbnails: Thumbnails, parallelism: int, tell: Callable[[str], None]
    ) -> None:
        self._listed: dict[str, ListedAsset] = {}
        self._planner = replace(planner, listed=self._listed)
        self._items = items
        self._thumbnails = thumbnails
        self._parallelism = parallelism
        self._tell = tell
        self._observed: OrderedDict[str, tuple[float, Observed]] = OrderedDict()
        self.done = self.total = 0
        self.waiting = ""

    async def run(self) -> None:
        """Everything, once. What cannot be read is said, and the rest is read."""
        entries = [item.desired for item in self._items if item.desired is not None]
        self.total = len(entries)
        try:
            await self._list()
            for at in range(0, len(entries), _CHUNK):
                await self._plan(entries[at : at + _CHUNK])
                self.done = min(at + _CHUNK, self.total)
            await self._look_at_covers()
        except ReconcileError as error:
            self.waiting = error.text
            self._tell(f"Error: {error.text}")

    async def again(self, asset_ids: Sequence[str]) -> None:
        """Plans these entries once more: their files changed."""
        items = (self._items.get(asset_id) for asset_id in asset_ids)
        await self._plan([item.desired for item in items if item is not None and item.desired is not None])

    async def observed(self, asset_id: str) -> Observed | NoAnswer:
        """The asset with its snapshots; one details call, unless it was read within the last minutes."""
        now = self._planner.client.clock.monotonic()
        read, known = self._observed.get(asset_id, (0.0, None))
        if known is not None and now - read < _FRESH:
            self._observed.move_to_end(asset_id)
            return known
        found = await self._planner.observe(asset_id)
        if isinstance(found, Observed):
            self._observed[asset_id] = now, found
            if len(self._observed) > _MOST_OBSERVED:
                self._observed.popitem(last=False)
        return found

    async def cover(self, observed: Observed) -> SnapshotRef | None:
        """The snapshot that is the cover, by its URL or the pictures' bytes; no call of the API."""
        found = await identify_cover(observed, self._planner.pictures, self._planner.memory)
        return found.cover.snapshot

    async def lock_line(self, asset_id: str, chosen: Chosen | None) -> LockLine | None:
        """The lock line of the chosen snapshot; None where it is yet to be taken, or cannot be read."""
        observed = await self.observed(asset_id)
        if chosen is None or chosen.index is None or isinstance(observed, NoAnswer):
            return None
        found = next((one for one in observed.in_set(chosen.set) if one.index == chosen.index), None)
        line = await read_line(self._planner, observed, found) if found is not None else None
        return line if isinstance(line, LockLine) else None

    async def _list(self) -> None:
        async for asset in self._planner.client.list_assets():
            asset_id = asset.asset_id.lower()
            if not ID.fullmatch(asset_id):
                continue
            item = self._items.listed(asset_id)
            item.title, item.created = asset.title, asset.create_time
            item.cover_url = next((cover.cover_url for cover in asset.covers if cover.cover_url), "")
            self._listed[asset_id] = ListedAsset(item.title, item.cover_url)
            if len(self._listed) % 100 == 0:
                self._items.version += 1
        self._items.version += 1

    async def _plan(self, entries: Sequence[Desired]) -> None:
        plan = await self._planner.make_plan(entries, Selection(), self._parallelism, lambda: None)
        verdicts = (*plan.changes, *plan.pending, *plan.unknown, *plan.ignored)
        found: dict[str, Verdict] = {one.desired.asset_id: one for one in verdicts}
        for desired in entries:
            item = self._items.get(desired.asset_id)
            if item is None or item.desired != desired:
                continue
            verdict = found.get(desired.asset_id)
            if verdict is None:
                item.in_sync()
            else:
                item.found(verdict)
        self._items.version += 1

    async def _look_at_covers(self) -> None:
        """Measures the covers, so that blank ones can be filtered."""

        async def look(item: Item) -> None:
            found = await self._thumbnails.get(item.cover_url, 320)
            if not isinstance(found, NoAnswer) and found.blank != item.blank:
                item.blank = found.blank
                self._items.version += 1

        await for_each([item for item in self._items if item.cover_url], look, _PROBES)
