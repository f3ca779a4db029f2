"""--changed-since in repositories, and of commits, that somebody made who means harm; and in odd ones."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from reconciler import util
from reconciler.desired import committed, files
from reconciler.desired.revision import load_merge_base
from reconciler.errors import DesiredError, UsageError
from reconciler.util.git import GitError, ask

ID = "a" * 32
TEXT = f"covers: {{{ID}: 0}}\n"


def git(*arguments: str, given: bytes = b"") -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], input=given, capture_output=True, check=True, timeout=60)
    return os.fsdecode(done.stdout).strip()


def commit() -> str:
    git("add", "-A", "--force")
    git("commit", "-q", "-m", "x")
    return git("rev-parse", "HEAD")


def write(path: str, text: str = TEXT) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def tree(*entries: tuple[str, bytes, str]) -> str:
    """Makes a tree that git itself would not: any names, in any order."""
    raw = b"".join(b"%s %s\0%s" % (mode.encode(), name, bytes.fromhex(oid)) for mode, name, oid in entries)
    return git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", given=raw)


def blob(text: str = TEXT) -> str:
    return git("hash-object", "-w", "--stdin", given=text.encode())


def head_at(root: str) -> None:
    git("update-ref", "HEAD", git("commit-tree", root, "-m", "x"))


def ids(*paths: str) -> list[str]:
    return [one.asset_id for one in load_merge_base("HEAD", paths)[0].covers]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    monkeypatch.chdir(folder)
    git("init", "-q", "-b", "main")
    write("desired/x.yaml")
    commit()
    return folder


@pytest.mark.usefixtures("repository")
def test_missing_objects_are_not_fetched_by_a_program_of_the_checkout(tmp_path: Path) -> None:
    told = tmp_path / "told"
    name = git("rev-parse", "HEAD:desired/x.yaml")
    Path(".git/objects", name[:2], name[2:]).unlink()
    for key, value in {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::touch {told}",
        "protocol.ext.allow": "always",
    }.items():
        git("config", key, value)
    with pytest.raises(UsageError) as raised:
        ids("desired")
    assert "without --filter" in raised.value.hint
    assert not told.exists()


def test_a_repository_among_the_desired_files_is_not_asked(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files can come with a pull request. Asked, it would say that nothing changed."""
    git("init", "-q", "--bare", "desired")
    write("desired/config", "[core]\nrepositoryFormatVersion = 0\nbare = false\nworktree = .\n")
    with pytest.raises(UsageError, match="bare repository"):
        ids(str(repository / "desired"))
    monkeypatch.setattr(util.git, "_SETTINGS", ())  # as git before 2.38
    with pytest.raises(UsageError, match=r"has no \.git"):
        ids(str(repository / "desired"))


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    "path", [".hidden/below/x.yaml", ":(top)x/x.yaml", ":!x/[a]*.yaml", "a\nb/\u00fc.yaml", "desired/covers.conf"]
)
def test_paths_may_have_any_names(path: str) -> None:
    Path("desired/x.yaml").unlink()
    write(path)
    commit()
    assert ids(path) == [ID]
    if path.endswith(".yaml"):
        assert ids(str(Path(path).parent)) == [ID]


def test_a_repository_may_have_any_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = os.path.join(os.fsencode(tmp_path), b"\xff -x\n")  # noqa: PTH118
    try:
        os.mkdir(folder)  # noqa: PTH102
    except OSError:
        pytest.skip("this file system takes only Unicode")
    monkeypatch.chdir(os.fsdecode(folder))
    git("init", "-q")
    write("desired/x.yaml")
    commit()
    assert ids("desired") == [ID]


