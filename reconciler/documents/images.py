"""Pictures as reports embed them: small, decoded once, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.documents.schemas import SnapshotDoc


@dataclass(frozen=True, slots=True)
class EmbeddedImage:
    """A picture ready to be embedded: a `data:` URI with its size in pixels; or "" and why there is no picture."""

    data: str
    width: int = 0
    height: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class AssetImages:
    """The pictures about one asset: its cover, the wanted snapshot (None where there is none), and its snapshots."""

    before: EmbeddedImage
    after: EmbeddedImage | None
    others: tuple[tuple[SnapshotDoc, EmbeddedImage], ...] = ()


ImagesByAsset = Mapping[str, AssetImages]
"""By asset ID. What is not in it is shown without pictures."""
NO_IMAGES: ImagesByAsset = {}
