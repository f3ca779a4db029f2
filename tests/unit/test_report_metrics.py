"""The metrics of an audit, as Prometheus reads them."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.reports import HOSTILE, ORIGIN, PLAN, assert_golden, audit_doc

from reconciler.documents import write
from reconciler.errors import UsageError
from reconciler.model import Plan, Reason
from reconciler.report.metrics import render as metrics
from reconciler.report.options import RenderOptions, RunFacts

RUN = RenderOptions(
    run=RunFacts(calls={"details": 20, "list": 3, "cover": 0}, duration=12.5, finished=1_795_336_212.25)
)
ABOUT = {"region": "cn-north-4", "project_id": ORIGIN.project_id}


@pytest.fixture(autouse=True)
def _one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "__version__", "1.2.3")


def series(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """What Prometheus would store, read by its own client."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            assert sample.timestamp is None, "node_exporter refuses timestamps"
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def value(text: str, name: str, **labels: str) -> float:
    return series(text)[name, frozenset({**ABOUT, **labels}.items())]


def test_the_file() -> None:
    assert_golden("metrics.prom", metrics(audit_doc(), RUN))


def test_what_an_alert_asks_for() -> None:
    text = metrics(audit_doc(), RUN)
    found = {state: value(text, "reconcile_covers", state=state) for state in ("in_sync", "update", "pending")}
    assert found == {"in_sync": 10, "update": 5, "pending": 1}
    assert value(text, "reconcile_covers", state="unknown") == 2
    assert value(text, "reconcile_covers", state="ignored") == 2
    assert value(text, "reconcile_unmanaged_assets") == 23
    assert value(text, "reconcile_api_calls", call="details") == 20
    assert value(text, "reconcile_duration_seconds") == 12.5
    assert value(text, "reconcile_last_success_timestamp_seconds") == 1_795_336_212.25
    assert value(text, "reconcile_info", version="1.2.3", endpoint=ORIGIN.endpoint) == 1


def test_the_states_of_all_covers_add_up() -> None:
    text = metrics(audit_doc(), RUN)
    states = [number for (name, _), number in series(text).items() if name == "reconcile_covers"]
    assert sum(states) == audit_doc().summary.managed


def test_every_reason_has_a_series_also_at_zero() -> None:
    """One that came and went with its covers would never be seen to rise."""
    text = metrics(audit_doc(), RUN)
    reasons = {reason: value(text, "reconcile_unknown_covers", reason=reason) for reason in get_args(Reason)}
    assert {reason for reason, number in reasons.items() if number} == {"asset_not_found", "no_snapshots"}
    assert sum(reasons.values()) == 2


def test_no_call_is_a_zero_as_well() -> None:
    text = metrics(audit_doc(), RenderOptions(run=RunFacts({"projects": 1}, 0.5, 0)))
    calls = {call: value(text, "reconcile_api_calls", call=call) for call in ("details", "list", "cover", "projects")}
    assert calls == {"details": 0, "list": 0, "cover": 0, "projects": 1}


def test_an_audit_of_nothing() -> None:
    nothing = write.audit_document(Plan(0, 0, (), (), (), ()), ORIGIN, [])
    assert series(metrics(nothing, RUN)).keys() == series(metrics(audit_doc(), RUN)).keys()


def test_two_projects_stand_in_one_folder() -> None:
    other = replace(audit_doc(), project_id="f" * 32)
    assert not series(metrics(audit_doc(), RUN)).keys() & series(metrics(other, RUN)).keys()
    elsewhere = replace(audit_doc(), region=None)
    assert not series(metrics(audit_doc(), RUN)).keys() & series(metrics(elsewhere, RUN)).keys()


def test_labels_cannot_break_out() -> None:
    hostile = 'https://x/"} 1\nreconcile_covers{state="update"} 99\\' + HOSTILE + "?auth_key=1-2-3-secret"
    document = replace(audit_doc(), endpoint=hostile, tool_version=HOSTILE, region=HOSTILE)
    text = metrics(document, RenderOptions(run=RunFacts({HOSTILE: 1}, 0, 0)))
    assert len(series(text)) == len(series(metrics(audit_doc(), RUN))) + 1
    assert "secret" not in text
    assert "::" not in text
    assert not {char for char in text if char != "\n" and not char.isprintable()}
    assert all(line.startswith(("# ", "reconcile_")) for line in text.splitlines())
    assert text.encode().endswith(b"\n")


def test_an_audit_whose_texts_are_hostile_shows_none_of_them() -> None:
    assert PLAN.unknown[1].title == HOSTILE
    assert metrics(audit_doc(), RUN).isascii()


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(UsageError) as raised:
        metrics(audit_doc(), RUN)
    assert "vod-cover-reconciler[report]" in raised.value.hint
