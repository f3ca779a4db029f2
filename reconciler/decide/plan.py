"""The plan: verdicts in order and counted, what differs field by field, the safety limit, the time it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from reconciler.errors import SafetyLimitError
from reconciler.model import Cover, Evidence, Plan, Verdict

SAFETY_MINIMUM = 10


class PlanBuilder:
    """Takes verdicts in any order, keeps those that are reported one by one, and counts the others."""

    def __init__(self) -> None:
        self._kept: list[tuple[int, Verdict]] = []
        self._in_sync = 0
        self._evidence: dict[Evidence, int] = {"lock": 0, "url": 0, "content": 0, "details": 0}

    def add(self, position: int, verdict: Verdict) -> None:
        if verdict.state != "ignored":
            self._evidence[verdict.evidence] += 1
        if verdict.state == "in_sync":
            self._in_sync += 1
        else:
            self._kept.append((position, verdict))

    def build(self) -> Plan:
        self._kept.sort(key=lambda item: item[0])
        groups: dict[str, list[Verdict]] = {"update": [], "pending": [], "unknown": [], "ignored": []}
        for _, verdict in self._kept:
            groups[verdict.state].append(verdict)
        return Plan(
            managed=self._in_sync + len(self._kept),
            in_sync=self._in_sync,
            changes=tuple(groups["update"]),
            pending=tuple(groups["pending"]),
            unknown=tuple(groups["unknown"]),
            ignored=tuple(groups["ignored"]),
            evidence=self._evidence,
        )


def check_safety(updates: int, in_sync: int, percent: float) -> None:
    """Refuses a plan that changes a suspiciously large share of the assets; a few assets are never suspicious.

    Raises:
        SafetyLimitError: more than `percent` of at least SAFETY_MINIMUM assets would change.
    """
    total = updates + in_sync
    if total < SAFETY_MINIMUM or updates * 100 <= percent * total:
        return
    share = updates * 100 / total
    raise SafetyLimitError(
        f"Too many updates, {share:.2f}% is over {percent:.2f}% ({updates}/{total}), force required",
        hint="Nothing was changed. A first apply needs --force once; --max-update-percent sets the limit; otherwise "
        "check the desired files, the region and the project ID.",
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs: its name ("snapshot.index"), and both values (None where there is none)."""

    field: str
    before: object
    after: object


def differences(before: Cover, after: Cover) -> tuple[Difference, ...]:
    """What differs between two covers, field by field, in order of name."""
    return fields(asdict(before), asdict(after))


def fields(before: Mapping[str, object], after: Mapping[str, object]) -> tuple[Difference, ...]:
    """What differs between two nested values, field by field, in order of name."""
    from deepdiff import DeepDiff  # slow to import, and only needed where something differs
    from deepdiff.helper import notpresent

    def value(side: object) -> object:
        return None if side is notpresent else side

    leaves = (leaf for group in DeepDiff(before, after, view="tree").values() for leaf in group)
    found = [
        Difference(".".join(map(str, leaf.path(output_format="list"))), value(leaf.t1), value(leaf.t2))
        for leaf in leaves
    ]
    return tuple(sorted(found, key=lambda item: item.field))
