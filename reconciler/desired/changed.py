"""Which entries differ in meaning from those of an earlier state of the desired files."""

from __future__ import annotations

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
    before = {desired.asset_id: desired for desired in earlier.covers}
    covers = tuple(one for one in now.covers if not _same(earlier, before.get(one.asset_id), now, one))
    looked_at = {desired.asset_id for desired in covers}
    left_out = sum(not one.ignore and one.asset_id not in looked_at for one in now.covers)
    return Changed(covers, removed, left_out)


def _same(earlier: DesiredState, old: Desired | None, now: DesiredState, new: Desired) -> bool:
    if old is None or old.ignore or new.ignore:
        return old is not None and old.ignore and new.ignore
    if (old.set, old.index, old.offset) != (new.set, new.index, new.offset):
        return False
    # To parse all lines takes as long as to load all files.
    text = now.lock_text(new)
    return (text is not None and text == earlier.lock_text(old)) or earlier.locked(old) == now.locked(new)
