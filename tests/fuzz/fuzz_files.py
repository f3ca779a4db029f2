"""Mutates the files and settings that a run starts from: saved plans, journals, memories, regions and project IDs.
Each is taken, or refused in one clean sentence; none leads credentials to another host or path.

python tests/fuzz/fuzz_files.py --runs 100000 --seed 1
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from bodies import IAM, OTHER, OWN, PROJECT, REGION, START, TEXTS, VOD, command_line, encode, inert, mutate_tree
from fuzz_desired import mutate

from reconciler.config import ConnectionOptions, resolve
from reconciler.decide.equality import same_cover
from reconciler.decide.plan import PlanBuilder
from reconciler.desired.load import load
from reconciler.documents.dump import as_json, digest
from reconciler.documents.read import read_plan
from reconciler.documents.write import Origin, plan_document
from reconciler.errors import DesiredError, PlanFileError, ReconcileError, StateError, UsageError
from reconciler.model import Content, Cover, Desired, SnapshotRef, State, Verdict
from reconciler.state.journal import NAME as JOURNAL
from reconciler.state.journal import CoverRecord, read
from reconciler.state.runs import Runs
from reconciler.state.settled_covers import NAME as MEMORY
from reconciler.state.settled_covers import Memory, SettledCover, document_text, read_document

HEX64 = "0123456789abcdef" * 4
WINDOW = timedelta(minutes=5)
BEFORE = Cover(f"https://cdn.example.com/asset/{OWN}/cover/Cover0.jpg", None, Content(HEX64, 5))
AFTER = Cover(f"https://cdn.example.com/asset/{OWN}/snapshot/sample/5.jpg", SnapshotRef("sample", 1, 5))
SK = "not-to-be-told"
KEYS = {"HUAWEICLOUD_SDK_AK": "access", "HUAWEICLOUD_SDK_SK": SK}
TRICKS = (
    *("\n", "\0", " ", "/", "\\", ".", "..", "@", "#", "?", "%2e", "%2f", ":", "[", "]", "::", "\u2024", "\uff0e"),
    *("\ud800", "\u0661", "\uff10", "\u212a", "\x1b[31m", ".evil.example.com/", "@evil.example.com", "-0", "A", "片"),
)
SETTLED = [
    SettledCover(
        asset_id=asset, cover_sha256=HEX64, snapshot_path="snapshot/sample/5.jpg", snapshot_sha256=HEX64[::-1]
    )
    for asset in (OWN, OTHER)
]


def _plan() -> dict[str, Any]:
    desired = [Desired(f"{digit}" * 32, "desired/a.yaml", digit + 1, 3, index=1, note="n") for digit in range(5)]
    builder = PlanBuilder()
    states: tuple[State, ...] = ("update", "update", "in_sync", "pending", "ignored")
    for position, state in enumerate(states):
        url = (AFTER.cover_url or "").replace(OWN, desired[position].asset_id)
        builder.add(position, Verdict(desired[position], state, "Title", None, "", BEFORE, AFTER, put_url=url))
    builder.add(9, Verdict(Desired(OWN, "b.yaml", 1, 1), "unknown", "", "no_snapshots", "It has none."))
    return as_json(plan_document(builder.build(), Origin(VOD, REGION, PROJECT, START)))


def _record(seconds: float, asset: str, kind: str) -> dict[str, Any]:
    at = (START - timedelta(seconds=seconds)).isoformat()
    before, after = (asdict(CoverRecord.of(cover)) for cover in (BEFORE, AFTER))
    origin = {"endpoint": VOD, "project_id": PROJECT}
    fields = {"asset_id": asset, "before": before, "after": after, "outcome": "applied"}
    return {"v": 1, "kind": kind, "run": "r1", "at": at, **origin, **fields}


PLAN = _plan()
RECORDS = [
    _record(*each)
    for each in ((100, OWN, "intent"), (99, OWN, "outcome"), (400, OTHER, "outcome"), (5, OTHER, "seen"))
]


class Files:
    """What is fuzzed, each a method that says whether it was taken, in a folder of its own."""

    def __init__(self, rng: random.Random, folder: Path) -> None:
        self._rng = rng
        self._folder = folder
        self.shown: object = None
        """What the run was about, to be shown when it fails."""

    def run(self) -> bool:
        kind: Callable[[], None] = self._rng.choice(
            (self.plan, self.plan, self.journal, self.memory_file, self.settled, self.settings, self.settings)
        )
        try:
            kind()
        except ReconcileError as error:
            _check_error(error)
            return False
        return True

    def _mutated(self, tree: Any, *, sign: bool = False) -> bytes:
        tree = json.loads(json.dumps(tree))
        for _ in range(self._rng.choice((0, 1, 1, 2, 4))):
            tree = mutate_tree(self._rng, tree)
        if sign and isinstance(tree, dict):
            with contextlib.suppress(ValueError, RecursionError):
                tree["digest"] = digest(json.loads(encode(tree)))
        data = encode(tree)
        return mutate(self._rng, data) if self._rng.random() < 0.3 else data

    def _write(self, name: str, data: bytes) -> Path:
        self.shown = name, data
        file = self._folder / name
        file.write_bytes(data)
        return file

    def plan(self) -> None:
        data = self._mutated(PLAN, sign=self._rng.random() < 0.8)
        found = read_plan(str(self._write("plan.json", data)))
        raw = json.loads(data)
        assert found.digest == digest(raw)
        changed = [(change["asset_id"], change["after"]["snapshot"]["index"]) for change in raw["changes"]]
        assert [
            (change.asset_id, change.after.snapshot and change.after.snapshot.index) for change in found.changes
        ] == (changed)
        assert len(dict(changed)) == len(changed)
        assert all(re.fullmatch("[0-9a-f]{32}", asset_id) for asset_id, _ in changed)
        assert re.fullmatch("[0-9a-f]{32}", found.project_id)
        assert found.summary.update == len(changed)

    def journal(self) -> None:
        lines = [self._mutated(record) for record in self._rng.choices(RECORDS, k=self._rng.randint(1, 6))]
        data = self._rng.choice((b"\n", b"\n", b"\n\n", b"\r\n", b"")).join(lines)
        file = self._write(JOURNAL, data[: self._rng.choice((None, None, -1, -40))])
        if self._rng.random() < 0.01:
            file.unlink()
            file.mkdir()
        try:
            assert all(record.v == 1 for _, record in read(self._folder))
            for asset_id, applied in Runs(self._folder, VOD, PROJECT).recent(START, WINDOW).items():
                assert asset_id == applied.asset_id
                assert START - WINDOW <= applied.at <= START
                assert applied.certain
                same_cover(applied.before, BEFORE)
                same_cover(applied.after, AFTER)
        finally:
            if file.is_dir():
                file.rmdir()

    def memory_file(self) -> None:
        data = self._mutated(json.loads(document_text(SETTLED)))
        for settled in read_document(str(self._write("memory.json", data))).covers:
            _check_settled(settled)

    def settled(self) -> None:
        lines = [self._mutated(asdict(item)) for item in self._rng.choices(SETTLED, k=self._rng.randint(1, 4))]
        self._write(MEMORY, self._rng.choice((b"\n", b"\n", b"\r\n", b"")).join(lines))
        for settled in (*Memory(self._folder).of(OWN), *Memory(self._folder).all()):
            _check_settled(settled)
        if self._rng.random() < 0.1:
            Memory(self._folder).remember(SETTLED)
            assert set(Memory(self._folder).all()) >= set(SETTLED)

    def _text(self, good: str) -> str:
        text = good
        for _ in range(self._rng.choice((0, 0, 1, 1, 2))):
            start = self._rng.randint(0, len(text))
            text = text[:start] + self._rng.choice((*TRICKS, *TEXTS)) + text[start + self._rng.choice((0, 1, 5)) :]
        return text

    def settings(self) -> None:
        region, project, endpoint = self._text(REGION), self._text(PROJECT), None
        if self._rng.random() < 0.3:
            endpoint = self._text(
                self._rng.choice((VOD, IAM + "/base", "http://127.0.0.1:8080", "https://[2001:db8::1]"))
            )
        where = self._rng.choice(("option", "file"))
        self.shown = where, region, project, endpoint
        file_region, file_project, options = None, None, ConnectionOptions(endpoint=endpoint)
        if where == "option":
            options = ConnectionOptions(endpoint=endpoint, region=region, project_id=project)
        else:
            text = f"region: {json.dumps(region)}\nproject_id: {json.dumps(project)}\ncovers: {{{OWN}: 0}}\n"
            state = load([str(self._write("covers.yaml", text.encode()))])
            file_region, file_project = state.region, state.project_id
        found = resolve(options, KEYS, file_region, file_project)
        if found.region is not None:
            assert re.fullmatch("[a-z]+(-[a-z]+)+-[0-9]+", found.region), found.region
        if endpoint is None:
            self._check_hosts(found.endpoint, found.iam_endpoint or "", found.region or "")
        elif not found.emulated:
            assert urlsplit(found.endpoint).hostname == urlsplit(endpoint).hostname, found.endpoint
            assert found.endpoint.startswith("https://") or found.loopback, found.endpoint
        if found.project_id is not None and not found.emulated:
            _check_path(found.endpoint, found.project_id)

    def _check_hosts(self, endpoint: str, iam: str, region: str) -> None:
        for service, url in (("vod", endpoint), ("iam", iam)):
            parts = urlsplit(url)
            assert parts.scheme == "https", url
            assert parts.netloc == f"{service}.{region}.myhuaweicloud.com", url
            assert parts.path + parts.query + parts.fragment == "", url


def _check_path(endpoint: str, project_id: str) -> None:
    """A request goes where the endpoint says, and its path is ours but for the ID."""
    url = f"{endpoint}/v1.0/{project_id}/asset/details?asset_id={OWN}"
    parts, sent = urlsplit(url), httpx.URL(url)
    assert re.fullmatch("/v1.0/[0-9a-f]{32}/asset/details", parts.path.removeprefix(urlsplit(endpoint).path)), url
    assert sent.host == parts.hostname, url
    assert sent.path.endswith(f"/v1.0/{project_id}/asset/details"), url


def _check_error(error: ReconcileError) -> None:
    assert isinstance(error, (DesiredError, PlanFileError, StateError, UsageError)), error
    assert 0 < len(error.message) < 1000, error.message
    assert SK not in error.message + error.hint
    problems = error.problems if isinstance(error, DesiredError) else ()
    for told in (error.message, error.hint, *(problem.message for problem in problems)):
        assert inert(told), told


def _check_settled(settled: SettledCover) -> None:
    assert re.fullmatch("[0-9a-f]{32}", settled.asset_id)
    assert re.fullmatch("[0-9a-f]{64}", settled.cover_sha256)
    assert re.fullmatch("[0-9a-f]{64}", settled.snapshot_sha256)
    assert 0 < len(settled.snapshot_path) <= 1024


def fuzz(runs: int, seed: int) -> tuple[int, int]:
    """How many inputs were taken and refused; raises at the first that was neither cleanly, showing it."""
    rng = random.Random(seed)
    taken = 0
    with tempfile.TemporaryDirectory() as folder:
        files = Files(rng, Path(folder))
        for run in range(runs):
            try:
                taken += files.run()
            except BaseException:
                print(f"run {run} of seed {seed} failed on {files.shown!r:.20000}", file=sys.stderr)
                raise
    return taken, runs - taken


if __name__ == "__main__":
    command_line(fuzz, "inputs taken or refused")
