"""One request and its answer: accepted, refused, over quota, or a fault that another attempt may not meet."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import KW_ONLY, dataclass
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from reconciler.errors import ApiError, AuthenticationError, UnreachableError
from reconciler.util.clock import Clock
from reconciler.util.sanitize import Redactor, hide, shorten
from reconciler.vod import authorities, schemas
from reconciler.vod import error_codes as codes
from reconciler.vod.auth import Auth, parse_date
from reconciler.vod.bodies import EncodingError, decoded
from reconciler.vod.fast_client import FastHttpClient
from reconciler.vod.retry import ATTEMPTS, with_retries
from reconciler.vod.transport import UntrustedError
from reconciler.vod.waits import LongWaits, Tell, discard

_MOST_BYTES = 32 * 1024 * 1024
_CLOCK_TOLERANCE = 15 * 60
_PATIENCE = 30 * 60
_PROMPT = 5.0
"""Seconds; what is made sure of before a change, such as a lock, holds for longer."""
_IAM_USED_UP = "IAM, which answers that its quota is used up (HTTP 429)"
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)

_LABELS = {
    "details": "Reading the asset",
    "info": "Reading assets",
    "list": "Listing the assets",
    "cover": "Setting the cover",
    "process": "Taking snapshots",
    "tasks": "Reading the snapshot tasks",
    "asset": "Asking where to upload the cover",
    "upload": "Uploading the cover",
    "projects": "Looking up the project",
    "token": "Logging in",
    "sts": "Exchanging the ID token",
    "agency": "Assuming the agency",
    "id_token": "Asking for an ID token",
    "metadata": "Reading the metadata",
    "identity": "Asking who one is",
}


@dataclass(eq=False)
class TransientFault(Exception):
    """An attempt that failed in a way that another may not.

    Attributes:
        outcome_unknown: the request may have been carried out although no usable answer came.
        api_answered: this was an answer of the API, so the endpoint is right.
    """

    operation: str
    problem: str
    _: KW_ONLY
    code: str = ""
    status: int | None = None
    request_id: str = ""
    outcome_unknown: bool = False
    api_answered: bool = False

    def error(self, attempts: int, *, fatal: bool) -> ApiError:
        """The error after the last attempt. `fatal`: the API has not answered once, so no other call will succeed."""
        kind = UnreachableError if fatal else ApiError
        counted = "1 attempt" if attempts == 1 else f"{attempts} attempts"
        hint = codes.hint(self.code, self.status)
        if fatal:
            hint = "Check the endpoint, the region, the network and the proxy settings."
        return kind(
            f"{_LABELS[self.operation]} failed: {self.problem} ({counted})",
            code=self.code,
            status=self.status,
            request_id=self.request_id,
            hint=hint,
            outcome_unknown=self.outcome_unknown,
        )


@dataclass(eq=False)
class Throttled(Exception):
    """A 429. `retry_after` in seconds, or None; `message` may name limit and window."""

    message: str
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class ApiConnection:
    """Sends one request and returns its answer, or raises one of four errors.

    Attributes:
        http: carries base URL, authentication and transport.
        timeout: seconds for one request, from its sending to the last byte of its answer.
        tell: takes a sentence about a long wait, or about what cannot be relied on.
    """

    http: FastHttpClient
    clock: Clock
    timeout: float
    tell: Tell = discard

    async def exchange(
        self, operation: str, request: httpx.Request, *, changes: bool = False
    ) -> tuple[httpx.Response, bytes]:
        """Returns a 2xx and its body. The time-out is the request's alone: a login may take longer.

        Args:
            changes: the request may have an effect whatever fault is met. It is not sent where credentials were
                waited for: what was made sure of before, such as a lock, may no longer hold.

        Raises:
            Throttled, AuthenticationError, TransientFault, ApiError: see `_check`.
        """
        auth = self.http.auth if isinstance(self.http.auth, Auth) else None
        asked = self.clock.monotonic()
        if auth is not None:
            await auth.ready()
            self._check_prompt(operation, asked, changes=changes)
        response, body = await self._once(operation, request, changes=changes)
        asked = self.clock.monotonic()
        if response.status_code == httpx.codes.UNAUTHORIZED and auth and await auth.renewed(response.request):
            self._check_prompt(operation, asked, changes=changes)
            response, body = await self._once(operation, request, changes=changes)
        if response.status_code == httpx.codes.UNAUTHORIZED:  # every other answer is checked already
            _check(operation, response, body, self.clock)
        return response, body

    def _check_prompt(self, operation: str, asked: float, *, changes: bool) -> None:
        waited = self.clock.monotonic() - asked
        if changes and waited > _PROMPT:
            raise TransientFault(operation, f"new credentials came after {waited:.0f} seconds only; nothing was sent")

    async def _once(self, operation: str, request: httpx.Request, *, changes: bool) -> tuple[httpx.Response, bytes]:
        """One answer. A 401 is left to the caller, who may have a new token."""
        try:
            response, body = await self._answer(operation, request)
            if response.status_code != httpx.codes.UNAUTHORIZED:
                _check(operation, response, body, self.clock)
        except TransientFault as fault:
            fault.outcome_unknown = changes
            raise
        return response, body

    async def _answer(self, operation: str, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        try:
            async with asyncio.timeout(self.timeout):
                response = await self.http.exchange(request)
                try:
                    return response, await _read_body(operation, response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise TransientFault(operation, f"no answer within {self.timeout:g} s") from error
        except UntrustedError as error:
            raise UnreachableError(
                f"{_LABELS[operation]} failed: {_connection_problem(error)}",
                hint=authorities.advice(),
            ) from error
        except httpx.TransportError as error:
            raise TransientFault(operation, _connection_problem(error)) from error

    async def read(self, operation: str, request: httpx.Request, model: type[M], *, changes: bool = False) -> M:
        """Returns the answer as a model. `changes`: see `exchange`."""
        response, body = await self.exchange(operation, request, changes=changes)
        try:
            return schemas.parsed(model, body)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
            status = response.status_code
            problem = f"unreadable answer (HTTP {status}{', at ' + where if where else ''})"
            raise TransientFault(operation, problem, status=status, outcome_unknown=changes) from error


async def patiently(connection: ApiConnection, ask: Callable[[], Awaitable[T]]) -> T:
    """What `ask` returns, of a call that all others need: a 429 is waited out, and a fault tried again.

    Raises:
        UnreachableError: no usable answer came, or 429 after 429 for half an hour.
    """
    growing, waited = 2.0, 0.0
    waits = LongWaits(connection.clock, connection.tell)
    while True:
        try:
            return await with_retries(connection.clock, ask, TransientFault)
        except TransientFault as fault:
            raise fault.error(ATTEMPTS, fatal=True) from fault
        except Throttled as throttled:
            pause = throttled.retry_after or growing
            waited, growing = waited + pause, min(growing * 2, 60.0)
            if waited > _PATIENCE:
                raise UnreachableError(
                    "The quota of IAM was exceeded for half an hour", status=429, hint="Try again later."
                ) from throttled
            with waits.waiting(pause, _IAM_USED_UP):
                await connection.clock.sleep(pause)


async def _read_body(operation: str, response: httpx.Response) -> bytes:
    """The whole body.

    Raises:
        TransientFault: it is too large, or cannot be decoded.
    """
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in decoded(response):
            size += len(chunk)
            if size > _MOST_BYTES:
                raise TransientFault(
                    operation, f"an answer of more than {_MOST_BYTES // 2**20} MiB", api_answered=True
                )
            chunks.append(chunk)
    except EncodingError as error:
        raise TransientFault(operation, f"an answer that is {error}", status=response.status_code) from error
    return b"".join(chunks)


def _check(operation: str, response: httpx.Response, body: bytes, clock: Clock) -> None:
    """Lets a 2xx pass.

    Raises:
        Throttled: over quota.
        AuthenticationError: a 401.
        TransientFault: another attempt may succeed (408, 5xx).
        ApiError: refused.
    """
    if response.is_success:
        return
    status, refusal, redact = response.status_code, _error_body(body), _redactor(response)
    code, message = redact(refusal.error_code), redact(refusal.error_msg)
    request_id = shorten(redact(response.headers.get("X-Request-Id", "")), 80)
    if status == httpx.codes.TOO_MANY_REQUESTS or code in codes.THROTTLED:
        raise Throttled(message, _retry_after(response, clock))
    label = f"HTTP {status} {shorten(code)}" if code else f"HTTP {status}"
    problem = f"{label}: {shorten(message, 300) or 'no explanation'}"
    if status == httpx.codes.REQUEST_TIMEOUT or status >= 500:
        raise TransientFault(operation, problem, code=code, status=status, request_id=request_id, api_answered=True)
    kind, hint = ApiError, codes.hint(code, status)
    if status == httpx.codes.UNAUTHORIZED:
        kind, hint = AuthenticationError, _clock_hint(response, clock) or hint
    if response.has_redirect_location or response.is_redirect:
        problem, hint = f"HTTP {status}: a redirect, which is not followed", "Check the endpoint."
    raise kind(
        f"{_LABELS[operation]} was refused: {problem}", code=code, status=status, request_id=request_id, hint=hint
    )


def _redactor(response: httpx.Response) -> Redactor:
    """Removes the request's own credentials, which a gateway may repeat. Used before texts are cut, so that no half
    of a token stays. Only the request knows a login's token."""
    sent = response.request.headers
    signature = sent.get("Authorization", "").rpartition("Signature=")[2]
    return Redactor([sent.get("X-Auth-Token"), sent.get("X-Security-Token"), signature])


