"""The document of `reconcile show ASSET…`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from reconciler.documents.schemas import FORMAT_VERSION, FormatVersion
from reconciler.model import Cover, Observed, Reason, SetName
from reconciler.util.field_types import AssetId, Count, Foreign
from reconciler.util.sanitize import bare_url


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSnapshot:
    """One snapshot, its URL without query; `cover`: this one is the cover."""

    set: SetName
    index: Count
    offset: int
    url: Foreign
    cover: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownAsset:
    """An asset with its cover and the snapshots to choose from."""

    asset_id: AssetId
    title: Foreign
    thumbnail_status: Foreign
    cover: Cover
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

    format_version: FormatVersion = FORMAT_VERSION
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
