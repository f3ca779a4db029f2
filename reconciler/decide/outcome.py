"""What became of a planned change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from reconciler.errors import ApiError, ReconcileError, sentences
from reconciler.model import NOT_IN_DOCUMENTS, OPTIONAL, Cover, Source, Take
from reconciler.util.field_types import AssetId, Count, Foreign
from reconciler.util.sanitize import shorten

OutcomeName = Literal["applied", "restored", "failed", "stale", "unchanged", "not_attempted"]
CHANGED: tuple[OutcomeName, ...] = ("applied", "restored")
"""The cover was changed: to a snapshot, or to a picture that was saved."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a change failed: the type of the error, and the service's code, status and request ID for its support."""

    type: Foreign
    code: Foreign = field(default="", kw_only=True)
    message: Foreign
    status: int | None = None
    request_id: Foreign = ""
    outcome_unknown: bool = field(default=False, metadata=NOT_IN_DOCUMENTS)
    """The change may have been made: no usable answer came."""


def failure_of(error: ReconcileError, *more: str) -> Failure:
    """An error as the failure of one change, with further sentences."""
    if not isinstance(error, ApiError):
        return Failure(error.type, sentences(error.text, *more))
    return Failure(
        error.type,
        sentences(error.message, error.hint, *more),
        error.status,
        error.request_id,
        error.outcome_unknown,
        code=error.code,
    )


def internal(error: Exception) -> Failure:
    """A mistake of the program."""
    return Failure("internal", f"Internal error: {type(error).__name__}: {shorten(str(error))}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one planned change."""

    asset_id: AssetId
    title: Foreign = field(default="", kw_only=True)
    outcome: OutcomeName
    source: Source
    note: Foreign | None = field(default=None, kw_only=True, metadata=OPTIONAL)
    before: Cover
    after: Cover
    take: Take | None = field(default=None, metadata=OPTIONAL)
    billed: Annotated[Count | None, Field(description="Snapshots that this run had taken for it.")] = field(
        default=None, metadata=OPTIONAL
    )
    verified: bool | None = field(
        default=None, metadata={"description": "Seen; looked for and not seen; not looked at."}
    )
    saved_cover: Foreign | None = field(
        default=None,
        metadata=OPTIONAL | {"description": "Where the replaced picture was saved, if it existed nowhere else."},
    )
    restored_from: Foreign | None = field(
        default=None,
        metadata=OPTIONAL | {"description": "In a rollback: where the picture was saved that is uploaded again."},
    )
    error: Failure | None = field(default=None, metadata=OPTIONAL)
    set_url: Foreign = field(default="", repr=False, metadata=NOT_IN_DOCUMENTS)
    """Where the picture is that was taken and set, as the API returned it."""
