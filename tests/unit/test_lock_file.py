"""Lock files: what is read, what is refused and where, and what is written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired import lock_file, lock_line
from reconciler.desired.load import load, load_with_locks
from reconciler.errors import DesiredError
from reconciler.model import LockLine, PictureBytes

HEADER = '{"format_version": "1.0", "kind": "lock"}'
FIRST = "6e76f92034ceae2fcdcef9413221511f"
SECOND = "41cff636d5b12a51e7eb2838bbf45201"


def line(asset_id: str = FIRST, **values: object) -> str:
    found = {
        "asset_id": asset_id,
        "from": "sample",
        "index": 2,
        "offset": 10,
        "of": 9,
        "path": "snapshot/sample/10.jpg",
        "sha256": "b" * 64,
        "md5": "c" * 32,
        "length": 12345,
    }
    return json.dumps({**found, **values})


def write(folder: Path, *lines: str, entry: str = "2", end: str = "\n") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "a.yaml").write_text(f"covers:\n  {FIRST}: {entry}\n")
    (folder / "covers.lock").write_bytes("".join(each + end for each in (HEADER, *lines)).encode())
    return str(folder)


def problems(path: str) -> list[str]:
    with pytest.raises(DesiredError) as caught:
        load([path])
    return [f"{Path(one.file).name}:{one.line}:{one.column}: {one.message}" for one in caught.value.problems]


def locked(path: str) -> LockLine | None:
    state = load([path])
    return state.locked(state.covers[0])


def test_line_of_an_entry_is_read(tmp_path: Path) -> None:
    cover = {"sha256": "d" * 64, "md5": "e" * 32, "length": 7}
    assert locked(write(tmp_path, line(), line(SECOND, cover=cover))) == LockLine(
        FIRST, "sample", 2, 10, 9, "snapshot/sample/10.jpg", "b" * 64, "c" * 32, 12345
    )
    state, locks = load_with_locks([str(tmp_path)])
    second = locks.beside(state.files[0]).of(SECOND)
    assert second is not None
    assert second.cover == PictureBytes("d" * 64, "e" * 32, 7)


@pytest.mark.parametrize(
    ("entry", "current"),
    [
        ("2", True),
        ("-7", True),
        ("{offset: 10}", True),
        ("{snapshot: 2, note: x}", True),
        ("1", False),
        ("-2", False),
        ("{offset: 11}", False),
        ("{snapshot: 2, from: dots}", False),
        ("{snapshot: 2, ignore: true}", False),
    ],
)
def test_line_is_current_for_the_snapshot_that_the_entry_names(tmp_path: Path, entry: str, *, current: bool) -> None:
    assert (locked(write(tmp_path, line(), entry=entry)) is not None) == current


def test_lock_file_of_the_folder_counts_however_a_path_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "desired" / "campaigns", line())
    (tmp_path / "link.yaml").symlink_to("desired/campaigns/a.yaml")
    monkeypatch.chdir(tmp_path)
    paths = ("desired", "./desired/campaigns", "desired/campaigns/a.yaml", str(tmp_path), "link.yaml")
    assert [locked(path) is not None for path in paths] == [True] * 5
    monkeypatch.chdir("desired/campaigns")
    assert locked("a.yaml") is not None
    assert load_with_locks(["a.yaml"])[1].beside("a.yaml").path == "covers.lock"


def test_windows_line_ends_other_order_and_spacing_are_read(tmp_path: Path) -> None:
    tight = json.dumps(json.loads(line()), separators=(",", ":"))
    path = write(tmp_path, line("f" * 32), tight, "", line(SECOND), end="\r\n")
    (tmp_path / "covers.lock").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "covers.lock").read_bytes())
    assert locked(path) is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<<<<<<< HEAD", "2:1: a git conflict marker"),
        ("=======", "2:1: a git conflict marker"),
        ("{", "2:2: not valid JSON: Expecting property name"),
        ("[]", "2:1: each line must be a JSON object"),
        ("[" * 100_000, "2:1: not valid JSON: a number or a nesting"),
        ('{"length": ' + "9" * 5000 + "}", "2:1: not valid JSON: a number or a nesting"),
        (line(colour="red"), ': unknown key "colour" in a lock line'),
        (line(lenght=1), "did you mean length?"),
        (line(index=True), "2:68: index: Input should be a valid integer"),
        (line(index="2"), "2:68: index: Input should be a valid integer"),
        (line(index=9), "2:68: index must be less than 9"),
        (line(index=-1), "2:68: index: Input should be greater than or equal to 0"),
        (line(sha256="B" * 64), "sha256: String should match pattern"),
        (line("F" * 32), "2:2: asset_id: String should match pattern"),
        (line(cover={"sha256": "d" * 64, "md5": "e" * 32}), "length: Field required"),
        (line(cover={"sha256": "d" * 64, "md5": "e" * 32, "length": 1, "x": 1}), 'unknown key "x" in cover'),
        ('{"asset_id": 1, "asset_id": 2}', '2:17: the key "asset_id" is given twice'),
    ],
)
def test_wrong_line_is_refused_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    (found,) = problems(write(tmp_path, text))
    assert expected in found


def test_all_problems_are_reported_at_once_with_those_of_the_desired_files(tmp_path: Path) -> None:
    found = problems(write(tmp_path, "{", line(index=True), entry="x"))
    assert [one.split(": ")[0] for one in found] == ["a.yaml:2:37", "covers.lock:2:2", "covers.lock:3:68"]


def test_asset_twice_names_both_places_and_what_mends_it(tmp_path: Path) -> None:
    path = write(tmp_path, line(), line(SECOND), line(index=1), HEADER)
    twice, header = problems(path)
    assert f"4:1: the asset {FIRST} is locked twice; `reconcile lock` mends it" in twice
    assert "covers.lock:2:1, new: " in twice
    assert "5:1: the first line is here again" in header
    _, locks = load_with_locks([path], mend=True)
    assert [one.text for one in locks.beside(f"{path}/a.yaml").repeated] == [line(index=1), HEADER]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "1:1: not valid JSON"),
        (line(), "1:1: the first line of a lock file must be"),
        ('{"format_version": "2.0", "kind": "lock"}', "1:2: a lock file of version 2.0"),
        ('{"format_version": 1.0, "kind": "lock"}', "1:2: format_version must be text"),
        ('{"format_version": "1.0", "kind": "lock", "x": 1}', '1:43: unknown key "x" in the first line'),
    ],
)
def test_wrong_first_line_is_refused(tmp_path: Path, header: str, expected: str) -> None:
    path = write(tmp_path)
    (tmp_path / "covers.lock").write_text(f"{header}\n{line()}\n")
    (found,) = problems(path)
    assert expected in found


def test_keys_of_a_newer_minor_version_are_read_and_kept(tmp_path: Path) -> None:
    newer = line(colour="red")
    path = write(tmp_path)
    (tmp_path / "covers.lock").write_text(f'{{"format_version": "1.3", "kind": "lock", "by": "x"}}\n{newer}\n')
    state, locks = load_with_locks([path])
    file = locks.beside(state.files[0])
    found = locks.of(state.covers[0])
    assert found is not None
    assert file.version == "1.3"
    assert json.loads(lock_line.written(found, newer))["colour"] == "red"


def test_unreadable_lock_file_is_one_problem(tmp_path: Path) -> None:
    path = write(tmp_path / "desired")
    file = tmp_path / "desired" / "covers.lock"
    file.write_bytes(f"{HEADER}\n\xff".encode("latin-1"))
    assert problems(path) == ["covers.lock:2:1: this file is not valid UTF-8"]
    file.unlink()
    os.mkfifo(file)
    assert problems(path) == ["covers.lock:0:0: this is not a regular file"]
    file.unlink()
    file.mkdir()
    assert "not a regular file" in problems(path)[0] or "cannot be read" in problems(path)[0]
    file.rmdir()
    (tmp_path / "elsewhere").write_text(HEADER)
    file.symlink_to(tmp_path / "elsewhere")
    assert problems(path) == ["covers.lock:0:0: this is a link out of its folder"]
    file.unlink()
    file.symlink_to("nothing")
    assert problems(path) == ["covers.lock:0:0: this link leads nowhere"]


def test_too_large_a_lock_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_file, "MAX_BYTES", 100)
    assert problems(write(tmp_path, line())) == ["covers.lock:0:0: this file is larger than 256 MiB"]


@st.composite
def lines(draw: st.DrawFn) -> LockLine:
    def digits(count: int) -> str:
        return f"{draw(st.integers(0, 16**count - 1)):0{count}x}"

    of = draw(st.integers(1, 1000))
    cover = draw(st.none() | st.builds(lambda: PictureBytes(digits(64), digits(32), 5)))
    return LockLine(
        digits(32),
        draw(st.sampled_from(["sample", "dots", "quantity"])),
        draw(st.integers(0, of - 1)),
        draw(st.integers(0, 100_000)),
        of,
        draw(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)),
        digits(64),
        digits(32),
        draw(st.integers(0, 20 * 2**20)),
        cover,
    )


@given(st.lists(lines(), max_size=5, unique_by=lambda one: one.asset_id))
def test_what_is_written_is_read_again_and_written_the_same(
    tmp_path_factory: pytest.TempPathFactory, found: list[LockLine]
) -> None:
    folder = tmp_path_factory.mktemp("lock")
    text = lock_file.rendered({one.asset_id: [lock_line.written(one)] for one in found}, "1.0")
    assert text.isascii()
    assert len(text.split("\n")) == len(found) + 2
    write(folder)
    (folder / "covers.lock").write_text(text)
    state, locks = load_with_locks([str(folder)])
    file = locks.beside(state.files[0])
    assert [file.of(one.asset_id) for one in found] == found
    assert lock_file.rendered({name: file.all_of(name) for name in file.lines}, file.version) == text


def test_entry_without_a_lock_file_has_no_line(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "covers.lock").unlink()
    assert locked(str(tmp_path)) is None
