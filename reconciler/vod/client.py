"""The API calls, one method each: within the quota, retried where that is safe, with one kind of error."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from reconciler.errors import ApiError, UnreachableError
from reconciler.util.clock import Clock
from reconciler.util.sanitize import shorten
from reconciler.vod import error_codes as codes
from reconciler.vod import schemas
from reconciler.vod.auth import parse_date
from reconciler.vod.finishing import finish
from reconciler.vod.listing import MOST, Span, list_assets
from reconciler.vod.rate_limit import RateLimiter, Slot
from reconciler.vod.responses import ApiConnection, Throttled, TransientFault
from reconciler.vod.retry import ATTEMPTS, CancelledInDoubt, with_retries

IDS_PER_CALL = 10
_FIRST = "page=0&size=1"
_LOG = logging.getLogger(__name__)
M = TypeVar("M", bound=BaseModel)
P = TypeVar("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RateLimiters:
    """Reading details and lists shares one quota; setting covers has another."""

    reads: RateLimiter
    writes: RateLimiter


class VodClient:
    """VOD of one project.

    Every method raises ApiError when the service refuses, or when ATTEMPTS attempts brought no usable answer, and
    AuthenticationError on a 401.

    Args:
        connection: authenticated, to the API's base URL.
        project_id: 32 hex digits.
    """

    def __init__(self, connection: ApiConnection, project_id: str, limiters: RateLimiters) -> None:
        self.connection = connection
        self.base = f"{str(connection.http.base_url).rstrip('/')}/v1.0/{project_id}/asset"
        self._limiters = limiters
        self.calls = Counter({"details": 0, "info": 0, "list": 0, "cover": 0})
        self._api_answered = False
        self._asking = asyncio.Lock()

    @property
    def clock(self) -> Clock:
        return self.connection.clock

    async def details(self, asset_id: str) -> schemas.AssetDetails:
        """Title, current cover and snapshots of one asset (API page "Querying asset details")."""
        url = f"{self.base}/details?asset_id={asset_id}&categories=base_info%2Cthumbnail_info"

        def problem(answer: schemas.AssetDetails) -> str:
            empty = answer.base_info is None and not answer.asset_id
            return "the answer holds neither an asset ID nor its base_info" if empty else ""

        answer = await self.get("details", url, schemas.AssetDetails, problem)
        if answer.asset_id and answer.asset_id.lower() != asset_id:
            raise ApiError(f"Reading the asset failed: the answer is about another asset, {shorten(answer.asset_id)}")
        return answer

    async def info(self, asset_ids: Sequence[str]) -> Sequence[schemas.AssetInfo]:
        """Title and cover of at most IDS_PER_CALL assets, without snapshots (API page "Querying asset information").
        Unknown ones are missing, or come without base_info."""
        url = f"{self.base}/info?" + "&".join(f"asset_id={asset_id}" for asset_id in asset_ids)

        def problem(answer: schemas.AssetInfoList) -> str:
            return "" if answer.asset_info_array else "the answer holds no assets"

        return (await self.get("info", url, schemas.AssetInfoList, problem)).asset_info_array

    async def count_assets(self) -> int:
        """How many assets the list says there are. MOST of the listing means that many or more."""
        total = (await self.page(_FIRST)).total
        return MOST if total is None else total

    async def clock_difference(self) -> tuple[int, float | None]:
        """How many assets the list says there are, and by how many seconds this machine's clock is ahead of the
        service's; None where the service does not say."""

        async def send(_: Slot) -> tuple[int, float | None]:
            request = self._request("list", f"{self.base}/list?{_FIRST}")
            response, body = await self.connection.exchange("list", request)
            theirs = parse_date(response.headers.get("Date", ""))
            ahead = (self.clock.now() - theirs).total_seconds() if theirs is not None else None
            try:
                total = schemas.parsed(schemas.AssetList, body).total
            except ValidationError as error:
                raise TransientFault("list", "unreadable answer", status=response.status_code) from error
            return total or 0, ahead

        return await self._call("list", self._limiters.reads, send)

    def list_assets(
        self, created_after: datetime | None = None, created_before: datetime | None = None
    ) -> AsyncIterator[schemas.AssetSummary]:
        """Every asset of the project, or of a span of time (UTC), also past the 20,000 that pages reach (API page
        "Querying the asset list")."""
        whole = Span.whole(self.clock.now(), created_after, created_before)
        bounded = bool(created_after or created_before)
        return list_assets(self.page, whole, bounded=bounded, tell=self.connection.tell)

    async def page(self, query: str) -> schemas.AssetList:
        """One page of the asset list (API page "Querying the asset list")."""

        def problem(answer: schemas.AssetList) -> str:
            return "the answer holds no assets and no total" if answer.total is None and not answer.assets else ""

        return await self.get("list", f"{self.base}/list?{query}", schemas.AssetList, problem)

    async def get(self, operation: str, url: str, model: type[M], problem: Callable[[M], str] = lambda _: "") -> M:
        """Reads, within the quota of reads.

        Args:
            problem: why an answer is not usable, if it is not.
        """

        async def send(_: Slot) -> M:
            answer = await self.connection.read(operation, self._request(operation, url), model)
            if why := problem(answer):
                raise TransientFault(operation, why)
            return answer

        return await self._call(operation, self._limiters.reads, send)

    async def set_cover(self, prepare: Callable[[bool], Awaitable[str | None]]) -> bool:
        """Makes a snapshot the cover of its asset (API page "Setting a cover").

        Args:
            prepare: see `change`; returns the snapshot's URL as the details call returned it.

        Returns:
            whether a PUT was sent and accepted.
        """

        async def put(url: str) -> bool:
            request = self.connection.http.build_request("PUT", f"{self.base}/cover", json={"thumbnailUrl": url})
            response, body = await self.connection.exchange("cover", request, changes=True)
            if body.strip():
                status = response.status_code
                problem = f"HTTP {status} with a body, which no success has"
                raise TransientFault("cover", problem, status=status, outcome_unknown=True)
            return True

        return await self.change("cover", prepare, put) or False

    async def post(self, operation: str, url: str, body: object, model: type[M]) -> M:
        """Sends one attempt of a change by POST, and returns its answer; for `change`."""
        request = self.connection.http.build_request("POST", url, json=body)
        return await self.connection.read(operation, request, model, changes=True)

    async def change(
        self,
        operation: str,
        prepare: Callable[[bool], Awaitable[P | None]],
        send: Callable[[P], Coroutine[Any, Any, T]],
        then: Callable[[P, T], Coroutine[Any, Any, None]] | None = None,
    ) -> T | None:
        """Makes one change, within the quota of writes.

        Args:
            prepare: called once the quota allows the request, and again before each further attempt, with whether an
                earlier one may have been carried out (a 429 was not); returns what `send` needs, or None if there is
                nothing to do, which is returned then.
            send: makes one attempt.
            then: ends it outside of the quota.

        Raises:
            CancelledInDoubt: cancelled when an attempt may have been carried out.
        """
        outcome_unknown = False

        async def attempt() -> T | None:
            nonlocal outcome_unknown
            try:
                return await self._change_once(operation, lambda: prepare(outcome_unknown), send, then)
            except TransientFault as fault:
                # Also when a later attempt is refused: this one may have been carried out.
                outcome_unknown = outcome_unknown or fault.outcome_unknown
                raise

        try:
            return await self._persist(operation, attempt)
        except ApiError as error:
            error.outcome_unknown = error.outcome_unknown or outcome_unknown
            raise
        except asyncio.CancelledError as cancelled:
            if outcome_unknown:
                raise CancelledInDoubt from cancelled
            raise

    async def _change_once(
        self,
        operation: str,
        prepare: Callable[[], Awaitable[P | None]],
        send: Callable[[P], Coroutine[Any, Any, T]],
        then: Callable[[P, T], Coroutine[Any, Any, None]] | None,
    ) -> T | None:
        async def sending(slot: Slot) -> tuple[P, T] | None:
            prepared = await _prepared(slot, prepare())
            if prepared is None:
                return None
            self.calls[operation] += 1
            return prepared, await finish(send(prepared))

        sent = await self._within_quota(operation, self._limiters.writes, sending)
        if sent is not None and then is not None:
            await finish(then(*sent))
        return None if sent is None else sent[1]

    def _request(self, operation: str, url: str) -> httpx.Request:
        """A GET; made without httpx's client, which would parse the URL twice more and copy every header."""
        self.calls[operation] += 1
        return httpx.Request("GET", url, headers=self.connection.http.headers)

    async def _call(self, operation: str, limiter: RateLimiter, send: Callable[[Slot], Awaitable[T]]) -> T:
        return await self._persist(operation, lambda: self._within_quota(operation, limiter, send))

    async def _persist(self, operation: str, attempt: Callable[[], Awaitable[T]]) -> T:
        try:
            result = await with_retries(self.clock, attempt, TransientFault)
        except TransientFault as fault:
            self._api_answered = self._api_answered or fault.api_answered
            fatal = not await self._answers(operation)
            raise fault.error(ATTEMPTS, fatal=fatal) from fault
        except ApiError:
            self._api_answered = True
            raise
        self._api_answered = True
        return result

    async def _answers(self, failed: str) -> bool:
        """Whether the API answers at all. One asset may be broken, so the list is asked."""
        if failed == "details":
            async with self._asking:
                if not self._api_answered:
                    with suppress(ApiError):
                        await self.page(_FIRST)
        return self._api_answered

    async def _within_quota(self, operation: str, limiter: RateLimiter, send: Callable[[Slot], Awaitable[T]]) -> T:
        """One attempt. A 429 does not count as one: all calls of the limiter wait, then the request is sent again."""
        growing = min(2.0, limiter.seconds)
        while True:
            try:
                async with limiter.slot() as slot:
                    result = await send(slot)
            except Throttled as throttled:
                pause = throttled.retry_after or growing  # a Retry-After of 0 would hammer
                if limiter.exhausted(pause):
                    raise UnreachableError(
                        "The quota was exceeded for half an hour, without one success",
                        code=codes.THROTTLED[0],
                        status=429,
                        hint="Other clients use up the quota. Try later, or lower --read-quota or --write-quota.",
                    ) from throttled
                _LOG.debug("%s: over quota, waiting %.1f s: %s", operation, pause, shorten(throttled.message, 200))
                limiter.hold(pause, codes.named_rate(throttled.message))
                growing = min(growing * 2, limiter.seconds)
            else:
                limiter.on_success()
                return result


async def _prepared(slot: Slot, preparing: Awaitable[T | None]) -> T | None:
    """Leaves the slot to others where there is nothing to send, and where preparing fails."""
    prepared = None
    try:
        prepared = await preparing
    finally:
        slot.unused = prepared is None
    return prepared
