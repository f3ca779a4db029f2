"""Which entries differ in meaning from those of an earlier state of the desired files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model import Desired, DesiredState


@dataclass(frozen=True, slots=True)
class Changed:
    """What is different from an earlier state.

    Attributes:
        covers: the entries that are new or mean something else, or whose lock line is another.
        removed: IDs of earlier entries that are there no more, in their order.
        left_out: how many entries mean the same as before, without the ignored ones.
    """

    covers: tuple[Desired, ...]
    removed: tuple[str, ...]
    left_out: int


def compare(earlier: DesiredState, now: DesiredState) -> Changed:
    """Notes, order, files and spelling do not matter. Another region or project changes everything."""
    present = {desired.asset_id for desired in now.covers}
    removed = tuple(desired.asset_id for desired in earlier.covers if desired.asset_id not in present)
    if (earlier.region, earlier.project_id) != (now.region, now.project_id):
        return Changed(now.covers, removed, 0)
    before: Mapping[str, object] = {desired.asset_id: _meaning(earlier, desired) for desired in earlier.covers}
    covers = tuple(one for one in now.covers if before.get(one.asset_id) != _meaning(now, one))
    looked_at = {desired.asset_id for desired in covers}
    left_out = sum(not one.ignore and one.asset_id not in looked_at for one in now.covers)
    return Changed(covers, removed, left_out)


def _meaning(state: DesiredState, desired: Desired) -> object:
    if desired.ignore:
        return "ignored"
    return desired.set, desired.index, desired.offset, state.locked(desired)
