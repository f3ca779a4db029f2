"""What `reconcile import` wrote, as a document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from reconciler.documents.schemas import Head
from reconciler.model import Reason
from reconciler.util.field_types import AssetId, Count, Foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """Assets that were `imported` by their snapshot, `ignored` because the cover is not a snapshot, left out because
    reading `failed` or a change is pending, or that the desired files already `managed`."""

    imported: Count
    ignored: Count
    failed: Count
    managed: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An asset whose cover is not a snapshot, and why."""

    asset_id: AssetId
    title: Foreign
    reason: Foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedDoc:
    """An asset that could not be read, and why; its ID is as the service lists it."""

    asset_id: Foreign
    title: Foreign
    reason: Annotated[
        Reason | Literal["pending"], Field(description="pending: applied in the last five minutes, not visible yet.")
    ]
    message: Foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDoc(Head):
    """The output of `reconcile import`, which wrote `file` unless there was nothing to write."""

    kind: Literal["import"] = "import"
    file: Foreign
    summary: ImportSummary
    ignored: Annotated[tuple[LeftOut, ...], Field(description="Written as `ignore: true`.")]
    failed: Annotated[
        tuple[FailedDoc, ...], Field(description="Left out: `import --update` adds them once they can be read.")
    ]
