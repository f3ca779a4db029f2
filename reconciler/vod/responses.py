"""One request and what its answer amounts to: good, refused for good, over quota, or a fault worth another try."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterable
from dataclasses import dataclass
from typing import TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from reconciler.errors import ApiError, AuthenticationError, UnreachableError
from reconciler.util.clock import Clock
from reconciler.util.sanitize import Redactor, hide, shorten
from reconciler.vod import error_codes as codes
from reconciler.vod import schemas as wire
from reconciler.vod.auth import LoginFault, parse_date
from reconciler.vod.fast_client import DirectClient

_MOST_BYTES = 32 * 1024 * 1024
_CLOCK_TOLERANCE = 15 * 60
M = TypeVar("M", bound=BaseModel)


_LABELS = {
    "details": "Reading the asset",
    "list": "Listing the assets",
    "cover": "Setting the cover",
    "projects": "Looking up the project",
}


class TransientFault(Exception):
    """An attempt that failed in a way that another may not.

    Attributes:
        unanswered: the request may have been carried out although no answer came.
        heard: whether this was at least an answer of the API, so that somebody is there.
    """

    def __init__(
        self,
        operation: str,
        problem: str,
        *,
        code: str = "",
        status: int | None = None,
        request_id: str = "",
        unanswered: bool = False,
        heard: bool = False,
    ) -> None:
        super().__init__(f"{operation}: {problem}")
        self.operation, self.problem = operation, problem
        self.code, self.status, self.request_id = code, status, request_id
        self.unanswered, self.heard = unanswered, heard

    def error(self, attempts: int, *, fatal: bool) -> ApiError:
        """The error once the attempts are used up."""
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
            outcome_unknown=self.unanswered,
        )


class Throttled(Exception):
    """A 429. `retry_after` in seconds, or None; `message` may name limit and window."""

    def __init__(self, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class ApiConnection:
    """A way to send one request at a time and get an answer that is worth reading, or one of the four errors.

    Attributes:
        http: carries base URL, authentication and transport.
        timeout: seconds for one request, from its sending to the last byte of its answer.
    """

    http: DirectClient
    clock: Clock
    timeout: float

    async def send(self, operation: str, request: httpx.Request, *, changes: bool = False) -> tuple[int, bytes]:
        """Status and body of a 2xx. `changes`: the request may have had its effect even if no answer comes.

        Raises:
            Throttled, AuthenticationError, Fault, ApiError: see `_check`.
        """
        try:
            async with asyncio.timeout(self.timeout):
                response = await self.http.exchange(request)
                try:
                    body = await _read_body(operation, response)
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise TransientFault(operation, f"no answer within {self.timeout:g} s", unanswered=changes) from error
        except LoginFault as error:
            status = error.response.status_code
            raise TransientFault(operation, str(error), status=status) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            # Decoding: where a login stands between, its answer is read below.
            raise TransientFault(operation, _connection_problem(error), unanswered=changes) from error
        _check(operation, response, body, self.clock)
        return response.status_code, body

    async def read(self, operation: str, request: httpx.Request, model: type[M]) -> M:
        """The answer as a wire model."""
        status, body = await self.send(operation, request)
        try:
            return _parsed(model, body)
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
            told = f"unreadable answer (HTTP {status}{', at ' + where if where else ''})"
            raise TransientFault(operation, told, status=status) from error


def _parsed(model: type[M], body: bytes) -> M:
    """The body as a model; half a surrogate pair is grammatical JSON, and no reason not to read the rest."""
    try:
        return model.model_validate_json(body)
    except ValidationError:
        try:
            whole = json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace")
        except (ValueError, RecursionError):
            whole = body
        return model.model_validate_json(whole)


async def _read_body(operation: str, response: httpx.Response) -> bytes:
    """The whole body, if it is of a size that an answer can have.

    Raises:
        Fault: it is larger, or cannot be decoded.
    """
    parts: AsyncIterable[bytes] = response.aiter_bytes()
    if isinstance(response.stream, httpx.AsyncByteStream) and "Content-Encoding" not in response.headers:
        parts = response.stream  # there is nothing to decode, which httpx would take as long for as parsing takes
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in parts:
            size += len(chunk)
            if size > _MOST_BYTES:
                raise TransientFault(operation, f"an answer of more than {_MOST_BYTES // 2**20} MiB", heard=True)
            chunks.append(chunk)
    except httpx.DecodingError as error:
        raise TransientFault(operation, "an answer that cannot be decoded", status=response.status_code) from error
    return b"".join(chunks)


def _check(operation: str, response: httpx.Response, body: bytes, clock: Clock) -> None:
    """Lets a 2xx pass.

    Raises:
        Throttled: over quota.
        AuthenticationError: a 401.
        Fault: worth another attempt (408, 5xx).
        ApiError: refused.
    """
    status = response.status_code
    told = _error_body(body) if not response.is_success else None
    if response.is_success:
        return
    without = _hider(response)
    code = without(told.error_code) if told else ""
    said = shorten(without(told.error_msg), 300) if told and told.error_msg else "no explanation"
    request_id = shorten(without(response.headers.get("X-Request-Id", "")), 80)
    if status == httpx.codes.TOO_MANY_REQUESTS or code in codes.THROTTLED:
        raise Throttled(without(told.error_msg) if told else "", _retry_after(response, clock))
    problem = f"HTTP {status} {shorten(code)}: {said}" if code else f"HTTP {status}: {said}"
    if status == httpx.codes.REQUEST_TIMEOUT or status >= 500:
        raise TransientFault(operation, problem, code=code, status=status, request_id=request_id, heard=True)
    kind, hint = ApiError, codes.hint(code, status)
    if status == httpx.codes.UNAUTHORIZED:
        kind, hint = AuthenticationError, _clock_hint(response, clock) or hint
    if response.has_redirect_location or response.is_redirect:
        problem, hint = f"HTTP {status}: a redirect, which is not followed", "Check the endpoint."
    raise kind(
        f"{_LABELS[operation]} was refused: {problem}", code=code, status=status, request_id=request_id, hint=hint
    )


def _hider(response: httpx.Response) -> Redactor:
    """Takes out what a gateway repeats of the request's own credentials; before anything is cut, so that no half of
    a token stays. A login's token is known nowhere else."""
    sent = response.request.headers
    signature = sent.get("Authorization", "").rpartition("Signature=")[2]
    return Redactor([sent.get("X-Auth-Token"), sent.get("X-Security-Token"), signature])


