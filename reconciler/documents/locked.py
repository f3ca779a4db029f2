"""What `reconcile lock` wrote, as a document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Literal

from pydantic import Field

from reconciler import __version__
from reconciler.desired.lock_plan import LockAction, LockChange, LockPlan, NotLocked
from reconciler.documents.schemas import FORMAT_VERSION, FormatVersion, Moment, UnknownDoc
from reconciler.documents.write import Origin, moment
from reconciler.model import OPTIONAL, Content, LockLine, SnapshotRef, Source
from reconciler.util.field_types import AssetId, Count, Foreign, ProjectId, Region
from reconciler.util.sanitize import bare_url


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSummary:
    """Lines that were `added`, `updated` (outdated, or without what the service makes of the picture), `upgraded` to
    a picture that was taken again, `moved` from another folder, `dropped` and `kept`; entries `not_locked`."""

    added: Count
    updated: Count
    upgraded: Count
    moved: Count
    dropped: Count
    kept: Count
    not_locked: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class LockChangeDoc:
    """A line that was changed. `before` and `after` are the locked pictures; of an upgrade, the others say where they
    can be seen."""

    asset_id: AssetId
    title: Foreign
    action: LockAction
    file: Annotated[Foreign, Field(description="The lock file.")]
    moved_from: Foreign | None = field(default=None, metadata=OPTIONAL)
    source: Annotated[Source | None, Field(description="Of the entry; null where there is none.")]
    snapshot: SnapshotRef | None
    before: Content | None
    after: Content | None
    before_picture: Foreign | None = field(
        default=None, metadata=OPTIONAL | {"description": "The cover's URL, or a saved file."}
    )
    after_picture: Foreign | None = field(default=None, metadata=OPTIONAL | {"description": "The snapshot's URL."})


@dataclass(frozen=True, slots=True, kw_only=True)
class LockDoc:
    """The output of `reconcile lock`."""

    format_version: FormatVersion = FORMAT_VERSION
    kind: Literal["lock"] = "lock"
    tool_version: Foreign = __version__
    created_at: Moment
    endpoint: Annotated[Foreign | None, Field(description="Null where nothing had to be read, as are the next two.")]
    region: Region | None
    project_id: ProjectId | None
    summary: LockSummary
    changes: tuple[LockChangeDoc, ...]
    not_locked: tuple[UnknownDoc, ...]
    files: Annotated[tuple[Foreign, ...], Field(description="The lock files that were written.")]


def lock_document(
    plan: LockPlan,
    not_locked: Sequence[NotLocked],
    files: Sequence[str],
    created_at: datetime,
    origin: Origin | None = None,
) -> LockDoc:
    """
    Args:
        files: that were written.
        origin: the project, if it was read.
    """
    counts = Counter[str](change.action for change in plan.changes)
    summary = LockSummary(
        added=counts["added"],
        updated=counts["updated"],
        upgraded=counts["upgraded"],
        moved=counts["moved"],
        dropped=counts["dropped"],
        kept=len(plan.kept),
        not_locked=len(not_locked),
    )
    return LockDoc(
        created_at=moment(created_at),
        endpoint=origin.endpoint if origin else None,
        region=origin.region if origin else None,
        project_id=origin.project_id if origin else None,
        summary=summary,
        changes=tuple(map(_change, sorted(plan.changes, key=attrgetter("file.path", "asset_id")))),
        not_locked=tuple(map(_not_locked, not_locked)),
        files=tuple(files),
    )


def _change(change: LockChange) -> LockChangeDoc:
    line = change.line
    return LockChangeDoc(
        asset_id=change.asset_id,
        title=change.title,
        action=change.action,
        file=change.file.path,
        moved_from=change.source or None,
        source=change.desired.source if change.desired is not None else None,
        snapshot=SnapshotRef(line.set, line.index, line.offset) if line is not None else None,
        before=_content(change.before),
        after=_content(line),
        before_picture=bare_url(change.old_url) or change.saved or None,
        after_picture=bare_url(change.new_url) or None,
    )


def _not_locked(item: NotLocked) -> UnknownDoc:
    return UnknownDoc(
        asset_id=item.desired.asset_id,
        title=item.title or None,
        source=item.desired.source,
        reason=item.why.reason,
        message=item.why.message,
        request_id=item.why.request_id or None,
    )


def _content(line: LockLine | None) -> Content | None:
    return Content(line.sha256, line.length) if line is not None else None
