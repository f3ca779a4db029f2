"""One asset's details as a value: observed, or the reason why not."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.errors import ApiError, AuthenticationError, UnreachableError
from reconciler.model import NoAnswer, Observed, Reason, SetName, Snapshot
from reconciler.vod import codes, wire
from reconciler.vod.client import VodClient


async def observe(client: VodClient, asset_id: str) -> Observed | NoAnswer:
    """Reads one asset.

    Raises:
        AuthenticationError, UnreachableError: no other asset would fare better.
    """
    try:
        return _observed(asset_id, await client.details(asset_id))
    except (AuthenticationError, UnreachableError):
        raise
    except ApiError as error:
        reason: Reason = "asset_not_found" if error.code == codes.NOT_FOUND else "api_error"
        return NoAnswer(reason, error.told)


def _observed(asset_id: str, details: wire.AssetDetails) -> Observed:
    base = details.base_info or wire.BaseInfo()
    info = details.thumbnail_info or wire.ThumbnailInfo()
    snapshots = (
        *_in_order("sample", info.sample),
        *_in_order("dots", info.dots),
        *_in_order("quantity", info.quantity),
    )
    cover = next((cover.cover_url for cover in base.cover_info_array if cover.cover_url), "")
    return Observed(asset_id, base.title, cover, info.thumbnail_status, snapshots)


def _in_order(name: SetName, listed: Sequence[wire.Thumbnail]) -> list[Snapshot]:
    """The API does not promise an order; ties are broken by the URL so that an index always means the same."""
    ordered = sorted(listed, key=lambda item: (item.offset, item.url.partition("?")[0]))
    return [Snapshot(name, index, item.offset, item.url) for index, item in enumerate(ordered)]
