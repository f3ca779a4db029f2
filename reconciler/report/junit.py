"""JUnit XML as the xUnit plugin of Jenkins reads it: a suite per desired file, a case per asset that is named."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import PurePosixPath
from xml.etree import ElementTree as ET

from reconciler.documents.schemas import ApplyDoc, AuditDoc, Findings
from reconciler.report.facts import Fact, Kind, facts, place
from reconciler.report.lists import grouped
from reconciler.report.options import DEFAULTS, RenderOptions
from reconciler.report.phrases import counted
from reconciler.util.sanitize import clean

_ELEMENTS: dict[Kind, str] = {
    "drift": "failure",
    "stale": "failure",
    "not_seen": "failure",
    "not_attempted": "failure",
    "unknown": "error",
    "failed": "error",
    "pending": "skipped",
    "ignored": "skipped",
}
"""Other kinds have passed."""
_ALLOWED = "skipped"
_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}
# XML 1.0 cannot hold these, and clean() leaves them.
_NOT_XML = re.compile("[\ufffe\uffff]")


def render(document: Findings | ApplyDoc, options: RenderOptions = DEFAULTS) -> str:
    """One case per asset that the document names; unknown for an allowed reason is skipped. Assets in sync are only
    counted: one case in the first suite, whose properties are the counts, has passed for all of them."""
    root = ET.Element("testsuites", name=f"reconcile {document.kind}")
    root.append(_counts(document))
    for file, found in grouped(facts(document, options), lambda fact: fact.source.file).items():
        root.append(_suite(file, sorted(found, key=lambda fact: fact.source.line)))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ET.indent(root)
    # Written here because ElementTree would declare the locale's encoding.
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _counts(document: Findings | ApplyDoc) -> ET.Element:
    suite = ET.Element("testsuite", name="summary")
    properties = ET.SubElement(suite, "properties")
    counts = asdict(document.summary)
    if isinstance(document, AuditDoc):
        counts["unmanaged"] = document.unmanaged.count
    for name, count in counts.items():
        if count is not None:
            ET.SubElement(properties, "property", name=name, value=str(count))
    # Consumers treat a file without any case as a failed run.
    if isinstance(document, Findings) and document.summary.in_sync:
        name = f"{counted(document.summary.in_sync, 'cover')} in sync"
        ET.SubElement(suite, "testcase", classname="summary", name=name, time="0")
    return _totals(suite)


def _suite(file: str, found: list[Fact]) -> ET.Element:
    suite = ET.Element("testsuite", name=_text(file))
    for fact in found:
        case = ET.SubElement(suite, "testcase", classname=_class(file), name=_text(fact.label), time="0")
        if fact.kind in _ELEMENTS:
            kind = f"unknown:{fact.about}" if fact.kind == "unknown" else fact.kind
            element = _ALLOWED if fact.allowed else _ELEMENTS[fact.kind]
            problem = ET.SubElement(case, element, type=kind, message=_text(fact.message))
            problem.text = f"{_text(fact.message)}\n{_text(place(fact.source))}"
    return _totals(suite)


def _totals(suite: ET.Element) -> ET.Element:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for name, element in _COUNTED.items():
        suite.set(name, str(len(suite.findall(f"testcase/{element}"))))
    suite.set("time", "0")
    return suite


def _class(file: str) -> str:
    """As a Java class: consumers show what is before the last full stop as the package."""
    path = PurePosixPath(file)
    return _text(".".join(part for part in (*path.parent.parts, path.stem) if part not in ("/", "..")))


def _text(text: str) -> str:
    return _NOT_XML.sub(lambda match: f"\\u{ord(match.group()):04x}", clean(text))
