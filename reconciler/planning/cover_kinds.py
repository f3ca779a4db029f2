"""What a cover is at this service: the snapshot's own URL, a copy of it, or a re-encoded one."""

from __future__ import annotations

import asyncio
from typing import Literal

from reconciler.decide.verdict import identify
from reconciler.model import NoAnswer, Observed
from reconciler.observe.pictures import Pictures
from reconciler.observe.similarity import alike
from reconciler.planning.content import identify_cover
from reconciler.state.settled_covers import Memory

Kind = Literal["referenced", "copied", "re-encoded", "another picture", "unreadable", "none"]
_MOST_COMPARED = 40


async def kind_of(observed: Observed, pictures: Pictures, memory: Memory) -> Kind:
    """ "re-encoded" where it only looks like one of the snapshots, or is known to be made of one."""
    if not observed.cover_url:
        return "none"
    if identify(observed) is not None:
        return "referenced"
    found = await identify_cover(observed, pictures, memory)
    if found.unread_cover is not None:
        return "unreadable"
    content = found.cover.content
    known = {item.cover_sha256 for item in memory.of(observed.asset_id)}
    if found.cover.snapshot is not None:
        return "re-encoded" if content is not None and content.sha256 in known else "copied"
    return await _by_eye(observed, pictures)


async def _by_eye(observed: Observed, pictures: Pictures) -> Kind:
    shown = await pictures.data(observed.cover_url)
    if isinstance(shown, NoAnswer):
        return "unreadable"
    for snapshot in observed.snapshots[:_MOST_COMPARED]:
        taken = await pictures.data(snapshot.url)
        if isinstance(taken, NoAnswer):
            continue
        similar: bool | None = await asyncio.to_thread(alike, shown, taken)
        if similar:
            return "re-encoded"
    return "another picture"
