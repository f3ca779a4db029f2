"""What `reconcile adopt` wrote into the desired files, as a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from reconciler.decide.adoption import Adoption, NotAdopted
from reconciler.documents.schemas import Head
from reconciler.documents.write import Origin
from reconciler.model import NumberKey, Plan
from reconciler.util.field_types import Count, Foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptSummary:
    """`adopted` into the files, `refused` with a reason; `in_sync` and `ignored` entries were not touched."""

    adopted: Count
    in_sync: Count
    refused: Count
    ignored: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptDoc(Head):
    """The output of `reconcile adopt`."""

    kind: Literal["adopt"] = "adopt"
    summary: AdoptSummary
    adopted: tuple[Adoption, ...]
    refused: tuple[NotAdopted, ...]
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
        adopted=tuple(replace(item, key=keys[item.asset_id]) for item in accepted),
        refused=tuple(refused),
        diff=diff,
    )
