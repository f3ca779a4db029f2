"""Two audits compared: what drifted, was resolved or changed from one to the other."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import asdict
from typing import Any

from reconciler.decide.plan import Difference, fields
from reconciler.documents.schemas import AuditDoc, ChangedDoc, FieldDoc, SinceDoc
from reconciler.errors import PlanFileError

States = dict[str, dict[str, Any]]


def since(file: str, baseline: AuditDoc, now: AuditDoc, managed: Container[str]) -> SinceDoc:
    """What changed since the baseline.

    Args:
        managed: the asset IDs of the desired files.

    Raises:
        PlanFileError: the baseline is about another project, or about other assets.
    """
    there, here = (baseline.endpoint, baseline.project_id), (now.endpoint, now.project_id)
    if there != here:
        raise PlanFileError(
            f"{file}: the baseline is about project {there[1]} at {there[0]}, not about {here[1]} at {here[0]}",
            hint="Keep one baseline for each project.",
        )
    if (sorted(baseline.targets), sorted(baseline.excludes)) != (sorted(now.targets), sorted(now.excludes)):
        raise PlanFileError(
            f"{file}: the baseline was made with another --target or --exclude",
            hint="Keep one baseline for each selection.",
        )
    old, new = _states(baseline), _states(now)
    moved = sorted(asset_id for asset_id in old.keys() | new.keys() if old.get(asset_id) != new.get(asset_id))
    before = {asset_id: old.get(asset_id, {}).get("state", "in_sync") for asset_id in moved}
    after = {asset_id: new.get(asset_id, {}).get("state", "in_sync") for asset_id in moved}
    strangers_then, strangers_now = set(baseline.unmanaged.asset_ids), set(now.unmanaged.asset_ids)
    over = [item for item in moved if before[item] in _TROUBLE and after[item] not in _TROUBLE]
    changed = [item for item in moved if before[item] == after[item]]
    return SinceDoc(
        created_at=baseline.created_at,
        drifted=tuple(item for item in moved if after[item] == "update" != before[item]),
        resolved=tuple(item for item in over if item in managed),
        no_longer_managed=tuple(item for item in over if item not in managed),
        unknown=tuple(item for item in moved if after[item] == "unknown" != before[item]),
        changed=tuple(_changed(item, old[item], new[item]) for item in changed),
        newly_unmanaged=tuple(sorted(strangers_now - strangers_then)),
        no_longer_unmanaged=tuple(sorted(strangers_then - strangers_now)),
    )


_TROUBLE = ("update", "unknown")


def _states(document: AuditDoc) -> States:
    """What matters of each asset that is not in sync. Lines move and messages name requests: both are left out."""
    states: States = {}
    for change in document.changes:
        covers = {"before": asdict(change.before.value()), "after": asdict(change.after.value())}
        states[change.asset_id] = {"state": "update", **covers}
    for unknown in document.unknown:
        states[unknown.asset_id] = {"state": "unknown", "reason": unknown.reason}
    for state, entries in (("pending", document.pending), ("ignored", document.ignored)):
        states.update({entry.asset_id: {"state": state} for entry in entries})
    return states


def _changed(asset_id: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> ChangedDoc:
    return ChangedDoc(asset_id=asset_id, fields=tuple(map(_field, fields(old, new))))


def _field(item: Difference) -> FieldDoc:
    return FieldDoc.model_validate({"field": item.field, "before": item.before, "after": item.after})
