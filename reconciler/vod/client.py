"""The calls, one method each: within the quota, retried where that is safe, failing with one kind of error."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import httpx

from reconciler.errors import ApiError, UnreachableError
from reconciler.util.clock import Clock
from reconciler.util.sanitize import shorten
from reconciler.vod import error_codes as codes
from reconciler.vod import schemas as wire
from reconciler.vod.listing import Span, list_assets
from reconciler.vod.rate_limit import Slot, Window
from reconciler.vod.responses import ApiConnection, Throttled, TransientFault
from reconciler.vod.retry import ATTEMPTS, persistently

_LOG = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Windows:
    """Details, info and list share one quota; setting a cover has another."""

    reads: Window
    writes: Window


class VodClient:
    """VOD of one project.

    Every method raises ApiError when the service refuses, or when ATTEMPTS of them brought no usable answer, and
    AuthenticationError on a 401.

    Args:
        line: to the API's base URL, authenticated.
        project_id: 32 hex digits.
    """

    def __init__(self, line: ApiConnection, project_id: str, windows: Windows) -> None:
        self._line = line
        self._base = f"{str(line.http.base_url).rstrip('/')}/v1.0/{project_id}/asset"
        self._windows = windows
        self.calls: dict[str, int] = {"details": 0, "list": 0, "cover": 0}
        self._heard = False

    @property
    def clock(self) -> Clock:
        return self._line.clock

    async def details(self, asset_id: str) -> wire.AssetDetails:
        """Title, current cover and snapshots of one asset (API page "Querying asset details")."""
        query = f"asset_id={asset_id}&categories=base_info%2Cthumbnail_info"

        async def send(_: Slot) -> wire.AssetDetails:
            answer = await self._line.read("details", self._request("details", query), wire.AssetDetails)
            if answer.base_info is None and not answer.asset_id:
                raise TransientFault("details", "the answer holds neither an asset ID nor its base_info")
            return answer

        answer = await self._call("details", self._windows.reads, send)
        if answer.asset_id and answer.asset_id.lower() != asset_id:
            raise ApiError(f"Reading the asset failed: the answer is about another asset, {shorten(answer.asset_id)}")
        return answer

    def list_assets(
        self, created_after: datetime | None = None, created_before: datetime | None = None
    ) -> AsyncIterator[wire.AssetSummary]:
        """Every asset of the project, or of a span of time (UTC), once, past the 20,000 that paging reaches (API page
        "Querying the asset list")."""
        whole = Span.whole(self.clock.now(), created_after, created_before)
        return list_assets(self._page, whole, bounded=bool(created_after or created_before))

    async def _page(self, query: str) -> wire.AssetList:
        async def send(_: Slot) -> wire.AssetList:
            answer = await self._line.read("list", self._request("list", query), wire.AssetList)
            if answer.total is None and not answer.assets:
                raise TransientFault("list", "the answer holds no assets and no total")
            return answer

        return await self._call("list", self._windows.reads, send)

    async def set_cover(self, prepare: Callable[[], Awaitable[str | None]]) -> bool:
        """Makes a snapshot the cover of its asset (API page "Setting a cover").

        Args:
            prepare: called once room for the PUT is there, and again before each further attempt; gives the
                snapshot's URL as the details call returned it, or None when nothing is to be set.

        Returns:
            whether a PUT was sent and accepted.
        """

        unanswered = False

        async def send(slot: Slot) -> bool:
            nonlocal unanswered
            url = None
            try:
                url = await prepare()
            finally:
                slot.unused = url is None
            if url is None:
                return False
            self.calls["cover"] += 1
            request = self._line.http.build_request("PUT", f"{self._base}/cover", json={"thumbnailUrl": url})
            try:
                status, body = await _to_its_end(self._line.send("cover", request, changes=True))
            except TransientFault as fault:
                # Whatever a later attempt is told: one that got no answer may have been carried out.
                unanswered = unanswered or fault.unanswered
                raise
            if body.strip():
                raise TransientFault("cover", f"HTTP {status} with a body, which no success has", status=status)
            return True

        try:
            return await self._call("cover", self._windows.writes, send)
        except ApiError as error:
            error.outcome_unknown = error.outcome_unknown or unanswered
            raise

    def _request(self, operation: str, query: str) -> httpx.Request:
        """A GET; made without httpx's client, which would parse the URL twice more and copy every header."""
        self.calls[operation] += 1
        return httpx.Request("GET", f"{self._base}/{operation}?{query}", headers=self._line.http.headers)

    async def _call(self, operation: str, window: Window, send: Callable[[Slot], Awaitable[T]]) -> T:
        try:
            result = await persistently(
                self.clock, lambda: self._within_quota(operation, window, send), TransientFault
            )
        except TransientFault as fault:
            fatal = not self._heard and not fault.heard
            raise fault.error(ATTEMPTS, fatal=fatal) from fault
        except ApiError:
            self._heard = True
            raise
        self._heard = True
        return result

    async def _within_quota(self, operation: str, window: Window, send: Callable[[Slot], Awaitable[T]]) -> T:
        """One attempt that counts. A 429 is no attempt: everybody of its class waits, and then it goes again."""
        growing = min(2.0, window.seconds)
        while True:
            try:
                async with window.slot() as slot:
                    result = await send(slot)
            except Throttled as throttled:
                pause = throttled.retry_after or growing  # a Retry-After of 0 would hammer
                if window.exhausted(pause):
                    raise UnreachableError(
                        "Over quota for half an hour without one success",
                        code=codes.THROTTLED[0],
                        status=429,
                        hint="Others use up the tenant's quota: try later, or lower --read-quota or --write-quota.",
                    ) from throttled
                _LOG.debug("%s: over quota, waiting %.1f s: %s", operation, pause, shorten(throttled.message, 200))
                window.hold(pause, codes.named_rate(throttled.message))
                growing = min(growing * 2, window.seconds)
            else:
                window.on_success()
                return result


class CancelledAfterRefusal(asyncio.CancelledError):
    """Cancelled while a request was on its way that was then refused for the quota: it had no effect."""


async def _to_its_end(sending: Coroutine[Any, Any, tuple[int, bytes]]) -> tuple[int, bytes]:
    """Awaits a change that is on its way also when cancelled: its outcome must be known.

    Raises:
        ApiError: it was cancelled meanwhile, and no usable answer came; there is no further attempt.
    """
    task = asyncio.ensure_future(sending)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            return await task
        except TransientFault as fault:
            raise fault.error(1, fatal=False) from fault
        except Throttled:
            raise CancelledAfterRefusal from None
