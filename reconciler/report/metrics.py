"""An audit as metrics, for the textfile collector of Prometheus' node_exporter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import get_args

from reconciler.documents.schemas import AuditDoc
from reconciler.errors import not_installed
from reconciler.model import Reason
from reconciler.report.options import RenderOptions, RunFacts
from reconciler.util.sanitize import clean, hide

_Sample = tuple[dict[str, str], float]


def render(document: AuditDoc, options: RenderOptions) -> str:
    """The audit in the text format of Prometheus. Only for an audit that completed.

    Raises:
        UsageError: prometheus_client, of the extra `report`, is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry, Gauge, generate_latest
    except ModuleNotFoundError as error:
        raise not_installed(error, "The Prometheus client", "report") from error
    # On every series, because node_exporter refuses a series that is in two files of its folder.
    about = {"region": _label(document.region or ""), "project_id": _label(document.project_id)}
    registry = CollectorRegistry()
    for name, meaning, samples in _gauges(document, options.run):
        gauge = Gauge(name, meaning, [*about, *samples[0][0]], registry=registry)
        for labels, value in samples:
            gauge.labels(**about, **labels).set(value)
    return generate_latest(registry).decode()


def _gauges(document: AuditDoc, run: RunFacts) -> Iterator[tuple[str, str, list[_Sample]]]:
    """Name, meaning and samples of each. All values of a label are always present, so that none is stale at zero."""
    states = asdict(document.summary)
    del states["managed"], states["take"]  # the sum of the others; an audit takes none
    reasons = dict.fromkeys(get_args(Reason), 0)
    for item in document.unknown:
        reasons[item.reason] += 1
    calls = {
        "details": 0,
        "info": 0,
        "list": 0,
        "cover": 0,
        **{_label(call): count for call, count in run.calls.items()},
    }
    info = {"version": _label(document.tool_version), "endpoint": _label(document.endpoint)}
    yield "reconcile_covers", "Covers that the desired files name, by what the audit found.", _by("state", states)
    yield "reconcile_unknown_covers", "Covers that could not be decided, by reason.", _by("reason", reasons)
    yield "reconcile_unmanaged_assets", "Assets that no desired file names.", [({}, document.unmanaged.count)]
    yield "reconcile_api_calls", "Requests that the last audit sent to the API, by operation.", _by("call", calls)
    yield "reconcile_duration_seconds", "How long the last audit took.", [({}, run.duration)]
    yield (
        "reconcile_last_success_timestamp_seconds",
        "When the last audit came to its end, in seconds since 1970.",
        [({}, run.finished)],
    )
    yield "reconcile_info", "What audited what; always 1.", [(info, 1)]


def _by(label: str, counts: Mapping[str, int]) -> list[_Sample]:
    return [({label: value}, count) for value, count in counts.items()]


def _label(value: str) -> str:
    return hide(clean(value))
