"""JUnit XML: against the dialect that Jenkins' xUnit plugin takes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import given
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

from reconciler.documents.schemas import ApplyDoc, Findings
from reconciler.model import Source
from reconciler.report.junit import render as junit
from reconciler.report.options import RenderOptions
from reconciler.util.sanitize import clean

DOCUMENTS: dict[str, Findings | ApplyDoc] = {
    "plan": plan_doc(),
    "audit": audit_doc(),
    "apply": apply_doc(),
    "plan-take": take_doc(),
    "apply-take": taken_doc(),
}
Results = dict[str, tuple[str, str]]


@cache
def schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(Path(__file__).parents[1] / "schemas" / "junit.xsd")


def parsed(document: Findings | ApplyDoc, *, allowed: frozenset[str] = frozenset()) -> ET.Element:
    """Valid, with counts that are right."""
    text = junit(document, RenderOptions(allowed=allowed))
    assert "::" not in text
    root = ET.fromstring(text.encode())
    schema().validate(root)
    for element, inside in [(root, "testsuite/testcase"), *((suite, "testcase") for suite in root)]:
        counts = {"tests": inside, "failures": f"{inside}/failure", "errors": f"{inside}/error"}
        if element is not root:
            counts["skipped"] = f"{inside}/skipped"
        assert {name: element.get(name) for name in counts} == {
            name: str(len(element.findall(path))) for name, path in counts.items()
        }
    return root


def cases(root: ET.Element) -> list[ET.Element]:
    """Those of assets: all but the first suite's."""
    return [case for suite in root[1:] for case in suite.iter("testcase")]


def results(document: Findings | ApplyDoc, *, allowed: frozenset[str] = frozenset()) -> Results:
    """By the first digit of the asset's ID: what became of it, and of which type that is."""
    found: Results = {}
    for case in cases(parsed(document, allowed=allowed)):
        told = next(iter(case), None)
        found[case.get("name", "")[0]] = ("passed", "") if told is None else (told.tag, told.get("type", ""))
    return found


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_whole(kind: str) -> None:
    assert_golden(f"{kind}.junit.xml", junit(DOCUMENTS[kind]))


def test_a_plan_has_a_case_for_each_asset_it_names() -> None:
    assert results(plan_doc()) == {
        **dict.fromkeys("12345", ("failure", "drift")),
        "6": ("error", "unknown:asset_not_found"),
        "7": ("error", "unknown:no_snapshots"),
        "8": ("skipped", "pending"),
        **dict.fromkeys("9a", ("skipped", "ignored")),
    }


def test_an_apply_passes_where_the_cover_is_as_wanted() -> None:
    assert results(apply_doc()) == {
        "1": ("passed", ""),
        "2": ("failure", "not_seen"),
        "3": ("passed", ""),
        "4": ("error", "failed"),
        "5": ("failure", "stale"),
        "b": ("failure", "not_attempted"),
        "6": ("error", "unknown:asset_not_found"),
        "7": ("error", "unknown:no_snapshots"),
    }


def test_a_suite_for_each_file_in_order_of_its_lines() -> None:
    suites = parsed(plan_doc()).findall("testsuite")[1:]
    assert [suite.get("name") for suite in suites] == ["desired/campaigns/春季 spring.yaml", "desired/catalogue.yaml"]
    assert [[case.get("name", "")[0] for case in suite] for suite in suites] == [list("127"), list("345689a")]
    assert {case.get("classname") for case in suites[0]} == {"desired.campaigns.春季 spring"}


@pytest.mark.parametrize(
    ("file", "name"),
    [("./a.b/c.yaml", "a.b.c"), ("/etc/x.yml", "etc.x"), ("../x", "x"), ("", ""), (".hidden", ".hidden")],
)
def test_classes_are_named_after_files(file: str, name: str) -> None:
    plan = plan_doc()
    source = Source(file=file, line=1, column=1)
    changes = (replace(plan.changes[0], source=source),)
    case = cases(parsed(replace(plan, changes=changes)))[0]
    assert case.get("classname") == name


@pytest.mark.parametrize("kind", ["plan", "audit", "apply"])
def test_what_may_be_unknown_is_skipped(kind: str) -> None:
    document = DOCUMENTS[kind]
    found = results(document, allowed=frozenset({"no_snapshots"}))
    assert found == results(document) | {"7": ("skipped", "unknown:no_snapshots")}


@pytest.mark.parametrize(("in_sync", "name"), [(1, "1 cover in sync"), (2345, "2,345 covers in sync"), (0, None)])
def test_a_catalogue_in_sync_passes(in_sync: int, name: str | None) -> None:
    """CI servers may fail a job whose report holds no test; no cover at all is no success."""
    document = in_sync_doc()
    summary = replace(document.summary, managed=in_sync, in_sync=in_sync)
    root = parsed(replace(document, summary=summary))
    assert [(case.get("name"), len(case)) for case in root.iter("testcase")] == ([(name, 0)] if name else [])


def test_assets_in_sync_are_counted() -> None:
    """Documents don't name them, so one case stands for all of them."""
    (suite,) = parsed(in_sync_doc()).findall("testsuite")
    counts = {item.get("name"): item.get("value") for item in suite.iter("property")}
    assert counts["in_sync"] == counts["managed"] == "12"
    assert suite.get("tests") == "1"


def test_titles_stay_legible() -> None:
    assert f'"{clean(HOSTILE)}"' in next(
        case.get("name", "") for case in cases(parsed(plan_doc())) if case.get("name", "").startswith("5")
    )


@pytest.mark.parametrize("kind", DOCUMENTS)
@given(text=TEXTS)
def test_no_text_breaks_it(kind: str, text: str) -> None:
    assert results(saying(DOCUMENTS[kind], text)) == results(DOCUMENTS[kind])


def test_thousands() -> None:
    root = parsed(many(3000, unknown=3000))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("6000", "3000", "3000")
