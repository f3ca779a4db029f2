"""The cheapest evidence that locked entries are in sync: a look at the cover's picture, without the asset's details.

It needs the cover's URL, from a call for many assets at once, and one look at the CDN. It only ever finds that a
cover has the locked bytes; everything else is decided by the details.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from reconciler.decide.picture_id import picture
from reconciler.model import Content, Desired, LockLine, NoAnswer
from reconciler.observe.covers import ListedAsset
from reconciler.observe.pictures import Pictures
from reconciler.planning.content import is_locked
from reconciler.planning.selection import Selection
from reconciler.state.settled_covers import Memory
from reconciler.util.concurrency import for_each


@dataclass(frozen=True, slots=True)
class LockEvidence:
    """What was found.

    Attributes:
        in_sync: IDs of entries whose cover has the locked bytes.
        assets: as the list or `asset/info` shows them, by ID.
        read: covers that were read and have other bytes, by URL, so that none is read twice.
    """

    in_sync: set[str] = field(default_factory=set)
    assets: Mapping[str, ListedAsset] = field(default_factory=dict)
    read: dict[str, Content] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Check:
    """A cover to look at."""

    asset_id: str
    url: str
    host: str
    line: LockLine


class LockChecker:
    """Looks at the covers of locked entries.

    Args:
        memory: of covers that the service made of snapshots.
    """

    def __init__(self, pictures: Pictures, memory: Memory, parallelism: int) -> None:
        self._pictures = pictures
        self._memory = memory
        self._parallelism = parallelism

    async def check(
        self,
        locked: Iterable[tuple[Desired, LockLine]],
        selection: Selection,
        assets: Mapping[str, ListedAsset],
        advance: Callable[[], None],
    ) -> LockEvidence:
        """Looks at the covers of these entries, each with its lock line.

        Args:
            advance: called once for each that is in sync.
        """
        found = LockEvidence(assets=assets)
        checks = list(_checks(locked, selection, assets))

        async def work(item: _Check) -> None:
            if await self._look(item, found.read):
                found.in_sync.add(item.asset_id)
                advance()

        # One picture of each host first: it shows whether the host's headers may be believed about the others.
        first = {item.host: item for item in reversed(checks)}
        proving = {item.asset_id for item in first.values()}
        await for_each(first.values(), work, self._parallelism)
        await for_each((item for item in checks if item.asset_id not in proving), work, self._parallelism)
        await self._take_back(checks, found)
        return found

    async def _look(self, item: _Check, read: dict[str, Content]) -> bool:
        """Whether the cover has the locked bytes."""
        shown = await self._pictures.look(item.url, item.line.pictures)
        if isinstance(shown, NoAnswer):
            return False
        if is_locked(shown, item.line, self._memory):
            return True
        read[item.url] = shown.content
        return False

    async def _take_back(self, checks: Sequence[_Check], found: LockEvidence) -> None:
        """Reads the covers again whose host turned out not to be honest."""
        wrong = {host for host in {item.host for item in checks} if self._pictures.host_of(host).wrong}
        again = [item for item in checks if item.asset_id in found.in_sync and item.host in wrong]
        found.in_sync.difference_update(item.asset_id for item in again)

        async def reread(item: _Check) -> None:
            if await self._look(item, found.read):
                found.in_sync.add(item.asset_id)

        await for_each(again, reread, self._parallelism)


def _checks(
    locked: Iterable[tuple[Desired, LockLine]], selection: Selection, assets: Mapping[str, ListedAsset]
) -> Iterator[_Check]:
    """The covers to look at: of selected entries, and only where the URL names the asset itself."""
    for desired, line in locked:
        asset = assets.get(desired.asset_id)
        if asset is None or asset.in_progress:
            continue
        named = picture(asset.cover_url)
        if named is None or named.asset_id != desired.asset_id:
            continue
        selected = selection.by_id(desired.asset_id)
        if selected or (selected is None and selection.by_title(desired.asset_id, asset)):
            yield _Check(desired.asset_id, asset.cover_url, _host(asset.cover_url), line)


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