@pytest.mark.usefixtures("repository")
def test_names_of_the_commit_do_not_lead_out(tmp_path: Path) -> None:
    below = tree(("100644", b"out.yaml", blob()), ("100644", b"../../../../out.yaml", blob()))
    below = tree(("40000", b"..", below), ("100644", b"x.yaml", blob()), ("100644", b"/out.yaml", blob()))
    head_at(tree(("40000", b"..", below), ("40000", b"desired", below)))
    assert ids("desired") == [ID]
    assert ids(".") == [ID]
    assert not list(tmp_path.rglob("out.yaml"))


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("case", ["twice", "file and folder", "too long"])
def test_names_that_no_folder_can_hold_are_an_error(case: str) -> None:
    below = tree(("100644", b"y.yaml", blob()))
    entries = {
        "twice": (("100644", b"x.yaml", blob()), ("100644", b"x.yaml", blob("covers: {}\n"))),
        "file and folder": (("100644", b"x.yaml", blob()), ("40000", b"x.yaml", below)),
        "too long": (("100644", b"x" * 300 + b"\x1b\xff.yaml", blob()),),
    }[case]
    head_at(tree(("40000", b"desired", tree(*entries))))
    with pytest.raises(UsageError, match="cannot be written") as raised:
        ids("desired")
    assert raised.value.message.isprintable()


@pytest.mark.usefixtures("repository")
def test_sizes_are_bounded_as_those_of_the_work_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    write("desired/covers.lock", "x" * 100)
    commit()
    monkeypatch.setattr(files, "MAX_BYTES", 10)
    with pytest.raises(DesiredError) as raised:
        ids("desired")
    assert [problem.message for problem in raised.value.problems] == ["this file is larger than 64 MiB; split it"]
    monkeypatch.undo()
    monkeypatch.setattr(committed, "_MOST_BYTES", 100)
    with pytest.raises(UsageError, match="larger than 1 GiB together"):
        ids("desired")


@pytest.mark.usefixtures("repository")
def test_what_git_says_is_bounded() -> None:
    with pytest.raises(GitError, match="larger"):
        ask("ls-tree", "-r", "HEAD", most=20)


@pytest.mark.usefixtures("repository")
def test_git_answers_without_a_folder_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    assert len(ask("rev-parse", "HEAD").strip()) == 40


@pytest.mark.usefixtures("repository")
def test_many_files_are_read_in_several_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(9):
        write(f"desired/{number}.yaml", f"covers: {{{number:032x}: 0}}\n")
    commit()
    monkeypatch.setattr(committed, "_BATCH", 100)
    assert ids("desired") == [*(f"{number:032x}" for number in range(9)), ID]


@pytest.mark.usefixtures("repository")
def test_a_link_on_the_way_is_refused() -> None:
    """A change of the link alone would otherwise count as no change."""
    write("other/y.yaml", f"covers: {{{ID}: 5}}\n")
    Path("current").symlink_to("desired")
    commit()
    Path("current").unlink()
    Path("current").symlink_to("other")
    with pytest.raises(UsageError, match="follows no links") as raised:
        load_merge_base("HEAD", ["current/y.yaml"])
    assert raised.value.hint.endswith("other/y.yaml.")


def test_a_link_to_the_work_tree_is_followed(repository: Path) -> None:
    link = repository.parent / "link"
    link.symlink_to(repository)
    assert ids(f"{link}/desired") == [ID]


def test_a_linked_work_tree_has_its_own_head(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = git("rev-parse", "HEAD")
    git("worktree", "add", "-q", "-b", "topic", str(repository.parent / "linked"))
    write("desired/x.yaml", "covers: {}\n")
    commit()
    monkeypatch.chdir(repository.parent / "linked")
    assert load_merge_base("main", ["desired"])[1] == base
    assert ids("desired") == [ID]


@pytest.mark.usefixtures("repository")
def test_only_hidden_files_are_none() -> None:
    Path("desired/x.yaml").rename("desired/.x.yaml")
    commit()
    assert ids("desired") == []


@pytest.mark.usefixtures("repository")
def test_without_git_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match="git is not installed"):
        ids("desired")
