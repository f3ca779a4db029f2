"""An httpx client with a short way from a request to its answer."""

from __future__ import annotations

import logging

import httpx

_LOG = logging.getLogger(__name__)
_NOBODY = httpx.Auth()


class DirectClient(httpx.AsyncClient):
    """What httpx does for browsers (cookies, redirects, hooks, measuring) costs as much as the rest of a read, and
    this API needs none of it: `exchange` only authenticates and sends. It knows no time-out: whoever calls it limits
    the whole, from the sending to the last byte.

    Args:
        base_url, transport, auth, headers: as httpx takes them.
    """

    def __init__(
        self,
        *,
        base_url: str,
        transport: httpx.AsyncBaseTransport,
        auth: httpx.Auth | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(
            base_url=base_url, transport=transport, auth=auth, headers=headers, timeout=None, trust_env=False
        )
        self._beneath = transport

    async def exchange(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request, its body still to be read and to be closed.

        Raises:
            httpx.TransportError, httpx.DecodingError: there was none.
            Exception: whatever the authentication raises.
        """
        flow = (self.auth or _NOBODY).async_auth_flow(request)
        try:
            request = await anext(flow)
            while True:
                response = await self._send_once(request)
                try:
                    request = await flow.asend(response)
                    await response.aread()
                except StopAsyncIteration:
                    return response
                except BaseException:
                    await response.aclose()
                    raise
        finally:
            await flow.aclose()

    async def _send_once(self, request: httpx.Request) -> httpx.Response:
        response = await self._beneath.handle_async_request(request)
        response.request = request
        if _LOG.isEnabledFor(logging.DEBUG):
            answer = f"{response.http_version} {response.status_code} {response.reason_phrase}"
            _LOG.debug('HTTP Request: %s %s "%s"', request.method, request.url, answer)
        return response
