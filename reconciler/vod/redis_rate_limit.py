"""Windows shared among runners on several machines, in Redis.

`limits` finds and opens the store. Its own moving window stamps a call once, when it is granted, in whole seconds;
what is needed here is a stamp that moves to the answer, so the window itself is a sorted set of our own.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, Protocol

from reconciler.errors import UnreachableError, UsageError, not_installed
from reconciler.model import Rate

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
redis.call('ZADD', KEYS[1], 'XX', string.format('%.6f', t[1] + t[2] / 1000000), ARGV[1])
return '0'
"""
# Calls of others that are on their way look as if they took the whole lease: ask again before.
_LONGEST_PAUSE = 1.0


class _Client(Protocol):
    def register_script(self, script: str) -> Any: ...

    def zrem(self, name: str, *values: str) -> Any: ...


class SharedStore:
    """The store that `RECONCILE_QUOTA_STORE` names.

    Raises:
        UsageError: it is no Redis URL, or the extra is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            import redis  # noqa: F401 limits would only say that a configuration is wrong
            from limits.errors import ConfigurationError
            from limits.storage import RedisStorage, storage_from_string
        except ModuleNotFoundError as error:
            raise not_installed(error, "The shared quota store", "redis") from error
        hint = "Set RECONCILE_QUOTA_STORE to redis://[user:password@]host:port/database."
        try:
            storage = storage_from_string(url, socket_timeout=10, socket_connect_timeout=10)
        except (ConfigurationError, ValueError, TypeError) as error:
            raise UsageError("RECONCILE_QUOTA_STORE names no usable store", hint=hint) from error
        if not isinstance(storage, RedisStorage):
            raise UsageError("RECONCILE_QUOTA_STORE names a store that is not Redis", hint=hint)
        self.client: _Client = storage.storage


class SharedWindow:
    """One class of calls of one service, in a shared store. Runners that were given different amounts count each
    other's calls all the same.

    Args:
        lease: seconds after which a call whose process died counts as answered.
    """

    def __init__(self, store: SharedStore, name: str, rate: Rate, lease: float) -> None:
        self._key = f"reconcile:{name}:{rate.seconds:g}"
        self._rate = rate
        self._lease = lease
        self._client = store.client
        self._acquire = store.client.register_script(_ACQUIRE)
        self._answer = store.client.register_script(_ANSWER)

    async def acquire(self) -> tuple[str, float]:
        """A ticket, and 0 where the call may go out; else the seconds after which to ask again."""
        ticket = uuid.uuid4().hex
        arguments = [self._rate.seconds, self._rate.amount, self._lease, ticket]
        pause = float(await self._ask(self._acquire, [self._key], arguments))
        return ticket, min(pause, _LONGEST_PAUSE)

    async def answered(self, ticket: str) -> None:
        """The call's answer came: it counts for one window from now."""
        await self._ask(self._answer, [self._key], [ticket])

    async def unused(self, ticket: str) -> None:
        """The call was not made after all."""
        await self._ask(self._client.zrem, self._key, ticket)

    async def _ask(self, question: Any, *arguments: Any) -> Any:
        from redis.exceptions import RedisError

        try:
            return await asyncio.to_thread(question, *arguments)
        except (RedisError, OSError) as error:
            raise UnreachableError(
                f"The quota store does not answer: {type(error).__name__}",
                hint="Check RECONCILE_QUOTA_STORE; without the store the quota can't be kept.",
            ) from error
