"""The shapes of the JSON documents that users script against.

`format_version` "1.0": keys added raise the minor number, anything else the major one.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from reconciler.model import Content, Cover, OutcomeName, Reason, SetName, SnapshotRef
from reconciler.util.ids import LOWER_ID_SCHEMA

FORMAT_VERSION = "1.0"

AssetId = Annotated[str, Field(pattern=LOWER_ID_SCHEMA, description="32 lower-case hex digits.")]
ProjectId = Annotated[str, Field(pattern=LOWER_ID_SCHEMA)]
Region = Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)+-[0-9]+$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


def is_none(value: object) -> bool:
    return value is None


class Doc(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, strict=True)


class SourceDoc(Doc):
    """A place in a desired file; line and column count from 1."""

    file: str
    line: Count
    column: Count


class SnapshotDoc(Doc):
    """A snapshot of the asset: the index counts from 0 in order of offset, the offset is in seconds."""

    set: SetName
    index: Count
    offset: int


class ContentDoc(Doc):
    sha256: Sha256
    length: Count


class CoverDoc(Doc):
    """A cover. `snapshot` is null where it is none of the asset's snapshots or was not identified."""

    cover_url: str | None
    snapshot: SnapshotDoc | None
    content: ContentDoc | None = Field(default=None, exclude_if=is_none)

    def value(self) -> Cover:
        """The cover as the deciding rooms know it."""
        ref, content = self.snapshot, self.content
        return Cover(
            self.cover_url or "",
            SnapshotRef(ref.set, ref.index, ref.offset) if ref else None,
            Content(content.sha256, content.length) if content else None,
        )


class ChangeDoc(Doc):
    asset_id: AssetId
    title: str
    action: Literal["update"]
    source: SourceDoc
    note: str | None = Field(default=None, exclude_if=is_none)
    before: CoverDoc
    after: CoverDoc


class EntryDoc(Doc):
    asset_id: AssetId
    source: SourceDoc


class UnknownDoc(Doc):
    asset_id: AssetId
    title: str | None = Field(default=None, exclude_if=is_none)
    source: SourceDoc
    reason: Reason
    message: str


class PlanSummary(Doc):
    managed: Count
    in_sync: Count
    update: Count
    pending: Count
    unknown: Count
    ignored: Count


class Head(Doc):
    format_version: Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]+$")] = FORMAT_VERSION
    kind: str
    tool_version: str
    created_at: Annotated[str, Field(description="RFC 3339, UTC.")]
    endpoint: str
    region: Region | None
    project_id: ProjectId


class Findings(Head):
    summary: PlanSummary
    changes: tuple[ChangeDoc, ...]
    pending: tuple[EntryDoc, ...]
    unknown: tuple[UnknownDoc, ...]
    ignored: tuple[EntryDoc, ...]


class PlanDoc(Findings):
    """What `reconcile plan` found, and what `reconcile apply --plan` executes."""

    kind: Literal["plan"] = "plan"
    digest: str = ""


class Unmanaged(Doc):
    count: Count
    asset_ids: tuple[str, ...]


class FieldDoc(Doc):
    """One field that differs, such as `before.snapshot.index`; null where there was, or is, none."""

    field: str
    before: JsonValue
    after: JsonValue


class ChangedDoc(Doc):
    asset_id: AssetId
    fields: tuple[FieldDoc, ...]


class SinceDoc(Doc):
    """What became different since the baseline of an audit; all but `changed` are asset IDs."""

    created_at: Annotated[str, Field(description="Of the baseline.")]
    drifted: tuple[str, ...]
    resolved: tuple[str, ...]
    no_longer_managed: Annotated[tuple[str, ...], Field(description="Drifted or unknown then, in no file now.")]
    unknown: Annotated[tuple[str, ...], Field(description="Unknown now, and not so then.")]
    changed: Annotated[tuple[ChangedDoc, ...], Field(description="Drifted or unknown then and now, but differently.")]
    newly_unmanaged: tuple[str, ...]
    no_longer_unmanaged: tuple[str, ...]


class FastDoc(Doc):
    """How many entries `audit --fast` decided by the URLs of the asset list alone, by them and remembered snapshots,
    and how many took the details."""

    by_url: Count
    by_memory: Count
    by_details: Count
    oldest_reading: Annotated[str | None, Field(description="RFC 3339, UTC; of the snapshots that decided.")]


class AuditDoc(Findings):
    """What `reconcile audit` found."""

    kind: Literal["audit"] = "audit"
    unmanaged: Unmanaged
    targets: Annotated[tuple[str, ...], Field(description="What the audit was limited to.")] = ()
    excludes: tuple[str, ...] = ()
    fast: FastDoc | None = Field(default=None, exclude_if=is_none)
    since: SinceDoc | None = Field(default=None, exclude_if=is_none)
    digest: str = ""


class ApplySummary(Doc):
    applied: Count
    failed: Count
    stale: Count
    unchanged: Count
    not_attempted: Count
    unknown: Count


class ErrorOfResult(Doc):
    type: str
    code: str
    message: str
    status: int | None
    request_id: str


class ResultDoc(Doc):
    asset_id: AssetId
    title: str
    outcome: OutcomeName
    source: SourceDoc
    note: str | None = Field(default=None, exclude_if=is_none)
    before: CoverDoc
    after: CoverDoc
    verified: Annotated[bool | None, Field(description="Seen; looked for and not seen; not looked at.")]
    saved_cover: str | None = Field(
        default=None,
        exclude_if=is_none,
        description="Where the replaced picture was saved, if it existed nowhere else.",
    )
    error: ErrorOfResult | None = Field(default=None, exclude_if=is_none)


class ApplyDoc(Head):
    """What `reconcile apply` did; one result for each planned change, in the plan's order."""

    kind: Literal["apply"] = "apply"
    summary: ApplySummary
    results: tuple[ResultDoc, ...]
    unknown: tuple[UnknownDoc, ...]
