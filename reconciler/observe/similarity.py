"""Compares two files as pictures, independent of their encoding."""

from __future__ import annotations

import io
import warnings

from reconciler.observe.decoding import takes_too_long

_FORMATS = ("JPEG", "PNG", "WEBP")
_MOST_PIXELS = 50_000_000
_SIDE = 32
# Of 255 per channel. Another encoding changes the small picture's pixels by 1 or 2, another scene by tens.
_MEAN, _WORST = 6.0, 48.0


def is_picture(data: bytes) -> bool:
    """Whether it begins as a picture does, however large that is."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_FORMATS):
                return True
    except Image.DecompressionBombError:
        return True
    except (OSError, ValueError, SyntaxError):
        return False


def alike(one: bytes, other: bytes) -> bool | None:
    """Whether both show the same picture; None if one cannot be decoded."""
    from PIL import Image, ImageChops, ImageStat  # slow to import, and rarely needed

    small = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            for data in (one, other):
                with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                    pixels = image.width * image.height
                    if pixels > _MOST_PIXELS or takes_too_long(pixels, data):
                        return None
                    shape = image.width / image.height
                    small.append((shape, image.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.BOX)))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    (one_shape, left), (other_shape, right) = small
    if abs(one_shape - other_shape) > 0.05 * one_shape:
        return False
    difference = ImageStat.Stat(ImageChops.difference(left, right))
    return max(difference.mean) <= _MEAN and max(high for _, high in difference.extrema) <= _WORST
