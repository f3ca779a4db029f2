"""The shapes of the JSON documents that users script against: the order of the fields is the order of the keys.

`format_version` "1.0": keys added raise the minor number, anything else the major one. Text is `Foreign` (secrets are
hidden when it is dumped), or limited to one form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from reconciler.decide.outcome import Outcome
from reconciler.model import OPTIONAL, OPTIONAL_LIST, Cover, NotDone, Reason, Source, Take
from reconciler.util.field_types import AssetId, Count, Foreign, Limits, ProjectId, Region, WithoutSecrets

FORMAT_VERSION = "1.0"

Moment = Annotated[Foreign, Field(description="RFC 3339, UTC.")]
FormatVersion = Annotated[str, Limits(pattern=r"^[0-9]+\.[0-9]+$")]
Digest = Annotated[str, Limits(pattern=r"^([0-9a-f]{64})?$")]
"""SHA-256 (hex) of everything else in the document. It is filled in when the document is dumped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDoc:
    """A cover that differs from the desired state."""

    asset_id: AssetId
    title: Foreign
    action: Literal["update"]
    source: Source
    note: Foreign | None = field(default=None, metadata=OPTIONAL)
    before: Cover
    after: Cover
    take: Annotated[
        Take | None, Field(description="The snapshot of `after` is taken first; it has no index yet.")
    ] = field(default=None, metadata=OPTIONAL)
    restored_from: Foreign | None = field(
        default=None,
        metadata=OPTIONAL | {"description": "In a rollback: where the picture was saved that is uploaded again."},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDoc:
    """An entry and its place, for states that need no explanation."""

    asset_id: AssetId
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownDoc(NotDone):
    """An entry that could not be decided, and why. The message ends with the ID of the request, where it is known."""

    reason: Reason
    request_id: Foreign | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSummary:
    """The number of entries in each state, and of all of them."""

    managed: Count
    in_sync: Count
    update: Count
    pending: Count
    unknown: Count
    ignored: Count
    take: Annotated[
        Count | None, Field(description="With --take-snapshots: the updates whose snapshot is taken first.")
    ] = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The keys that most documents begin with: what wrote it, when, and for which service and project."""

    format_version: FormatVersion = FORMAT_VERSION
    kind: str
    tool_version: Foreign
    created_at: Moment
    endpoint: Foreign
    region: Region | None
    project_id: ProjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedSinceDoc:
    """What the entries were compared with, and how many mean the same as there: those were `left_out`."""

    revision: Foreign
    commit: Annotated[str, Limits(pattern=r"^[0-9a-f]{7,64}$"), Field(description="The merge base with HEAD.")]
    left_out: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings(Head):
    """The keys that plans and audits share."""

    format_version: FormatVersion = "1.1"
    summary: PlanSummary
    changes: tuple[ChangeDoc, ...]
    pending: tuple[EntryDoc, ...]
    unknown: tuple[UnknownDoc, ...]
    ignored: tuple[EntryDoc, ...]
    changed_since: ChangedSinceDoc | None = field(default=None, metadata=OPTIONAL)
    removed: Annotated[
        tuple[AssetId, ...] | None, Field(description="Entries that went since then; their covers are not touched.")
    ] = field(default=None, metadata=OPTIONAL)

    @property
    def left_out(self) -> int:
        """Entries that were not looked at, and count as in sync for the safety limit."""
        return self.changed_since.left_out if self.changed_since is not None else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanDoc(Findings):
    """The output of `reconcile plan`, and the input of `reconcile apply --plan`."""

    format_version: FormatVersion = "1.2"
    kind: Literal["plan"] = "plan"
    digest: Digest = ""

    @property
    def takes(self) -> tuple[Take, ...]:
        """The snapshots to be taken."""
        return tuple(change.take for change in self.changes if change.take is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmanaged:
    """The assets that no desired file manages."""

    count: Count
    asset_ids: tuple[Foreign, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDoc:
    """One field that differs, for example `before.snapshot.index`; null where the field is missing on that side."""

    field: Annotated[str, Limits(pattern=r"^[a-z0-9_.]+$")]
    before: Annotated[JsonValue, WithoutSecrets()]
    after: Annotated[JsonValue, WithoutSecrets()]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedDoc:
    """An asset that is in the same state as in the baseline, but with other details."""

    asset_id: AssetId
    fields: tuple[FieldDoc, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SinceDoc:
    """The differences from the baseline of an audit; all but `changed` are asset IDs."""

    created_at: Annotated[Foreign, Field(description="When the baseline was made.")]
    drifted: tuple[Foreign, ...]
    resolved: tuple[Foreign, ...]
    no_longer_managed: Annotated[tuple[Foreign, ...], Field(description="Drifted or unknown then, not managed now.")]
    unknown: Annotated[tuple[Foreign, ...], Field(description="Unknown now, but not then.")]
    changed: Annotated[
        tuple[ChangedDoc, ...], Field(description="Drifted or unknown then and now, with other details.")
    ]
    newly_unmanaged: tuple[Foreign, ...]
    no_longer_unmanaged: tuple[Foreign, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceDoc:
    """By what entries were decided; all but the ignored ones."""

    lock: Annotated[Count, Field(description="The list or asset/info, and the picture.")]
    url: Annotated[Count, Field(description="The details, by the path of the cover's URL.")]
    content: Annotated[Count, Field(description="The details and the pictures' bytes.")]
    details: Annotated[Count, Field(description="The details alone.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficDoc:
    """Requests for pictures, and the bytes that were read of them."""

    head: Count
    get: Count
    bytes: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class WarningDoc:
    """Something that a user should know, and that fails nothing."""

    type: Foreign
    message: Foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDoc(Findings):
    """The output of `reconcile audit`."""

    kind: Literal["audit"] = "audit"
    unmanaged: Unmanaged
    targets: Annotated[tuple[Foreign, ...], Field(description="The globs that the audit was limited to.")] = ()
    excludes: tuple[Foreign, ...] = ()
    evidence: EvidenceDoc | None = field(default=None, metadata=OPTIONAL)
    pictures: TrafficDoc | None = field(default=None, metadata=OPTIONAL)
    warnings: tuple[WarningDoc, ...] = field(default=(), metadata=OPTIONAL_LIST)
    since: SinceDoc | None = field(default=None, metadata=OPTIONAL)
    digest: Digest = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplySummary:
    """The number of changes with each outcome, and of unknown entries."""

    applied: Count = 0
    restored: Count = field(default=0, metadata=OPTIONAL_LIST)
    failed: Count = 0
    stale: Count = 0
    unchanged: Count = 0
    not_attempted: Count = 0
    unknown: Count
    take: Annotated[
        Count | None, Field(description="With --take-snapshots: the covers whose snapshot was taken.")
    ] = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyDoc(Head):
    """The output of `reconcile apply`: one result for each planned change, in the plan's order."""

    format_version: FormatVersion = "1.2"
    kind: Literal["apply"] = "apply"
    summary: ApplySummary
    results: tuple[Outcome, ...]
    unknown: tuple[UnknownDoc, ...]
    changed_since: ChangedSinceDoc | None = field(default=None, metadata=OPTIONAL)
    removed: tuple[AssetId, ...] | None = field(default=None, metadata=OPTIONAL)
    warnings: tuple[WarningDoc, ...] = field(default=(), metadata=OPTIONAL_LIST)
