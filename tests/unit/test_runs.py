"""What the journal tells of runs, however it was torn, interleaved or written to by others."""

from __future__ import annotations

import json
import tempfile
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import ASSET, OTHER, PROJECT

from reconciler.documents.dump import as_json
from reconciler.documents.history import history_document
from reconciler.documents.write import Origin
from reconciler.errors import StateError, UsageError
from reconciler.model import Content, Cover, SnapshotRef
from reconciler.report.text_history import render as history_text
from reconciler.state.journal import NAME, CoverRecord, FileRecord, IntentRecord, Journal, OutcomeRecord, RunRecord
from reconciler.state.runs import PastChange, Runs
from reconciler.util.sanitize import clean

ENDPOINT = "https://vod.cn-north-4.myhuaweicloud.com"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
RecordJson = dict[str, Any]

# What may become of one asset: the records after the intent, if there is an intent at all.
FATES: dict[str, tuple[bool, RecordJson | None]] = {
    "applied": (True, {"outcome": "applied"}),
    "refused": (True, {"outcome": "failed", "error": "HTTP 403", "perhaps": False}),
    "unanswered": (True, {"outcome": "failed", "error": "lost", "perhaps": True}),
    "failed, in an old journal": (True, {"outcome": "failed", "error": "?"}),
    "killed": (True, None),
    "never sent": (False, {"outcome": "failed", "error": "unreadable", "perhaps": False}),
    "stale": (False, {"outcome": "stale", "error": "changed", "perhaps": False}),
    "unchanged": (False, {"outcome": "unchanged"}),
}
CERTAIN = {"applied"}
UNCERTAIN = {"unanswered", "failed, in an old journal", "killed"}


@dataclass(frozen=True)
class Told:
    """One run: its ID, whose it is, and what became of its assets."""

    run: str
    fates: tuple[str, ...]
    project: str = PROJECT

    def records(self) -> list[RecordJson]:
        head = {"v": 1, "run": self.run, "at": AT.isoformat(), "endpoint": ENDPOINT, "project_id": self.project}
        found: list[RecordJson] = [{**head, "kind": "run", "user": "u", "host": "h", "files": [{"file": "a.yaml"}]}]
        for number, fate in enumerate(self.fates):
            about = {"asset_id": asset(number), "before": cover(number, 0), "after": cover(number, 5)}
            intended, outcome = FATES[fate]
            found += [{**head, "kind": "intent", **about}] if intended else []
            found += [{**head, "kind": "outcome", **about, **outcome}] if outcome else []
        return found


def asset(number: int) -> str:
    return f"{number:032x}"


