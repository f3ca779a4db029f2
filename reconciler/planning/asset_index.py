"""Covers as the asset list shows them, 100 per call: enough for an audit where a URL, or memory, can decide."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from reconciler.decide.fast_path import Listed, evidence_of_sync
from reconciler.model import Compare, Desired, Verdict
from reconciler.state.snapshot_cache import Reading, Readings
from reconciler.vod.client import VodClient


class AssetIndex:
    """The assets of one listing, and what it decided.

    Args:
        assets: by asset ID.
        readings: the snapshots as last read.
        now, max_age: older readings, and those from the future, decide nothing.
        compare: where bytes must be compared, a listing decides nothing.

    Attributes:
        by_url, by_memory, undecided: how many entries; `oldest` is the oldest reading that decided one.
    """

    def __init__(
        self,
        assets: Mapping[str, Listed],
        readings: Readings,
        now: datetime,
        max_age: timedelta,
        compare: Compare,
    ) -> None:
        self.assets = assets
        self._readings = readings
        self._now = now
        self._max_age = max_age
        self._compare = compare
        self.by_url = 0
        self.by_memory = 0
        self.undecided = 0
        self.oldest: datetime | None = None

    def of(self, asset_id: str) -> Listed | None:
        return self.assets.get(asset_id)

    def decides(self, desired: Desired, *, coming: bool) -> Verdict | None:
        """In sync, or None where it takes the details.

        Args:
            coming: another cover was applied a moment ago, and may not be shown yet.
        """
        listed = self.assets.get(desired.asset_id)
        reading = self._fresh(desired.asset_id)
        evidence = None
        if listed is not None and self._compare != "content" and not coming:
            evidence = evidence_of_sync(desired, listed, reading.sets if reading is not None else None)
        if listed is None or evidence is None:
            self.undecided += 1
            return None
        if evidence == "url":
            self.by_url += 1
        elif reading is not None:
            self.by_memory += 1
            self.oldest = min(self.oldest or reading.at, reading.at)
        return Verdict(desired, "in_sync", listed.title)

    def _fresh(self, asset_id: str) -> Reading | None:
        reading = self._readings.of(asset_id)
        return reading if reading is not None and self._now - self._max_age <= reading.at <= self._now else None


async def read_covers(client: VodClient) -> dict[str, Listed]:
    """Every asset of the project as the list shows it, by asset ID.

    Raises:
        ApiError: the assets cannot be listed.
    """
    return {
        asset.asset_id.lower(): Listed(
            asset.title,
            next((cover.cover_url for cover in asset.covers if cover.cover_url), ""),
            asset.thumbnail_status,
        )
        async for asset in client.list_assets()
    }
