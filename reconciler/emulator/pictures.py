"""Real JPEGs of a few KB, drawn by Pillow, the same every time.

Their length is rounded up, so that many pictures have the same length: comparing lengths alone does not work.
"""

from __future__ import annotations

import colorsys
import hashlib
import io
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 320, 180
LENGTH_UNIT = 512
ONE_LENGTH = 32_768
"""Longer than any generated picture: rounding up to it makes all lengths equal."""

_QUALITY, _RECODED_QUALITY = 85, 60
_CACHED = 2048


@dataclass(frozen=True, slots=True)
class GeneratedPicture:
    """The bytes of a picture, and their MD5 in hexadecimal."""

    data: bytes
    md5: str
    media_type: str = "image/jpeg"


def uploaded(data: bytes) -> GeneratedPicture:
    """An uploaded picture, unchanged."""
    kind = "image/jpeg"
    if data.startswith(b"\x89PNG"):
        kind = "image/png"
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = "image/webp"
    return GeneratedPicture(data, _md5(data), kind)


@lru_cache(maxsize=_CACHED)
def drawn(asset_id: str, set_name: str, offset: int, *, unit: int = LENGTH_UNIT) -> GeneratedPicture:
    """The snapshot of this asset at this second; its length is a multiple of `unit`."""
    data = _padded(_encoded(_scene(asset_id, set_name, offset), _QUALITY), unit)
    return GeneratedPicture(data, _md5(data))


@lru_cache(maxsize=_CACHED)
def recoded(asset_id: str, set_name: str, offset: int, *, unit: int = LENGTH_UNIT) -> GeneratedPicture:
    """The same picture, decoded and encoded again, which changes its bytes."""
    data = reencoded(drawn(asset_id, set_name, offset, unit=unit).data, unit=unit)
    return GeneratedPicture(data, _md5(data))


def reencoded(data: bytes, *, unit: int = LENGTH_UNIT) -> bytes:
    """A picture decoded and encoded again as a JPEG; what cannot be decoded stays as it is."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return _padded(_encoded(image.convert("RGB"), _RECODED_QUALITY), unit)
    except (OSError, ValueError):
        return data


def _scene(asset_id: str, set_name: str, offset: int) -> Image.Image:
    look = hashlib.sha256(asset_id.encode()).digest()
    moment = hashlib.sha256(f"{asset_id}/{set_name}/{offset}".encode()).digest()
    hue = look[0] / 256
    dusk = 0.55 + 0.4 * moment[0] / 255
    high = Image.new("RGB", (1, HEIGHT), _colour(hue, 0.55, dusk))
    low = Image.new("RGB", (1, HEIGHT), _colour(hue + 0.12, 0.25, 0.95))
    # One column is enough: the sky does not change from left to right.
    sky = Image.composite(low, high, _shade())
    image = sky.resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    x, y, size = 20 + offset * 29 % 260, 18 + moment[1] % 50, 16 + moment[2] % 14
    draw.ellipse((x, y, x + size * 2, y + size * 2), fill=_colour(hue + 0.5, 0.35, 1.0))
    for layer in range(3):
        heights = [90 + 25 * layer + look[(index + 7 * layer + offset) % 32] % 45 for index in range(9)]
        ridge = [(40 * index, height) for index, height in enumerate(heights)]
        draw.polygon([(0, HEIGHT), *ridge, (WIDTH, HEIGHT)], fill=_colour(hue + 0.3, 0.6, 0.6 - 0.15 * layer))
    minutes, seconds = divmod(offset, 60)
    _label(draw, (10, 6), f"{minutes}:{seconds:02d}", 34)
    _label(draw, (10, HEIGHT - 26), f"{asset_id[:8]}  {set_name}", 16)
    return image


@lru_cache(maxsize=1)
def _shade() -> Image.Image:
    return Image.linear_gradient("L").resize((1, HEIGHT))


def _label(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, size: int) -> None:
    # A shadow, because an outline would take longer to draw than the rest of the picture.
    for shift, colour in ((2, "black"), (0, "white")):
        draw.text((place[0] + shift, place[1] + shift), text, font=_font(size), fill=colour)


@lru_cache(maxsize=4)
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)


def _colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _encoded(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _padded(jpeg: bytes, unit: int) -> bytes:
    """Adds a JPEG comment that makes the length a multiple of `unit`. A comment takes at least 4 bytes."""
    missing = -len(jpeg) % unit
    if missing == 0:
        return jpeg
    if missing < 4:
        missing += unit
    comment = b"\xff\xfe" + (missing - 2).to_bytes(2, "big") + b" " * (missing - 4)
    return jpeg[:2] + comment + jpeg[2:]


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
