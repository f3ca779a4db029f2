"""Who may use the page: the browser on this machine in which the printed address was opened.

Other pages in that browser may send requests here too: they have another origin, or, where a name of theirs leads to
this machine (DNS rebinding), another host.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_WHERE = "Open the address that `reconcile choose` printed: it lets you in.\n"


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets requests through to `app`.

    Args:
        port: this server's, on the loopback interface.
    """

    app: ASGIApp
    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        answer = self._refusal(scope)
        await (answer or self.app)(scope, receive, secured)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that is not let through."""
        headers = Headers(scope=scope)
        if headers.get("host", "") not in self._hosts:
            return PlainTextResponse("This page is only for this machine.\n", 403)
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["method"] == "GET" and scope["path"] == "/" and given:
            return self._entered(given)
        cookie = cookie_parser(headers.get("cookie", "")).get(self._cookie, "")
        if not secrets.compare_digest(cookie.encode(), self.token.encode()):
            return PlainTextResponse(_WHERE, 403)
        if scope["method"] in ("GET", "HEAD"):
            return None
        if headers.get("origin", "") not in {f"http://{host}" for host in self._hosts}:
            return PlainTextResponse("Only this page may change what was chosen.\n", 403)
        if headers.get("content-type", "").partition(";")[0] != "application/json":
            return PlainTextResponse("Only JSON is taken.\n", 415)
        return None

    def _entered(self, given: str) -> Response:
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            return PlainTextResponse(_WHERE, 403)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self._cookie, self.token, httponly=True, samesite="strict")
        return answer

    @property
    def _cookie(self) -> str:
        """Browsers don't tell apart the ports of a host."""
        return f"reconcile-choose-{self.port}"

    @property
    def _hosts(self) -> set[str]:
        return {f"{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]")}
