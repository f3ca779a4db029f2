"""What GitHub Actions is told: commands that are ours, and only those."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hostile import FRAGMENTS, TEXTS, saying
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
from reconciler.report import github, text
from reconciler.report.github import grouped, step_summary
from reconciler.report.markdown import render as markdown
from reconciler.report.options import RenderOptions
from reconciler.util.sanitize import clean

DOCUMENTS: dict[str, Findings | ApplyDoc] = {
    "plan": plan_doc(),
    "audit": audit_doc(),
    "apply": apply_doc(),
    "plan-take": take_doc(),
    "apply-take": taken_doc(),
}
COMMAND = re.compile(r"::(?P<command>warning|error|notice) (?P<properties>[^:]+)::(?P<message>.*)")
MIB = 1024 * 1024


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Read as the runner does: a command a line, properties between commas, escapes last."""
    found = []
    for line in text.split("\n")[:-1]:
        match = COMMAND.fullmatch(line)
        assert match, line
        pairs = (pair.split("=", 1) for pair in match["properties"].split(","))
        found.append((match["command"], {key: unescape(value) for key, value in pairs}, unescape(match["message"])))
    return found


def unescape(value: str) -> str:
    for escape, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        value = value.replace(escape, char)
    return value


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_whole(kind: str) -> None:
    assert_golden(f"{kind}.github.txt", github.render(DOCUMENTS[kind]))


def test_drift_warns_and_what_is_unknown_or_failed_is_an_error() -> None:
    assert [command for command, _, _ in commands(github.render(plan_doc()))] == ["warning"] * 5 + ["error"] * 2
    assert [properties["title"] for _, properties, _ in commands(github.render(apply_doc()))] == [
        "Cover not seen",
        "Cover failed",
        "Cover stale",
        "Cover unknown: asset_not_found",
        "Cover unknown: no_snapshots",
        "Cover not attempted",
    ]


def test_nothing_to_say() -> None:
    assert github.render(in_sync_doc()) == ""


def test_places_and_percent_signs_arrive() -> None:
    document = saying(plan_doc(), "50%0A, a:b")
    _, properties, message = commands(github.render(document))[0]
    assert properties == {"file": "50%0A, a:b", "line": "11", "col": "3", "title": "Cover drift"}
    assert '"50%0A, a:b"' in message


@pytest.mark.parametrize("kind", DOCUMENTS)
@given(text=TEXTS)
def test_no_text_adds_or_ends_a_command(kind: str, text: str) -> None:
    hostile, plain = (github.render(saying(DOCUMENTS[kind], said)) for said in (text, "x"))
    assert hostile.isprintable() or not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]", hostile)
    assert [(command, properties.keys()) for command, properties, _ in commands(hostile)] == [
        (command, properties.keys()) for command, properties, _ in commands(plain)
    ]
    assert all(line.count("::") == 2 and "##[" not in line for line in hostile.splitlines())


@pytest.mark.parametrize(("count", "more"), [(10, None), (11, "2 more"), (3000, "2,991 more")])
def test_the_tenth_of_a_kind_says_how_many_more(count: int, more: str | None) -> None:
    found = commands(github.render(many(count, unknown=count)))
    for kind in ("warning", "error"):
        alike = [(properties, message) for command, properties, message in found if command == kind]
        assert len(alike) == 10
        properties, message = alike[-1]
        assert ("file" in properties) == (more is None)
        assert more is None or message == f"{more}: see the full report."


def test_what_was_not_attempted_hides_no_failure() -> None:
    """After an interrupt nearly everything is, and only ten errors are shown."""
    applied = apply_doc()
    few = [result for result in applied.results if result.outcome == "not_attempted"]
    titles = [
        properties["title"]
        for _, properties, _ in commands(github.render(replace(applied, results=(*few * 50, *applied.results))))
    ]
    assert titles[:5] == [
        "Cover not seen",
        "Cover failed",
        "Cover stale",
        "Cover unknown: asset_not_found",
        "Cover unknown: no_snapshots",
    ]
    assert len(titles) == 10


