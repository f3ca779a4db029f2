"""What the asset list alone shows to be in sync."""

from __future__ import annotations

import pytest
from reconciler.decide.fast_path import Listed, Snapshots, evidence_of_sync
from support.fakes import ASSET, OTHER, desired, snapshot_url

REMEMBERED: Snapshots = {"sample": [(at, f"snapshot/sample/{at}.jpg") for at in (0, 5, 10)]}


def listed(asset_id: str = ASSET, offset: int = 0) -> Listed:
    return Listed("A title", snapshot_url(asset_id, offset), "THUMBNAIL_SUCCEED")


@pytest.mark.parametrize(("index", "offset"), [(0, 0), (2, 10), (-1, 10), (-3, 0)])
def test_every_index_of_the_remembered_snapshots_is_decided(index: int, offset: int) -> None:
    assert evidence_of_sync(desired(index=index), listed(offset=offset), REMEMBERED) == "memory"


@pytest.mark.parametrize("index", [3, -4])
def test_an_index_beyond_the_remembered_snapshots_is_not(index: int) -> None:
    assert evidence_of_sync(desired(index=index), listed(), REMEMBERED) is None


def test_a_cover_of_another_asset_shows_nothing() -> None:
    entry = desired(index=None, offset=5)
    assert evidence_of_sync(entry, listed(ASSET, 5), None) == "url"
    assert evidence_of_sync(entry, listed(OTHER, 5), None) is None
