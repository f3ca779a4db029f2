"""Comments: whole, inert whatever a title holds, and never longer than a code host takes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from support.hostile import FRAGMENTS, TEXTS, saying
from support.reports import (
    HOSTILE,
    apply_doc,
    assert_golden,
    audit_doc,
    in_sync_doc,
    lock_doc,
    many,
    plan_doc,
    rollback_doc,
    take_doc,
    taken_doc,
)

from reconciler.documents.locked import LockDoc
from reconciler.documents.schemas import ApplyDoc, Findings
from reconciler.report import phrases
from reconciler.report.markdown import render as markdown
from reconciler.report.markdown import utf16
from reconciler.report.options import RenderOptions
from reconciler.util.rate import Rate, duration
from reconciler.util.sanitize import clean

URL = "https://ci.example/runs/1/report.html"
DOCUMENTS: dict[str, Findings | ApplyDoc | LockDoc] = {
    "plan": plan_doc(),
    "audit": audit_doc(),
    "apply": apply_doc(),
    "rollback": rollback_doc(),
    "lock": lock_doc(),
    "plan-take": take_doc(),
    "apply-take": taken_doc(),
}


def parts(text: str) -> tuple[list[str], list[str]]:
    """What stands outside of fenced code, and what in it."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    code = [token.content for token in tokens if token.type == "fence"]
    return [f"{token.type} {token.content}" for token in tokens if token.type != "fence"], code


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_whole(kind: str) -> None:
    assert_golden(f"{kind}.md", markdown(DOCUMENTS[kind], RenderOptions(report_url=URL)))


def test_a_bot_finds_its_comment_again() -> None:
    plan, elsewhere = plan_doc(), replace(plan_doc(), project_id="f" * 32)
    documents = [plan, in_sync_doc(), audit_doc(), elsewhere]
    first, later, audit, other = (markdown(document).splitlines()[0] for document in documents)
    assert first == later
    assert len({first, audit, other}) == 3
    assert re.fullmatch(r"<!-- reconcile:plan:[0-9a-f]{8} -->", first)
    assert plan.project_id not in markdown(plan)


@pytest.mark.parametrize("document", [plan_doc(), in_sync_doc()], ids=["work", "none"])
def test_the_summary_line_is_the_one_that_tools_parse(document: Findings) -> None:
    assert next(phrases.summary(document, RenderOptions())) in markdown(document).splitlines()


def test_nothing_to_do_needs_no_sections() -> None:
    text = markdown(in_sync_doc())
    assert "**" not in text
    assert "```" not in text


def test_the_time_it_takes_is_that_of_the_given_rate() -> None:
    hourly = Rate(10, 3600)
    assert f"About {duration(hourly.seconds_for(5))} at 10 covers per hour." in markdown(
        plan_doc(), RenderOptions(rate=hourly)
    )


def test_what_became_different_is_told() -> None:
    told = "\n".join(parts(markdown(saying(audit_doc(), "x")))[1])
    assert "Since x: 1 drifted, 2 resolved, 0 changed, 0 newly unknown." in told
    assert f"{'a' * 32} resolved" in told


def test_a_failure_comes_before_what_went_well() -> None:
    text = markdown(apply_doc())
    assert text.index(": failed") < text.index(": stale") < text.index(": not attempted") < text.index(": applied")


def test_titles_stay_legible() -> None:
    assert clean(HOSTILE) in markdown(plan_doc())


@pytest.mark.parametrize("kind", DOCUMENTS)
@given(text=TEXTS)
def test_what_others_said_stays_in_fenced_code(kind: str, text: str) -> None:
    """Outside, the comment is the same whatever they said; a fence they closed would let the rest out."""
    hostile, plain = (markdown(saying(DOCUMENTS[kind], said), RenderOptions(report_url=URL)) for said in (text, "x"))
    outside, code = parts(hostile)
    assert outside == parts(plain)[0]
    assert len(code) == len(parts(plain)[1])
    assert [token.split(" ", 1)[0] for token in outside].count("html_block") == 1
    assert "::" not in hostile
    assert "##[" not in hostile


@given(text=TEXTS, limit=st.integers(8_000, 30_000), changes=st.integers(0, 40), unknown=st.integers(0, 40))
def test_always_within_the_limit_with_every_fence_closed(text: str, limit: int, changes: int, unknown: int) -> None:
    comment = markdown(saying(many(changes, unknown=unknown), text), limit=limit)
    assert len(comment) <= utf16(comment) <= limit
    outside, _ = parts(f"{comment}\nafter all\n")
    assert outside[-2] == "inline after all"


@pytest.mark.parametrize("document", [many(3000), many(3000, unknown=3000), saying(many(3000), HOSTILE * 9)])
@pytest.mark.parametrize("url", ["", URL], ids=["alone", "linked"])
def test_thousands(document: Findings, url: str) -> None:
    comment = markdown(document, RenderOptions(report_url=url))
    assert 55_000 < utf16(comment) <= 65_536
    code = "\n".join(parts(comment)[1])
    shown = {"change": code.count("\n+ cover: "), "unknown": code.count("no_snapshots: ")}
    left = {
        what: int(count.replace(",", "")) for count, what in re.findall(r"([\d,]+) (\w+)s left out here", comment)
    }
    for what, count in (("change", len(document.changes)), ("unknown", len(document.unknown))):
        assert shown[what] + left.get(what, 0) == count
        assert count == 0 or shown[what] > 30
    assert f"left out here: {'the report linked above' if url else '`--json`'} has all." in comment


def test_thousands_of_outcomes_leave_out_what_went_well_first() -> None:
    done = apply_doc()
    comment = markdown(replace(done, results=done.results * 500))
    assert utf16(comment) <= 65_536
    assert ": failed\n" in comment
    assert ": unchanged\n" not in comment
    assert re.search(r"\n2,\d{3} outcomes left out here", comment)


def test_characters_are_counted_as_code_hosts_count_at_most() -> None:
    assert utf16("a新\U0001f600") == 4


def test_few_unknowns_are_not_crowded_out_by_many_changes() -> None:
    assert "\n".join(parts(markdown(many(3000, unknown=5)))[1]).count("no_snapshots: ") == 5


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (URL, URL),
        ("http://x/a b(c)?d=e&copy;f", "http://x/a%20b%28c%29?d=e&amp;copy;f"),
        (
            "https://x/)[y](javascript:z)<script>\n::error::",
            "https://x/%29%5By%5D%28javascript:z%29%3Cscript%3E%0A:%3Aerror:%3A",
        ),
    ],
)
def test_the_report_is_linked(url: str, target: str) -> None:
    assert f"\n[The report with pictures]({target})\n" in markdown(plan_doc(), RenderOptions(report_url=url))


@pytest.mark.parametrize(
    "url", ["", "javascript:alert(1)", "data:text/html,x", "//x/y", "https:", "http://[", "https://x/" + "y" * 9999]
)
def test_what_is_no_web_address_is_not_linked(url: str) -> None:
    assert markdown(plan_doc(), RenderOptions(report_url=url)) == markdown(plan_doc())


@pytest.mark.parametrize("scheme", ["http://x/", "https://x/"])
@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_a_link_ends_where_the_address_does(scheme: str, fragment: str) -> None:
    outside, _ = parts(markdown(in_sync_doc(), RenderOptions(report_url=scheme + fragment)))
    plain, _ = parts(markdown(in_sync_doc(), RenderOptions(report_url=URL)))
    assert [re.sub(r"\]\(\S+\)$", "](x)", token) for token in outside] == [
        re.sub(r"\]\(\S+\)$", "](x)", token) for token in plain
    ]
