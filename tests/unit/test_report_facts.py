"""What pipelines are told of an asset: enough to act on, and nothing twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.reports import apply_doc, plan_doc

from reconciler.model import Reason
from reconciler.report.facts import facts
from reconciler.report.options import RenderOptions


def told(reason: Reason, message: str) -> str:
    plan = plan_doc()
    item = replace(plan.unknown[0], reason=reason, message=message)
    changed = replace(plan, unknown=(item,))
    (fact,) = (fact for fact in facts(changed, RenderOptions()) if fact.kind == "unknown")
    return fact.message


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("api_error", "details: HTTP 403 VOD.10074: forbidden"),
        ("asset_not_found", "details: HTTP 400 VOD.10062: no such asset."),
        ("no_snapshots", "It has no snapshots. Take some in the console, or set `ignore: true`."),
        ("no_snapshots", "It has no sample snapshots, only dot: set `from`, or take them."),
        ("snapshots_in_progress", "Its snapshots are being taken. Run again when that is done."),
        (
            "content_unavailable",
            "The picture can't be read: HTTP 404. `--replace-unreadable` replaces the cover all the same.",
        ),
    ],
)
def test_no_advice_is_added_to_advice(reason: Reason, message: str) -> None:
    assert told(reason, message) == message


def test_where_the_message_gives_none_advice_is_added() -> None:
    message = "sample[7] is wanted, but there are 3: 0 to 2."
    assert told("snapshot_out_of_range", message) == f"{message} Choose another; `reconcile show ID` lists them."


def test_what_may_be_unknown_is_marked() -> None:
    options = RenderOptions(allowed=frozenset({"no_snapshots"}))
    for document in (plan_doc(), apply_doc()):
        marked = [fact.about for fact in facts(document, options) if fact.allowed]
        assert marked == ["no_snapshots"]
        assert not any(fact.allowed for fact in facts(document, RenderOptions()))
