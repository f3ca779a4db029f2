"""What plainly shows the same picture is told from what does not, and from what can't be told."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageDraw
from support.samples import bomb

from reconciler.emulator.pictures import drawn, recoded
from reconciler.observe.similarity import alike

ASSET = "6e76f92034ceae2fcdcef9413221511f"
OTHER = "41cff636d5b12a51e7eb2838bbf45201"


def scene() -> Image.Image:
    """A picture with shapes, shades and fine detail."""
    image = Image.linear_gradient("L").resize((320, 180)).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.ellipse((40, 20, 130, 110), fill=(240, 200, 60))
    draw.polygon([(0, 180), (90, 80), (200, 140), (320, 60), (320, 180)], fill=(30, 90, 50))
    for x in range(0, 320, 8):
        draw.line((x, 150, x + 4, 175), fill=(200, 30, 30))
    return image


def encoded(image: Image.Image, kind: str = "JPEG", **how: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


ORIGINAL = encoded(scene(), quality=85)


def decoded() -> Image.Image:
    return Image.open(io.BytesIO(ORIGINAL)).convert("RGB")


@pytest.mark.parametrize(
    "again",
    [
        lambda: encoded(decoded(), quality=60),
        lambda: encoded(decoded(), "PNG"),
        lambda: encoded(decoded(), "WEBP", quality=70),
        lambda: encoded(decoded().resize((640, 360)), quality=75),
        lambda: encoded(decoded().resize((160, 90)), quality=75),
    ],
    ids=["JPEG of less quality", "PNG", "WebP", "twice the size", "half the size"],
)
def test_the_same_picture_encoded_anew(again: Callable[[], bytes]) -> None:
    assert alike(ORIGINAL, again()) is True
    assert alike(again(), ORIGINAL) is True


@pytest.mark.parametrize("asset_id", [ASSET, OTHER])
@pytest.mark.parametrize("offset", [0, 5, 10, 25])
def test_what_the_emulator_makes_of_a_snapshot_is_that_snapshot(asset_id: str, offset: int) -> None:
    snapshot = drawn(asset_id, "sample", offset).data
    cover = recoded(asset_id, "sample", offset).data
    assert cover != snapshot
    assert alike(snapshot, cover) is True


@pytest.mark.parametrize(
    "other",
    [
        drawn(OTHER, "sample", 0).data,
        drawn(ASSET, "sample", 10).data,
        encoded(Image.new("RGB", (320, 180), (128, 128, 128))),
    ],
    ids=["another video", "another moment", "one colour"],
)
def test_another_picture(other: bytes) -> None:
    assert alike(drawn(ASSET, "sample", 0).data, other) is False


def test_a_logo_in_the_corner_is_another_picture() -> None:
    with_logo = decoded()
    ImageDraw.Draw(with_logo).rectangle((270, 8, 312, 40), fill=(255, 0, 255))
    assert alike(ORIGINAL, encoded(with_logo, quality=85)) is False


def test_another_shape_is_another_picture() -> None:
    assert alike(ORIGINAL, encoded(decoded().resize((240, 180)), quality=85)) is False


UNDECODABLE = {
    "nothing": b"",
    "text": b"<html>no picture</html>",
    "half a JPEG": ORIGINAL[: len(ORIGINAL) // 2],
    "half a PNG": encoded(scene(), "PNG")[:2000],
    "a JPEG's head": ORIGINAL[:20],
    "a bomb": bomb(),
    "large, but no bomb to Pillow": encoded(Image.new("1", (8000, 7000)), "PNG"),
    "a format no cover has": encoded(scene(), "BMP"),
}


@pytest.mark.parametrize("data", UNDECODABLE.values(), ids=UNDECODABLE)
def test_what_cannot_be_decoded_cannot_be_told(data: bytes) -> None:
    assert alike(ORIGINAL, data) is None
    assert alike(data, ORIGINAL) is None


def test_a_jpeg_that_repaints_itself_without_end_is_not_decoded() -> None:
    out = io.BytesIO()
    Image.new("RGB", (2000, 2000), "red").save(out, "JPEG", progressive=True)
    data = out.getvalue()
    scan = data[data.rindex(b"\xff\xda") : -2]
    slow = data[:-2] + scan * 5000 + data[-2:]

    assert alike(slow, data) is None
