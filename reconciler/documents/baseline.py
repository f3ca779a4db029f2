"""Two audits compared: what drifted, was resolved or changed from one to the other."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import asdict
from typing import Any, cast

from pydantic import JsonValue

from reconciler.decide.plan import fields
from reconciler.documents.schemas import AuditDoc, ChangedDoc, FieldDoc, SinceDoc
from reconciler.errors import PlanFileError

States = dict[str, dict[str, Any]]
_IN_SYNC = {"state": "in_sync"}
_TROUBLE = ("update", "unknown")


def since(file: str, baseline: AuditDoc, now: AuditDoc, managed: Container[str]) -> SinceDoc:
    """What changed since the baseline.

    Args:
        managed: the asset IDs of the desired files.

    Raises:
        PlanFileError: the baseline is about another project, or about other assets.
    """
    _check_comparable(file, baseline, now)
    old, new = _states(baseline), _states(now)
    differing = _differing(old, new)
    before = {asset_id: old.get(asset_id, _IN_SYNC)["state"] for asset_id in differing}
    after = {asset_id: new.get(asset_id, _IN_SYNC)["state"] for asset_id in differing}
    over = [item for item in differing if before[item] in _TROUBLE and after[item] not in _TROUBLE]
    unmanaged_then, unmanaged_now = set(baseline.unmanaged.asset_ids), set(now.unmanaged.asset_ids)
    return SinceDoc(
        created_at=baseline.created_at,
        drifted=tuple(item for item in differing if after[item] == "update" != before[item]),
        resolved=tuple(item for item in over if item in managed),
        no_longer_managed=tuple(item for item in over if item not in managed),
        unknown=tuple(item for item in differing if after[item] == "unknown" != before[item]),
        changed=tuple(
            ChangedDoc(asset_id=item, fields=tuple(details))
            for item, details in differing.items()
            if before[item] == after[item]
        ),
        newly_unmanaged=tuple(sorted(unmanaged_now - unmanaged_then)),
        no_longer_unmanaged=tuple(sorted(unmanaged_then - unmanaged_now)),
    )


def _check_comparable(file: str, baseline: AuditDoc, now: AuditDoc) -> None:
    there, here = (baseline.endpoint, baseline.project_id), (now.endpoint, now.project_id)
    if there != here:
        raise PlanFileError(
            f"{file}: the baseline is about project {there[1]} at {there[0]}, not about {here[1]} at {here[0]}",
            hint="Keep one baseline for each project.",
        )
    if baseline.changed_since is not None:
        raise PlanFileError(
            f"{file}: the baseline was made with --changed-since, so it does not tell about all entries",
            hint="Make the baseline without it.",
        )
    if (sorted(baseline.targets), sorted(baseline.excludes)) != (sorted(now.targets), sorted(now.excludes)):
        raise PlanFileError(
            f"{file}: the baseline was made with another --target or --exclude",
            hint="Keep one baseline for each selection.",
        )


def _states(document: AuditDoc) -> States:
    """What matters of each asset that is not in sync. Lines move and messages name requests: both are left out."""
    states: States = {}
    for change in document.changes:
        covers = {"before": asdict(change.before), "after": asdict(change.after)}
        states[change.asset_id] = {"state": "update", **covers}
    for unknown in document.unknown:
        states[unknown.asset_id] = {"state": "unknown", "reason": unknown.reason}
    for state, entries in (("pending", document.pending), ("ignored", document.ignored)):
        states.update({entry.asset_id: {"state": state} for entry in entries})
    return states


def _differing(old: States, new: States) -> dict[str, list[FieldDoc]]:
    """The assets that differ, in order, each with the fields that do: with one of the name "" for an asset that is
    only in one of the two."""
    if old == new:
        return {}
    found: dict[str, list[FieldDoc]] = {}
    for item in fields(_without(old, new), _without(new, old)):
        asset_id, _, name = item.field.partition(".")
        values = cast(JsonValue, item.before), cast(JsonValue, item.after)
        found.setdefault(asset_id, []).append(FieldDoc(field=name, before=values[0], after=values[1]))
    return found


def _without(states: States, others: Mapping[str, Any]) -> States:
    """The states that are not the same in both."""
    return {asset_id: state for asset_id, state in states.items() if state != others.get(asset_id)}
