"""A file is there whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import UsageError
from reconciler.util.atomic_files import append, check_replaceable, check_writable, create, replace, write


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_written_and_nothing_stays_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"

    write(str(file), "片 one\n")
    write(str(file), "two\n")

    assert file.read_text(encoding="utf-8") == "two\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_private_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text("old")
    file.chmod(0o666)

    write(str(file), "new", private=True)

    assert mode(file) == 0o600


def test_another_file_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(str(tmp_path / "a"), "x")
    finally:
        os.umask(before)

    assert mode(tmp_path / "a") == 0o640


def test_what_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text("old")

    with pytest.raises(UnicodeEncodeError):
        write(str(file), "new \ud800")

    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


WRITERS: dict[str, Callable[[str], object]] = {
    "check": check_writable,
    "write": lambda path: write(path, "new"),
    "create": lambda path: create(path, "new"),
    "replace": lambda path: replace(path, b"new"),
    "append": lambda path: append(path, "new"),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("target", ["file", "gone", "link", "folder"])
def test_no_file_is_written_through_a_link(writer: str, target: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(target)

    with pytest.raises(UsageError, match="link cannot be written: it is a link"):
        WRITERS[writer](str(tmp_path / "link"))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "link"]
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", ["out/report", "out/../report", "deep/out/report", "./out/sub/report"])
def test_nor_below_a_folder_of_a_git_checkout_that_is_a_link(
    writer: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout, outside = tmp_path / "checkout", tmp_path / "outside"
    for folder in (checkout / ".git", checkout / "deep", outside / "sub"):
        folder.mkdir(parents=True)
    for link in (checkout / "out", checkout / "deep" / "out"):
        link.symlink_to(outside)
    existing = [folder / "report" for folder in (outside, outside / "sub", tmp_path)]
    for file in existing:
        file.touch()
    monkeypatch.chdir(checkout)

    for path in (name, str(checkout / name)):
        with pytest.raises(UsageError, match="out is a link in a git checkout"):
            WRITERS[writer](path)

    assert [file.read_text() for file in existing] == ["", "", ""]


def test_other_links_to_folders_are_followed(tmp_path: Path) -> None:
    (tmp_path / "v1").mkdir()
    (tmp_path / "current").symlink_to("v1")
    file = tmp_path / "current" / "report"

    check_writable(str(file))
    write(str(file), "new")

    assert (tmp_path / "v1" / "report").read_text() == "new"


def test_the_streams_of_the_process_are_no_links_to_be_refused(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+b") as opened:
        opened.write(b"before ")
        opened.flush()
        path = f"/dev/fd/{opened.fileno()}"
        check_writable(path)
        write(path, "a")
        append(path, "b")
        assert (tmp_path / "file").read_text().startswith("before a")
    refusing: list[Callable[[], object]] = [lambda: check_writable(path), lambda: write(path, "x")]
    for refused in refusing:
        with pytest.raises(UsageError, match="Bad file descriptor"):
            refused()


def test_a_device_is_written_to_and_not_replaced() -> None:
    write("/dev/null", "x")

    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize("name", ["no-such-folder/plan.json", "."])
def test_what_cannot_be_written_is_known_before_and_told_after(name: str, tmp_path: Path) -> None:
    path = str(tmp_path / name)

    with pytest.raises(UsageError, match="cannot be written"):
        check_writable(path)
    with pytest.raises(UsageError, match="cannot be written"):
        write(path, "x")


def test_what_can_be_written_passes(tmp_path: Path) -> None:
    check_writable(str(tmp_path / "plan.json"))

    assert list(tmp_path.iterdir()) == []


def test_a_file_given_other_bytes_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "covers.yaml"
    file.write_bytes(b"old")
    file.chmod(0o604)
    check_replaceable(str(file))

    replace(str(file), b"new\r\n\xff")

    assert (file.read_bytes(), mode(file)) == (b"new\r\n\xff", 0o604)
    assert list(tmp_path.iterdir()) == [file]


def test_what_is_not_there_cannot_be_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "covers.yaml")
    for replacing in (check_replaceable, lambda path: replace(path, b"new")):
        with pytest.raises(UsageError, match="cannot be written"):
            replacing(path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="there is no such file"):
        check_replaceable(path)


@pytest.mark.parametrize("links", [True, False])
def test_a_new_file_never_replaces_one_that_holds_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr("reconciler.util.atomic_files.os.link", no_links)
    file = tmp_path / "covers.yaml"
    create(str(file), "片\n")
    assert file.read_text(encoding="utf-8") == "片\n"

    with pytest.raises(UsageError, match="was written by another program meanwhile"):
        create(str(file), "other\n")

    assert file.read_text(encoding="utf-8") == "片\n"
    assert list(tmp_path.iterdir()) == [file]


def no_links(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def test_an_empty_file_is_filled(tmp_path: Path) -> None:
    file = tmp_path / "covers.yaml"
    file.touch()
    create(str(file), "x")
    assert file.read_text() == "x"
    assert list(tmp_path.iterdir()) == [file]


def test_a_new_device_is_written_to() -> None:
    create("/dev/null", "x")
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize(
    ("before", "after"), [("", "ours\n"), ("theirs\n", "theirs\nours\n"), ("theirs", "theirs\nours\n")]
)
def test_lines_are_added_behind_whole_lines(tmp_path: Path, before: str, after: str) -> None:
    file = tmp_path / "summary.md"
    file.write_text(before, encoding="utf-8")
    append(str(file), "ours\n")
    assert file.read_text(encoding="utf-8") == after
