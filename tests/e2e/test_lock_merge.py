"""Branches that lock, merged by git: no conflicts, and what a union merge leaves behind is named and mended."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.command_line import run, videos, write
from support.locks import LOCK, git, lines, put


def ids(*numbers: int) -> list[str]:
    """Asset IDs, spread as real ones are."""
    return sorted(f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}" for number in numbers)


def line(asset_id: str) -> dict[str, Any]:
    bytes_ = {"sha256": asset_id * 2, "md5": asset_id, "length": 7}
    return {"asset_id": asset_id, "from": "sample", "index": 0, "offset": 0, "of": 1, "path": "s/0.jpg", **bytes_}


@pytest.fixture(autouse=True)
def _repository() -> None:
    git("init")
    Path(".gitattributes").write_text("covers.lock merge=union\n", encoding="utf-8")


def commit() -> None:
    git("add", "-A")
    git("commit", "-qm", "x")


def branch(name: str) -> None:
    git("checkout", "-q", "main")
    git("checkout", "-qb", name)


def add(name: str, new: list[str]) -> None:
    """A branch on which these assets are managed, in a file of their own, and locked."""
    branch(name)
    write(dict.fromkeys(new, "0"), to=f"desired/{name}.yaml")
    put(sorted([*lines(), *map(line, new)], key=lambda one: str(one["asset_id"])))
    assert run("lock", "--check").code == 0
    commit()


def base() -> list[str]:
    found = ids(*range(1, 1001))
    write(dict.fromkeys(found, "0"))
    put(map(line, found))
    commit()
    return found


def test_thirty_and_thirty_additions_in_a_thousand_lines() -> None:
    old, one, two = base(), ids(*range(2000, 2030)), ids(*range(3000, 3030))
    add("one", one)
    add("two", two)
    git("merge", "-q", "--no-edit", "one")
    assert len(lines()) == 1060
    assert run("validate").code == 0
    assert run("lock").code == 0
    assert [found["asset_id"] for found in lines()] == sorted([*old, *one, *two])
    assert run("lock", "--check").code == 0


def test_without_the_attribute_such_branches_conflict() -> None:
    """Neighbours in the file: so the attribute is not for nothing."""
    base()
    Path(".gitattributes").unlink()
    commit()
    add("one", ["0" * 31 + "1"])
    add("two", ["0" * 31 + "2"])
    with pytest.raises(subprocess.CalledProcessError):
        git("merge", "-q", "--no-edit", "one")
    ran = run("validate")
    assert (ran.code, ran.err.count("a git conflict marker")) == (1, 3)


def test_lines_that_a_merge_left_twice_are_named_and_mended_offline() -> None:
    base()
    once = LOCK.read_text(encoding="utf-8")
    put([*lines(), *lines()[3:5]])
    ran = run("validate")
    assert (ran.code, ran.err.count("is locked twice; `reconcile lock` mends it")) == (1, 2)
    assert run("lock").code == 0
    assert LOCK.read_text(encoding="utf-8") == once


def test_an_upgrade_beside_an_addition_leaves_the_picture_of_today(emulator: str) -> None:
    """Git keeps both sides of a place that both branches changed: the line before and after the upgrade."""
    first, second = sorted(videos(2), key=lambda item: item.asset_id)
    write({first.asset_id: first.in_sync()})
    assert run("lock", "--endpoint", emulator).code == 0
    [today] = lines()
    put([{**today, "sha256": "0" * 64, "md5": "0" * 32}])
    commit()
    branch("one")
    put([today])
    commit()
    branch("two")
    write({second.asset_id: second.in_sync()}, to="desired/second.yaml")
    assert run("lock", "--endpoint", emulator).code == 0
    commit()
    git("merge", "-q", "--no-edit", "one")
    ran = run("validate")
    assert ran.code == 1
    assert f"the asset {first.asset_id} is locked twice; `reconcile lock` mends it" in ran.err
    assert run("lock", "--endpoint", emulator).code == 0
    assert [one["asset_id"] for one in lines()] == [first.asset_id, second.asset_id]
    assert lines()[0] == today
