"""A checkout made by somebody who wants to harm whoever runs a command in it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from support.command_line import Cloud, entries, run, video, write
from support.processes import APPROVED, Serve

from reconciler.emulator.options import EmulatorOptions

SECRET = "token-of-somebody-else"
REPORTS = ("report.html", "comment.md", "quality.json", "junit.xml", "plan.json", "last.json")
VERBS = [
    ("plan", "--html", "report.html", "--markdown", "comment.md", "--out", "plan.json"),
    (*APPROVED, "--codequality", "quality.json", "--junit", "junit.xml"),
    ("apply", "--plan", "plan.json"),
    ("audit", "--baseline", "last.json", "--json", "--output", "last.json"),
    ("audit", "--metrics", "out/reconcile.prom"),
    ("validate", "--output", "report.html"),
    ("validate", "secret"),
    ("validate", "out/profile"),
    ("show", "plan.json"),
    ("import", "--out", "comment.md"),
    ("import", "--update", "linked.yaml"),
    ("adopt", "--all", "linked.yaml"),
    ("memory", "export", "plan.json"),
    ("memory", "import", "secret"),
    ("schema", "desired", "--output", "report.html"),
    ("rollback", "--auto-approve"),
    ("history",),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """What the checkout is after: files beside it."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "profile").write_text(SECRET)
    (folder / "covers.yaml").write_text("covers: {}\n")
    return folder


@pytest.fixture
def hostile(serve: Serve, home: Path) -> None:
    """Links everywhere, under the names of reports, desired files and folders."""
    serve(EmulatorOptions())
    write(entries(3, drifted=2))
    Path(".git").mkdir()
    for name in REPORTS:
        Path(name).symlink_to(home / "profile")
    Path("secret").symlink_to(home / "profile")
    Path("linked.yaml").symlink_to(home / "covers.yaml")
    Path("desired/more.yaml").symlink_to(home / "profile")
    Path("out").symlink_to(home)


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize("arguments", VERBS, ids=" ".join)
def test_no_verb_reads_out_or_writes_what_is_outside(home: Path, arguments: tuple[str, ...]) -> None:
    before = {file: file.read_bytes() for file in home.iterdir()}

    ran = run(*arguments)

    assert ran.code == (0 if arguments == ("history",) else 1), ran.out
    assert SECRET[:5] not in ran.out + ran.err
    assert {file: file.read_bytes() for file in home.iterdir()} == before
    assert all(Path(name).is_symlink() for name in REPORTS)


STATEFUL = [
    ("plan",),
    APPROVED,
    ("audit",),
    ("lock",),
    ("import", "--out", "new.yaml"),
    ("adopt", "--all"),
    ("memory", "export", "memory.json"),
    ("rollback", "--auto-approve"),
    ("history",),
    ("show", video(0).asset_id),
]


@pytest.fixture
def forged(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A state folder that came with the checkout: a run to undo, a settled cover, a saved picture, a lock."""
    found = serve(EmulatorOptions())
    write(entries(3, drifted=2))
    item, state = video(0), Path("state")
    (state / "covers").mkdir(parents=True)
    state.chmod(0o700)
    (state / "covers" / f"{item.asset_id}-{'a' * 16}.jpg").write_bytes(b"a picture of somebody's choice")
    settled = {"asset_id": item.asset_id, "cover_sha256": "a" * 64, "snapshot_path": "x", "snapshot_sha256": "b" * 64}
    (state / "settled.jsonl").write_text(json.dumps(settled, separators=(",", ":")) + "\n")
    before = {"cover_url": None, "snapshot": {"set": item.set, "index": item.other, "offset": 0}}
    change = {"run": "r1", "asset_id": item.asset_id, "at": "2026-01-01T00:00:00Z", "before": before, "after": before}
    records = [{"kind": "run", "run": "r1"}, {"kind": "intent", **change}, {"kind": "outcome", **change}]
    (state / "journal.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))
    (state / "lock").write_text("{}")
    for arguments in (("init", "-q"), ("add", "-A")):
        subprocess.run(["git", *arguments], check=True, capture_output=True)
    monkeypatch.setenv("RECONCILE_STATE_DIR", "state")
    return found


@pytest.mark.parametrize("arguments", STATEFUL, ids=" ".join)
def test_forged_state_is_believed_by_no_verb(forged: Cloud, arguments: tuple[str, ...]) -> None:
    before = {file: file.read_bytes() for file in Path("state").rglob("*") if file.is_file()}

    ran = run(*arguments, "--json")

    assert (ran.code, ran.document["error"]["type"]) == (1, "state")
    assert "git tracks files in it" in ran.document["error"]["message"]
    assert forged.puts == 0
    assert {file: file.read_bytes() for file in Path("state").rglob("*") if file.is_file()} == before
