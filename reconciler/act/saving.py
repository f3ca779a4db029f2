"""Saves a cover that is about to be replaced and exists nowhere else."""

from __future__ import annotations

import hashlib

from reconciler.decide.outcome import Failure
from reconciler.decide.precondition import ChangeResult, PlannedChange
from reconciler.model import NoAnswer, Verdict
from reconciler.planning.planner import Planner
from reconciler.state.recorder import RunRecorder


async def save_cover(
    planner: Planner, recorder: RunRecorder, change: PlannedChange, now: Verdict
) -> str | ChangeResult | None:
    """Where a cover that is none of the asset's snapshots is saved now, None where it need not be, or the change's
    result where it cannot be.

    Raises:
        StateError: the state cannot be written.
    """
    shown = now.shown or now.before
    if shown is None or shown.snapshot is not None or not now.cover_url:
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
