"""Documents say what was found, and fit the schema that we publish."""

from __future__ import annotations

import json

import jsonschema
import pytest
from support.fakes import ASSET, OTHER, PROJECT, snapshot_url
from support.samples import AFTER, BEFORE, FOURTH, ORIGIN, SAVED, THIRD, a_plan

from reconciler.decide.outcome import Failure, Outcome
from reconciler.documents.dump import as_json, json_schema
from reconciler.documents.schemas import ApplyDoc, AuditDoc, PlanDoc
from reconciler.documents.write import Origin, apply_document, audit_document, plan_document
from reconciler.model import Cover, Plan, Source


def test_a_plan_says_what_the_contract_says() -> None:
    assert list(SAVED) == [
        "format_version",
        "kind",
        "tool_version",
        "created_at",
        "endpoint",
        "region",
        "project_id",
        "summary",
        "changes",
        "pending",
        "unknown",
        "ignored",
        "digest",
    ]
    assert (SAVED["format_version"], SAVED["kind"], SAVED["created_at"]) == ("1.2", "plan", "2026-03-01T12:00:00Z")
    assert SAVED["summary"] == {"managed": 7, "in_sync": 2, "update": 2, "pending": 1, "unknown": 1, "ignored": 1}
    assert SAVED["changes"][0] == {
        "asset_id": ASSET,
        "title": "A title",
        "action": "update",
        "source": {"file": "desired/a.yaml", "line": 1, "column": 3},
        "note": "opening title",
        "before": {
            "cover_url": "https://x/cover/Cover0.jpg",
            "snapshot": None,
            "content": {"sha256": "a" * 64, "length": 1234},
        },
        "after": {
            "cover_url": snapshot_url(offset=5),
            "snapshot": {"set": "sample", "index": 1, "offset": 5},
            "content": {"sha256": "b" * 64, "length": 999},
        },
    }
    assert "note" not in SAVED["changes"][1]
    assert SAVED["pending"] == [{"asset_id": FOURTH, "source": {"file": "desired/a.yaml", "line": 5, "column": 3}}]
    assert SAVED["unknown"][0] | {"source": None} == {
        "asset_id": THIRD,
        "title": "T",
        "source": None,
        "reason": "no_snapshots",
        "message": "It has none.",
    }


OUTCOMES = (
    Outcome(ASSET, "applied", Source("a.yaml", 1, 3), BEFORE, AFTER, title="A title", verified=True),
    Outcome(
        OTHER,
        "failed",
        Source("a.yaml", 2, 3),
        Cover(),
        AFTER,
        error=Failure("api", "cover: HTTP 403", 403, "req-1", code="VOD.10074"),
    ),
    Outcome(THIRD, "not_attempted", Source("a.yaml", 3, 3), Cover(), AFTER),
)


def test_an_apply_counts_and_keeps_the_plans_order() -> None:
    document = as_json(apply_document(OUTCOMES, (), ORIGIN))

    assert document["summary"] == {
        "applied": 1,
        "failed": 1,
        "stale": 0,
        "unchanged": 0,
        "not_attempted": 1,
        "unknown": 0,
    }
    assert [result["asset_id"] for result in document["results"]] == [ASSET, OTHER, THIRD]
    assert [result["verified"] for result in document["results"]] == [True, None, None]
    assert document["results"][1]["error"] == {
        "type": "api",
        "code": "VOD.10074",
        "message": "cover: HTTP 403",
        "status": 403,
        "request_id": "req-1",
    }
    assert "error" not in document["results"][0]


def test_an_audit_is_a_plan_with_what_no_file_manages() -> None:
    document = as_json(audit_document(a_plan(), ORIGIN, [FOURTH]))

    assert document["kind"] == "audit"
    assert document["unmanaged"] == {"count": 1, "asset_ids": [FOURTH]}
    assert document["changes"] == SAVED["changes"]


@pytest.mark.parametrize(
    ("shape", "document"),
    [
        (PlanDoc, plan_document(a_plan(), ORIGIN)),
        (PlanDoc, plan_document(Plan(0, 0, (), (), (), ()), Origin("emulator", None, PROJECT, ORIGIN.created_at))),
        (AuditDoc, audit_document(a_plan(), ORIGIN, [FOURTH])),
        (ApplyDoc, apply_document(OUTCOMES, (), ORIGIN)),
    ],
    ids=["plan", "an empty plan", "audit", "apply"],
)
def test_documents_fit_the_schema_that_we_publish(shape: type[object], document: object) -> None:
    schema = json_schema(shape)
    jsonschema.Draft202012Validator.check_schema(schema)

    jsonschema.validate(json.loads(json.dumps(as_json(document))), schema, jsonschema.Draft202012Validator)
