"""What is kept of a cover that is about to be replaced: a record, and the picture if it exists nowhere else."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from reconciler.decide.outcome import Failure
from reconciler.decide.precondition import ChangeResult, PlannedChange
from reconciler.model import Cover, NoAnswer, Verdict
from reconciler.planning.planner import Planner
from reconciler.state.recorder import RunRecorder


async def save_cover(
    planner: Planner, recorder: RunRecorder, change: PlannedChange, now: Verdict
) -> str | ChangeResult | None:
    """Where a cover that is none of the asset's snapshots is saved now, None where it need not be, or the change's
    result where it cannot be. A snapshot task may take the dots again, or remove them, so none of them counts then.

    Raises:
        StateError: the state cannot be written.
    """
    shown = now.shown or now.before
    if shown is None or not now.cover_url:
        return None
    if shown.snapshot is not None and (change.take is None or shown.snapshot.set != "dots"):
        return None
    data = await planner.pictures.data(now.cover_url)
    if isinstance(data, NoAnswer):
        if change.before.content is not None:
            message = f"{data.message} It could be read for the plan, so it is not replaced unsaved. Plan again."
            return ChangeResult("failed", Failure(data.reason, message))
        optional = planner.replace_unreadable or planner.compare == "url"
        return None if optional else ChangeResult("failed", Failure(data.reason, data.message))
    content = shown.content
    if content is not None and hashlib.sha256(data).hexdigest() != content.sha256:
        return ChangeResult("stale", Failure("stale", "The cover changed while it was being saved. Plan again."))
    return str(await recorder.save(change.desired.asset_id, data))


async def replaced_cover(planner: Planner, change: PlannedChange, now: Verdict) -> tuple[Cover, str | None]:
    """For the journal: the cover that is replaced, and the SHA-256 of the snapshot that it is, where it is known.

    The cover is as it was just read: since it was planned its snapshot may have been taken again, so that it is none
    of them now. `--compare url` may know only by its URL which snapshot it is; then its bytes are read.
    """
    read, planned = now.before, change.before
    by_url = planner.compare == "url" and planned.content is None and planned.snapshot is not None
    if read is not None and read.content is not None:
        before = read
    elif not by_url or now.shown:
        before = planned
    else:
        content = await planner.pictures.content(now.cover_url)
        before = planned if isinstance(content, NoAnswer) else replace(planned, content=content)
    return before, _snapshot_sha256(planner, change, now, before)


def _snapshot_sha256(planner: Planner, change: PlannedChange, now: Verdict, before: Cover) -> str | None:
    """Of the snapshot that the cover is: it has the cover's bytes, or the cover is known to be made of it."""
    shown = now.before
    if shown is None or shown.snapshot is None or before.content is None:
        return None
    content = shown.content or before.content
    remembered = planner.memory.of(change.desired.asset_id)
    made_from = (item.snapshot_sha256 for item in remembered if item.cover_sha256 == content.sha256)
    return next(made_from, content.sha256)
