"""All assets of a project: pages, and narrower spans of time where the pages end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reconciler.errors import ApiError
from reconciler.vod import wire

PAGE = 100
MOST = 20_000
"""`(page + 1) * size` may not pass this, and `total` stops there."""
_FIRST = datetime(2015, 1, 1, tzinfo=UTC)
"""Before the service existed."""


@dataclass(frozen=True, slots=True)
class Span:
    """From one second to another, both included."""

    start: datetime
    end: datetime

    def query(self) -> str:
        return f"&start_time={self.start:%Y%m%d%H%M%S}&end_time={self.end:%Y%m%d%H%M%S}"

    def halves(self) -> tuple[Span, Span]:
        """The later half first; they share a second, in case one of the bounds does not count."""
        middle = self.start + (self.end - self.start) / 2
        middle = middle.replace(microsecond=0)
        return Span(middle, self.end), Span(self.start, middle)


Fetch = Callable[[str], Awaitable[wire.AssetList]]


async def list_assets(fetch: Fetch, now: datetime) -> AsyncIterator[wire.AssetSummary]:
    """Every asset once (API page "Querying the asset list").

    Args:
        fetch: one page, for a query such as "page=0&size=100".

    Raises:
        ApiError: a page can't be had, or more assets than a listing reaches were created within one second.
    """
    seen: set[str] = set()
    spans: list[Span | None] = [None]
    while spans:
        span = spans.pop()
        first = await _page(fetch, 0, span)
        if (first.total or 0) >= MOST:
            spans += reversed(_narrowed(span, now))
            continue
        async for asset in _pages(fetch, first, span):
            if asset.asset_id and asset.asset_id not in seen:
                seen.add(asset.asset_id)
                yield asset


def _narrowed(span: Span | None, now: datetime) -> tuple[Span, ...]:
    if span is None:
        # Clocks differ: what was created a moment ago may lie ahead.
        return (Span(_FIRST, now + timedelta(days=1)),)
    if span.end - span.start < timedelta(seconds=2):
        when = f"{span.start:%Y-%m-%d %H:%M:%S} UTC"
        raise ApiError(f"Listing the assets failed: more than {MOST:,} assets were created around {when}")
    return span.halves()


async def _pages(fetch: Fetch, first: wire.AssetList, span: Span | None) -> AsyncIterator[wire.AssetSummary]:
    answer, page = first, 0
    while True:
        for asset in answer.assets:
            yield asset
        page += 1
        done = page * PAGE >= answer.total if answer.total is not None else len(answer.assets) < PAGE
        if done or page * PAGE >= MOST:
            return
        answer = await _page(fetch, page, span)


async def _page(fetch: Fetch, page: int, span: Span | None) -> wire.AssetList:
    return await fetch(f"page={page}&size={PAGE}{span.query() if span else ''}")
