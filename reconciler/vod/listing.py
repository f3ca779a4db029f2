"""All assets of a project: pages, and narrower spans of time where the pages end."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from reconciler.errors import ApiError
from reconciler.vod import wire
from reconciler.workers import for_each

PAGE = 100
MOST = 20_000
"""`(page + 1) * size` may not pass this, and `total` stops there."""
_FIRST = datetime(2015, 1, 1, tzinfo=UTC)
"""Before the service existed."""
_FORMAT = "%Y%m%d%H%M%S"
_SECOND = timedelta(seconds=1)
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Span:
    """From one second to another, both included."""

    start: datetime
    end: datetime

    @classmethod
    def whole(cls, now: datetime, after: datetime | None = None, before: datetime | None = None) -> Span:
        """Everything there can be between two times; clocks differ, so what was created just now may lie ahead."""
        return cls(after or _FIRST, before or now + timedelta(days=1))

    def query(self) -> str:
        return f"&start_time={self.start:{_FORMAT}}&end_time={self.end:{_FORMAT}}"

    def halves(self) -> tuple[Span, Span]:
        """The later half first; they share a second, in case one of the bounds does not count."""
        middle = self.start + (self.end - self.start) / 2
        middle = middle.replace(microsecond=0)
        return Span(middle, self.end), Span(self.start, middle)


Fetch = Callable[[str], Awaitable[wire.AssetList]]


async def list_assets(fetch: Fetch, whole: Span, *, bounded: bool = False) -> AsyncIterator[wire.AssetSummary]:
    """Every asset once (API page "Querying the asset list").

    Args:
        fetch: one page, for a query such as "page=0&size=100".
        whole: all there can be.
        bounded: only what was created within that span is wanted.

    Raises:
        ApiError: a page can't be had, or more assets than a listing reaches were created within one second.
    """
    seen: set[str] = set()
    spans: list[Span | None] = [whole if bounded else None]
    while spans:
        span = spans.pop()
        first = await _page(fetch, 0, span)
        full = (first.total or 0) >= MOST
        if full and not all(_created(asset) for asset in first.assets):
            spans += reversed(_narrowed(span, whole))
            continue
        times: list[datetime] = []
        async for asset in _pages(fetch, first, span):
            if full:
                times.append(_created(asset) or whole.start)
            if asset.asset_id and asset.asset_id not in seen:
                seen.add(asset.asset_id)
                yield asset
        if full:
            spans += reversed(_beyond(times, span or whole, first.total or 0))


def _beyond(times: Sequence[datetime], span: Span, total: int) -> tuple[Span, ...]:
    """Where the assets are that the pages of a span did not reach; they come in order of creation, either way."""
    first, last = times[0], times[-1]
    if all(one >= other for one, other in pairwise(times)):
        rest = Span(span.start, last + _SECOND)
    elif all(one <= other for one, other in pairwise(times)):
        rest = Span(last - _SECOND, span.end)
    else:
        return _narrowed(span, span)
    if abs(first - last) > 2 * _SECOND and span.start <= last <= span.end:
        return (rest,)
    if total > MOST:
        raise _crowded(last)
    return ()  # as many as pages reach, all at once: nothing says that there are more


def _narrowed(span: Span | None, whole: Span) -> tuple[Span, ...]:
    if span is None:
        return (whole,)
    if span.end - span.start < 2 * _SECOND:
        raise _crowded(span.start)
    return span.halves()


def _crowded(when: datetime) -> ApiError:
    told = f"{when:%Y-%m-%d %H:%M:%S} UTC"
    return ApiError(f"Listing the assets failed: more than {MOST:,} assets were created around {told}")


def _created(asset: wire.AssetSummary) -> datetime | None:
    if not re.fullmatch(r"[0-9]{14}", asset.create_time):
        return None
    try:
        return datetime.strptime(asset.create_time, _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


async def _pages(fetch: Fetch, first: wire.AssetList, span: Span | None) -> AsyncIterator[wire.AssetSummary]:
    """The assets of all pages, in order; a few pages are asked for at once where their number is known."""
    numbered = first.total is not None
    pages = -(-min(first.total if first.total is not None else MOST, MOST) // PAGE)
    at_once = _AT_ONCE if numbered else 1
    answers, page = [first], 1
    while True:
        for answer in answers:
            for asset in answer.assets:
                yield asset
        if page >= pages or (not numbered and len(answers[-1].assets) < PAGE):
            return
        following = range(page, min(page + at_once, pages))
        answers, page = await _together(fetch, following, span), following.stop


async def _together(fetch: Fetch, pages: range, span: Span | None) -> list[wire.AssetList]:
    answers: dict[int, wire.AssetList] = {}

    async def work(page: int) -> None:
        answers[page] = await _page(fetch, page, span)

    await for_each(pages, work, len(pages))
    return [answers[page] for page in pages]


async def _page(fetch: Fetch, page: int, span: Span | None) -> wire.AssetList:
    return await fetch(f"page={page}&size={PAGE}{span.query() if span else ''}")
