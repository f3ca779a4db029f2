"""The pictures of a report: chooses which to fetch within a limit, and embeds them or the reason why not."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reconciler.documents.images import AssetImages, EmbeddedImage, ImagesByAsset
from reconciler.errors import ReconcileError
from reconciler.model import NoAnswer, Snapshot, SnapshotRef
from reconciler.observe.pictures import Pictures
from reconciler.observe.thumbnails import thumbnail
from reconciler.util.concurrency import for_each
from reconciler.util.sanitize import hide

# Twice the width at which they are shown, for sharp screens.
WIDE, NARROW = 480, 160
_MOST_BYTES = 11 * 1024 * 1024
_MOST_NEAR, _MOST_LISTED = 24, 100
_NO_COVER = EmbeddedImage("", why="It has no cover.")
_MOST_FAILURES = 3
_HOST_FAILS = "Left out: its host did not deliver the pictures before it."
_FULL = f"Left out: the report's pictures have reached {_MOST_BYTES // 2**20} MiB."


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """What to fetch for one asset: its URLs as the API gave them, "" where there is none, and its snapshots in order.

    Attributes:
        put_url: of the wanted snapshot; "" if nothing has to change.
        ref: the snapshot that is wanted, or, if nothing has to change, the one that is the cover.
    """

    asset_id: str
    cover_url: str = field(repr=False)
    put_url: str = field(repr=False)
    snapshots: tuple[Snapshot, ...]
    ref: SnapshotRef | None


async def collect(
    assets: Sequence[ImageRequest], pictures: Pictures, *, most: int, parallelism: int, advance: Callable[[], None]
) -> ImagesByAsset:
    """Fetches and embeds pictures for the first of the assets, as many as the limit allows; the others have none.

    Covers and wanted snapshots come first, in the order of the assets; what is left goes to the snapshots, asset by
    asset, nearest to the wanted one first. Instead of a picture that cannot be read there is the reason. An asset
    has at most 24 snapshots, those around the wanted one, and 100 if nothing has to change.

    Args:
        most: pictures to fetch; the same URL is fetched once.
        parallelism: pictures to fetch at the same time.
        advance: called for every picture that is done, `count(assets, most)` times.
    """
    shown, urls = _choose(assets, most)
    uses = Counter((url, WIDE) for asset in shown for url in (asset.cover_url, asset.put_url))
    uses.update((item.url, NARROW) for asset in shown for item in _listed(asset))
    embedder = _Embedder(pictures, uses, advance)
    await for_each(urls, embedder.embed, parallelism)
    not_fetched = EmbeddedImage("", why=f"Not among the first {most:,} pictures.")
    return {asset.asset_id: _asset_images(asset, embedder.images, not_fetched) for asset in shown}


def count(assets: Sequence[ImageRequest], most: int) -> int:
    """How many pictures `collect` would fetch."""
    return len(_choose(assets, most)[1])


def _choose(assets: Sequence[ImageRequest], most: int) -> tuple[list[ImageRequest], dict[str, None]]:
    """The assets that get pictures, and the URLs to fetch, the most important first."""
    shown: list[ImageRequest] = []
    urls: dict[str, None] = {}
    for asset in assets:
        new = {url: None for url in (asset.cover_url, asset.put_url) if url and url not in urls}
        if len(urls) + len(new) > most:
            break
        urls.update(new)
        shown.append(asset)
    for asset in shown:
        for item in _nearest(asset):
            if len(urls) < most:
                urls[item.url] = None
    return shown, urls


def _nearest(asset: ImageRequest) -> list[Snapshot]:
    """The snapshots to show, the nearest to the wanted one first, and of two equally near the later one."""
    wanted = asset.ref

    def distance(item: Snapshot) -> tuple[bool, int, bool]:
        if wanted is None:
            return (False, 0, False)
        counted = item.set == wanted.set and wanted.index is not None
        steps = item.index - (wanted.index or 0) if counted else item.offset - wanted.offset
        return (item.set != wanted.set, abs(steps), steps < 0)

    return sorted(asset.snapshots, key=distance)[: _MOST_NEAR if asset.put_url else _MOST_LISTED]


def _listed(asset: ImageRequest) -> list[Snapshot]:
    """The snapshots to show, in order."""
    near = set(_nearest(asset))
    return [item for item in asset.snapshots if item in near]


class _Embedder:
    """Fetches pictures and makes images of them, until the report is full.

    Args:
        uses: how often an image will be in the report, by URL and width.
    """

    def __init__(self, pictures: Pictures, uses: Counter[tuple[str, int]], advance: Callable[[], None]) -> None:
        self.images: dict[tuple[str, int], EmbeddedImage] = {}
        self._pictures = pictures
        self._uses = uses
        self._advance = advance
        self._room = _MOST_BYTES
        self._full = False
        self._failures: Counter[str] = Counter()

    async def embed(self, url: str) -> None:
        """Fetches a picture, and makes the images of it that are used."""
        data = await self._data(url)
        for width in (WIDE, NARROW):
            if self._uses[url, width]:
                self.images[url, width] = await self._image(data, url, width)
        self._advance()

    async def _data(self, url: str) -> bytes | NoAnswer:
        if self._full:
            return NoAnswer("content_unavailable", _FULL)
        host = url.partition("://")[2].partition("/")[0]
        if self._failures[host] >= _MOST_FAILURES:
            return NoAnswer("content_unavailable", _HOST_FAILS)
        try:
            data = await self._pictures.data(url)
        except ReconcileError as error:  # a proxy that cannot be used must not cost the whole report
            return NoAnswer("content_unavailable", error.text)
        # Each failure takes several attempts, up to minutes: a dead host must not hold up the report.
        self._failures[host] = self._failures[host] + 1 if isinstance(data, NoAnswer) and not data.permanent else 0
        return data

    async def _image(self, data: bytes | NoAnswer, url: str, width: int) -> EmbeddedImage:
        image = await embedded(data, width)
        needed = len(image.data) * self._uses[url, width]
        if needed > self._room:
            self._full = True
            return EmbeddedImage("", why=_FULL)
        self._room -= needed
        return image


async def embedded(data: bytes | NoAnswer, width: int = WIDE) -> EmbeddedImage:
    """A picture as reports embed it, or the reason why there is none."""
    made = data if isinstance(data, NoAnswer) else await asyncio.to_thread(thumbnail, data, width)
    if isinstance(made, NoAnswer):
        return EmbeddedImage("", why=hide(made.permanent or made.message))
    encoded = "data:image/webp;base64," + base64.b64encode(made.webp).decode("ascii")
    return EmbeddedImage(encoded, made.width, made.height, blank=made.blank)


def _asset_images(
    asset: ImageRequest, images: dict[tuple[str, int], EmbeddedImage], not_fetched: EmbeddedImage
) -> AssetImages:
    return AssetImages(
        before=images[asset.cover_url, WIDE] if asset.cover_url else _NO_COVER,
        after=images[asset.put_url, WIDE] if asset.put_url else None,
        snapshots=tuple((item.ref, images.get((item.url, NARROW), not_fetched)) for item in _listed(asset)),
    )
