"""What `reconcile adopt` wrote into the desired files, as a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from reconciler.decide.adoption import Adoption, NotAdopted, WhyRefused
from reconciler.documents.schemas import AssetId, Count, CoverDoc, Doc, Head, SourceDoc, is_none
from reconciler.documents.write import Origin, cover_document
from reconciler.model import Desired, NumberKey, Plan, Reason
from reconciler.util.sanitize import hide


class AdoptSummary(Doc):
    """`adopted` into the files, `refused` with a reason; `in_sync` and `ignored` were left alone."""

    adopted: Count
    in_sync: Count
    refused: Count
    ignored: Count


class AdoptedDoc(Doc):
    """An entry with another number: of seconds at the key `offset`, otherwise an index."""

    asset_id: AssetId
    title: str
    source: SourceDoc
    key: Annotated[
        NumberKey,
        Field(description="Where the number stands: the whole entry, or a key of its own."),
    ]
    old: int
    new: Count
    cover: CoverDoc


class RefusedDoc(Doc):
    """An entry that stays as it is: for a reason of its own, or one of those of unknown assets."""

    asset_id: AssetId
    title: str | None = Field(default=None, exclude_if=is_none)
    source: SourceDoc
    reason: WhyRefused | Reason
    message: str


class AdoptDoc(Head):
    """What `reconcile adopt` did."""

    kind: Literal["adopt"] = "adopt"
    summary: AdoptSummary
    adopted: tuple[AdoptedDoc, ...]
    refused: tuple[RefusedDoc, ...]
    diff: Annotated[str, Field(description="Of all files, in unified form; paths as they were given.")]


def adopt_document(
    accepted: Sequence[Adoption],
    refused: Sequence[NotAdopted],
    plan: Plan,
    keys: Mapping[str, NumberKey],
    diff: str,
    origin: Origin,
) -> AdoptDoc:
    """
    Args:
        keys: by asset ID, at which key the number stands that changed.
    """
    return AdoptDoc(
        **origin.head(),
        summary=AdoptSummary(
            adopted=len(accepted), in_sync=plan.in_sync, refused=len(refused), ignored=len(plan.ignored)
        ),
        adopted=tuple(_adopted(item, keys[item.desired.asset_id]) for item in accepted),
        refused=tuple(map(_refused, refused)),
        diff=hide(diff),
    )


def _adopted(item: Adoption, key: NumberKey) -> AdoptedDoc:
    return AdoptedDoc(
        asset_id=item.desired.asset_id,
        title=hide(item.title),
        source=_source(item.desired),
        key=key,
        old=item.old,
        new=item.number,
        cover=cover_document(item.cover),
    )


def _refused(item: NotAdopted) -> RefusedDoc:
    return RefusedDoc(
        asset_id=item.desired.asset_id,
        title=hide(item.title) or None,
        source=_source(item.desired),
        reason=item.reason,
        message=hide(item.message),
    )


def _source(desired: Desired) -> SourceDoc:
    return SourceDoc(file=desired.file, line=desired.line, column=desired.column)
