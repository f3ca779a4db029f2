"""One asset's details as a value: observed, or the reason why it could not be."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reconciler.errors import ApiError, AuthenticationError, UnreachableError
from reconciler.model import NoAnswer, Observed, Reason, SetName, Snapshot
from reconciler.vod import error_codes as codes
from reconciler.vod import schemas
from reconciler.vod.client import VodClient

_AUDIO = frozenset(["MP3", "OGG", "WAV", "WMA", "APE", "FLAC", "AAC", "AC3", "MMF", "AMR", "M4A", "M4R", "WV", "MP2"])
"""Of `video_type` (API page "Creating media assets: uploading from local")."""


async def observe(client: VodClient, asset_id: str) -> Observed | NoAnswer:
    """Reads one asset.

    Raises:
        AuthenticationError, UnreachableError: reading any other asset would fail as well.
    """
    try:
        details = await client.details(asset_id)
    except (AuthenticationError, UnreachableError):
        raise
    except ApiError as error:
        reason: Reason = "asset_not_found" if error.code == codes.NOT_FOUND else "api_error"
        return NoAnswer(reason, error.text, request_id=error.request_id)
    try:
        return _observed(asset_id, details)
    except _UnplacedError as error:
        return NoAnswer("api_error", f"The service returned a snapshot without its offset, in the set {error}.")


class _UnplacedError(Exception):
    """A snapshot has no offset, so the index of the others is not certain."""


def _observed(asset_id: str, details: schemas.AssetDetails) -> Observed:
    base = details.base_info or schemas.BaseInfo()
    info = details.thumbnail_info or schemas.ThumbnailInfo()
    snapshots = (
        *_in_order("sample", info.sample),
        *_in_order("dots", info.dots),
        *_in_order("quantity", info.quantity),
    )
    cover = next((cover.cover_url for cover in base.cover_info_array if cover.cover_url), "")
    status = info.thumbnail_status or base.thumbnail_status or details.thumbnail_status
    return Observed(
        asset_id,
        base.title,
        cover,
        status,
        snapshots,
        length_ms=_length(base.meta_data),
        audio=base.video_type if base.video_type.upper() in _AUDIO else "",
        task_error=info.exec_desc,
    )


def _length(meta: schemas.MetaData) -> int | None:
    """Before the end of the second that a rounded duration names, no whole second lies that the video does not have.
    A video without any duration is one that the service has not looked at yet."""
    exact = meta.duration_ms or (meta.duration or 0) * 1000
    return exact or None


def _in_order(name: SetName, listed: Sequence[schemas.ThumbnailItem]) -> list[Snapshot]:
    """The API does not promise an order. Ties are broken by the URL, so that an index always means the same."""
    placed = [(_offset(name, item), item.url) for item in listed if item.url or item.offset is not None]
    placed.sort(key=lambda snapshot: (snapshot[0], snapshot[1].partition("?")[0]))
    return [Snapshot(name, index, offset, url) for index, (offset, url) in enumerate(placed)]


def _offset(name: SetName, item: schemas.ThumbnailItem) -> int:
    """Its own offset, or the one in the name of its file."""
    if item.offset is not None:
        return item.offset
    named = re.search(r"/([0-9]{1,9})\.[A-Za-z]+$", item.url.partition("?")[0])
    if named is None:
        raise _UnplacedError(name)
    return int(named[1])
