"""Pictures for the page: fetched with the guard and limits that all pictures have, made small once, and kept."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict

from reconciler.model import NoAnswer
from reconciler.observe.pictures import Pictures
from reconciler.observe.thumbnails import Thumbnail, thumbnail

WIDTHS = (320, 1280)
_MOST_BYTES = 64 * 1024 * 1024
_AT_ONCE = 16


class Thumbnails:
    """Thumbnails by what their pictures hold: at most 64 MiB of them, those that were not asked for longest go."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._kept: OrderedDict[tuple[str, int], Thumbnail] = OrderedDict()
        self._size = 0
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def get(self, url: str, width: int) -> Thumbnail | NoAnswer:
        """A picture that wide at most, or why there is none."""
        async with self._turn:
            data = await self._pictures.data(url)
            if isinstance(data, NoAnswer):
                return data
            key = hashlib.sha256(data).hexdigest(), width
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return kept
            made = await asyncio.to_thread(thumbnail, data, width)
        if isinstance(made, Thumbnail):
            self._keep(key, made)
        return made

    def _keep(self, key: tuple[str, int], made: Thumbnail) -> None:
        if key in self._kept:
            return
        self._kept[key] = made
        self._size += len(made.webp)
        while self._size > _MOST_BYTES:
            self._size -= len(self._kept.popitem(last=False)[1].webp)
