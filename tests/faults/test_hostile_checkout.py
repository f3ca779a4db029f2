"""A checkout made by somebody who wants to harm whoever runs a command in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command_line import entries, run, write
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