@pytest.mark.parametrize("kind", ["plan", "audit", "apply"])
def test_what_may_be_unknown_is_but_a_notice(kind: str) -> None:
    told = {
        properties["title"]: command
        for command, properties, _ in commands(
            github.render(DOCUMENTS[kind], RenderOptions(allowed=frozenset({"no_snapshots"})))
        )
    }
    assert told["Cover unknown: no_snapshots"] == "notice"
    assert told["Cover unknown: asset_not_found"] == "error"
    assert set(told.values()) == {"error", "notice"} | ({"warning"} if kind != "apply" else set())


def test_notices_are_limited_too() -> None:
    found = commands(github.render(many(0, unknown=3000), RenderOptions(allowed=frozenset({"no_snapshots"}))))
    assert [command for command, _, _ in found] == ["notice"] * 10
    assert found[-1][2] == "2,991 more: see the full report."


def test_a_group_holds_the_text_as_it_is() -> None:
    report = text.render(plan_doc())
    assert grouped("Plan", report) == f"::group::Plan\n{report}::endgroup::\n"
    assert grouped("Plan", "no line feed") == "::group::Plan\nno line feed\n::endgroup::\n"


@pytest.mark.parametrize("text", [*FRAGMENTS, ":::error::", "a\n::endgroup::\n::error::b", "\x1b[1m::error::\x1b[0m"])
def test_a_group_holds_no_command(text: str) -> None:
    opened, *inside, closed = grouped(text, text).rstrip("\n").split("\n")
    assert opened == "::group::" + clean(text).replace("%", "%25")
    assert closed == "::endgroup::"
    assert not [line for line in inside if "::" in line or "##[" in line]


def test_the_summary_of_a_step_is_the_comment_with_more_room() -> None:
    options = RenderOptions(report_url="https://x/y")
    assert step_summary(plan_doc(), options) == markdown(plan_doc(), options)
    few = many(1000)
    assert "left out" in markdown(few)
    assert "left out" not in step_summary(few)


@pytest.mark.parametrize(
    "text", ["x", HOSTILE * 5, "\U0001f600" * 300, "新" * 300], ids=["short", "hostile", "4-byte", "3-byte"]
)
def test_the_summary_of_thousands_stays_within_what_github_takes(text: str) -> None:
    size = len(step_summary(saying(many(3000, unknown=3000), text)).encode())
    assert size <= MIB
    assert text == "x" or size > 0.95 * 1000 * 1024


@pytest.mark.parametrize("taken", [1, 500_000, 900_000, 1_010_000, 1_015_900])
def test_what_is_in_the_file_already_counts(taken: int) -> None:
    whole = many(3000, unknown=3000)
    size = len(step_summary(whole, RenderOptions(allowed=frozenset({"no_snapshots"})), taken=taken).encode())
    assert 0 < size <= MIB - taken


@pytest.mark.parametrize("taken", [1_017_000, MIB, 2 * MIB])
def test_a_full_file_is_left_alone(taken: int) -> None:
    assert step_summary(plan_doc(), taken=taken) == ""


def test_the_summary_says_what_was_accepted() -> None:
    told = step_summary(plan_doc(), RenderOptions(allowed=frozenset({"no_snapshots", "api_error"})))
    assert told == step_summary(plan_doc()) + "\n1 of the unknown accepted with `--allow-unknown`.\n"
    assert step_summary(plan_doc(), RenderOptions(allowed=frozenset({"api_error"}))) == step_summary(plan_doc())


@given(text=TEXTS, count=st.integers(0, 30))
def test_a_summary_of_anything_can_be_written(text: str, count: int) -> None:
    assert len(step_summary(saying(many(count, unknown=count), text)).encode()) <= MIB
