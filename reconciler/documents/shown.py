"""What `reconcile show ASSET…` prints."""

from __future__ import annotations

from typing import Literal

from reconciler.documents.schemas import FORMAT_VERSION, AssetId, Count, CoverDoc, Doc
from reconciler.model import Reason, SetName


class ShownSnapshot(Doc):
    """One snapshot, its URL without query; `cover`: this one is the cover."""

    set: SetName
    index: Count
    offset: int
    url: str
    cover: bool


class ShownAsset(Doc):
    asset_id: AssetId
    title: str
    thumbnail_status: str
    cover: CoverDoc
    snapshots: tuple[ShownSnapshot, ...]


class NotShown(Doc):
    """An asset that could not be read, and why."""

    asset_id: AssetId
    reason: Reason
    message: str


class ShowDoc(Doc):
    format_version: str = FORMAT_VERSION
    kind: Literal["show"] = "show"
    assets: tuple[ShownAsset | NotShown, ...]
