"""Every asset of a project: page by page, and by parts of the time where there are more than pages reach."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reconciler.errors import ApiError, CrowdedError
from reconciler.util.concurrency import for_each
from reconciler.vod.schemas import AssetList, AssetSummary
from reconciler.vod.waits import Tell, discard

PAGE = 100
MOST = 20_000
"""`(page + 1) * size` may not pass this, and `total` stops there."""
_FIRST = datetime(2015, 1, 1, tzinfo=UTC)
"""Before the service existed."""
_FORMAT = "%Y%m%d%H%M%S"
_SECOND = timedelta(seconds=1)
_PARALLEL_PAGES = 8
_READINGS = 3
_MOVING = (
    "Warning: assets were created or deleted while they were listed ({} times over), "
    "so some may be missing here. Run again."
)


@dataclass(frozen=True, slots=True)
class Span:
    """From one second to another, both included."""

    start: datetime
    end: datetime

    @classmethod
    def whole(cls, now: datetime, after: datetime | None = None, before: datetime | None = None) -> Span:
        """All the time between two moments; by default until tomorrow, because the service's clock may be ahead."""
        return cls(after or _FIRST, before or now + timedelta(days=1))

    @property
    def middle(self) -> datetime:
        return (self.start + (self.end - self.start) / 2).replace(microsecond=0)

    def query(self) -> str:
        return f"&start_time={self.start:{_FORMAT}}&end_time={self.end:{_FORMAT}}"


_EMPTY = Span(_FIRST - timedelta(days=730), _FIRST - timedelta(days=365))
"""A time without assets."""
FetchPage = Callable[[str], Awaitable[AssetList]]
# A span with its first page; without a span: all assets there are.
_Part = tuple[Span | None, AssetList]


async def list_assets(
    fetch: FetchPage, whole: Span, *, bounded: bool = False, tell: Tell = discard
) -> AsyncIterator[AssetSummary]:
    """Yields every asset once (API page "Querying the asset list").

    Exactly MOST assets that were all created within the same second are taken for all there are.

    Args:
        fetch: reads one page, for a query like "page=0&size=100".
        whole: the time in which assets can have been created.
        bounded: only assets of that time are wanted.
        tell: takes a warning that some may be missing, because the list never stood still.

    Raises:
        CrowdedError: more assets than pages reach were created within one second; all others were yielded.
        ApiError: a page cannot be read, or there are more assets than pages reach and the service ignores start_time
            and end_time.
    """
    every = whole if bounded else None
    first = await _page(fetch, 0, every)
    parts: list[_Part] = [(every, first)]
    if await _at_limit(fetch, every, first) and await _filters_by_time(fetch, first):
        parts = await _split(fetch, whole, first, await _last_reachable(fetch, every, whole))
    seen: set[str] = set()
    crowded: Span | None = None
    while parts:
        span, page = parts.pop()
        if span is not None and await _at_limit(fetch, span, page):
            if span.end - span.start >= 2 * _SECOND:
                parts += await _split(fetch, span, page, span.middle)
                continue
            crowded = span
        async for asset in _steady(fetch, span, page, tell):
            if asset.asset_id and asset.asset_id not in seen:
                seen.add(asset.asset_id)
                yield asset
    if crowded is not None and max(first.total or 0, len(seen)) > MOST:
        raise CrowdedError(
            f"Listing the assets failed: more than {MOST:,} assets were created around "
            f"{crowded.start:%Y-%m-%d %H:%M:%S} UTC"
        )


async def _at_limit(fetch: FetchPage, span: Span | None, first: AssetList) -> bool:
    """Whether there may be more assets than pages reach."""
    if first.total is not None:
        return first.total >= MOST
    return len(first.assets) >= PAGE and bool((await _page(fetch, MOST // PAGE - 1, span)).assets)


async def _filters_by_time(fetch: FetchPage, first: AssetList) -> bool:
    """Whether assets can be listed by the time of their creation. A service that knows no such time at all is
    believed when it says that MOST assets are all there are.

    Raises:
        ApiError: the service ignores the times, and there may be more.
    """
    if not (await _page(fetch, 0, _EMPTY)).assets:
        return True
    if first.total == MOST and not any(asset.create_time for asset in first.assets):
        return False
    raise ApiError(
        "Listing the assets failed: the service ignores start_time and end_time, "
        f"so no more than {MOST:,} assets can be listed"
    )


async def _last_reachable(fetch: FetchPage, every: Span | None, whole: Span) -> datetime:
    """When the first asset of the last page was created; the middle of the time where that is not known. Assets
    usually come in order of creation: one part of the time then holds nearly as many assets as pages reach."""
    last = (await _page(fetch, MOST // PAGE - 1, every)).assets
    at = _created(last[0]) if last else None
    return at if at is not None and whole.start < at < whole.end else whole.middle


async def _split(fetch: FetchPage, span: Span, first: AssetList, at: datetime) -> list[_Part]:
    """The parts before and after a moment. They share a second, in case the service excludes one of the bounds."""
    before, after = Span(span.start, at), Span(at, span.end)
    earlier = await _page(fetch, 0, before)
    # Where nothing is earlier, the later part has the same pages as the whole.
    return [(before, earlier), (after, await _page(fetch, 0, after) if earlier.assets else first)]


def _created(asset: AssetSummary) -> datetime | None:
    if not re.fullmatch(r"[0-9]{14}", asset.create_time):
        return None
    try:
        return datetime.strptime(asset.create_time, _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


async def _steady(fetch: FetchPage, span: Span | None, first: AssetList, tell: Tell) -> AsyncIterator[AssetSummary]:
    """The assets of all pages. Where the total moved in the meantime, assets moved from one page to another and none
    showed them: the pages are read again, a few times."""
    for _ in range(_READINGS):
        moved = False
        async for page in _pages(fetch, span, first):
            moved = moved or page.total not in (None, first.total)
            for asset in page.assets:
                yield asset
        if not moved:
            return
        first = await _page(fetch, 0, span)
    tell(_MOVING.format(_READINGS))


async def _pages(fetch: FetchPage, span: Span | None, first: AssetList) -> AsyncIterator[AssetList]:
    """All pages, in order; several are read at once where their number is known."""
    yield first
    counted = first.total is not None
    pages = -(-min(first.total if first.total is not None else MOST, MOST) // PAGE)
    size, more = _PARALLEL_PAGES if counted else 1, len(first.assets) >= PAGE
    for start in range(1, pages, size):
        if not counted and not more:
            return
        answers = await _read(fetch, range(start, min(start + size, pages)), span)
        for answer in answers:
            yield answer
        more = len(answers[-1].assets) >= PAGE


async def _read(fetch: FetchPage, pages: range, span: Span | None) -> list[AssetList]:
    answers: dict[int, AssetList] = {}

    async def read(page: int) -> None:
        answers[page] = await _page(fetch, page, span)

    await for_each(pages, read, len(pages))
    return [answers[page] for page in pages]


async def _page(fetch: FetchPage, page: int, span: Span | None) -> AssetList:
    return await fetch(f"page={page}&size={PAGE}{span.query() if span else ''}")
