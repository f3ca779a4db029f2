"""What `reconcile import` wrote, as a document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from reconciler.documents.schemas import AssetId, Count, Doc, Head
from reconciler.model import Reason


class ImportSummary(Doc):
    """`imported` by snapshot, `ignored` because the cover is no snapshot, `failed` to be read or pending, so
    left out, `managed` already by the desired files."""

    imported: Count
    ignored: Count
    failed: Count
    managed: Count


class LeftOut(Doc):
    """An asset without a snapshot to write down, and why."""

    asset_id: AssetId
    title: str
    reason: str


class FailedDoc(Doc):
    asset_id: str
    title: str
    reason: Annotated[
        Reason | Literal["pending"], Field(description="pending: applied a moment ago, and not visible yet.")
    ]
    message: str


class ImportDoc(Head):
    """What `reconcile import` wrote to `file`; nothing, where nothing was found to be written."""

    kind: Literal["import"] = "import"
    file: str
    summary: ImportSummary
    ignored: Sequence[LeftOut] = Field(description="Written as `ignore: true`.")
    failed: Sequence[FailedDoc] = Field(description="Left out: `import --update` adds them once they can be read.")
