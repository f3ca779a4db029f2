"""Makes a small WebP picture of any bytes, or says why they cannot be one."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.documents.images import Blank
from reconciler.model import NoAnswer
from reconciler.observe.blank_frames import measured
from reconciler.observe.decoding import decoded

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_QUALITY, _METHOD = 60, 2  # WebP's effort, 0 to 6


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A WebP file without metadata, its size in pixels, and what it shows, if that is nothing."""

    webp: bytes = field(repr=False)
    width: int
    height: int
    blank: Blank = ""


def thumbnail(data: bytes, width: int) -> Thumbnail | NoAnswer:
    """A JPEG, PNG or WebP picture upright, on white, its first frame alone, at most `width` pixels wide
    and a third more high.

    Never raises, whatever the bytes. To be called in a thread: a large picture takes seconds.
    """
    return decoded(data, width, _encoded)


def _encoded(image: Picture) -> Thumbnail:
    out = io.BytesIO()
    # Empty, because older Pillows copy the picture's own.
    image.save(out, "WEBP", quality=_QUALITY, method=_METHOD, exif=b"", icc_profile=b"", xmp=b"")
    return Thumbnail(out.getvalue(), image.width, image.height, measured(image))
