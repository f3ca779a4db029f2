"""The documents and what the text renderer makes of them, whole.

`tests/golden/{plan,audit,apply}.json` are the documents that all renderers are tested with. After a change that is
meant, `UPDATE_GOLDEN=1 pytest tests/unit/test_report_text.py` writes them and the texts anew; read the difference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from support.reports import (
    CAMPAIGN,
    CATALOGUE,
    GOLDEN,
    ORIGIN,
    UNKNOWN,
    apply_doc,
    assert_golden,
    asset,
    audit_doc,
    change,
    cover,
    entry,
    in_sync_doc,
    many,
    plan_doc,
    take_doc,
    taken_doc,
    taking,
)

from reconciler.decide.outcome import Outcome, OutcomeName
from reconciler.decide.verdict import unknown
from reconciler.documents import write
from reconciler.documents.dump import adapter, as_json
from reconciler.documents.schemas import ApplyDoc, AuditDoc, PlanDoc
from reconciler.model import NoAnswer, Plan, Take, Verdict
from reconciler.report.options import RenderOptions
from reconciler.report.terminal import pad, width, wrapped
from reconciler.report.text import render
from reconciler.util.rate import WRITE_RATE, Rate
from reconciler.util.sanitize import json_text

BASE = "file:///srv/repo/"
LINK = re.compile("\x1b\\]8;;([^\x1b]*)\x1b\\\\")


@pytest.fixture(autouse=True)
def _one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "__version__", "1.2.3")


def found(*changes: Verdict, unknown: tuple[Verdict, ...] = ()) -> PlanDoc:
    return write.plan_document(Plan(len(changes) + len(unknown), 0, changes, (), unknown, ()), ORIGIN)


def shown(document: PlanDoc) -> list[str]:
    return render(document).splitlines()


def silent(number: int, file: str = CATALOGUE, title: str = "", message: str = "It has none.") -> Verdict:
    return Verdict(entry(number, file=file), "unknown", title, reason="no_snapshots", message=message)


@pytest.mark.parametrize("make", [plan_doc, audit_doc, apply_doc], ids=lambda make: make.__name__)
def test_the_documents(make: Callable[[], PlanDoc | AuditDoc | ApplyDoc]) -> None:
    assert_golden(f"{make.__name__.removesuffix('_doc')}.json", json_text(as_json(make())) + "\n")


def test_the_documents_with_snapshots_to_be_taken() -> None:
    assert_golden("plan-take.json", json_text(as_json(take_doc())) + "\n")
    assert_golden("apply-take.json", json_text(as_json(taken_doc())) + "\n")


def test_an_asset_may_have_thousands_of_snapshots_that_find_no_room() -> None:
    lines = shown(found(taking(1, "", Take(37, tuple(range(9)), tuple(range(100, 5100))))))
    assert "      - snapshots 1:40, 1:41, 1:42, 1:43, 1:44, 1:45, 1:46, 1:47, 1:48, 1:49 and" in lines
    assert "        4,990 more may be lost: a call takes 10 at most" in lines


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
def test_plan_audit_and_apply(colour: bool) -> None:
    options, kind = RenderOptions(colour=colour), "colour.txt" if colour else "txt"
    assert_golden(f"plan.{kind}", render(plan_doc(), options))
    assert_golden(f"audit.{kind}", render(audit_doc(), options))
    assert_golden(f"apply.{kind}", render(apply_doc(), options))
    assert_golden(f"plan-take.{kind}", render(take_doc(), options))
    assert_golden(f"apply-take.{kind}", render(taken_doc(), options))


@pytest.mark.parametrize("document", [plan_doc(), apply_doc()], ids=["plan", "apply"])
def test_colour_is_all_that_colour_adds(document: PlanDoc | ApplyDoc) -> None:
    coloured = render(document, RenderOptions(colour=True))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render(document)


def test_documents_read_back_are_rendered_the_same() -> None:
    """As `show` does with a saved plan, and as every other renderer is tested."""
    saved = adapter(PlanDoc).validate_json((GOLDEN / "plan.json").read_bytes(), strict=True)
    assert render(saved) == (GOLDEN / "plan.txt").read_text(encoding="utf-8")
    done = adapter(ApplyDoc).validate_json((GOLDEN / "apply.json").read_bytes(), strict=True)
    assert render(done) == (GOLDEN / "apply.txt").read_text(encoding="utf-8")


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
    plan = Plan(
        managed=in_sync + unknown + ignored,
        in_sync=in_sync,
        changes=(),
        pending=(),
        unknown=UNKNOWN[:unknown],
        ignored=tuple(Verdict(entry(number, ignore=True), "ignored") for number in range(ignored)),
    )
    text = render(write.plan_document(plan, ORIGIN), RenderOptions(quiet=True))
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
    document = plan_doc()
    larger = replace(document, summary=replace(document.summary, update=count))
    assert render(larger, RenderOptions(rate=rate, quiet=True)).splitlines()[-1] == line


def test_an_apply_that_did_everything_is_complete() -> None:
    done = write.apply_document([], [], ORIGIN)
    assert render(done).splitlines()[0] == "Apply complete! Resources: 0 added, 0 changed, 0 destroyed."


@pytest.mark.parametrize(
    "document", [plan_doc(), audit_doc(), in_sync_doc(), many(30, unknown=30)], ids=lambda d: d.kind
)
def test_quiet_leaves_the_summary_alone(document: PlanDoc | AuditDoc) -> None:
    options = RenderOptions(colour=True, links=BASE)
    quiet, whole = render(document, replace(options, quiet=True)), render(document, options)
    assert whole.endswith(quiet)
    assert re.match(r"\x1b\[1m(Plan: |Drift: |No changes\.)", quiet)
    assert len(quiet.splitlines()) <= 6
    assert not re.search(r"[0-9a-f]{32}|desired/", quiet)


def test_quiet_leaves_the_summary_of_an_apply_alone() -> None:
    done = apply_doc()
    assert render(done, RenderOptions(quiet=True)).splitlines() == [
        "Apply incomplete. Resources: 0 added, 2 changed, 0 destroyed.",
        "1 failed, 1 stale, 1 unchanged, 1 not attempted, 2 unknown.",
        "1 of 2 seen in place.",
    ]
    unverified = tuple(replace(result, verified=None) for result in done.results)
    done = replace(done, results=unverified)
    last = render(done, RenderOptions(quiet=True)).splitlines()[-1]
    assert last == "New covers take effect within 3 to 5 minutes."


def test_each_file_is_a_heading_once_however_its_entries_come() -> None:
    document = found(
        change(1, "a", cover(1, 0), file=CATALOGUE),
        change(2, "b", cover(2, 0), file=CAMPAIGN),
        change(3, "c", cover(3, 0), file=CATALOGUE),
        unknown=(silent(4, CAMPAIGN), silent(5, "other.yaml")),
    )
    lines = shown(document)
    assert [line for line in lines if line and not line.startswith(" ")][:3] == [CATALOGUE, CAMPAIGN, "other.yaml"]
    told = [line.split()[1][0] for line in lines if re.match("  [~?] ", line)]
    assert told == ["1", "3", "2", "4", "5"]


def test_every_change_and_every_unknown_asset_has_a_place_to_jump_to() -> None:
    """As editors and CI look for it: path, colon, line; the heading alone would not do."""
    document = many(12, unknown=12)
    text = render(document)
    for source in (*[item.source for item in document.changes], *[item.source for item in document.unknown]):
        assert re.search(rf" {re.escape(source.file)}:{source.line}(?=$|  \")", text, re.MULTILINE)


def test_what_several_files_share_stands_under_none_of_them() -> None:
    some = tuple(silent(number, CAMPAIGN if number % 2 else CATALOGUE) for number in range(1, 5))
    lines = shown(found(change(9, "", cover(9, 0)), unknown=some))
    assert lines[lines.index("In several files") + 1] == "  ? 4 assets no_snapshots"
    alone = shown(found(change(9, "", cover(9, 0)), unknown=tuple(silent(number) for number in range(1, 5))))
    assert alone.count(CATALOGUE) == 1
    assert "In several files" not in alone


def test_titles_stand_in_a_column_whatever_the_width_of_the_paths() -> None:
    files = ("春季.yaml", "a.yaml", "a.yaml", "春.yaml")
    lines = shown(found(unknown=tuple(silent(n, file, "第一课") for n, file in enumerate(files, start=1))))
    rows = [line for line in lines if "第一课" in line]
    assert len({width(row.partition('"')[0]) for row in rows}) == 1
    assert len({row.index('"') for row in rows}) == 3, "by columns, not by characters"


def test_long_titles_stand_below_their_assets() -> None:
    lines = shown(found(unknown=tuple(silent(number, title="标题" * 20) for number in range(1, 5))))
    row = lines.index(f"      {asset(1)} {CATALOGUE}:11")
    assert lines[row + 1] == f'        "{"标题" * 20}"'


def test_results_stand_in_columns_within_80() -> None:
    outcomes: list[tuple[OutcomeName, bool | None]] = [
        ("applied", None),
        ("unchanged", None),
        ("failed", None),
        ("not_attempted", None),
        ("applied", True),
    ]
    results = [
        Outcome(asset(number), name, entry(number).source, cover(1, 16), cover(1, 3), verified=seen)
        for number, (name, seen) in enumerate(outcomes, start=1)
    ]
    lines = render(write.apply_document(results, [], ORIGIN)).splitlines()
    assert lines[1:8] == [
        f"  {asset(1)}  applied    sample[16] 1:20 -> sample[3] 0:15",
        f"  {asset(2)}  unchanged  already sample[3] 0:15",
        f"  {asset(3)}  failed     sample[16] 1:20 -> sample[3] 0:15",
        f"  {asset(4)}  not attempted",
        "      sample[16] 1:20 -> sample[3] 0:15",
        f"  {asset(5)}  applied, seen in place",
        "      sample[16] 1:20 -> sample[3] 0:15",
    ]
    assert max(map(width, lines)) == 80


def test_sizes_stand_below_their_pictures_also_where_the_line_is_too_long() -> None:
    def lines(path: str) -> list[str]:
        document = found(change(3, "", cover(3, 0, content=True), content=True))
        (only,) = document.changes
        seen = replace(only.before, cover_url=f"https://cdn.example/{path}", snapshot=None)
        changed = replace(only, before=seen)
        return shown(replace(document, changes=(changed,)))[2:-5]

    arrows = [width(line.partition("->")[0]) for line in lines("封面.jpg")]
    assert arrows == [arrows[0]] * 2
    assert lines("long" * 12) == [
        f"      cover: /{'long' * 12} (none of its snapshots)",
        "          -> sample[3] 0:15",
        "      bytes: 1,000 -> 4,000",
    ]


URL = f"https://example.com/{'x' * 90}"
MESSAGE = "媒资不存在，请检查媒资ID是否正确（或者联系客服）。" * 4 + " See " + URL + " and 重试"


@pytest.mark.parametrize("head", ["      ", "      note:  ", "标题: "])
def test_long_messages_are_wrapped_by_width_and_lose_nothing(head: str) -> None:
    lines = list(wrapped(head, MESSAGE))
    indent = " " * width(head)
    assert lines[0].startswith(head)
    assert all(line.startswith(indent) for line in lines[1:])
    assert "".join(lines).replace(" ", "") == (head + MESSAGE).replace(" ", "")
    assert [line for line in lines if width(line) > 80] == [indent + URL]
    assert all(width(line) > 70 for line in lines[: 100 // (80 - len(indent))]), "no half-empty lines"
    assert not {line.strip()[0] for line in lines} & set("，。）"), "no line begins with what closes the one before"
    assert not {line[-1] for line in lines} & set("（")


def test_what_fits_stays_on_one_line_as_it_is() -> None:
    assert list(wrapped("  ", "x " * 39)) == ["  " + "x " * 39]
    assert list(wrapped("", "课" * 40)) == ["课" * 40]
    assert list(wrapped("", "课" * 41)) == ["课" * 40, "课"]
    assert list(wrapped("", f"{'x' * 40} {'y' * 39} z")) == [f"{'x' * 40} {'y' * 39}", "z"], "80 are 80"
    assert list(wrapped("", "か\u3099" * 41)) == ["か\u3099" * 40, "か\u3099"], "marks stay with their letters"
    assert list(wrapped("  ", "")) == ["  "]


def test_padding_goes_by_columns() -> None:
    assert [pad("课", 4), pad("ab", 4), pad("abcde", 4)] == ["课  ", "ab  ", "abcde"]


def test_a_long_note_and_a_long_message_stay_within_80_columns() -> None:
    noted = change(1, "", cover(1, 0), note="这是一个很长的备注，" * 10)
    lines = shown(found(noted, unknown=(silent(2, message="The service says no. " * 10),)))
    assert max(map(width, lines)) <= 80
    assert lines[3].startswith("      note:  这")
    assert lines[4].startswith(" " * 13 + "个")


def linked(document: PlanDoc | ApplyDoc) -> str:
    return render(document, RenderOptions(links=BASE))


def test_links_are_all_that_links_add() -> None:
    for document in (plan_doc(), many(5, unknown=5)):
        assert LINK.sub("", linked(document)) == render(document)
    done = linked(apply_doc())
    assert LINK.search(done)
    assert LINK.sub("", done) == render(apply_doc())


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("desired/catalogue.yaml", "file:///srv/repo/desired/catalogue.yaml"),
        ("./desired/a b.yaml", "file:///srv/repo/desired/a%20b.yaml"),
        ("../other/a.yaml", "file:///srv/other/a.yaml"),
        ("/etc/covers/a.yaml", "file:///etc/covers/a.yaml"),
        ("//host/a.yaml", "file:///host/a.yaml"),
        ("春季.yaml", "file:///srv/repo/%E6%98%A5%E5%AD%A3.yaml"),
        ("http://evil.example/#?\x1b\\\x07.yaml", "file:///srv/repo/http%3A/evil.example/%23%3F%1B%5C%07.yaml"),
    ],
)
def test_places_lead_to_the_file(file: str, uri: str) -> None:
    text = linked(found(change(1, "", cover(1, 0), file=file)))
    assert LINK.findall(text) == [uri, "", uri, ""], "the heading and the place, each closed"
    assert text.count("\x1b") == 8
    assert "\x07" not in text


def test_entries_that_are_unknown_for_one_reason_are_one_block_whatever_the_request() -> None:
    why = [NoAnswer("api_error", f"The service failed. (request r{n})", request_id=f"r{n}") for n in range(9)]
    verdicts = tuple(unknown(entry(n), why[n]) for n in range(9))
    document = write.plan_document(Plan(9, 0, (), (), verdicts, ()), ORIGIN)
    assert [item.request_id for item in document.unknown] == [f"r{n}" for n in range(9)]
    assert render(document).count("The service failed.") == 1
    other = replace(document, unknown=tuple(replace(item, request_id=None) for item in document.unknown))
    assert render(other).count("The service failed.") == 9
