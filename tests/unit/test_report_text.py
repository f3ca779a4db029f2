"""The documents and what the text renderer makes of them, whole.

`tests/golden/{plan,audit,apply}.json` are the documents that all renderers are tested with. After a change that is
meant, `UPDATE_GOLDEN=1 pytest tests/unit/test_report_text.py` writes them and the texts anew; read the difference.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.documents import write
from reconciler.documents.shapes import ApplyDoc, AuditDoc, PlanDoc
from reconciler.model import (
    WRITE_RATE,
    Content,
    Cover,
    Desired,
    Failure,
    Outcome,
    OutcomeName,
    Plan,
    Rate,
    SnapshotRef,
    Verdict,
)
from reconciler.report.text import Text
from reconciler.safe import json_text

GOLDEN = Path(__file__).parents[1] / "golden"
BASE = "https://cdn.example/asset"
FILE = "desired/catalogue.yaml"


def asset(number: int) -> str:
    return f"{number:x}" * 32


def cover(number: int, index: int, *, content: bool = False) -> Cover:
    ref = SnapshotRef("sample", index, index * 5)
    bytes_ = Content(f"{index:x}" * 64, 1000 * (index + 1)) if content else None
    return Cover(f"{BASE}/{asset(number)}/snapshot/sample/{index * 5}.jpg", ref, bytes_)


def entry(number: int, *, note: str | None = None, ignore: bool = False) -> Desired:
    return Desired(asset(number), FILE, number + 10, 3, index=3, note=note, ignore=ignore)


def change(number: int, title: str, before: Cover, *, note: str | None = None, content: bool = False) -> Verdict:
    after = cover(number, 3, content=content)
    return Verdict(entry(number, note=note), "update", title, before=before, after=after)


COPY = Cover(f"{BASE}/{asset(3)}/cover/Cover0.jpg", None, Content("c" * 64, 12_345))
CHANGES = (
    change(1, "Opening keynote", cover(1, 0)),
    change(2, "新手入门：第一课", cover(2, 720), note="the logo, not the crowd"),
    change(3, "Uploaded by hand", COPY, content=True),
    change(4, "", Cover("")),
    change(5, "\x1b[31m::error::[b]x[/b]<script>\n", cover(5, 1), note="##[error] \u202ex"),
)
UNKNOWN = (
    Verdict(entry(6), "unknown", reason="asset_not_found", message="details: HTTP 400 VOD.10062: 媒资不存在."),
    Verdict(entry(7), "unknown", "No pictures", reason="no_snapshots", message="It has no snapshots."),
)
PLAN = Plan(
    managed=20,
    in_sync=10,
    changes=CHANGES,
    pending=(Verdict(entry(8), "pending", "Just applied"),),
    unknown=UNKNOWN,
    ignored=(Verdict(entry(9, ignore=True), "ignored"), Verdict(entry(10, note="theirs", ignore=True), "ignored")),
)
ORIGIN = write.Origin(
    endpoint="https://vod.cn-north-4.myhuaweicloud.com",
    region="cn-north-4",
    project_id="0123456789abcdef0123456789abcdef",
    created_at=datetime(2026, 11, 22, 8, 30, tzinfo=UTC),
)
OUTCOMES: tuple[tuple[OutcomeName, bool | None, Failure | None], ...] = (
    ("applied", True, None),
    ("applied", False, None),
    ("unchanged", None, None),
    ("failed", None, Failure("api", "cover: HTTP 403 VOD.10074: no permission. Grant it", "VOD.10074", 403, "1f2e")),
    ("stale", None, Failure("stale", "Since the plan the cover has changed. It was not touched: plan again.")),
    ("not_attempted", None, None),
)


@pytest.fixture(autouse=True)
def _one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "__version__", "1.2.3")


def plan() -> PlanDoc:
    return write.plan_document(PLAN, ORIGIN)


def audit() -> AuditDoc:
    return write.audit_document(PLAN, ORIGIN, [f"{number:032x}" for number in range(23)])


def apply() -> ApplyDoc:
    verdicts = (*CHANGES, change(11, "Never reached", cover(11, 0)))
    outcomes = [
        Outcome(
            verdict.desired.asset_id,
            name,
            verdict.desired.source,
            verdict.before or Cover(""),
            verdict.after or Cover(""),
            verdict.title,
            verified,
            saved_cover="covers/33333333.jpg" if verdict.before == COPY else None,
            error=failure,
        )
        for verdict, (name, verified, failure) in zip(verdicts, OUTCOMES, strict=True)
    ]
    return write.apply_document(outcomes, plan().unknown, ORIGIN)


def assert_golden(name: str, text: str) -> None:
    """Whole-output equality; the text must end as a text file does."""
    file = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8", newline="\n")
    assert text == file.read_bytes().decode(), f"{name} differs: if that is meant, run with UPDATE_GOLDEN=1"
    assert text.endswith("\n")


@pytest.mark.parametrize("make", [plan, audit, apply], ids=lambda make: make.__name__)
def test_the_documents(make: Callable[[], PlanDoc | AuditDoc | ApplyDoc]) -> None:
    assert_golden(f"{make.__name__}.json", json_text(write.as_json(make())) + "\n")


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
def test_plan_audit_and_apply(colour: bool) -> None:
    text, kind = Text(colour=colour), "colour.txt" if colour else "txt"
    assert_golden(f"plan.{kind}", text.findings(plan(), WRITE_RATE))
    assert_golden(f"audit.{kind}", text.findings(audit(), WRITE_RATE))
    assert_golden(f"apply.{kind}", text.applied(apply(), waited=True))


@pytest.mark.parametrize("render", [Text.findings, Text.applied], ids=["plan", "apply"])
def test_colour_is_all_that_colour_adds(render: Callable[..., str]) -> None:
    arguments: tuple[Any, ...] = (plan(), WRITE_RATE) if render is Text.findings else (apply(),)
    coloured = render(Text(colour=True), *arguments)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render(Text(), *arguments)


def test_documents_read_back_are_rendered_the_same() -> None:
    """As `show` does with a saved plan, and as every other renderer is tested."""
    saved = PlanDoc.model_validate_json((GOLDEN / "plan.json").read_bytes())
    assert Text().findings(saved, WRITE_RATE) == (GOLDEN / "plan.txt").read_text(encoding="utf-8")
    done = ApplyDoc.model_validate_json((GOLDEN / "apply.json").read_bytes())
    assert Text().applied(done, waited=True) == (GOLDEN / "apply.txt").read_text(encoding="utf-8")


def test_no_keys_without_a_value_but_those_that_may_be_null() -> None:
    def nulls(value: object, path: str = "") -> set[str]:
        if isinstance(value, dict):
            return {found for key, item in value.items() for found in nulls(item, f"{path}.{key}")}
        if isinstance(value, list):
            return {found for item in value for found in nulls(item, path)}
        return {path} if value is None else set()

    assert nulls(json.loads((GOLDEN / "plan.json").read_text())) == {
        ".changes.before.snapshot",
        ".changes.before.cover_url",
    }


@pytest.mark.parametrize(
    ("in_sync", "unknown", "ignored", "lines"),
    [
        (9, 0, 0, ["No changes. Your covers match the desired state.", "9 in sync, 0 unknown, 0 ignored."]),
        (0, 0, 2, ["No changes. Your covers match the desired state.", "0 in sync, 0 unknown, 2 ignored."]),
        (8, 1, 0, ["Plan: 0 to add, 0 to change, 0 to destroy.", "8 in sync, 1 unknown, 0 ignored."]),
    ],
)
def test_the_summary_without_work(in_sync: int, unknown: int, ignored: int, lines: list[str]) -> None:
    found = Plan(
        managed=in_sync + unknown + ignored,
        in_sync=in_sync,
        changes=(),
        pending=(),
        unknown=UNKNOWN[:unknown],
        ignored=tuple(Verdict(entry(number, ignore=True), "ignored") for number in range(ignored)),
    )
    text = Text().findings(write.plan_document(found, ORIGIN), WRITE_RATE, quiet=True)
    assert text.splitlines() == lines


@pytest.mark.parametrize(
    ("count", "rate", "line"),
    [
        (1, WRITE_RATE, "About 1 s at 100 covers per minute."),
        (100, WRITE_RATE, "About 1 s at 100 covers per minute."),
        (101, WRITE_RATE, "About 1 min at 100 covers per minute."),
        (1000, WRITE_RATE, "About 9 min at 100 covers per minute."),
        (20_000, WRITE_RATE, "About 3 h 19 min at 100 covers per minute."),
        (30, Rate(10, 2), "About 4 s at 10 covers per 2 seconds."),
    ],
)
def test_how_long_it_will_take(count: int, rate: Rate, line: str) -> None:
    document = plan()
    many = document.model_copy(update={"summary": document.summary.model_copy(update={"update": count})})
    assert Text().findings(many, rate, quiet=True).splitlines()[-1] == line


def test_an_apply_that_did_everything_is_complete() -> None:
    done = write.apply_document([], [], ORIGIN)
    assert Text().applied(done).splitlines()[0] == "Apply complete! Resources: 0 added, 0 changed, 0 destroyed."