def cover(number: int, offset: int) -> RecordJson:
    url = f"https://cdn.example.com/asset/{asset(number)}/snapshot/sample/{offset}.jpg"
    return {"url": url, "set": "sample", "index": offset // 5, "offset": offset}


def offset(cover: Cover) -> int | None:
    return cover.snapshot.offset if cover.snapshot else None


def lines(records: Sequence[RecordJson]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def runs_of(content: bytes, folder: Path) -> Runs:
    (folder / NAME).write_bytes(content)
    return Runs(folder, ENDPOINT, PROJECT)


fates = st.lists(st.sampled_from(sorted(FATES)), max_size=6).map(tuple)
histories = st.tuples(
    fates.map(lambda told: Told("r1", told)),
    fates.map(lambda told: Told("r2", told)),
    fates.map(lambda told: Told("theirs", told, "f" * 32)),
)


@st.composite
def interleaved(draw: st.DrawFn) -> tuple[list[Told], list[RecordJson]]:
    """Runs, and their records in any order that keeps each run's own."""
    told = list(draw(histories))
    left = [one.records() for one in told]
    mixed: list[RecordJson] = []
    while any(left):
        some = [queue for queue in left if queue]
        mixed.append(draw(st.sampled_from(some)).pop(0))
    return told, mixed


@given(interleaved())
def test_each_run_is_counted_and_undone_for_itself(mixed: tuple[list[Told], list[RecordJson]]) -> None:
    told, records = mixed
    with tempfile.TemporaryDirectory() as folder:
        runs = runs_of(lines(records), Path(folder))
        found = {run.run: run for run in runs.all()}
        assert set(found) == {"r1", "r2"}
        for one in told[:2]:
            run = found[one.run]
            done = run.outcomes
            counts = (done["applied"], done["failed"], done["stale"], done["unchanged"], run.unfinished)
            kinds = [FATES[fate][1] for fate in one.fates]
            outcomes = [kind["outcome"] if kind else "" for kind in kinds]
            assert counts == tuple(outcomes.count(kind) for kind in ("applied", "failed", "stale", "unchanged", ""))
            changes = {change.asset_id: change.certain for change in runs.changes(one.run)}
            assert changes == {
                asset(number): fate in CERTAIN for number, fate in enumerate(one.fates) if fate in CERTAIN | UNCERTAIN
            }
            assert run.may_have_changed == bool(changes)
        for change in runs.changes("r1"):
            place = records[change.line - 1]
            assert (place["kind"], place["run"], place["asset_id"]) == ("intent", "r1", change.asset_id)


@given(fates, st.data())
def test_wherever_it_was_torn_nothing_that_may_have_been_done_is_lost(
    told: tuple[str, ...], data: st.DataObject
) -> None:
    records = Told("r1", told).records()
    content = lines(records)
    cut = data.draw(st.integers(0, len(content)))
    whole = content[:cut].count(b"\n") + (cut > 0 and content[cut : cut + 1] == b"\n")
    with tempfile.TemporaryDirectory() as folder:
        runs = runs_of(content[:cut], Path(folder))
        known = records[:whole]
        harmless = {
            record["asset_id"] for record in known if record["kind"] == "outcome" and record.get("perhaps") is False
        }
        intents = {record["asset_id"] for record in known if record["kind"] == "intent"}
        assert {change.asset_id for change in runs.changes("r1")} == intents - harmless
        assert sum(run.unfinished for run in runs.all()) == len(intents) - sum(
            record["kind"] == "outcome" and record["asset_id"] in intents for record in known
        )


@given(st.lists(st.one_of(st.binary(max_size=40), st.just(b'{"v":1,"kind":"intent","run":"r1"'))), fates)
def test_foreign_lines_change_nothing(foreign: list[bytes], told: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        expected = runs_of(lines(Told("r1", told).records()), Path(folder)).changes("r1")
        noise = b"".join(line.replace(b"\n", b"") + b"\n" for line in foreign)
        found = runs_of(noise + lines(Told("r1", told).records()), Path(folder)).changes("r1")
        assert [change.asset_id for change in found] == [change.asset_id for change in expected]
        assert [change.line - len(foreign) for change in found] == [change.line for change in expected]


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just(ASSET)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)
FIELDS = (
    "v",
    "kind",
    "run",
    "at",
    "asset_id",
    "before",
    "after",
    "outcome",
    "perhaps",
    "user",
    "files",
    "rollback_of",
)


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from(FIELDS), anything), max_size=8))
def test_no_value_of_any_field_is_an_obstacle(wrong: list[tuple[int, str, Any]]) -> None:
    records = Told("r1", tuple(FATES)).records()
    for number, field, value in wrong:
        records[number % len(records)][field] = value
    with tempfile.TemporaryDirectory() as folder:
        runs = runs_of(lines(records), Path(folder))
        for run in runs.all():
            assert all(change.line <= len(records) for change in runs.changes(run.run))
        origin = Origin(ENDPOINT, None, PROJECT, AT)
        text = history_text(history_document(runs.all(), origin))
        assert json.dumps(as_json(history_document(runs.all(), origin)))
        assert all(line == clean(line) for line in text.splitlines())


