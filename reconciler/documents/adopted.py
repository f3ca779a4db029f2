"""What `reconcile adopt` wrote into the desired files, as a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from reconciler.decide.adoption import Adoption, NotAdopted, WhyRefused
from reconciler.documents.schemas import Head, NotDoneDoc
from reconciler.documents.write import Origin, not_done
from reconciler.model import Cover, NumberKey, Plan, Reason, Source
from reconciler.util.field_types import AssetId, Count, Foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptSummary:
    """`adopted` into the files, `refused` with a reason; `in_sync` and `ignored` entries were not touched."""

    adopted: Count
    in_sync: Count
    refused: Count
    ignored: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedDoc:
    """An entry with its new number: seconds at the key `offset`, otherwise an index."""

    asset_id: AssetId
    title: Foreign
    source: Source
    key: Annotated[NumberKey, Field(description="The key that holds the number; index: it is the whole entry.")]
    old: int
    new: Count
    cover: Cover


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedDoc(NotDoneDoc):
    """An entry that is not changed: for a reason that only adopt has, or one of those of unknown assets."""

    reason: WhyRefused | Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptDoc(Head):
    """The output of `reconcile adopt`."""

    kind: Literal["adopt"] = "adopt"
    summary: AdoptSummary
    adopted: tuple[AdoptedDoc, ...]
    refused: tuple[RefusedDoc, ...]
    diff: Annotated[Foreign, Field(description="Of all files, in unified format; paths as they were given.")]


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
        keys: the key that holds the changed number, by asset ID.
    """
    return AdoptDoc(
        **origin.head(),
        summary=AdoptSummary(
            adopted=len(accepted), in_sync=plan.in_sync, refused=len(refused), ignored=len(plan.ignored)
        ),
        adopted=tuple(
            AdoptedDoc(
                asset_id=item.desired.asset_id,
                title=item.title,
                source=item.desired.source,
                key=keys[item.desired.asset_id],
                old=item.old,
                new=item.number,
                cover=item.cover,
            )
            for item in accepted
        ),
        refused=tuple(not_done(RefusedDoc, item) for item in refused),
        diff=diff,
    )
