"""Keys that requests are signed with: fixed ones, and temporary ones that are renewed before they end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import httpx

from reconciler.errors import ApiError, AuthenticationError
from reconciler.util.clock import Clock
from reconciler.vod.auth import AccessKey, AccessKeyAuth

_EARLY = timedelta(minutes=5)
_EARLY_SHARE = 5
"""Keys with a short life are renewed when a fifth of it is left."""
_PAUSE = 30.0
"""Seconds between attempts to renew keys that are still valid, or that were refused."""
_MARGIN = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class TemporaryKeys:
    """Keys, and until when they are valid; None: for good."""

    access: AccessKey
    expires: datetime | None = None


class KeySource(Protocol):
    """Every method raises AuthenticationError where no keys can be had."""

    async def current(self) -> TemporaryKeys:
        """Keys that are valid now."""

    async def renewed(self, refused: str) -> bool:
        """Called after a 401, with the security token that was sent. Whether there are other keys now."""


class FixedKeys:
    """Keys that the user gave."""

    def __init__(self, access: AccessKey) -> None:
        self._keys = TemporaryKeys(access)

    async def current(self) -> TemporaryKeys:
        return self._keys

    async def renewed(self, refused: str) -> bool:  # noqa: ARG002 there are no others
        return False


class RenewedKeys:
    """Temporary keys.

    Args:
        exchange: gets new ones.
        name: of the source, for errors.
    """

    def __init__(self, exchange: Callable[[], Awaitable[TemporaryKeys]], name: str, clock: Clock) -> None:
        self._exchange = exchange
        self._name = name
        self._clock = clock
        self._keys: TemporaryKeys | None = None
        self._renew_at: datetime | None = None
        self._refused_at: float | None = None
        self._one_at_a_time = asyncio.Lock()

    async def current(self) -> TemporaryKeys:
        async with self._one_at_a_time:
            keys = self._keys
            if keys is None or (self._renew_at is not None and self._clock.now() >= self._renew_at):
                keys = await self._renew(keys)
            return keys

    async def renewed(self, refused: str) -> bool:
        async with self._one_at_a_time:
            if self._keys is not None and self._keys.access.security_token == refused:
                now = self._clock.monotonic()
                if self._refused_at is not None and now - self._refused_at < _PAUSE:
                    return False  # new ones were refused as well: it is not their age
                self._refused_at = now
                self._take(await self._exchange())
            return True

    async def _renew(self, old: TemporaryKeys | None) -> TemporaryKeys:
        try:
            return self._take(await self._exchange())
        except ApiError:
            if old is None or self._ended(old):
                raise
            # A moment of trouble: the old ones still serve.
            self._renew_at = self._clock.now() + timedelta(seconds=_PAUSE)
            return old

    def _take(self, keys: TemporaryKeys) -> TemporaryKeys:
        now = self._clock.now()
        if self._ended(keys):
            raise AuthenticationError(
                f"The keys from {self._name} had ended when they came, at {keys.expires:%Y-%m-%d %H:%M:%S} UTC",
                hint="Check this machine's clock.",
            )
        self._keys, self._renew_at = keys, None
        if keys.expires is not None:
            self._renew_at = keys.expires - min(_EARLY, (keys.expires - now) / _EARLY_SHARE)
        return keys

    def _ended(self, keys: TemporaryKeys) -> bool:
        return keys.expires is not None and keys.expires - _MARGIN <= self._clock.now()


class RenewingAuth(AccessKeyAuth):
    """Signs with the keys that are valid now."""

    def __init__(self, keys: KeySource, clock: Clock) -> None:
        super().__init__(AccessKey("", ""), clock)
        self._source = keys

    async def ready(self) -> None:
        self._access = (await self._source.current()).access

    async def renewed(self, refused: httpx.Request) -> bool:
        found = await self._source.renewed(refused.headers.get("X-Security-Token", ""))
        self._access = (await self._source.current()).access
        return found