def test_a_run_after_a_torn_line_is_told_whole(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(lines(Told("r1", ("applied", "killed")).records())[:-10])
    journal = Journal(tmp_path)
    before, after = CoverRecord(**cover(0, 0)), CoverRecord(**cover(0, 5))
    about: RecordJson = {"at": AT, "run": "r2", "endpoint": ENDPOINT, "project_id": PROJECT, "asset_id": ASSET}
    journal.append(IntentRecord(**about, before=before, after=after))
    journal.close()
    runs = Runs(tmp_path, ENDPOINT, PROJECT)
    assert [run.run for run in runs.all()] == ["r1", "r2"]
    assert [change.asset_id for change in runs.changes("r2")] == [ASSET]


# As version 1.0 wrote them.
EARLIER = b"""\
{"v":1,"kind":"run","at":"2026-03-01T12:00:00+00:00","run":"r1","endpoint":"ENDPOINT","project_id":"PROJECT","user":"ci",\
"host":"runner","revision":null,"tool_version":"1.0.0","files":[{"file":"a\\udcff.yaml","sha256":null}],"rollback_of":"r0"}
{"v":1,"kind":"intent","at":"2026-03-01T12:00:01.500000+00:00","run":"r1","endpoint":"ENDPOINT","project_id":"PROJECT",\
"asset_id":"ASSET","before":{"url":"https://cdn/c.jpg","sha256":"aa","length":9},"after":{"url":"https://cdn/5.jpg",\
"set":"sample","index":1,"offset":5},"saved_cover":"/state/covers/c.jpg"}
{"v":1,"kind":"outcome","at":"2026-03-01T12:00:02+00:00","run":"r1","endpoint":"ENDPOINT","project_id":"PROJECT",\
"asset_id":"ASSET","before":{"url":"https://cdn/c.jpg","sha256":"aa","length":9},"after":{"url":"https://cdn/5.jpg",\
"set":"sample","index":1,"offset":5},"outcome":"failed","error":"lost","perhaps":true}
{"v":1,"kind":"seen","at":"2026-03-01T12:00:09+00:00","run":"r1","endpoint":"ENDPOINT","project_id":"PROJECT",\
"asset_id":"ASSET","before":{"url":"https://cdn/c.jpg","sha256":"aa","length":9},"after":{"url":"https://cdn/5.jpg",\
"set":"sample","index":1,"offset":5}}
"""


def test_journals_of_earlier_versions_are_read(tmp_path: Path) -> None:
    content = EARLIER.replace(b"ENDPOINT", ENDPOINT.encode()).replace(b"PROJECT", PROJECT.encode())
    runs = runs_of(content.replace(b"ASSET", ASSET.encode()), tmp_path)
    [run] = runs.all()
    assert (run.at, run.user, run.host, run.revision) == (AT, "ci", "runner", "")
    assert (run.tool_version, run.files, run.rollback_of) == ("1.0.0", ("a?.yaml",), "r0")
    assert (run.outcomes["failed"], run.unfinished, run.may_have_changed) == (1, 0, True)
    before = Cover("https://cdn/c.jpg", None, Content("aa", 9))
    after = Cover("https://cdn/5.jpg", SnapshotRef("sample", 1, 5))
    at = AT + timedelta(seconds=1.5)
    assert runs.changes("r1") == [
        PastChange(
            ASSET,
            at,
            2,
            before,
            after,
            saved_cover="/state/covers/c.jpg",
            certain=False,
            file=str(tmp_path / "journal.jsonl"),
        )
    ]


def test_records_keep_the_form_that_earlier_versions_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    about: RecordJson = {"at": AT, "run": "r1", "endpoint": ENDPOINT, "project_id": PROJECT}
    after = CoverRecord(**cover(0, 5))
    journal.append(RunRecord(**about, user="u", files=(FileRecord("a\udcff.yaml"),)))
    journal.append(OutcomeRecord(**about, asset_id=ASSET, before=CoverRecord(""), after=after, outcome="applied"))
    journal.close()
    head = {"v": 1, **about, "at": AT.isoformat()}
    change = {"asset_id": ASSET, "before": {"url": ""}, "after": cover(0, 5)}
    assert [json.loads(line) for line in (tmp_path / NAME).read_text().splitlines()] == [
        {**head, "kind": "run", "user": "u", "files": [{"file": "a\udcff.yaml"}]},
        {**head, "kind": "outcome", **change, "outcome": "applied"},
    ]


def test_of_an_asset_changed_twice_the_first_before_and_the_last_after(tmp_path: Path) -> None:
    first, second = Told("r1", ("applied",)).records(), Told("r1", ("applied",)).records()[1:]
    for record in second:
        record.update(before=cover(0, 5), after=cover(0, 10))
    [change] = runs_of(lines([*first, *second]), tmp_path).changes("r1")
    assert (offset(change.before), offset(change.after), change.line) == (0, 10, 4)


def test_a_second_change_that_was_refused_leaves_the_first(tmp_path: Path) -> None:
    first, second = Told("r1", ("applied",)).records(), Told("r1", ("refused",)).records()[1:]
    for record in second:
        record.update(before=cover(0, 5), after=cover(0, 10))
    [change] = runs_of(lines([*first, *second]), tmp_path).changes("r1")
    assert (offset(change.before), offset(change.after), change.certain) == (0, 5, True)


def test_what_the_snapshot_before_was_is_kept_with_the_first_cover(tmp_path: Path) -> None:
    first, second = Told("r1", ("applied",)).records(), Told("r1", ("applied",)).records()[1:]
    first[1]["before"] = {**first[1]["before"], "sha256": "a" * 64, "length": 9, "snapshot_sha256": "b" * 64}
    [change] = runs_of(lines([*first, *second]), tmp_path).changes("r1")
    assert (change.before.content, change.snapshot_sha256) == (Content("a" * 64, 9), "b" * 64)


def test_what_was_applied_is_known_without_its_intent(tmp_path: Path) -> None:
    head, _, outcome = Told("r1", ("applied",)).records()
    [change] = runs_of(lines([head, outcome]), tmp_path).changes("r1")
    assert (change.asset_id, change.line, change.certain) == (asset(0), 2, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"asset_id": f"{OTHER}&asset_id=x"},
        {"asset_id": OTHER.upper()},
        {"asset_id": None},
        {"before": None},
        {"after": {"set": "sample"}},
        {"before": {"url": "x", "set": "frames"}},
        {"v": 2},
        {"run": 7},
        {"run": ""},
        {"run": "\ud800"},
        {"endpoint": "https://elsewhere.example.com"},
        {"kind": "planned"},
    ],
    ids=str,
)
def test_records_that_cannot_be_believed_are_nobodys_change(tmp_path: Path, wrong: RecordJson) -> None:
    records = [{**record, **wrong} for record in Told("r1", ("applied",)).records()[1:]]
    runs = runs_of(lines(records), tmp_path)
    assert runs.changes("r1") == []


