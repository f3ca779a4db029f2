"""What a rollback did: an apply's document, with the run that it undoes and what could not be undone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from reconciler.documents.shapes import ApplyDoc, AssetId, Doc, SourceDoc
from reconciler.safe import hide


def _is_none(value: object) -> bool:
    return value is None


class NotUndoneDoc(Doc):
    """A change that stays. `reason` is not_a_snapshot, no_cover_before, snapshots_retaken, changed_since, or one of
    those of unknown assets."""

    asset_id: AssetId
    title: str | None = Field(default=None, exclude_if=_is_none)
    source: Annotated[SourceDoc, Field(description="The place in the journal.")]
    reason: str
    message: str
    saved_cover: str | None = Field(
        default=None, exclude_if=_is_none, description="Where the cover from before was saved."
    )


class RollbackDoc(ApplyDoc):
    """What `reconcile rollback` did."""

    rollback_of: str
    not_undone: tuple[NotUndoneDoc, ...]


def rollback_document(done: ApplyDoc, run: str, not_undone: Sequence[NotUndoneDoc]) -> RollbackDoc:
    return RollbackDoc(**dict(done), rollback_of=hide(run), not_undone=tuple(not_undone))
