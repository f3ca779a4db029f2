"""Frames that show nothing are told from those that show little, however they are encoded."""

from __future__ import annotations

import io
import random
from collections.abc import Callable

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFont
from support.samples import bomb

from reconciler.documents.images import Blank
from reconciler.observe.blank_frames import blank
from reconciler.observe.thumbnails import Thumbnail, thumbnail

Size = tuple[int, int]
Colour = tuple[int, int, int]
BLACK, WHITE, NAVY = (0, 0, 0), (255, 255, 255), (30, 60, 120)
SIZES = {"HD": (1280, 720), "small": (320, 180), "tall": (360, 640), "wide": (960, 240)}


def jpeg(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def plain(size: Size, colour: Colour = BLACK) -> Image.Image:
    return Image.new("RGB", size, colour)


def grainy(image: Image.Image, most: int) -> Image.Image:
    """Each value is up to `most` more or less than it was, as far as it can be."""
    grain = Image.frombytes("RGB", image.size, random.Random(7).randbytes(3 * image.width * image.height))
    return ImageChops.add(image, grain.point(lambda value: 128 + round((value - 127.5) * most / 127.5)), 1, -128)


def gradient(size: Size, high: Colour, low: Colour) -> Image.Image:
    return Image.composite(plain(size, low), plain(size, high), Image.linear_gradient("L").resize(size))


def with_logo(image: Image.Image, colour: Colour = WHITE) -> Image.Image:
    """In the upper right corner, 4 % of the longer side."""
    x, y, side = 0.88 * image.width, 0.06 * image.height, 0.04 * max(image.size)
    ImageDraw.Draw(image).ellipse((x, y, x + side, y + side), fill=colour)
    return image


def with_text(image: Image.Image, colour: Colour) -> Image.Image:
    """One line, 3 % of the longer side high."""
    font = ImageFont.load_default(0.03 * max(image.size))
    ImageDraw.Draw(image).text((image.width / 10, image.height / 2), "Chapter one", font=font, fill=colour)
    return image


def scene(size: Size, shown: float = 1, start: Colour = BLACK) -> Image.Image:
    """A landscape with a sun, faded in from `start` so far."""
    image = gradient(size, (90, 140, 220), (240, 220, 190))
    width, height = size
    draw = ImageDraw.Draw(image)
    draw.ellipse((0.6 * width, 0.1 * height, 0.6 * width + 0.2 * height, 0.3 * height), fill=(255, 250, 200))
    ridge = [(0, 0.8 * height), (0.4 * width, 0.4 * height), (width, 0.9 * height), (0, height)]
    draw.polygon(ridge, fill=(30, 70, 40))
    return Image.blend(plain(size, start), image, shown)


def night(size: Size) -> Image.Image:
    """A dark sky above a darker ground, with a few lit windows."""
    image = gradient(size, (6, 8, 14), (34, 38, 50))
    width, height = size
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0.7 * height, width, height), fill=(4, 4, 6))
    for number in range(6):
        x, y = (0.1 + 0.12 * number) * width, (0.6 + 0.02 * (number % 3)) * height
        draw.rectangle((x, y, x + 0.01 * width, y + 0.03 * height), fill=(230, 190, 110))
    return image


NOTHING: dict[str, tuple[Blank, Callable[[Size], Image.Image]]] = {
    "black": ("nearly black", plain),
    "black with noise": ("nearly black", lambda size: grainy(plain(size), 20)),
    "black of a video": ("nearly black", lambda size: grainy(plain(size, (16, 16, 16)), 8)),
    "the start of a fade from black": ("nearly black", lambda size: grainy(scene(size, 0.06), 4)),
    "white": ("nearly white", lambda size: plain(size, WHITE)),
    "white of a video": ("nearly white", lambda size: grainy(plain(size, (235, 235, 235)), 8)),
    "warm white": ("nearly white", lambda size: plain(size, (255, 248, 236))),
    "the start of a fade from white": ("nearly white", lambda size: grainy(scene(size, 0.06, WHITE), 4)),
    "grey": ("one colour", lambda size: grainy(plain(size, (128, 128, 128)), 8)),
    "dark blue": ("one colour", lambda size: grainy(plain(size, (0, 0, 120)), 8)),
    "green screen": ("one colour", lambda size: grainy(plain(size, (0, 177, 64)), 8)),
    "bright yellow": ("one colour", lambda size: plain(size, (255, 225, 40))),
}
SOMETHING: dict[str, Callable[[Size], Image.Image]] = {
    "a logo on black": lambda size: with_logo(plain(size)),
    "a dark red logo on black with noise": lambda size: grainy(with_logo(plain(size), (140, 20, 20)), 10),
    "text on black": lambda size: with_text(plain(size), WHITE),
    "text on white": lambda size: with_text(plain(size, WHITE), BLACK),
    "grey text on white": lambda size: with_text(plain(size, WHITE), (110, 110, 110)),
    "a logo on a colour": lambda size: with_logo(plain(size, NAVY)),
    "a gradient": lambda size: gradient(size, (20, 40, 90), (160, 190, 230)),
    "fog": lambda size: grainy(gradient(size, (150, 156, 160), (170, 176, 180)), 4),
    "red and green of the same brightness": lambda size: gradient(size, (200, 0, 0), (0, 102, 0)),
    "night": night,
    "night with noise": lambda size: grainy(night(size), 10),
    "a fade from black that shows the scene": lambda size: grainy(scene(size, 0.25), 4),
    "a fade from white that shows the scene": lambda size: grainy(scene(size, 0.25, WHITE), 4),
    "a scene": scene,
}
every_quality = pytest.mark.parametrize("quality", [30, 95])
every_size = pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)


def told(data: bytes) -> set[Blank]:
    """What is said of a picture by itself, and with each size that reports show."""
    made = [thumbnail(data, width) for width in (480, 160)]
    assert all(isinstance(one, Thumbnail) for one in made)
    return {blank(data), *(one.blank for one in made if isinstance(one, Thumbnail))}


@every_quality
@every_size
@pytest.mark.parametrize(("expected", "frame"), NOTHING.values(), ids=NOTHING)
def test_frames_that_show_nothing(
    expected: Blank, frame: Callable[[Size], Image.Image], size: Size, quality: int
) -> None:
    assert told(jpeg(frame(size), quality)) == {expected}


@every_quality
@every_size
@pytest.mark.parametrize("frame", SOMETHING.values(), ids=SOMETHING)
def test_frames_that_show_something(frame: Callable[[Size], Image.Image], size: Size, quality: int) -> None:
    assert told(jpeg(frame(size), quality)) == {""}


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_is_transparent_shows_the_white_behind_it(kind: str) -> None:
    out = io.BytesIO()
    Image.new("RGBA", (64, 32), (0, 0, 0, 0)).save(out, kind)
    assert blank(out.getvalue()) == "nearly white"


@pytest.mark.parametrize("size", [(1, 1), (2000, 1), (1, 2000), (3, 7)])
def test_pictures_of_hardly_any_size(size: Size) -> None:
    assert blank(jpeg(plain(size), 90)) == "nearly black"


@pytest.mark.parametrize("data", [b"", b"<html>", jpeg(plain((320, 180)), 90)[:400], bomb()])
def test_what_is_no_picture_is_not_said_to_be_blank(data: bytes) -> None:
    assert blank(data) == ""
