"""All assets of a project: pages, and narrower spans of time where the pages end."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from reconciler.errors import ApiError
from reconciler.util.concurrency import for_each
from reconciler.vod import schemas as wire

PAGE = 100
MOST = 20_000
"""`(page + 1) * size` may not pass this, and `total` stops there."""
_FIRST = datetime(2015, 1, 1, tzinfo=UTC)
"""Before the service existed."""
_FORMAT = "%Y%m%d%H%M%S"
_SECOND = timedelta(seconds=1)
_AT_ONCE = 8
_RARELY = timedelta(days=9)
"""Whole catalogues are seldom created in so little time."""


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

    Exactly as many as pages reach, all created within a second or two, are taken for all there are.

    Args:
        fetch: one page, for a query such as "page=0&size=100".
        whole: all there can be.
        bounded: only what was created within that span is wanted.

    Raises:
        ApiError: a page can't be had, more assets than a listing reaches were created within one second, or the
            service does not keep to the times it is asked for.
    """
    seen: set[str] = set()
    spans: list[_Part] = [_Part(whole if bounded else None)]
    while spans:
        part = spans.pop()
        first = await _page(fetch, 0, part.span)
        total = first.total or 0
        if total >= MOST and not all(map(_created, first.assets)) and (total > MOST or part.span is not None):
            spans += map(_Part, reversed(_narrowed(part.span, whole)))
            continue
        times: list[datetime | None] = []
        known = len(seen)
        async for asset in _pages(fetch, first, part.span):
            times.append(_created(asset))
            if asset.asset_id and asset.asset_id not in seen:
                seen.add(asset.asset_id)
                yield asset
        part.check(times, new=len(seen) - known)
        if len(times) >= MOST:
            spans += reversed(await _beyond(fetch, times, part, whole, total))


@dataclass(frozen=True, slots=True)
class _Part:
    """A span to be listed, None for everything. One that goes on where another one's pages ended begins with assets
    that were listed before, unless the service means other times than we do."""

    span: Span | None
    goes_on: bool = False

    def check(self, times: Sequence[datetime | None], new: int) -> None:
        """
        Raises:
            ApiError: what was listed is not of this span.
        """
        if self.span is None or not self.goes_on:
            return
        start, end = self.span.start - _SECOND, self.span.end + _SECOND
        strange = any(at is not None and not start <= at <= end for at in times)
        if strange or new == len(times) or (new == 0 and len(times) >= MOST):
            raise ApiError(
                "Listing the assets failed: the service does not keep to start_time and end_time, "
                f"so no more than {MOST:,} assets can be listed"
            )


async def _beyond(
    fetch: Fetch, times: Sequence[datetime | None], part: _Part, whole: Span, total: int
) -> Sequence[_Part]:
    """Where the assets are that the pages of a span did not reach; in order of creation they come either way."""
    span = part.span or whole
    known = [at for at in times if at is not None]
    falling = all(one >= other for one, other in pairwise(known))
    if not known and total == MOST and await _just_as_many(fetch, whole):
        return []
    if len(known) < len(times) or not (falling or all(one <= other for one, other in pairwise(known))):
        return [_Part(half) for half in _narrowed(span, span)]
    first, last = known[0], known[-1]
    if abs(first - last) > 2 * _SECOND:
        return [_Part(Span(span.start, last + _SECOND) if falling else Span(last - _SECOND, span.end), goes_on=True)]
    outside = Span(span.start, last - 3 * _SECOND) if falling else Span(last + 3 * _SECOND, span.end)
    if total > MOST or part.goes_on or (await _page(fetch, 0, outside)).assets:
        raise _crowded(last)
    return []


async def _just_as_many(fetch: Fetch, whole: Span) -> bool:
    """Whether a catalogue of which pages showed MOST assets, without saying when those were created, holds no more: a
    `total` of MOST says nothing, but those of two parts of the time do, if both are smaller."""

    async def count(start: datetime, end: datetime) -> int:
        return (await _page(fetch, 0, Span(start, end))).total or 0 if start <= end else 0

    span, means_times = whole, False
    while span.end - span.start >= 2 * _SECOND:
        middle = span.halves()[0].start
        later = await count(middle + _SECOND, span.end)
        if 0 < later < MOST:
            return later + await count(whole.start, middle) == MOST
        span = Span(middle + _SECOND, span.end) if later else Span(span.start, middle)
        if span.end - span.start < _RARELY and not means_times:
            if await count(whole.start - 2 * _RARELY, whole.start - _RARELY):
                return True  # times mean nothing to this service: no more can be had
            means_times = True
    return await count(whole.start, span.start - _SECOND) == 0


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
    parallelism = _AT_ONCE if numbered else 1
    answers, page = [first], 1
    while True:
        for answer in answers:
            for asset in answer.assets:
                yield asset
        if page >= pages or (not numbered and len(answers[-1].assets) < PAGE):
            return
        following = range(page, min(page + parallelism, pages))
        answers, page = await _together(fetch, following, span), following.stop


async def _together(fetch: Fetch, pages: range, span: Span | None) -> list[wire.AssetList]:
    answers: dict[int, wire.AssetList] = {}

    async def work(page: int) -> None:
        answers[page] = await _page(fetch, page, span)

    await for_each(pages, work, len(pages))
    return [answers[page] for page in pages]


async def _page(fetch: Fetch, page: int, span: Span | None) -> wire.AssetList:
    return await fetch(f"page={page}&size={PAGE}{span.query() if span else ''}")
