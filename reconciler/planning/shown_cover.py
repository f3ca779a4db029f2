"""The cover that is about to be replaced, with its bytes: one that cannot be read, and so saved, is not replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.decide.verdict import identify
from reconciler.model import Content, Cover, NoAnswer, Observed
from reconciler.planning.content import identify_cover, replaceable

if TYPE_CHECKING:
    from reconciler.planning.planner import Planner


async def shown_cover(planner: Planner, observed: Observed, most: int | None = None) -> Cover | NoAnswer:
    """The cover, or why it must not be replaced: --replace-unreadable and `--compare url` replace it anyway.

    Args:
        most: see `identify_cover`.
    """
    named, by_url = identify(observed), planner.compare == "url"
    ref = named.ref if named is not None else None
    if not observed.cover_url:
        return observed.cover()
    if named is None and not by_url:
        found = await identify_cover(observed, planner.pictures, planner.memory, most)
        if found.unread_cover is None:
            return found.cover
        read: Content | NoAnswer = found.unread_cover
    else:
        read = await planner.pictures.content(observed.cover_url)
    if isinstance(read, Content):
        return observed.cover(ref, read)
    return observed.cover(ref) if planner.replace_unreadable or by_url else replaceable(read)
