"""Tells whether a picture shows nothing: the black first frame of a video, a white flash, a coloured card.

A picture is measured on a copy of at most 48 pixels a side, each the mean of a part of the whole: noise, grain and
the blocks of a JPEG even out there, while a logo or a line of text still stands out. It shows nothing if

* its contrast, the range of the channel that varies most, is at most 24 of 255 (black frames with noise: less than
  10, with much noise in a small picture 23; frames of videos, and photographs: 70 and more), and if besides
* it is nearly black: the mean of its brightest channel is at most 32, since black is 16 where a video was converted
  carelessly; or nearly white: the mean of its darkest channel is at least 228, since white is 235 there;
* or of one colour: the entropy of its brightness is at most 3 bits (noise on a colour: up to 2.9; gradients and fog,
  however faint: 3.1 and more).

In a fade from black, what has come up to 12 % is still black, and from 16 % on a picture; fades from white are alike.
A white or coloured frame between black bars is not found. Tried on the fades of real videos, on photographs (such as
of the night sky and of a page), and on drawn frames, as JPEGs of quality 30 to 95.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.documents.images import Blank
from reconciler.model import NoAnswer
from reconciler.observe.decoding import decoded

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_SIDE = 48
_MOST_CONTRAST = 24
_MOST_BLACK, _LEAST_WHITE = 32, 228
_MOST_ENTROPY = 3.0
_WIDTH = 160


def blank(data: bytes) -> Blank:
    """What a picture's file shows, if that is nothing; "" for everything else, and for other files.

    Never raises. To be called in a thread: a large picture takes seconds.
    """
    found = decoded(data, _WIDTH, measured)
    return "" if isinstance(found, NoAnswer) else found


def measured(picture: Picture) -> Blank:
    """What a decoded picture in RGB shows, if that is nothing."""
    from PIL import Image, ImageStat

    scale = min(1.0, _SIDE / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    even = picture.resize(size, Image.Resampling.BOX)
    channels = ImageStat.Stat(even)
    if max(high - low for low, high in channels.extrema) > _MOST_CONTRAST:
        return ""
    if max(channels.mean) <= _MOST_BLACK:
        return "nearly black"
    if min(channels.mean) >= _LEAST_WHITE:
        return "nearly white"
    return "one colour" if even.convert("L").entropy() <= _MOST_ENTROPY else ""