def _connection_problem(error: Exception) -> str:
    """What broke, without the library's own words for it: its class names don't fit what happened."""
    told = re.sub(r" ssl:\S+", "", shorten(hide(str(error)), 200))
    return told or "the connection broke"


def _error_body(body: bytes) -> wire.ErrorBody | None:
    try:
        return wire.ErrorBody.model_validate_json(body)
    except ValidationError:
        return None


def _retry_after(response: httpx.Response, clock: Clock) -> float | None:
    """Seconds, from either form of the header; at most an hour is believed."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:6]), 3600.0)
    moment = parse_date(text) if text else None
    # A moment that has passed only shows that the clocks disagree.
    seconds = (moment - clock.now()).total_seconds() if moment else 0.0
    return min(seconds, 3600.0) if seconds > 0 else None


def _clock_hint(response: httpx.Response, clock: Clock) -> str:
    """A wrong clock is the least obvious reason for a 401; the answer's own date tells."""
    theirs = parse_date(response.headers.get("Date", ""))
    if theirs is None:
        return ""
    seconds = (clock.now() - theirs).total_seconds()
    if abs(seconds) < _CLOCK_TOLERANCE:
        return ""
    direction = "ahead of" if seconds > 0 else "behind"
    return f"This machine's clock is {abs(seconds) / 60:.0f} minutes {direction} the service's: set it."
