"""Key anti-leech of the CDN: signs the URL of an asset's picture whenever it is opened.

What is signed is the path from `/asset/` on. What stands before it, such as `/shield`, is outside; in B and C the
signature comes before that. Nothing above the transport sees a signed URL.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Literal, get_args
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx

from reconciler.errors import UsageError, not_installed
from reconciler.util.clock import Clock
from reconciler.util.ids import HEX_32
from reconciler.util.sanitize import SIGNED_PATH, shorten

Algorithm = Literal["A", "B", "C", "D"]
_ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)
_AES_KEY = 16
_URL = re.compile(rf"((?i:https?)://[^/?#]+)([^?#]*?)(/asset/{HEX_32}/[^?#]+)(\?[^#]*)?")
_SIGNED_QUERY = re.compile(r"[?&]auth_(?:key|info)=", re.IGNORECASE)
_SIGNED = "reconciler.signed"
"""The response's extension that says that its request was signed here."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs URLs with one algorithm. `zone` is the one of B's clock; `random` gives 32 hex digits."""

    algorithm: Algorithm
    zone: tzinfo
    clock: Clock
    random: Callable[[], str] = field(default=lambda: secrets.token_hex(16))

    def sign(self, url: str, key: str) -> str:
        """The URL with a fresh signature; as it is if `is_unsigned` does not hold."""
        found = _URL.match(url)
        if found is None or not is_unsigned(url):
            return url
        origin, prefix, path, query = found.groups("")
        first, last = "", ""
        match self.algorithm:
            case "A":
                proof = f"{int(self.clock.now().timestamp())}-{self.random()}-0"
                last = f"auth_key={proof}-{_md5(f'{path}-{proof}-{key}')}"
            case "B":
                minute = f"{self.clock.now().astimezone(self.zone):%Y%m%d%H%M}"
                first = f"/{minute}/{_md5(f'{key}{minute}{path}')}"
            case "C":
                second = f"{int(self.clock.now().timestamp()):X}"
                first = f"/{_md5(f'{key}{path}{second}')}/{second}"
            case "D":
                last = f"auth_info={_encrypted(path, key, self.clock.now(), self.random())}"
        query = "?" + "&".join(part for part in (query[1:], last) if part) if last else query
        return f"{origin}{first}{prefix}{path}{query}{url[found.end() :]}"


def is_unsigned(url: str) -> bool:
    """Whether a URL names a picture of an asset and has no signature of any algorithm."""
    found = _URL.match(url)
    if found is None:
        return False
    _origin, prefix, _path, query = found.groups("")
    return not _SIGNED_QUERY.search(query) and not SIGNED_PATH.search(f"{prefix}/")


def signer(algorithm: str, keys: Sequence[str], zone: str, clock: Clock) -> Signer:
    """
    Raises:
        UsageError: the algorithm or the time zone is unknown, a key does not fit, or the extra is not installed.
    """
    known = next((name for name in _ALGORITHMS if name == algorithm), None)
    if known is None:
        raise UsageError(
            f"RECONCILE_CDN_ALGORITHM is {shorten(algorithm)!r}, which is not an algorithm of the CDN",
            hint=f"Use one of {', '.join(_ALGORITHMS)}, as the domain's settings say.",
        )
    if known == "D":
        _check_aes(keys)
    return Signer(known, _zone(zone) if known == "B" else UTC, clock)


def _check_aes(keys: Sequence[str]) -> None:
    try:
        import cryptography  # noqa: F401 an extra
    except ModuleNotFoundError as error:
        raise not_installed(error, "AES, for RECONCILE_CDN_ALGORITHM=D,", "cdn") from error
    if any(len(key) != _AES_KEY for key in keys):
        raise UsageError(
            f"A key in RECONCILE_CDN_KEY does not have {_AES_KEY} characters, which RECONCILE_CDN_ALGORITHM=D needs",
            hint="Copy it from the domain's settings. Several keys are separated by commas.",
        )


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: "Asia" is a folder
        raise UsageError(
            f"RECONCILE_CDN_ZONE is {shorten(name)!r}, which is not a time zone that this machine knows",
            hint="Use a name like Asia/Shanghai or UTC. If all are unknown: pip install tzdata.",
        ) from error


def _encrypted(path: str, key: str, now: datetime, digits: str) -> str:
    """D's `auth_info`: the folder and the time, in AES-128-CBC with PKCS#5 padding, and the initial vector."""
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES128
    from cryptography.hazmat.primitives.ciphers.modes import CBC

    text = f"{path.rpartition('/')[0]}/${now.astimezone(UTC):%Y%m%d%H%M%S}".encode()
    missing = _AES_KEY - len(text) % _AES_KEY
    padded = text + bytes([missing]) * missing
    encryptor = Cipher(AES128(key.encode()), CBC(bytes.fromhex(digits))).encryptor()
    encrypted = encryptor.update(padded) + encryptor.finalize()
    return f"{quote(base64.b64encode(encrypted), safe='')}.{digits}"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


class SigningTransport(httpx.AsyncBaseTransport):
    """Signs each request and sends it through another transport; a retry so gets a signature of its own.

    Args:
        keys: during a change the old and the new one. Where a host refuses one with 403, the next is tried; the one
            that it took comes first from then on.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, signer: Signer, keys: Sequence[str]) -> None:
        self._inner = inner
        self._signer = signer
        self._keys = keys
        self._taken: dict[bytes, str] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not is_unsigned(str(request.url)):
            return await self._inner.handle_async_request(request)
        taken = self._taken.get(request.url.raw_host)
        *others, last = sorted(self._keys, key=lambda key: key != taken)
        for key in others:
            response = await self._send(request, key)
            if response.status_code != httpx.codes.FORBIDDEN:
                return response
            await response.aclose()
        return await self._send(request, last)

    async def _send(self, request: httpx.Request, key: str) -> httpx.Response:
        signed = self._signer.sign(str(request.url), key)
        again = httpx.Request(request.method, signed, headers=request.headers, extensions=request.extensions)
        response = await self._inner.handle_async_request(again)
        response.extensions[_SIGNED] = True
        if response.status_code < httpx.codes.BAD_REQUEST:
            self._taken[request.url.raw_host] = key
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


def advice(response: httpx.Response) -> str:
    """What to do about a CDN's 403; "" for other answers."""
    if response.status_code != httpx.codes.FORBIDDEN:
        return ""
    if response.extensions.get(_SIGNED):
        return (
            "The CDN refused the signed URL: check RECONCILE_CDN_KEY, RECONCILE_CDN_ALGORITHM, RECONCILE_CDN_ZONE "
            "and this machine's clock, and set RECONCILE_CDN_REFERER if the domain has a Referer list."
        )
    return (
        "If the domain has key anti-leech, set RECONCILE_CDN_KEY and RECONCILE_CDN_ALGORITHM; "
        "if it has a Referer list, RECONCILE_CDN_REFERER."
    )
