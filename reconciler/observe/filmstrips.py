"""The pictures of a report: which ones to fetch within a limit, and what came of them."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reconciler.documents.images import AssetImages, EmbeddedImage, ImagesByAsset
from reconciler.documents.schemas import SnapshotDoc
from reconciler.errors import ReconcileError
from reconciler.model import NoAnswer, Snapshot, SnapshotRef
from reconciler.observe.pictures import Pictures
from reconciler.observe.thumbnails import thumbnail
from reconciler.util.concurrency import for_each
from reconciler.util.sanitize import hide

# Twice the width that they are shown at, for sharp screens.
WIDE, NARROW = 480, 160
_MOST_BYTES = 11 * 1024 * 1024
_MOST_AROUND, _MOST_LISTED = 24, 100
_NO_COVER = EmbeddedImage("", why="It has no cover.")
_MOST_SILENT = 3
_SILENT = "Left out: its host did not give the pictures before it."
_FULL = f"Left out: the report's pictures have reached {_MOST_BYTES // 2**20} MiB."


@dataclass(frozen=True, slots=True)
class Wanted:
    """One asset to be shown: its URLs as the API gave them, "" where there is none, and its snapshots in order.

    Without a `put_url` nothing is to change; `ref` is the snapshot to be marked then, if there is one.
    """

    asset_id: str
    cover_url: str = field(repr=False)
    put_url: str = field(repr=False)
    snapshots: tuple[Snapshot, ...]
    ref: SnapshotRef | None


async def collect(
    changes: Sequence[Wanted], pictures: Pictures, *, most: int, parallelism: int, advance: Callable[[], None]
) -> ImagesByAsset:
    """Pictures for the first of the changes, as many as the limit has room for; the others have no strip.

    Covers and wanted snapshots come first, in the order of the changes; what is left goes to the snapshots, strip by
    strip, nearest to the wanted one first. A picture that can't be had is a shot that says why. A strip lists at most
    24 snapshots, those around the wanted one, and 100 where nothing is to change.

    Args:
        most: pictures to be fetched; the same URL is fetched once.
        at_once: pictures fetched at the same time.
        advance: called for every picture that is done with, `count(changes, most)` times.
    """
    shown, urls = _choose(changes, most)
    uses = Counter((url, WIDE) for change in shown for url in (change.cover_url, change.put_url))
    uses.update((item.url, NARROW) for change in shown for item in _listed(change))
    album = _Album(pictures, uses, advance)
    await for_each(urls, album.take, parallelism)
    not_fetched = EmbeddedImage("", why=f"Not among the first {most:,} pictures.")
    return {change.asset_id: _strip(change, album.shots, not_fetched) for change in shown}


def count(changes: Sequence[Wanted], most: int) -> int:
    """How many pictures `collect` would fetch."""
    return len(_choose(changes, most)[1])


def _choose(changes: Sequence[Wanted], most: int) -> tuple[list[Wanted], dict[str, None]]:
    """The changes that get a strip, and the URLs to fetch, the most important first."""
    shown: list[Wanted] = []
    urls: dict[str, None] = {}
    for change in changes:
        new = {url: None for url in (change.cover_url, change.put_url) if url and url not in urls}
        if len(urls) + len(new) > most:
            break
        urls.update(new)
        shown.append(change)
    for change in shown:
        for item in _nearest(change):
            if len(urls) < most:
                urls[item.url] = None
    return shown, urls


def _nearest(change: Wanted) -> list[Snapshot]:
    """The snapshots of a strip, the nearest to the wanted one first, and of two equally near the later one."""
    wanted = change.ref

    def distance(item: Snapshot) -> tuple[bool, int, bool]:
        if wanted is None:
            return (False, 0, False)
        steps = item.index - wanted.index if item.set == wanted.set else item.offset - wanted.offset
        return (item.set != wanted.set, abs(steps), steps < 0)

    return sorted(change.snapshots, key=distance)[: _MOST_AROUND if change.put_url else _MOST_LISTED]


def _listed(change: Wanted) -> list[Snapshot]:
    """The snapshots of a strip, in order."""
    near = set(_nearest(change))
    return [item for item in change.snapshots if item in near]


class _Album:
    """Makes shots of pictures, as long as there is room for them.

    Args:
        uses: how often a picture will stand in the report, by URL and width.
    """

    def __init__(self, pictures: Pictures, uses: Counter[tuple[str, int]], advance: Callable[[], None]) -> None:
        self.shots: dict[tuple[str, int], EmbeddedImage] = {}
        self._pictures = pictures
        self._uses = uses
        self._advance = advance
        self._room = _MOST_BYTES
        self._full = False
        self._silent: Counter[str] = Counter()

    async def take(self, url: str) -> None:
        """Fetches a picture, and makes the shots of it that are used."""
        data = await self._data(url)
        for width in (WIDE, NARROW):
            if self._uses[url, width]:
                self.shots[url, width] = await self._shot(data, url, width)
        self._advance()

    async def _data(self, url: str) -> bytes | NoAnswer:
        if self._full:
            return NoAnswer("content_unavailable", _FULL)
        host = url.partition("://")[2].partition("/")[0]
        if self._silent[host] >= _MOST_SILENT:
            return NoAnswer("content_unavailable", _SILENT)
        try:
            data = await self._pictures.data(url)
        except ReconcileError as error:  # a proxy that can't be used: no reason to have no report
            return NoAnswer("content_unavailable", error.told)
        # Each failure took several attempts, and up to minutes: a dead host must not hold up the report.
        self._silent[host] = self._silent[host] + 1 if isinstance(data, NoAnswer) and not data.lasting else 0
        return data

    async def _shot(self, data: bytes | NoAnswer, url: str, width: int) -> EmbeddedImage:
        made = data if isinstance(data, NoAnswer) else await asyncio.to_thread(thumbnail, data, width)
        if isinstance(made, NoAnswer):
            return EmbeddedImage("", why=hide(made.lasting or made.message))
        encoded = "data:image/webp;base64," + base64.b64encode(made.webp).decode("ascii")
        needed = len(encoded) * self._uses[url, width]
        if needed > self._room:
            self._full = True
            return EmbeddedImage("", why=_FULL)
        self._room -= needed
        return EmbeddedImage(encoded, made.width, made.height)


def _strip(change: Wanted, shots: dict[tuple[str, int], EmbeddedImage], not_fetched: EmbeddedImage) -> AssetImages:
    return AssetImages(
        before=shots[change.cover_url, WIDE] if change.cover_url else _NO_COVER,
        after=shots[change.put_url, WIDE] if change.put_url else None,
        others=tuple(
            (
                SnapshotDoc(set=item.set, index=item.index, offset=item.offset),
                shots.get((item.url, NARROW), not_fetched),
            )
            for item in _listed(change)
        ),
    )
