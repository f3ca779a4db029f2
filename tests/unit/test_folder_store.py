"""Shared state in a folder: a store like any other, which follows no link."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.store_checks import CHECKS, Check

from reconciler.state.folder_store import FolderStore
from reconciler.state.store import StoreError, keys


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_is_a_store(check: Check, tmp_path: Path) -> None:
    asyncio.run(check(FolderStore(tmp_path / "new")))


def test_what_is_there_is_not_claimed(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    assert asyncio.run(store.claim("covers/aa", b"one"))
    assert not asyncio.run(store.claim("covers/aa", b"two"))
    assert (tmp_path / "covers" / "aa").read_bytes() == b"one"


def test_links_are_neither_read_nor_written_through(tmp_path: Path) -> None:
    store, precious = FolderStore(tmp_path / "store"), tmp_path / "precious"
    precious.write_bytes(b"precious")
    asyncio.run(store.put("memory/b", b"{}"))
    (tmp_path / "store" / "memory" / "a").symlink_to(precious)
    with pytest.raises(StoreError, match="memory/a"):
        asyncio.run(store.get("memory/a"))
    assert asyncio.run(keys(store, "memory/")) == ["memory/b"]
    asyncio.run(store.put("memory/a", b"new"))
    assert precious.read_bytes() == b"precious"


@pytest.mark.parametrize(
    "key", ["../evil", "memory/../../evil", "/etc/evil", "memory//a", "memory/.hidden", "a\nb", ""]
)
def test_a_key_that_leads_elsewhere_is_refused(tmp_path: Path, key: str) -> None:
    """Keys come from a bucket."""
    store = FolderStore(tmp_path / "store")
    for work in (store.put(key, b"x"), store.claim(key, b"x"), store.get(key), store.delete(key)):
        with pytest.raises(StoreError, match="not a key of shared state"):
            asyncio.run(work)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_half_written_is_not_listed(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    asyncio.run(store.put("memory/a", b"{}"))
    (tmp_path / "memory" / ".new-1-ab").write_bytes(b"{")
    assert asyncio.run(keys(store, "memory/")) == ["memory/a"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_bytes(b"in the way")
    with pytest.raises(Exception, match="runs/a"):
        asyncio.run(FolderStore(tmp_path).put("runs/a/000001.jsonl", b""))
