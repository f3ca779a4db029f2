"""The covers of many assets: from the asset list, 100 in a call, or by ID, 10 in a call; without their snapshots."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field
from itertools import islice

from reconciler.errors import ApiError, AuthenticationError, UnreachableError
from reconciler.model import SNAPSHOTS_IN_PROGRESS
from reconciler.util.concurrency import for_each
from reconciler.vod.client import IDS_PER_CALL, VodClient
from reconciler.vod.listing import MOST, PAGE
from reconciler.vod.schemas import CoverInfo

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ListedAsset:
    """One asset without its snapshots. `cover_url` is "" where there is no cover."""

    title: str
    cover_url: str = field(repr=False)
    in_progress: bool = False
    """Its snapshots are being taken."""


async def read_covers(client: VodClient, wanted: Set[str], parallelism: int) -> dict[str, ListedAsset]:
    """These assets by ID, by whichever way takes fewer calls. What neither way shows is missing.

    Raises:
        AuthenticationError: no other call would fare better.
    """
    calls = -(-len(wanted) // IDS_PER_CALL)
    found: dict[str, ListedAsset] = {}
    if calls > 1:
        found = await _from_list(client, wanted, calls)
    await add_by_id(client, wanted, found, parallelism)
    return found


async def add_by_id(
    client: VodClient, wanted: Iterable[str], found: dict[str, ListedAsset], parallelism: int
) -> None:
    """Adds those of the wanted assets that are missing."""
    missing = iter([asset_id for asset_id in wanted if asset_id not in found])
    refused = False

    async def read(asset_ids: list[str]) -> None:
        nonlocal refused
        if refused:
            return
        try:
            assets = await client.info(asset_ids)
        except AuthenticationError:
            raise
        except ApiError as error:  # their details will be read
            _LOG.debug("assets cannot be read together: %s", error.message)
            refused = isinstance(error, UnreachableError) or (error.status or 500) < 500
            return
        for asset in assets:
            if asset.base_info is not None and (asset_id := asset.asset_id.lower()) in asset_ids:
                base = asset.base_info
                status = base.thumbnail_status or asset.thumbnail_status
                found[asset_id] = _listed(base.title, base.cover_info_array, status)

    await for_each(iter(lambda: list(islice(missing, IDS_PER_CALL)), []), read, parallelism)


async def list_covers(
    client: VodClient, add: Callable[[str, ListedAsset], None], most_calls: int | None = None
) -> None:
    """Calls `add` with every asset of the project, until so many calls were made.

    Raises:
        ApiError: the assets cannot be listed, or not all of them.
    """
    before = client.calls["list"]
    async for asset in client.list_assets():
        add(asset.asset_id.lower(), _listed(asset.title, asset.covers, asset.thumbnail_status))
        if most_calls is not None and client.calls["list"] - before > most_calls:
            return


async def _from_list(client: VodClient, wanted: Set[str], calls: int) -> dict[str, ListedAsset]:
    """The assets as the list shows them, if that takes fewer calls than reading them by ID; otherwise none.

    How many there are is not known where `total` is at its limit. Then the list is read until it has taken as
    many calls as the other way would: at worst both together take twice the calls of the better one.
    """
    found: dict[str, ListedAsset] = {}

    def add(asset_id: str, asset: ListedAsset) -> None:
        if asset_id in wanted:
            found[asset_id] = asset

    try:
        total = await client.count_assets()
        if -(-total // PAGE) < calls:
            await list_covers(client, add, calls if total >= MOST else None)
    except AuthenticationError:
        raise
    except ApiError as error:  # more assets in one second than can be listed, or no permission
        _LOG.debug("the assets cannot be listed: %s", error.message)
    return found


def _listed(title: str, covers: Iterable[CoverInfo], thumbnail_status: str) -> ListedAsset:
    cover_url = next((cover.cover_url for cover in covers if cover.cover_url), "")
    return ListedAsset(title, cover_url, thumbnail_status == SNAPSHOTS_IN_PROGRESS)