def test_the_last_run_that_may_have_changed_something_is_found(tmp_path: Path) -> None:
    told = [Told("20260301T120000Z-aaaaaa", ("applied",)), Told("20260301T130000Z-bbbbbb", ("killed",))]
    told += [
        Told("20260301T140000Z-cccccc", ("stale", "refused")),
        Told("20260301T150000Z-dddddd", ("applied",), "f" * 32),
    ]
    runs = runs_of(lines([record for one in told for record in one.records()]), tmp_path)
    assert runs.find(None).run == told[1].run
    assert runs.find(told[2].run).run == told[2].run
    assert runs.find("20260301T12").run == told[0].run
    for wanted in ("2026", "x", "", told[3].run):
        with pytest.raises(UsageError) as caught:
            runs.find(wanted)
        assert "reconcile history" in caught.value.hint


def test_a_rollback_is_never_the_last_run_that_is_meant(tmp_path: Path) -> None:
    told = [Told(run, ("applied",)) for run in ("r1", "r2", "r3")]
    records = [record for one in told for record in one.records()]
    for record in records:
        if (record["run"], record["kind"]) == ("r3", "run"):
            record["rollback_of"] = "r2"
    runs = runs_of(lines(records), tmp_path)
    assert runs.find(None).run == "r2"
    assert runs.find("r3").run == "r3"
    alone = runs_of(lines([record for record in records if record["run"] == "r3"]), tmp_path)
    with pytest.raises(UsageError, match="nothing to roll back"):
        alone.find(None)


def test_a_run_whose_id_begins_another_is_found_by_its_own(tmp_path: Path) -> None:
    records = [record for run in ("r1", "r10") for record in Told(run, ("applied",)).records()]
    assert runs_of(lines(records), tmp_path).find("r1").run == "r1"


def test_no_journal_is_no_run_and_an_unreadable_one_an_error(tmp_path: Path) -> None:
    runs = Runs(tmp_path / "nowhere", ENDPOINT, PROJECT)
    assert runs.all() == []
    with pytest.raises(UsageError, match="nothing to roll back"):
        runs.find(None)
    (tmp_path / NAME).mkdir()
    with pytest.raises(StateError, match="cannot be read"):
        Runs(tmp_path, ENDPOINT, PROJECT).all()


def test_memory_does_not_grow_with_the_journal(tmp_path: Path) -> None:
    records = lines(Told("r1", ("applied",) * 5000).records())
    tracemalloc.start()
    try:
        [run] = runs_of(records, tmp_path).all()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert run.outcomes["applied"] == 5000
    assert len(records) > 3_000_000
    assert peak < 300_000


def test_a_line_without_end_is_passed_over_and_counted_once(tmp_path: Path) -> None:
    head, *rest = Told("r1", ("applied",)).records()
    endless = b'{"v":1,"x":"' + b"x" * 30_000_000 + b'"}\n'
    runs = runs_of(lines([head]) + endless + lines(rest), tmp_path)
    tracemalloc.start()
    try:
        [change] = runs.changes("r1")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert change.line == 3
    assert peak < 15_000_000
