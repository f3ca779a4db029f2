"""Pictures: small scenes that differ plainly, and what the service makes of them where it re-encodes."""

from __future__ import annotations

import io
import random
from functools import lru_cache

from PIL import Image

_SIZE = (64, 36)
_BLOCKS = (4, 3)
_LENGTH = 1400
PLACEHOLDER = b"\x89PNG this is not a picture yet"


@lru_cache(maxsize=4096)
def scene(number: int) -> bytes:
    """A JPEG of coloured blocks; each number has its own colours. Every other one has the same length."""
    rng = random.Random(number)
    small = Image.new("RGB", _BLOCKS)
    small.putdata([(rng.randrange(256), rng.randrange(256), rng.randrange(256)) for _ in range(12)])
    body = _jpeg(small.resize(_SIZE, Image.Resampling.NEAREST), 95)
    return body.ljust(_LENGTH, b"\0") if number % 2 else body


@lru_cache(maxsize=4096)
def recoded(body: bytes) -> bytes:
    """What a service that re-encodes shows instead of a snapshot."""
    with Image.open(io.BytesIO(body)) as image:
        return _jpeg(image.convert("RGB"), 80)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling=0)
    return out.getvalue()
