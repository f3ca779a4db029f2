"""What show, import and rollback print, whole. After a change that is meant, run with UPDATE_GOLDEN=1."""

from __future__ import annotations

import re
from collections.abc import Callable

import jsonschema
import pytest
from support.reports import (
    CATALOGUE,
    HOSTILE,
    ORIGIN,
    assert_golden,
    asset,
    restoring_plan_doc,
    rollback_doc,
    show_doc,
)

from reconciler.documents.dump import as_json, json_schema
from reconciler.documents.imported import FailedDoc, ImportDoc, ImportSummary, LeftOut
from reconciler.documents.rollback import RollbackDoc
from reconciler.report import text, text_import, text_rollback, text_show
from reconciler.report.options import RenderOptions
from reconciler.util.sanitize import json_text


def import_doc(failed: int = 2) -> ImportDoc:
    """An import of something of everything."""
    pending = "Another cover was applied to it less than five minutes ago and is not visible yet."
    problems = (
        FailedDoc(asset_id=asset(5), title=HOSTILE, reason="api_error", message=f"details: HTTP 403: {HOSTILE}"),
        *(
            FailedDoc(asset_id=asset(number + 16), title="", reason="pending", message=pending)
            for number in range(failed - 1)
        ),
    )
    ignored = tuple(
        LeftOut(asset_id=asset(number), title="", reason="its cover is none of its snapshots") for number in (3, 4)
    )
    return ImportDoc(
        **ORIGIN.head(),
        file=CATALOGUE,
        summary=ImportSummary(imported=7, ignored=len(ignored), failed=failed, managed=3),
        ignored=ignored,
        failed=problems,
    )


def rollback_text(options: RenderOptions) -> str:
    """What is printed before the question, and after the run."""
    document = rollback_doc()
    unknown = {item.asset_id for item in document.unknown}
    left = [item for item in document.not_undone if item.asset_id not in unknown]
    plan = text.render(restoring_plan_doc(), options)
    return plan + text_rollback.render_not_undone(left, options) + text.render(document, options)


RENDERERS: dict[str, Callable[[RenderOptions], str]] = {
    "show": lambda options: text_show.render(show_doc(), options),
    "import": lambda options: text_import.render(import_doc(), options),
    "rollback": rollback_text,
}
every_verb = pytest.mark.parametrize("verb", RENDERERS)


@every_verb
def test_the_text(verb: str) -> None:
    assert_golden(f"{verb}.txt", RENDERERS[verb](RenderOptions()))


def test_the_document_of_a_rollback() -> None:
    document = as_json(rollback_doc())
    assert_golden("rollback.json", json_text(document) + "\n")
    jsonschema.validate(document, json_schema(RollbackDoc), jsonschema.Draft202012Validator)


@every_verb
def test_colour_is_all_that_colour_adds(verb: str) -> None:
    coloured = RENDERERS[verb](RenderOptions(colour=True))
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == RENDERERS[verb](RenderOptions())


@every_verb
def test_hostile_texts_are_inert(verb: str) -> None:
    text = RENDERERS[verb](RenderOptions())
    assert "\x1b" not in text
    assert "::" not in text
    assert "\u202e" not in text


def test_quiet_leaves_the_summary_of_an_import() -> None:
    assert text_import.render(import_doc(), RenderOptions(quiet=True)).splitlines() == [
        "Wrote 9 covers to desired/catalogue.yaml: 7 by snapshot, 2 with ignore: true.",
        "3 assets managed already.",
        "1 asset left out: could not be read.",
        "1 asset left out: applied a moment ago and not visible yet.",
    ]


def test_of_many_that_could_not_be_read_the_first_are_listed() -> None:
    lines = text_import.render(import_doc(failed=25)).splitlines()
    assert sum(line.startswith("  ? ") for line in lines) == 20
    assert "  and 5 more (--json lists all)" in lines
