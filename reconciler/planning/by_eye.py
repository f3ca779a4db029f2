"""Compares covers as pictures, where no bytes decide."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable

from reconciler.decide.equality import same_cover
from reconciler.model import Content, Cover, NoAnswer, Verdict
from reconciler.observe.pictures import Pictures
from reconciler.observe.similarity import alike, is_picture


async def on_its_way(verdict: Verdict, old: Iterable[Cover], pictures: Pictures) -> bool:
    """After the wanted snapshot was set: whether a cover that is another picture may still become it. One edge of a
    CDN may show the new cover while another shows an old one, or a placeholder that cannot be decoded."""
    if verdict.before is None or verdict.before.snapshot is not None or not verdict.cover_url:
        return False
    again = await pictures.data(verdict.cover_url)
    if isinstance(again, NoAnswer):
        return False
    shown = Cover(verdict.before.cover_url, None, Content(hashlib.sha256(again).hexdigest(), len(again)))
    if any(same_cover(cover, shown) for cover in old) or not await asyncio.to_thread(is_picture, again):
        return True
    return await _shows(again, await pictures.data(verdict.put_url))


async def looks_wanted(verdict: Verdict, pictures: Pictures) -> bool:
    """Whether a cover that has the bytes of no snapshot plainly shows the wanted one."""
    if verdict.before is None or verdict.before.snapshot is not None or not verdict.put_url:
        return False
    return await looks_like(verdict.cover_url, [verdict.put_url], pictures)


async def looks_saved(verdict: Verdict, saved: bytes, pictures: Pictures) -> bool:
    """Whether a cover that has the bytes of no snapshot plainly shows a picture that was saved."""
    if verdict.before is None or verdict.before.snapshot is not None or not verdict.cover_url:
        return False
    return await _shows(saved, await pictures.data(verdict.cover_url))


async def looks_like(url: str, others: Iterable[str], pictures: Pictures) -> bool:
    """Whether a picture plainly shows the same as one of the others."""
    shown = await pictures.data(url) if url else None
    if shown is None or isinstance(shown, NoAnswer):
        return False
    for other in others:
        if await _shows(shown, await pictures.data(other)):
            return True
    return False


async def _shows(one: bytes, other: bytes | NoAnswer) -> bool:
    return not isinstance(other, NoAnswer) and await asyncio.to_thread(alike, one, other) is True
