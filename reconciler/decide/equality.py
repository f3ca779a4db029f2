"""Whether two covers that were observed at different times are the same."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.decide.picture_id import PictureId, picture
from reconciler.model import Cover


def same_picture(one: Cover, other: Cover) -> bool:
    """For wanted snapshots: the same bytes of the same asset, whatever their number is by now. Where bytes are not
    known: the same second of the same set, and the same picture by its URL."""
    left, right = _picture(one), _picture(other)
    if one.content is not None and other.content is not None:
        whose = (left and left.asset_id, right and right.asset_id)
        return one.content == other.content and whose[0] == whose[1]
    return _place(one) == _place(other) and left == right


def same_cover(one: Cover, other: Cover) -> bool:
    """For current covers: the same bytes. Where those are not known: by the snapshot they are, else by their URL."""
    if one.content is not None and other.content is not None:
        return one.content == other.content
    if one.snapshot is not None or other.snapshot is not None:
        looked = one.snapshot is not None or one.content is not None
        return _place(one) == _place(other) if looked else _same_url(one, other)
    return _same_url(one, other)


def not_visible_yet(old: Iterable[Cover], after: Cover, shown: Cover) -> bool:
    """Whether a change to `after` was applied, but the service still shows one of the `old` covers."""
    return any(same_cover(cover, shown) for cover in old) and not same_cover(after, shown)


def _place(cover: Cover) -> tuple[str, int] | None:
    return (cover.snapshot.set, cover.snapshot.offset) if cover.snapshot is not None else None


def _same_url(one: Cover, other: Cover) -> bool:
    named = _picture(one)
    return one.cover_url == other.cover_url or (named is not None and named == _picture(other))


def _picture(cover: Cover) -> PictureId | None:
    return picture(cover.cover_url) if cover.cover_url is not None else None
