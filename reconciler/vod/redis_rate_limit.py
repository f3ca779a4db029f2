"""Windows shared among runners on several machines, in Redis."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable
from typing import Any

from reconciler.errors import UnreachableError, UsageError, not_installed
from reconciler.util.rate import Rate

# A call is stamped ahead by the lease when it is granted, so that it counts although no answer came yet; the answer
# moves the stamp back to now. The store's clock is the only one that counts.
_ACQUIRE = """
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local window, amount, lease = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) < amount then
  redis.call('ZADD', KEYS[1], string.format('%.6f', now + lease), ARGV[4])
  redis.call('PEXPIRE', KEYS[1], math.ceil((window + lease) * 1000))
  return '0'
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return string.format('%.6f', math.max(tonumber(first[2]) + window - now, 0.001))
"""
_ANSWER = """
local t = redis.call('TIME')
redis.call('ZADD', KEYS[1], 'XX', string.format('%.6f', t[1] + t[2] / 1000000 + ARGV[2]), ARGV[1])
redis.call('PEXPIRE', KEYS[1], math.ceil(ARGV[3] * 1000))
return '0'
"""
# Calls of others that are on their way look as if they took the whole lease: ask again before.
_LONGEST_PAUSE = 1.0


class RedisStore:
    """The Redis server that `RECONCILE_QUOTA_STORE` names; to be closed after use.

    Raises:
        UsageError: the URL is not valid, or the extra is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            from redis.asyncio import Redis
        except ModuleNotFoundError as error:
            raise not_installed(error, "The shared quota store", "redis") from error
        try:
            self.client: Any = Redis.from_url(url, socket_timeout=10, socket_connect_timeout=10)
            pool: Any = self.client.connection_pool
            pool.make_connection()  # not opened; checks the URL's options
        except (ValueError, TypeError) as error:
            raise UsageError(
                "RECONCILE_QUOTA_STORE is not a valid Redis URL",
                hint="Write it as redis://host:port/database, with user:password@ before the host, "
                "or with rediss:// or unix://.",
            ) from error

    async def aclose(self) -> None:
        await self.client.aclose()


class RedisWindow:
    """One class of calls of one service, in a shared store. Runners with different quotas count each other's calls.

    Args:
        lease: seconds after which a call that was not renewed counts as answered: its process died.
    """

    def __init__(self, store: RedisStore, name: str, rate: Rate, lease: float) -> None:
        self._key = f"reconcile:{name}:{rate.seconds:g}"
        self._rate = rate
        self.lease = lease
        self._client = store.client
        self._acquire = store.client.register_script(_ACQUIRE)
        self._answer = store.client.register_script(_ANSWER)

    async def acquire(self) -> tuple[str, float]:
        """A ticket, and 0 where the call may go out; else the seconds after which to ask again."""
        ticket = uuid.uuid4().hex
        arguments = [self._rate.seconds, self._rate.amount, self.lease, ticket]
        pause = float(await _reply(self._acquire([self._key], arguments)))
        return ticket, min(pause, _LONGEST_PAUSE)

    async def answered(self, ticket: str) -> None:
        """The call's answer came: it counts for one window from now."""
        await self._stamp(ticket, 0)

    async def renew(self, ticket: str) -> None:
        """The call is still on its way: its lease counts from now."""
        await self._stamp(ticket, self.lease)

    async def _stamp(self, ticket: str, ahead: float) -> None:
        await _reply(self._answer([self._key], [ticket, ahead, self._rate.seconds + self.lease]))

    async def unused(self, ticket: str) -> None:
        """The call was not made."""
        await _reply(self._client.zrem(self._key, ticket))


async def _reply(command: Awaitable[Any]) -> Any:
    from redis.exceptions import AuthenticationError, RedisError, ResponseError

    try:
        return await command
    except (AuthenticationError, ResponseError) as error:
        raise UnreachableError(
            f"The quota store refuses: {type(error).__name__}",
            hint="Check user name, password and permissions of RECONCILE_QUOTA_STORE.",
        ) from error
    except (RedisError, OSError) as error:
        raise UnreachableError(
            f"The quota store does not answer: {type(error).__name__}",
            hint="Check RECONCILE_QUOTA_STORE. Without the store the quota cannot be kept.",
        ) from error