def _connection_problem(error: Exception) -> str:
    """The library's message without the names of its classes."""
    return re.sub(r" ssl:\S+", "", shorten(hide(str(error)), 200)) or "the connection broke"


def _error_body(body: bytes) -> schemas.ErrorBody:
    try:
        return schemas.ErrorBody.model_validate_json(body)
    except ValidationError:
        return schemas.ErrorBody()


def _retry_after(response: httpx.Response, clock: Clock) -> float | None:
    """The header's seconds or date as seconds; at most an hour."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:6]), 3600.0)
    moment = parse_date(text) if text else None
    # A date in the past only shows that the clocks differ.
    seconds = (moment - clock.now()).total_seconds() if moment else 0.0
    return min(seconds, 3600.0) if seconds > 0 else None


def _clock_hint(response: httpx.Response, clock: Clock) -> str:
    """A wrong clock is the least obvious reason for a 401. The answer's own date shows it."""
    theirs = parse_date(response.headers.get("Date", ""))
    seconds = (clock.now() - theirs).total_seconds() if theirs else 0.0
    if abs(seconds) < _CLOCK_TOLERANCE:
        return ""
    direction = "ahead of" if seconds > 0 else "behind"
    return f"This machine's clock is {abs(seconds) / 60:.0f} minutes {direction} the service's. Set the clock."
