"""Code Quality: against GitLab's documented fields."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from support.hostile import TEXTS, saying
from support.reports import (
    HOSTILE,
    apply_doc,
    assert_golden,
    audit_doc,
    in_sync_doc,
    many,
    plan_doc,
    take_doc,
    taken_doc,
)

from reconciler.documents.schemas import ApplyDoc, Findings, PlanDoc
from reconciler.report.gitlab import render as code_quality
from reconciler.report.gitlab import section
from reconciler.report.options import RenderOptions
from reconciler.util.sanitize import clean

SCHEMA = json.loads((Path(__file__).parents[1] / "schemas" / "codequality.schema.json").read_text(encoding="utf-8"))
DOCUMENTS: dict[str, Findings | ApplyDoc] = {
    "plan": plan_doc(),
    "audit": audit_doc(),
    "apply": apply_doc(),
    "plan-take": take_doc(),
    "apply-take": taken_doc(),
}


def findings(document: Findings | ApplyDoc) -> list[dict[str, Any]]:
    text = code_quality(document)
    found: list[dict[str, Any]] = json.loads(text)
    Draft202012Validator(SCHEMA).validate(found)
    assert "::" not in text
    return found


def fingerprints(document: Findings | ApplyDoc) -> list[str]:
    return [found["fingerprint"] for found in findings(document)]


def first_at(**where: Any) -> PlanDoc:
    """The plan, its first change at another place."""
    plan = plan_doc()
    first = plan.changes[0]
    source = replace(first.source, **where)
    return replace(plan, changes=(replace(first, source=source), *plan.changes[1:]))


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_whole(kind: str) -> None:
    assert_golden(f"{kind}.codequality.json", code_quality(DOCUMENTS[kind]))


def test_what_is_found_and_how_bad_it_is() -> None:
    assert [(found["check_name"], found["severity"]) for found in findings(audit_doc())] == [
        *[("cover-drift", "major")] * 5,
        ("cover-unknown:asset_not_found", "critical"),
        ("cover-unknown:no_snapshots", "critical"),
    ]
    assert [found["check_name"] for found in findings(apply_doc())] == [
        "cover-not-seen",
        "cover-failed",
        "cover-stale",
        "cover-not-attempted",
        "cover-unknown:asset_not_found",
        "cover-unknown:no_snapshots",
    ]
    assert code_quality(in_sync_doc()) == "[]\n"


@pytest.mark.parametrize("kind", ["plan", "audit", "apply"])
def test_what_may_be_unknown_only_informs(kind: str) -> None:
    document = DOCUMENTS[kind]
    found = json.loads(code_quality(document, RenderOptions(allowed=frozenset({"no_snapshots"}))))
    Draft202012Validator(SCHEMA).validate(found)
    changed = [(one, other) for one, other in zip(findings(document), found, strict=True) if one != other]
    assert [(one["check_name"], other) for one, other in changed] == [
        ("cover-unknown:no_snapshots", one | {"severity": "info"}) for one, _ in changed
    ]
    assert len(changed) == 1


def test_a_section_is_folded_under_its_name() -> None:
    at = "2026-11-22T08:30:00Z"
    assert section("a::b", "text\n", at, name="reconcile_plan") == (
        "\x1b[0Ksection_start:1795336200:reconcile_plan\r\x1b[0Ka: :b\ntext\n"
        "\x1b[0Ksection_end:1795336200:reconcile_plan\r\x1b[0K\n"
    )
    assert ":reconcile\r" in section("a", "", at)


@pytest.mark.parametrize(
    "at", ["", "yesterday", "0001-01-01T00:00:00", "1969-12-31T00:00:00Z", "0001-01-01T00:00:00+14:00", "\x00"]
)
def test_a_section_needs_no_time(at: str) -> None:
    """A saved plan is somebody's file."""
    told = section("a", "b\n", at)
    assert "section_start:0:reconcile\r" in told
    assert "section_end:0:reconcile\r" in told


def test_a_finding_is_known_again() -> None:
    """In the next run, after lines moved, and in an audit."""
    assert fingerprints(plan_doc()) == fingerprints(audit_doc()) == fingerprints(first_at(line=99, file="other.yaml"))
    later = replace(plan_doc(), created_at="2027-01-01T00:00:00Z")
    assert fingerprints(plan_doc()) == fingerprints(saying(later, "another title"))


def test_another_wanted_snapshot_is_another_finding() -> None:
    plan = plan_doc()
    first = plan.changes[0]
    assert first.after.snapshot is not None
    after = replace(first.after, snapshot=replace(first.after.snapshot, index=4))
    changed = replace(plan, changes=(replace(first, after=after), *plan.changes[1:]))
    assert [a == b for a, b in zip(fingerprints(plan), fingerprints(changed), strict=True)] == [False] + [True] * 6


def test_every_finding_is_one_of_its_own() -> None:
    found = fingerprints(many(3000, unknown=3000))
    assert len(set(found)) == len(found) == 6000


@pytest.mark.parametrize(
    ("file", "path"),
    [("./desired/a.yaml", "desired/a.yaml"), ("desired//./a.yaml", "desired/a.yaml"), ("a.yaml",) * 2],
)
def test_paths_are_as_gitlab_wants_them(file: str, path: str) -> None:
    assert findings(first_at(file=file))[0]["location"]["path"] == path


def test_titles_stay_legible() -> None:
    assert clean(HOSTILE) in findings(plan_doc())[4]["description"]


@pytest.mark.parametrize("kind", DOCUMENTS)
@given(text=TEXTS)
def test_no_text_breaks_it(kind: str, text: str) -> None:
    said = findings(saying(DOCUMENTS[kind], f"x{text}"))
    assert [found["check_name"] for found in said] == [found["check_name"] for found in findings(DOCUMENTS[kind])]
