"""What show, import and rollback print, whole. After a change that is meant, run with UPDATE_GOLDEN=1."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from support.reports import (
    CATALOGUE,
    HOSTILE,
    ORIGIN,
    apply_doc,
    assert_golden,
    asset,
    show_doc,
)

from reconciler.documents.imported import FailedDoc, ImportDoc, ImportSummary, LeftOut
from reconciler.documents.rollback import NotUndoneDoc, RollbackDoc, rollback_document
from reconciler.model import Source
from reconciler.report import text_import, text_rollback, text_show
from reconciler.report.options import RenderOptions

JOURNAL = "state/journal.jsonl"


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


def rollback_doc() -> RollbackDoc:
    left = [
        NotUndoneDoc(
            asset_id=asset(1),
            title="Opening keynote",
            source=Source(file=JOURNAL, line=2, column=1),
            reason="changed_since",
            message="Its cover was changed after the run. It was not touched.",
        ),
        NotUndoneDoc(
            asset_id=asset(5),
            title=HOSTILE,
            source=Source(file=JOURNAL, line=7, column=1),
            reason="not_a_snapshot",
            message=f"The cover before was none of its snapshots. It is saved in {HOSTILE}.",
        ),
    ]
    return rollback_document(apply_doc(), "20261122T083000Z-a1b2c3", left)


def rollback_text(options: RenderOptions) -> str:
    """What is printed before the question, and after the run."""
    document = rollback_doc()
    return text_rollback.render_not_undone(document.not_undone, options) + text_rollback.render(document, options)


RENDERERS: dict[str, Callable[[RenderOptions], str]] = {
    "show": lambda options: text_show.render(show_doc(), options),
    "import": lambda options: text_import.render(import_doc(), options),
    "rollback": rollback_text,
}
every_verb = pytest.mark.parametrize("verb", RENDERERS)


@every_verb
def test_the_text(verb: str) -> None:
    assert_golden(f"{verb}.txt", RENDERERS[verb](RenderOptions()))


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
