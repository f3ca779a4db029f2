"""Which files a path stands for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from reconciler.desired import files
from reconciler.desired.load import load
from reconciler.errors import DesiredError, Problem

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(path: Path, text: str = "version: 1\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def problems(*paths: str) -> list[tuple[str, int, int, str]]:
    with pytest.raises(DesiredError) as caught:
        load(paths)
    return [(p.file, p.line, p.column, p.message) for p in caught.value.problems]


def test_a_folder_is_searched_in_sorted_order(tmp_path: Path) -> None:
    for name in ("b.yaml", "a/z.yml", "a/b/c.yaml", "a-b.yaml", "B.yaml", "notes.txt", ".hidden.yaml", ".git/x.yaml"):
        make(tmp_path / "desired" / name)
    expected = ("B.yaml", "a/b/c.yaml", "a/z.yml", "a-b.yaml", "b.yaml")
    assert load(["desired"]).files == tuple(f"desired/{name}" for name in expected)
    assert load(["./desired/"]).files == tuple(f"./desired/{name}" for name in expected)


def test_a_dot_folder_and_another_ending_can_be_named(tmp_path: Path) -> None:
    make(tmp_path / ".covers" / "a.yaml")
    make(tmp_path / "covers.txt")
    assert load([".covers", "covers.txt"]).files == (".covers/a.yaml", "covers.txt")


def test_links_that_lead_outside_are_left_out(tmp_path: Path) -> None:
    make(tmp_path / "outside" / "x.yaml")
    make(tmp_path / "desired" / "a.yaml")
    (tmp_path / "desired" / "file.yaml").symlink_to(tmp_path / "outside" / "x.yaml")
    (tmp_path / "desired" / "folder").symlink_to(tmp_path / "outside")
    (tmp_path / "desired" / "dangling.yaml").symlink_to(tmp_path / "gone.yaml")
    assert load(["desired"]).files == ("desired/a.yaml",)


def test_links_that_stay_inside_are_followed_as_kubernetes_lays_them_out(tmp_path: Path) -> None:
    make(tmp_path / "desired" / "..2024" / "a.yaml")
    (tmp_path / "desired" / "..data").symlink_to("..2024")
    (tmp_path / "desired" / "a.yaml").symlink_to("..data/a.yaml")
    assert load(["desired"]).files == ("desired/a.yaml",)


def test_a_linked_root_is_searched(tmp_path: Path) -> None:
    make(tmp_path / "v1" / "a.yaml")
    (tmp_path / "current").symlink_to("v1")
    assert load(["current"]).files == ("current/a.yaml",)


def test_the_same_file_is_read_once(tmp_path: Path) -> None:
    make(tmp_path / "d" / "a.yaml")
    (tmp_path / "d" / "b.yaml").symlink_to("a.yaml")
    os.link(tmp_path / "d" / "a.yaml", tmp_path / "d" / "c.yaml")
    assert load(["d", "d/a.yaml", "./d", str(tmp_path / "d")]).files == ("d/a.yaml",)


def test_folders_that_loop_end(tmp_path: Path) -> None:
    make(tmp_path / "d" / "sub" / "a.yaml")
    (tmp_path / "d" / "sub" / "up").symlink_to("..")
    (tmp_path / "d" / "self.yaml").symlink_to("self.yaml")
    ((place, line, _, message),) = problems("d")
    assert (place, line) == ("d/self.yaml", 0)
    assert message.startswith("this path cannot be read")


def test_paths_that_are_not_there_or_hold_nothing(tmp_path: Path) -> None:
    make(tmp_path / "ok.yaml")
    make(tmp_path / "empty" / "notes.txt")
    assert problems("gone", "ok.yaml", "empty", "", "ok.yaml/x") == [
        ("gone", 0, 0, "this path does not exist"),
        ("empty", 0, 0, "this folder contains no YAML files (*.yaml or *.yml)"),
        ("", 0, 0, "this path does not exist"),
        ("ok.yaml/x", 0, 0, "this path cannot be read: Not a directory"),
    ]
    ((place, line, column, message),) = problems("a\0b")  # the reason is worded by Python, each version its own
    assert (place, line, column) == ("a\0b", 0, 0)
    assert message.startswith("this path cannot be read: ")


def test_a_fifo_is_refused_without_waiting(tmp_path: Path) -> None:
    make(tmp_path / "d" / "a.yaml")
    os.mkfifo(tmp_path / "d" / "b.yaml")
    expected = ("d/b.yaml", 0, 0, "this is not a regular file")
    assert problems("d") == [expected]
    assert problems("d/b.yaml", "/dev/zero") == [expected, ("/dev/zero", 0, 0, "this is not a regular file")]


def test_a_file_over_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert files.MAX_BYTES == 64 * 1024 * 1024
    monkeypatch.setattr(files, "MAX_BYTES", 11)
    make(tmp_path / "a.yaml")
    assert load(["a.yaml"]).files == ("a.yaml",)
    make(tmp_path / "a.yaml", "version: 1\n\n")
    assert problems("a.yaml") == [("a.yaml", 0, 0, "this file is larger than 64 MiB; split it")]


def test_what_may_not_be_read_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "d" / "sub" / "a.yaml")
    make(tmp_path / "d" / "b.yaml")

    def refuse(path: str, *_: object) -> int:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "open", refuse)
    assert problems("d/b.yaml") == [("d/b.yaml", 0, 0, "this path cannot be read: Permission denied")]
    monkeypatch.setattr(os, "listdir", refuse)
    assert Problem(*problems("d")[0]) == Problem("d", 0, 0, "this path cannot be read: Permission denied")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git checkout, and beside it a folder with a file that is somebody's secret."""
    make(tmp_path / "home" / "token.yaml", "token-of-somebody")
    make(tmp_path / "checkout" / ".git" / "config", "token-of-git")
    make(tmp_path / "checkout" / "shared" / "a.yaml")
    monkeypatch.chdir(tmp_path / "checkout")
    return tmp_path / "checkout"


