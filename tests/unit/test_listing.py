"""Every asset is listed once, however many there are and whenever they were created."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.errors import ApiError
from reconciler.vod import listing
from reconciler.vod import schemas as wire

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
REACH = 200


class Service:
    """Pages as the service gives them: newest first, `total` capped, no page past the reach."""

    def __init__(
        self,
        created: list[datetime],
        *,
        inclusive: bool = True,
        order: str = "newest",
        capped: bool = True,
        dated: bool = True,
        counted: bool = True,
        shift: timedelta | None = timedelta(0),
    ) -> None:
        self.assets = sorted(((at, f"{n:032x}") for n, at in enumerate(created)), reverse=order == "newest")
        if order == "none":
            random.Random(len(created)).shuffle(self.assets)
        self.capped, self.dated, self.counted, self.shift = capped, dated, counted, shift
        self.inclusive = inclusive
        self.calls = 0

    async def fetch(self, query: str) -> wire.AssetList:
        self.calls += 1
        given = {name: values[0] for name, values in parse_qs(query).items()}
        page, size = int(given["page"]), int(given["size"])
        assert (page + 1) * size <= REACH
        found = [(at, asset) for at, asset in self.assets if self._within(at, given)]
        shown = found[page * size : (page + 1) * size]
        assets = tuple(
            wire.AssetSummary(asset_id=asset, create_time=f"{at:%Y%m%d%H%M%S}" if self.dated else "")
            for at, asset in shown
        )
        total = min(len(found), REACH) if self.capped else len(found)
        return wire.AssetList(total=total if self.counted else None, assets=assets)

    def _within(self, at: datetime, given: dict[str, str]) -> bool:
        if self.shift is None:
            return True
        text = f"{at + self.shift:%Y%m%d%H%M%S}"
        start, end = given.get("start_time", "0"), given.get("end_time", "9")
        return start <= text <= end if self.inclusive else start <= text < end


@pytest.fixture(autouse=True)
def short_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST", REACH)


async def collected(service: Service) -> list[str]:
    return [asset.asset_id async for asset in listing.list_assets(service.fetch, listing.Span.whole(NOW))]


@given(
    ages=st.lists(st.integers(0, 300_000_000), max_size=900),
    inclusive=st.booleans(),
    order=st.sampled_from(["newest", "oldest", "none"]),
    dated=st.booleans(),
    capped=st.booleans(),
    counted=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_every_asset_is_listed_once(
    ages: list[int], inclusive: bool, order: str, dated: bool, capped: bool, counted: bool
) -> None:
    crowded = {age for age in ages if ages.count(age) >= REACH // 2}
    created = [NOW - timedelta(seconds=age) for age in ages if age not in crowded]
    service = Service(created, inclusive=inclusive, order=order, dated=dated, capped=capped, counted=counted)
    found = asyncio.run(collected(service))
    assert sorted(found) == sorted(asset for _, asset in service.assets)


def test_a_burst_of_uploads_is_found_by_narrowing() -> None:
    created = [NOW - timedelta(seconds=n // 50) for n in range(3 * REACH)]
    service = Service(created)
    assert len(asyncio.run(collected(service))) == 3 * REACH


@pytest.mark.parametrize(("assets", "calls"), [(0, 1), (1, 1), (100, 1), (101, 2), (150, 2)])
def test_few_assets_take_as_many_calls_as_pages(assets: int, calls: int) -> None:
    service = Service([NOW - timedelta(seconds=n) for n in range(assets)])
    assert len(asyncio.run(collected(service))) == assets
    assert service.calls == calls


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_as_many_assets_as_pages_reach_take_four_calls_more_than_their_pages(order: str) -> None:
    service = Service([NOW - timedelta(seconds=7 * n) for n in range(REACH)], order=order)
    assert len(asyncio.run(collected(service))) == REACH
    assert service.calls <= REACH // listing.PAGE + 4


@pytest.mark.parametrize("apart", [timedelta(days=9), timedelta(hours=1), timedelta(minutes=1)])
def test_as_many_as_pages_reach_are_known_to_be_all_without_their_times(apart: timedelta) -> None:
    service = Service([NOW - n * apart for n in range(REACH)], dated=False)
    assert len(asyncio.run(collected(service))) == REACH
    assert service.calls <= REACH // listing.PAGE + (10 if apart > timedelta(hours=1) else 20)


def test_a_service_to_which_times_mean_nothing_shows_what_its_pages_reach() -> None:
    service = Service([NOW - timedelta(days=n) for n in range(REACH)], dated=False, shift=None)
    assert len(asyncio.run(collected(service))) == REACH
    assert service.calls <= REACH // listing.PAGE + 10


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_assets_past_the_reach_are_not_paged_twice(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "PAGE", 10)
    service = Service([NOW - timedelta(seconds=7 * n) for n in range(10 * REACH)], order=order)
    assert len(asyncio.run(collected(service))) == 10 * REACH
    # To halve 12 years until less than 4 hours are left takes one call for each half; each part has one page that
    # is not full.
    assert service.calls <= 10 * REACH // listing.PAGE + 60


def test_a_catalogue_created_within_one_second_is_listed_as_far_as_anything_tells() -> None:
    service = Service([NOW] * REACH)
    assert len(asyncio.run(collected(service))) == REACH


@pytest.mark.parametrize("dated", [True, False])
def test_more_in_one_second_than_can_be_listed_is_an_error_and_not_a_short_list(dated: bool) -> None:
    with pytest.raises(ApiError, match="created around 2026-05-01"):
        asyncio.run(collected(Service([NOW] * (REACH + 1), capped=False, dated=dated)))


def test_a_crowd_among_others_is_an_error_and_not_a_short_list() -> None:
    created = [NOW - timedelta(seconds=9 * n) for n in range(150)] + [NOW - timedelta(days=1)] * 500
    with pytest.raises(ApiError, match="created around 2026-04-30"):
        asyncio.run(collected(Service(created + [NOW - timedelta(days=2, seconds=n) for n in range(150)])))


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_a_service_that_ignores_the_times_is_an_error_and_not_a_short_list(order: str) -> None:
    service = Service([NOW - timedelta(minutes=n) for n in range(900)], shift=None, order=order)
    with pytest.raises(ApiError, match="ignores start_time and end_time"):
        asyncio.run(collected(service))
    assert service.calls < 30


@pytest.mark.parametrize("shift", [timedelta(hours=8), -timedelta(hours=8)])
@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_a_service_that_means_another_time_zone_is_listed_completely(shift: timedelta, order: str) -> None:
    service = Service([NOW - timedelta(minutes=n) for n in range(900)], shift=shift, order=order)
    assert len(asyncio.run(collected(service))) == 900


@pytest.mark.parametrize("at", [datetime(1999, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)])
def test_dates_that_cannot_be_right_do_not_matter(at: datetime) -> None:
    service = Service([NOW - timedelta(minutes=n) for n in range(900)])
    dated = f"{at:%Y%m%d%H%M%S}"

    async def fetch(query: str) -> wire.AssetList:
        found = await service.fetch(query)
        assets = tuple(asset.model_copy(update={"create_time": dated}) for asset in found.assets)
        return found.model_copy(update={"assets": assets})

    async def found() -> list[str]:
        return [item.asset_id async for item in listing.list_assets(fetch, listing.Span.whole(NOW))]

    assert len(asyncio.run(found())) == 900


def test_only_what_was_created_within_a_span_is_listed() -> None:
    service = Service([NOW - timedelta(days=n) for n in range(30)])
    span = listing.Span.whole(NOW, after=NOW - timedelta(days=5), before=NOW - timedelta(days=2))

    async def found() -> list[str]:
        return [item.asset_id async for item in listing.list_assets(service.fetch, span, bounded=True)]

    assert len(asyncio.run(found())) == 4
