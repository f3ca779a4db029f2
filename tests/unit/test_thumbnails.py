"""Whatever a cover's file holds, a report gets a small, upright picture of it, or a reason."""

from __future__ import annotations

import io
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from support.samples import bomb

from reconciler.model import NoAnswer
from reconciler.observe.thumbnails import Thumbnail, thumbnail

RED, BLUE, WHITE = (220, 30, 30), (30, 30, 220), (255, 255, 255)
ORIENTATION = 0x0112
LEFT, RIGHT, TOP, BOTTOM = (0.2, 0.5), (0.8, 0.5), (0.5, 0.2), (0.5, 0.8)


def two_halves(size: tuple[int, int] = (640, 360)) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, BLUE)
    image.paste(RED, (0, 0, size[0] // 2, size[1]))
    return image


def encoded(image: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def made(data: bytes, width: int = 160) -> Image.Image:
    """The thumbnail's pixels."""
    small = thumbnail(data, width)
    assert isinstance(small, Thumbnail), small
    with Image.open(io.BytesIO(small.webp), formats=["WEBP"]) as image:
        assert (small.width, small.height) == image.size
        assert image.mode == "RGB"
        return image.copy()


def why_not(data: bytes) -> str:
    refused = thumbnail(data, 160)
    assert isinstance(refused, NoAnswer)
    assert refused.reason == "content_unavailable"
    return refused.message


def at(image: Image.Image, x: float, y: float) -> tuple[int, ...]:
    """The colour at a place given in parts of the width and height."""
    pixel = image.getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(pixel, tuple)
    return pixel


def near(colour: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    return all(abs(one - other) <= 16 for one, other in zip(colour, expected, strict=True))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("width", [480, 160])
def test_the_kinds_that_covers_come_in(kind: str, width: int) -> None:
    image = made(encoded(two_halves((1280, 720)), kind), width)

    assert image.size == (width, width * 9 // 16)
    assert near(at(image, 0.25, 0.5), RED)
    assert near(at(image, 0.75, 0.5), BLUE)


def test_a_small_picture_stays_small() -> None:
    assert made(encoded(two_halves((100, 50)), "JPEG"), 480).size == (100, 50)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    ("size", "small"),
    [
        ((1080, 1920), (120, 213)),
        ((4000, 40), (160, 2)),
        ((1, 2000), (1, 213)),
        ((2000, 1), (160, 1)),
        ((40, 20_000), (1, 213)),
    ],
)
def test_any_shape_fits(kind: str, size: tuple[int, int], small: tuple[int, int]) -> None:
    assert made(encoded(Image.new("RGB", size, RED), kind), 160).size == small


@pytest.mark.parametrize(
    ("orientation", "red_at"),
    list(zip(range(1, 9), (LEFT, RIGHT, RIGHT, LEFT, TOP, TOP, BOTTOM, BOTTOM), strict=True)),
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_camera_held_otherwise(kind: str, orientation: int, red_at: tuple[float, float]) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation

    image = made(encoded(two_halves(), kind, exif=exif))

    assert image.size == ((160, 90) if orientation < 5 else (120, 213))
    assert near(at(image, *red_at), RED)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x09\x01\x12"]
)
def test_broken_exif_data_does_not_spoil_the_picture(exif: bytes) -> None:
    assert near(at(made(encoded(two_halves(), "JPEG", exif=exif)), 0.2, 0.5), RED)


def test_exif_data_that_cannot_be_written_again_does_not_spoil_the_picture_either() -> None:
    """Upside down, and an artist who is a number."""
    upside_down = b"\x01\x12\0\x03\0\0\0\x01\0\x03\0\0"
    artist = b"\x01\x3b\0\x05\0\0\0\x01\0\0\0\x26"
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x02" + upside_down + artist + b"\0\0\0\0" + b"\0\0\0\x48\0\0\0\x01"

    assert near(at(made(encoded(two_halves(), "JPEG", exif=exif)), *RIGHT), RED)


def with_hole(mode: str) -> Image.Image:
    """Grey on the left, nothing on the right."""
    image = Image.new("LA", (64, 32), (90, 255))
    image.paste((0, 0), (32, 0, 64, 32))
    return image.convert(mode)


def palette_with_hole() -> bytes:
    image = with_hole("RGBA").convert("RGB").quantize(4)
    black = image.getpixel((60, 16))
    return encoded(image, "PNG", transparency=bytes(0 if index == black else 255 for index in range(4)))


PALE = (90, 90, 90)
MODES: dict[str, tuple[Callable[[], bytes], tuple[int, ...], tuple[int, ...]]] = {
    "palette": (lambda: encoded(two_halves().quantize(8)), RED, BLUE),
    "palette with a transparent colour": (palette_with_hole, PALE, WHITE),
    "transparent PNG": (lambda: encoded(with_hole("RGBA")), PALE, WHITE),
    "transparent WebP": (lambda: encoded(with_hole("RGBA"), "WEBP", lossless=True), PALE, WHITE),
    "transparent grey": (lambda: encoded(with_hole("LA")), PALE, WHITE),
    "grey": (lambda: encoded(Image.new("L", (64, 32), 90), "JPEG"), PALE, PALE),
    "16 bits of grey": (lambda: encoded(Image.new("I;16", (64, 32), 90 * 256)), PALE, PALE),
    "black and white": (lambda: encoded(Image.new("1", (64, 32), 1)), WHITE, WHITE),
    "CMYK": (lambda: encoded(two_halves().convert("CMYK"), "JPEG"), RED, BLUE),
}


@pytest.mark.parametrize(("data", "left", "right"), MODES.values(), ids=MODES)
def test_colours_stay_and_what_is_transparent_turns_white(
    data: Callable[[], bytes], left: tuple[int, ...], right: tuple[int, ...]
) -> None:
    image = made(data())

    assert near(at(image, 0.2, 0.5), left)
    assert near(at(image, 0.8, 0.5), right)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_moves_is_shown_as_it_starts(kind: str) -> None:
    frames = [Image.new("RGB", (64, 32), colour) for colour in (RED, BLUE, WHITE)]

    image = made(encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100))

    assert near(at(image, 0.5, 0.5), RED)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_metadata_stays_behind(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "Where we live"
    data = encoded(two_halves(), kind, exif=exif, icc_profile=b"a profile", xmp=b"<x:xmpmeta/>")

    small = thumbnail(data, 160)

    assert isinstance(small, Thumbnail)
    assert not [mark for mark in (b"EXIF", b"ICCP", b"XMP ", b"Where we live", b"VP8X") if mark in small.webp]


def painted_over() -> bytes:
    """A JPEG of half a megabyte that would be decoded for minutes."""
    data = encoded(Image.new("L", (5000, 5000), 128), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + scan * 5000 + data[-2:]


JPEG = encoded(two_halves(), "JPEG")
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "not a JPEG, PNG or WebP"),
    "a page": (lambda: b"<!doctype html><title>Log in</title>", "not a JPEG, PNG or WebP"),
    "SVG": (
        lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "not a JPEG, PNG or WebP",
    ),
    "GIF": (lambda: encoded(two_halves(), "GIF"), "not a JPEG, PNG or WebP"),
    "BMP": (lambda: encoded(two_halves(), "BMP"), "not a JPEG, PNG or WebP"),
    "a JPEG's head": (lambda: JPEG[:20], "not a JPEG, PNG or WebP"),
    "half a JPEG": (lambda: JPEG[: len(JPEG) // 2], "cannot be decoded: image file is truncated"),
    "half a PNG": (lambda: encoded(scene(), "PNG")[:2000], "cannot be decoded: image file is truncated"),
    "half a WebP": (lambda: encoded(scene(), "WEBP")[:2000], "cannot be decoded"),
    "a bomb": (bomb, "more than 20 megapixels, the most for one that is not a JPEG."),
    "large, but no bomb to Pillow": (lambda: encoded(Image.new("1", (5000, 4001))), "more than 20 megapixels"),
    "large, and suspicious to Pillow": (lambda: encoded(Image.new("1", (10_000, 9_500))), "more than 20 megapixels"),
    "a large WebP": (lambda: encoded(Image.new("RGB", (5000, 4001)), "WEBP", method=0), "more than 20 megapixels"),
    "a large JPEG": (lambda: encoded(Image.new("L", (8000, 7000)), "JPEG"), "more than 50 megapixels."),
    "a JPEG painted over and over": (painted_over, "too long to decode"),
}


def scene() -> Image.Image:
    """Something that does not compress away."""
    image = Image.linear_gradient("L").resize((320, 180)).convert("RGB")
    for x in range(0, 320, 4):
        ImageDraw.Draw(image).line((x, 0, 320 - x, 180), fill=(x % 256, 255 - x % 256, 7 * x % 256))
    return image


@pytest.mark.parametrize(("data", "why"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_usable_picture_has_a_reason(data: Callable[[], bytes], why: str) -> None:
    assert why in why_not(data())


def test_a_progressive_picture_is_not_taken_for_an_attack() -> None:
    assert made(encoded(Image.new("RGB", (6000, 8000), RED), "JPEG", progressive=True)).size == (160, 213)


def test_two_bytes_in_a_png_are_no_scans() -> None:
    """PNG's own data may hold what starts a scan in a JPEG, as often as it likes."""
    picture = encoded(Image.new("1", (5000, 4000)))
    end = picture.rindex(b"IEND") - 4
    body = b"\xff\xda" * 500
    chunk = len(body).to_bytes(4, "big") + b"prVt" + body + zlib.crc32(b"prVt" + body).to_bytes(4, "big")

    assert made(picture[:end] + chunk + picture[end:]).width == 160


def test_many_threads_leave_the_warnings_as_they_were() -> None:
    before = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        made_of = list(pool.map(lambda _: thumbnail(palette_with_hole(), 160), range(40)))

    assert all(isinstance(small, Thumbnail) for small in made_of)
    assert list(warnings.filters) == before


REAL = [
    JPEG,
    encoded(
        scene(),
        "JPEG",
        progressive=True,
        exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
    ),
    encoded(scene().resize((40, 20)), "PNG"),
    palette_with_hole(),
    encoded(scene(), "WEBP"),
    encoded(with_hole("RGBA"), "WEBP", lossless=True),
]


@given(st.binary(max_size=200), st.sampled_from([b"", *(data[:16] for data in REAL)]))
def test_arbitrary_bytes_never_raise(data: bytes, head: bytes) -> None:
    assert isinstance(thumbnail(head + data, 160), (Thumbnail, NoAnswer))


@given(
    st.sampled_from(REAL),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
    st.floats(0, 1),
)
def test_a_damaged_picture_never_raises(data: bytes, changes: list[tuple[float, int]], kept: float) -> None:
    damaged = bytearray(data)
    for place, byte in changes:
        # Squared: most of what can be misread stands near the start.
        damaged[int(place * place * len(data))] = byte
    if kept < 0.5:
        del damaged[int(2 * kept * len(data)) :]

    assert isinstance(thumbnail(bytes(damaged), 160), (Thumbnail, NoAnswer))
