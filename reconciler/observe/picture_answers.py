"""What a CDN's answer to a GET brings: a picture, or the reason why it cannot be read."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import httpx

from reconciler.errors import sentences
from reconciler.model import NoAnswer, PictureBytes
from reconciler.observe.cdn_hosts import PictureHead, declared_length, headers_of
from reconciler.util.sanitize import bare_url
from reconciler.vod.anti_leech import advice
from reconciler.vod.bodies import decoded, encodings

MOST_BYTES = 20 * 1024 * 1024
# A gateway's page, or its error as JSON, with status 200. Pictures are image/*, octets, or without a type.
_NO_PICTURE = re.compile(r"text/|application/(?:json|xml|xhtml)", re.IGNORECASE)


class TransientError(Exception):
    """A failure that another attempt may not meet."""


class NotModifiedError(Exception):
    """The CDN says that the picture is one that If-None-Match named: which, as far as its headers tell."""

    def __init__(self, headers: PictureHead) -> None:
        super().__init__()
        self.headers = headers


@dataclass(frozen=True, slots=True)
class PictureReading:
    """A picture that was read, and what the headers beside it said."""

    picture: PictureBytes
    headers: PictureHead


async def read_answer(
    target: httpx.URL, response: httpx.Response, kept: bytearray | None
) -> PictureReading | NoAnswer:
    """Reads an answer to a GET.

    Args:
        kept: where the picture is put, if it is wanted.

    Raises:
        TransientError, NotModifiedError: see there.
    """
    status = response.status_code
    if status in (408, 429) or status >= 500:
        raise TransientError(f"HTTP {status}")
    if status == httpx.codes.NOT_MODIFIED:
        raise NotModifiedError(headers_of(response))
    if status != httpx.codes.OK:
        return unavailable(str(target), f"HTTP {status}", hint=advice(response))
    if is_page(response):
        raise TransientError("a page instead of a picture")
    read = await _digested(response, kept)
    if read is None:
        return unavailable(str(target), f"more than {MOST_BYTES // 2**20} MiB")
    declared = None if encodings(response) else declared_length(response)
    if declared is not None and declared != read.length:
        raise TransientError(f"{read.length} of {declared} bytes")
    if not read.length:
        return unavailable(str(target), "an empty file")
    return PictureReading(read, headers_of(response))


async def _digested(response: httpx.Response, kept: bytearray | None) -> PictureBytes | None:
    """The body's bytes; None where they are too many."""
    sha256, md5, length = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    if kept is not None:
        kept.clear()
    async for chunk in decoded(response):
        length += len(chunk)
        if length > MOST_BYTES:
            return None
        sha256.update(chunk)
        md5.update(chunk)
        if kept is not None:
            kept += chunk
    return PictureBytes(sha256.hexdigest(), md5.hexdigest(), length)


def is_page(response: httpx.Response) -> bool:
    return _NO_PICTURE.match(response.headers.get("Content-Type", "")) is not None


def unavailable(url: str, why: str, *, permanent: bool = True, hint: str = "") -> NoAnswer:
    message = sentences(f"The picture at {bare_url(url)} cannot be read: {why}", hint)
    return NoAnswer("content_unavailable", message, why if permanent else "")