@pytest.mark.parametrize(
    ("target", "path", "link"),
    [
        ("../home", "desired", "this path"),
        ("../home", "desired/token.yaml", "desired"),
        ("../home/token.yaml", "desired", "this path"),
        ("../home", "./desired/../home/token.yaml", "desired"),
        (".git", "desired/config", "desired"),
        (".git/config", "desired", "this path"),
        ("..", "desired/home", "desired"),
        ("../checkout2", "desired", "this path"),
        ("../gone", "desired", "this path"),
    ],
)
def test_a_link_out_of_the_git_work_tree_is_a_problem(checkout: Path, target: str, path: str, link: str) -> None:
    make(checkout.parent / "checkout2" / "a.yaml")
    (checkout / "desired").symlink_to(target)
    for given in (path, str(checkout / path)):
        where = link if link == "this path" or given == path else f"{checkout}/{link}"
        assert problems(given) == [(given, 0, 0, f"{where} is a link out of its git work tree")]


def test_links_within_the_work_tree_are_followed(checkout: Path) -> None:
    (checkout / "desired").symlink_to("shared")
    (checkout.parent / "elsewhere").symlink_to("checkout/shared")
    assert load(["desired"]).files == ("desired/a.yaml",)
    assert load(["../elsewhere"]).files == ("../elsewhere/a.yaml",)


@pytest.mark.parametrize(
    "text", ["ghp_token", "*ghp_token", "!ghp_token x", "&ghp_token x", "'ghp_token'", "|\n ghp_token"]
)
def test_a_whole_document_that_is_one_value_is_not_quoted(tmp_path: Path, text: str) -> None:
    make(tmp_path / "a.yaml", text)
    for _, _, _, message in problems("a.yaml"):
        assert message == "a desired file must be a mapping with the key covers, not a single value"
