"""Decodes pictures small, whatever their bytes: bombs are refused, and what is broken has a reason."""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from reconciler.model import NoAnswer
from reconciler.util.sanitize import shorten

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_T = TypeVar("_T")

_FORMATS = ("JPEG", "PNG", "WEBP")
_JPEG = b"\xff\xd8"
_MOST_PIXELS = 20_000_000
_MOST_IN_JPEG = 50_000_000  # which is decoded at a reduced size, others whole
# A JPEG may repaint all its pixels with every few bytes; ordinary ones do so about ten times.
_SCAN = b"\xff\xda"
_MOST_PAINTED = 2_000_000_000
# Pictures of upright videos need little more room than others: 9:16 gets three quarters of the width.
_TALLEST = 4 / 3
# One picture at a time: megapixels take memory, and Python's warnings are switched for all threads together.
_TURN = threading.Lock()


def decoded(data: bytes, width: int, use: Callable[[Picture], _T]) -> _T | NoAnswer:
    """What `use` makes of a JPEG, PNG or WebP picture: in RGB, upright, on white, its first frame alone, at most
    `width` pixels wide and a third more high.

    Never raises, whatever the bytes. To be called in a thread: a large picture takes seconds.
    """
    from PIL import Image, UnidentifiedImageError  # slow to import, and rarely needed

    try:
        with _TURN, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # bombs are refused below, and odd metadata does not matter
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                return _too_much(image, data) or use(_small(image, width))
    except UnidentifiedImageError:
        return _none("It is not a JPEG, PNG or WebP picture.")
    except Image.DecompressionBombError:
        return _too_large(data)
    except Exception as error:  # noqa: BLE001 broken files make Pillow raise nearly anything
        return _none(f"The picture cannot be decoded: {shorten(str(error) or type(error).__name__, 100)}.")


def _none(why: str) -> NoAnswer:
    return NoAnswer("content_unavailable", why)


def _too_large(data: bytes) -> NoAnswer:
    only = "" if data.startswith(_JPEG) else ", the most for one that is not a JPEG"
    return _none(f"The picture has more than {_most_pixels(data) // 1_000_000} megapixels{only}.")


def _most_pixels(data: bytes) -> int:
    return _MOST_IN_JPEG if data.startswith(_JPEG) else _MOST_PIXELS


def _too_much(image: Picture, data: bytes) -> NoAnswer | None:
    pixels = image.width * image.height
    if pixels > _most_pixels(data):
        return _too_large(data)
    return _none("The picture would take too long to decode.") if takes_too_long(pixels, data) else None


def takes_too_long(pixels: int, data: bytes) -> bool:
    """Whether a picture of so many pixels is repainted too often."""
    # PNG and WebP hold these two bytes by chance.
    return data.startswith(_JPEG) and pixels * data.count(_SCAN) > _MOST_PAINTED


def _small(image: Picture, width: int) -> Picture:
    """The opened picture in RGB, upright and scaled down."""
    from PIL import Image

    image.draft(None, (width, width))  # a JPEG decodes much faster to an eighth, and never below this
    image.load()
    _set_upright(image)
    if image.mode.startswith("I"):  # 16 bits of grey; plain converting would cut off what is above 255
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    image = image if image.mode == mode else image.convert(mode)
    image.thumbnail((width, int(_TALLEST * width)))
    if mode == "RGB":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def _set_upright(image: Picture) -> None:
    from PIL import ImageOps

    with suppress(Exception):  # a browser, too, ignores broken EXIF data
        ImageOps.exif_transpose(image, in_place=True)
