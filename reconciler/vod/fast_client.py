"""An httpx client without the steps that this API does not need."""

from __future__ import annotations

import logging

import httpx

_LOG = logging.getLogger(__name__)
_ANONYMOUS = httpx.Auth()


class FastHttpClient(httpx.AsyncClient):
    """Sends requests without cookies, redirects, hooks and timing, which cost as much as the rest of a read.

    `exchange` only authenticates and sends. It has no time-out: its caller limits the time from the first byte sent
    to the last byte received.

    Args:
        base_url, transport, auth, headers: as httpx takes them.
    """

    def __init__(
        self,
        *,
        base_url: str = "",
        transport: httpx.AsyncBaseTransport,
        auth: httpx.Auth | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(
            base_url=base_url, transport=transport, auth=auth, headers=headers, timeout=None, trust_env=False
        )
        self._base_transport = transport

    @property
    def transport(self) -> httpx.AsyncBaseTransport:
        return self._base_transport

    async def exchange(self, request: httpx.Request) -> httpx.Response:
        """Returns the answer to a request. Its body is still to be read and closed.

        Raises:
            httpx.TransportError: there was no answer.
            Exception: what the authentication raises.
        """
        flow = (self.auth or _ANONYMOUS).async_auth_flow(request)
        try:
            request = await anext(flow)
            while True:
                response = await self._send_once(request)
                try:
                    request = await flow.asend(response)
                    await response.aclose()
                except StopAsyncIteration:
                    return response
                except BaseException:
                    await response.aclose()
                    raise
        finally:
            await flow.aclose()

    async def _send_once(self, request: httpx.Request) -> httpx.Response:
        response = await self._base_transport.handle_async_request(request)
        response.request = request
        if _LOG.isEnabledFor(logging.DEBUG):
            answer = f"{response.http_version} {response.status_code} {response.reason_phrase}"
            _LOG.debug('HTTP Request: %s %s "%s"', request.method, request.url, answer)
        return response
