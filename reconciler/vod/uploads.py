"""Uploads covers to the URLs that the API names for it: without our credentials, and without redirects."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

import httpx

from reconciler.errors import ApiError
from reconciler.util.loopback import is_loopback_host
from reconciler.util.sanitize import shorten
from reconciler.vod import authorities, schemas
from reconciler.vod.addresses import ForbiddenAddressError, check_host, is_public
from reconciler.vod.client import VodClient
from reconciler.vod.fast_client import FastHttpClient
from reconciler.vod.responses import TransientFault
from reconciler.vod.transport import ForbiddenHostError, UntrustedError

Kind = Literal["JPG", "PNG"]
_MEDIA_TYPES: dict[Kind, str] = {"JPG": "image/jpeg", "PNG": "image/png"}
_MAGIC: dict[bytes, Kind] = {b"\xff\xd8\xff": "JPG", b"\x89PNG\r\n\x1a\n": "PNG"}
_PASSING = (408, 429)
_REFUSED = "Uploading the cover was refused"


def kind_of(data: bytes) -> Kind | None:
    """What a picture is by its first bytes; None where it can be no cover (API page "Modifying a media asset")."""
    return next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)


@dataclass(frozen=True, slots=True)
class CoverPicture:
    """A picture that is to become the cover of an asset (32 hex digits)."""

    asset_id: str
    kind: Kind
    data: bytes = field(repr=False)

    @property
    def md5(self) -> str:
        """In base64, as the API and Content-MD5 take it."""
        return base64.b64encode(hashlib.md5(self.data, usedforsecurity=False).digest()).decode()


class CoverUploads:
    """
    Args:
        http: a client without credentials, whose transport refuses hosts that are not public, unless `trusted`.
        trusted: the API endpoint is loopback, so the URL may be, too, and then http.
        timeout: seconds for one upload.
    """

    def __init__(self, http: FastHttpClient, *, trusted: bool, timeout: float) -> None:
        self._http = http
        self._trusted = trusted
        self._timeout = timeout

    async def set_cover(self, client: VodClient, prepare: Callable[[bool], Awaitable[CoverPicture | None]]) -> bool:
        """Makes a picture of ours the cover (API page "Modifying a media asset"): asks where to upload it, then
        uploads it. Each attempt asks again. Otherwise as `VodClient.set_cover`."""

        async def announce(picture: CoverPicture) -> str:
            body = {"asset_id": picture.asset_id, "cover_id": 0, "cover_type": picture.kind, "cover_md5": picture.md5}
            request = client.connection.http.build_request("PUT", client.base, json=body)
            answer = await client.connection.read("asset", request, schemas.CoverUpload, changes=True)
            if answer.asset_id and answer.asset_id.lower() != picture.asset_id:
                other = shorten(answer.asset_id)
                raise ApiError(f"Uploading the cover failed: the answer is about another asset, {other}")
            return answer.cover_upload_url

        return await client.change("asset", prepare, announce, self.put) is not None

    async def put(self, picture: CoverPicture, url: str) -> None:
        """
        Args:
            url: as the API returned it for this picture; it is a secret.

        Raises:
            TransientFault: another attempt, with another URL, may succeed; this one may have been carried out.
            ApiError: the upload was refused, or the URL must not be opened: then nothing was sent to it.
        """
        headers = {**self._http.headers, "Content-Type": _MEDIA_TYPES[picture.kind], "Content-MD5": picture.md5}
        request = httpx.Request("PUT", self._target(url), headers=headers, content=picture.data)
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._http.exchange(request)
                await response.aclose()
        except TimeoutError as error:
            raise _fault(f"no answer within {self._timeout:g} s") from error
        except ForbiddenHostError as error:
            raise _not_opened(f"{_host(request.url)} is not a public address") from error
        except UntrustedError as error:
            problem = f"the certificate of {_host(request.url)} is not trusted"
            raise ApiError(f"{_REFUSED}: {problem}", hint=authorities.advice()) from error
        except httpx.HTTPError as error:  # its text may quote the URL
            raise _fault(f"the connection to {_host(request.url)} broke ({type(error).__name__})") from error
        _check(response)

    def _target(self, url: str) -> httpx.URL:
        if not url:
            raise ApiError("Uploading the cover failed: the service's answer names no URL for it")
        try:
            target = httpx.URL(url)
            host, port = target.host, target.port
        except (httpx.InvalidURL, ValueError) as error:  # ValueError: malformed punycode
            raise _not_opened("not a valid URL") from error
        if target.userinfo:
            raise _not_opened("a URL with a user name")
        if self._trusted and target.scheme in ("http", "https") and _is_near(host):
            return target
        if target.scheme != "https":
            raise _not_opened("not an https URL")
        if port not in (None, 443):
            raise _not_opened("a URL with a port other than 443")
        try:
            check_host(host, is_public)
        except ForbiddenAddressError as error:
            raise _not_opened(f"{_host(target)} is not a public address") from error
        return target


def _is_near(host: str) -> bool:
    return is_loopback_host(host) or host.endswith(".localhost")


def _host(url: httpx.URL) -> str:
    return shorten(url.raw_host.decode("ascii", "replace"))


def _not_opened(why: str) -> ApiError:
    return ApiError(f"Uploading the cover failed: the URL that the service's answer names was not opened: {why}")


def _fault(problem: str, status: int | None = None) -> TransientFault:
    return TransientFault("upload", problem, status=status, outcome_unknown=status != 429)


def _check(response: httpx.Response) -> None:
    status = response.status_code
    if response.is_success:
        return
    if status in _PASSING or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise _fault(f"HTTP {status}", status)
    why = ""
    if response.is_redirect:
        why = ", a redirect, which is not followed"
    elif status == httpx.codes.FORBIDDEN:
        why = ": the URL may have expired"
    raise ApiError(f"{_REFUSED}: HTTP {status}{why}", status=status)
