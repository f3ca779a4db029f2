"""The document of `reconcile show ASSET…`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Literal

from pydantic import Field

from reconciler.documents.images import AssetImages, Blank
from reconciler.documents.schemas import FormatVersion
from reconciler.model import OPTIONAL_LIST, Cover, Observed, Reason, SetName, SnapshotRef
from reconciler.util.field_types import AssetId, Count, Foreign
from reconciler.util.sanitize import bare_url

_Blank = Annotated[Blank, Field(description="With pictures: what it shows, if that is nothing.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSnapshot:
    """One snapshot, its URL without query; `cover`: this one is the cover."""

    set: SetName
    index: Count
    offset: int
    url: Foreign
    cover: bool
    blank: _Blank = field(default="", metadata=OPTIONAL_LIST)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAsset:
    """An asset with its cover and the snapshots to choose from; `blank` is about the cover."""

    asset_id: AssetId
    title: Foreign
    thumbnail_status: Foreign
    cover: Cover
    blank: _Blank = field(default="", metadata=OPTIONAL_LIST)
    snapshots: tuple[ShownSnapshot, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotShown:
    """An asset that could not be read, and why."""

    asset_id: AssetId
    reason: Reason
    message: Foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowDoc:
    """The output of `reconcile show ASSET…`."""

    format_version: FormatVersion = "1.1"
    kind: Literal["show"] = "show"
    assets: tuple[ShownAsset | NotShown, ...]


def shown_asset(observed: Observed, cover: Cover) -> ShownAsset:
    """
    Args:
        cover: its cover, identified.
    """
    snapshots = (
        ShownSnapshot(**asdict(item.ref), url=bare_url(item.url), cover=item.ref == cover.snapshot)
        for item in observed.snapshots
    )
    return ShownAsset(
        asset_id=observed.asset_id,
        title=observed.title,
        thumbnail_status=observed.thumbnail_status,
        cover=cover,
        snapshots=tuple(snapshots),
    )


def with_blanks(asset: ShownAsset, images: AssetImages) -> ShownAsset:
    """The asset, and which of its pictures show nothing."""
    found = {ref: image.blank for ref, image in images.snapshots}
    snapshots = (
        replace(item, blank=found.get(SnapshotRef(item.set, item.index, item.offset), "")) for item in asset.snapshots
    )
    return replace(asset, blank=images.before.blank, snapshots=tuple(snapshots))
