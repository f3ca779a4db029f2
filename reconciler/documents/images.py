"""Pictures as reports embed them: small, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from reconciler.model import SnapshotRef

Blank = Literal["", "nearly black", "nearly white", "one colour"]
"""What a picture shows, if that is nothing."""


@dataclass(frozen=True, slots=True)
class EmbeddedImage:
    """A picture to embed: a `data:` URI with its size in pixels, and what it shows, if that is nothing; or "" and the
    reason why there is no picture."""

    data: str
    width: int = 0
    height: int = 0
    why: str = ""
    blank: Blank = ""


@dataclass(frozen=True, slots=True)
class AssetImages:
    """The pictures of one asset: its cover, the wanted snapshot (None if nothing has to change), its snapshots, and
    the locked picture, where it was saved."""

    before: EmbeddedImage
    after: EmbeddedImage | None
    snapshots: tuple[tuple[SnapshotRef, EmbeddedImage], ...] = ()
    locked: EmbeddedImage | None = None


ImagesByAsset = Mapping[str, AssetImages]
"""By asset ID. Other assets are shown without pictures."""
NO_IMAGES: ImagesByAsset = {}
