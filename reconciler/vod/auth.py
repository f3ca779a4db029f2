"""Authentication by AK/SK signature, token or password, as httpx auth flows.

Requests are signed below the retries, so that every attempt has a fresh date and signature.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import parse_qsl, quote, unquote

import httpx

from reconciler.util.clock import Clock

ALGORITHM = "SDK-HMAC-SHA256"
DATE_HEADER = "X-Sdk-Date"
_SIGNED = frozenset((b"host", b"x-sdk-date", b"content-type", b"x-project-id", b"x-security-token"))
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An AK/SK pair, with the security token when the pair is temporary."""

    key: str
    secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Login:
    """An IAM user's name, password and domain (account) name; `region` scopes the token."""

    user: str
    password: str = field(repr=False)
    domain: str
    region: str


def canonical_request(
    method: str, path: str, query: Iterable[tuple[str, str]], headers: Mapping[str, str], body: bytes
) -> tuple[str, str]:
    """Returns the canonical request and the signed header names (developer guide "AK/SK signing").

    `path` is the URL's path as sent, percent-encoded or not; `headers` are all to be signed.
    """
    pairs = "&".join(f"{_encoded(k)}={_encoded(v)}" for k, v in sorted(query))
    values = {name.lower(): value.strip() for name, value in headers.items() if "_" not in name}
    names = sorted(values)
    lines = "".join(f"{name}:{values[name]}\n" for name in names)
    digest = hashlib.sha256(body).hexdigest() if body else _EMPTY_SHA256
    signed = ";".join(names)
    return "\n".join((method.upper(), _canonical_uri(path), pairs, lines, signed, digest)), signed


@lru_cache(maxsize=16)  # there are as many paths as operations
def _canonical_uri(path: str) -> str:
    uri = "/".join(_encoded(segment) for segment in unquote(path).split("/"))
    return uri if uri.endswith("/") else uri + "/"


@lru_cache(maxsize=64)  # all but the asset ID is the same in every request
def _encoded(text: str) -> str:
    return quote(text, safe="~")


def authorization(
    access: AccessKey,
    method: str,
    path: str,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    body: bytes,
) -> str:
    """The value of the `Authorization` header; `headers` must hold the date (`YYYYMMDDTHHMMSSZ`)."""
    request, signed = canonical_request(method, path, query, headers, body)
    date = next(value for name, value in headers.items() if name.lower() == DATE_HEADER.lower())
    to_sign = "\n".join((ALGORITHM, date, hashlib.sha256(request.encode()).hexdigest()))
    signature = hmac.digest(access.secret.encode(), to_sign.encode(), "sha256").hex()
    return f"{ALGORITHM} Access={access.key}, SignedHeaders={signed}, Signature={signature}"


class Auth(httpx.Auth):
    """An httpx auth flow with credentials that may have to be got first; that may take longer than a request may."""

    async def ready(self) -> None:
        """Called before each request."""

    async def renewed(self, refused: httpx.Request) -> bool:  # noqa: ARG002 none are renewed here
        """Called after a 401. Whether there are other credentials now than those that were sent."""
        return False


class AccessKeyAuth(Auth):
    """Signs host, date, content type, project ID and security token. Other headers may be rewritten on the way and
    stay unsigned."""

    requires_request_body = True

    def __init__(self, access: AccessKey, clock: Clock) -> None:
        self._access = access
        self._clock = clock

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers[DATE_HEADER] = self._clock.now().astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        if self._access.security_token:
            request.headers["X-Security-Token"] = self._access.security_token
        # As bytes: each of httpx's own look-ups searches the whole list.
        headers = {name.decode(): value.decode() for name, value in request.headers.raw if name.lower() in _SIGNED}
        query = parse_qsl(request.url.query.decode(), keep_blank_values=True)
        path = request.url.raw_path.partition(b"?")[0].decode()
        request.headers["Authorization"] = authorization(
            self._access, request.method, path, query, headers, request.content
        )
        yield request


class TokenAuth(Auth):
    """A token from the user, which cannot be renewed."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["X-Auth-Token"] = self._token
        yield request


def parse_date(text: str) -> datetime | None:
    """Returns an HTTP `Date` header as a time, or None if it is not valid."""
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
