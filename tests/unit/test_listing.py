"""Every asset is listed once, however many there are and whenever they were created."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import ApiError
from reconciler.vod import listing, wire

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
REACH = 200


class Service:
    """Pages as the service gives them: newest first, `total` capped, no page past the reach."""

    def __init__(self, created: list[datetime], *, inclusive: bool = True) -> None:
        self.assets = sorted(((at, f"{n:032x}") for n, at in enumerate(created)), reverse=True)
        self.inclusive = inclusive
        self.calls = 0

    async def fetch(self, query: str) -> wire.AssetList:
        self.calls += 1
        given = {name: values[0] for name, values in parse_qs(query).items()}
        page, size = int(given["page"]), int(given["size"])
        assert (page + 1) * size <= REACH
        found = [asset for at, asset in self.assets if self._within(at, given)]
        shown = found[page * size : (page + 1) * size]
        assets = tuple(wire.AssetSummary(asset_id=asset) for asset in shown)
        return wire.AssetList(total=min(len(found), REACH), assets=assets)

    def _within(self, at: datetime, given: dict[str, str]) -> bool:
        text = f"{at:%Y%m%d%H%M%S}"
        start, end = given.get("start_time", "0"), given.get("end_time", "9")
        return start <= text <= end if self.inclusive else start <= text < end


@pytest.fixture(autouse=True)
def short_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST", REACH)


async def collected(service: Service) -> list[str]:
    return [asset.asset_id async for asset in listing.list_assets(service.fetch, NOW)]


@given(
    ages=st.lists(st.integers(0, 300_000_000), max_size=900),
    inclusive=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_every_asset_is_listed_once(ages: list[int], inclusive: bool) -> None:
    crowded = {age for age in ages if ages.count(age) >= REACH // 2}
    created = [NOW - timedelta(seconds=age) for age in ages if age not in crowded]
    service = Service(created, inclusive=inclusive)
    found = asyncio.run(collected(service))
    assert sorted(found) == sorted(asset for _, asset in service.assets)


def test_a_burst_of_uploads_is_found_by_narrowing() -> None:
    created = [NOW - timedelta(seconds=n // 50) for n in range(3 * REACH)]
    service = Service(created)
    assert len(asyncio.run(collected(service))) == 3 * REACH


def test_few_assets_take_as_many_calls_as_pages() -> None:
    service = Service([NOW - timedelta(seconds=n) for n in range(150)])
    assert len(asyncio.run(collected(service))) == 150
    assert service.calls == 2


def test_more_in_one_second_than_can_be_listed_is_an_error_and_not_a_short_list() -> None:
    with pytest.raises(ApiError, match="created around 2026-05-01"):
        asyncio.run(collected(Service([NOW] * (REACH + 1))))
