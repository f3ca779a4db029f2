"""An answer's body as it was before a server or CDN compressed it, although `identity` was asked for."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

import httpx

IDENTITY = {"Accept-Encoding": "identity"}
_PIECE = 64 * 1024
_GZIP = 31  # zlib's number for the gzip format


class EncodingError(httpx.DecodingError):
    """The body is encoded in a way that is not taken off, or its encoding is broken."""


def encodings(response: httpx.Response) -> list[str]:
    """What was done to the body, in order."""
    named = response.headers.get("Content-Encoding", "").lower().split(",")
    return [name.strip() for name in named if name.strip() not in ("", "identity")]


async def decoded(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yields the body without its one layer of gzip, in pieces small enough for the caller to stop at a limit.

    Raises:
        EncodingError: there is any other encoding, or the body is broken.
    """
    layers = encodings(response)
    if layers not in ([], ["gzip"], ["x-gzip"]):
        raise EncodingError(f"encoded as {', '.join(layers)[:40]}, which was not asked for")
    unpack = zlib.decompressobj(_GZIP) if layers else None
    begun = False
    # Not through httpx, whose own decoding takes off any number of layers at once, each without a limit.
    async for chunk in response.stream:  # type: ignore[union-attr]
        if unpack is None:
            yield chunk
            continue
        begun = begun or bool(chunk)
        rest = chunk
        while rest:
            try:
                piece = unpack.decompress(rest, _PIECE)
            except zlib.error as error:
                raise EncodingError("broken gzip") from error
            if unpack.unused_data:
                raise EncodingError("broken gzip: there is more behind its end")
            rest = unpack.unconsumed_tail
            yield piece
    if begun and unpack is not None and not unpack.eof:
        raise EncodingError("broken gzip: its end is missing")
