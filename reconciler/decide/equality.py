"""Whether two covers that were observed at different times are the same."""

from __future__ import annotations

from reconciler.decide.picture_id import PictureId, picture
from reconciler.model import Cover


def same_picture(one: Cover, other: Cover) -> bool:
    """For wanted snapshots: the same index, the same picture, and the same bytes where both were read."""
    if one.snapshot != other.snapshot or _picture(one) != _picture(other):
        return False
    return one.content is None or other.content is None or one.content == other.content


def same_cover(one: Cover, other: Cover) -> bool:
    """For current covers: by the snapshot they are, else by their bytes, else by their URL."""
    if one.snapshot is not None or other.snapshot is not None:
        identified = one.snapshot is not None or one.content is not None
        return one.snapshot == other.snapshot if identified else _same_url(one, other)
    if one.content is not None and other.content is not None:
        return one.content == other.content
    return _same_url(one, other)


def not_visible_yet(before: Cover, after: Cover, shown: Cover) -> bool:
    """Whether a change from `before` to `after` was applied, but the service still shows the cover before."""
    return same_cover(before, shown) and not same_cover(after, shown)


def _same_url(one: Cover, other: Cover) -> bool:
    named = _picture(one)
    return one.cover_url == other.cover_url or (named is not None and named == _picture(other))


def _picture(cover: Cover) -> PictureId | None:
    return picture(cover.cover_url) if cover.cover_url is not None else None
