"""The document of `reconcile rollback`: an apply's, with the run that it undoes and what could not be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from reconciler.documents.schemas import ApplyDoc
from reconciler.model import OPTIONAL, NotDone, Reason
from reconciler.state.runs import WhyNot
from reconciler.util.field_types import Foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class NotUndoneDoc(NotDone):
    """A change that is not undone, and why. Its place is the one in the journal."""

    reason: WhyNot | Reason
    saved_cover: Foreign | None = field(
        default=None, metadata=OPTIONAL | {"description": "Where the cover from before the run was saved."}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackDoc(ApplyDoc):
    """The output of `reconcile rollback`."""

    rollback_of: Foreign
    not_undone: tuple[NotUndoneDoc, ...]


def rollback_document(done: ApplyDoc, run: str, not_undone: Sequence[NotUndoneDoc]) -> RollbackDoc:
    apply = {item.name: getattr(done, item.name) for item in fields(done)}
    return RollbackDoc(**apply, rollback_of=run, not_undone=tuple(not_undone))
