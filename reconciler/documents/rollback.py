"""What a rollback did: an apply's document, with the run that it undoes and what could not be undone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from reconciler.documents.schemas import ApplyDoc, AssetId, Doc, SourceDoc, is_none
from reconciler.model import Reason
from reconciler.state.runs import WhyNot
from reconciler.util.sanitize import hide


class NotUndoneDoc(Doc):
    """A change that stays, and why."""

    asset_id: AssetId
    title: str | None = Field(default=None, exclude_if=is_none)
    source: Annotated[SourceDoc, Field(description="The place in the journal.")]
    reason: WhyNot | Reason
    message: str
    saved_cover: str | None = Field(
        default=None, exclude_if=is_none, description="Where the cover from before was saved."
    )


class RollbackDoc(ApplyDoc):
    """What `reconcile rollback` did."""

    rollback_of: str
    not_undone: tuple[NotUndoneDoc, ...]


def rollback_document(done: ApplyDoc, run: str, not_undone: Sequence[NotUndoneDoc]) -> RollbackDoc:
    return RollbackDoc(**dict(done), rollback_of=hide(run), not_undone=tuple(not_undone))
