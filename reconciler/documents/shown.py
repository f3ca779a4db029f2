"""The document of `reconcile show ASSET…`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reconciler.documents.schemas import FORMAT_VERSION, FormatVersion
from reconciler.model import Cover, Reason, SetName
from reconciler.util.field_types import AssetId, Count, Foreign


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
