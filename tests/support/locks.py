"""Reads and changes the lock file that a run left behind, and commits it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

LOCK = Path("desired/covers.lock")
HEADER = '{"format_version": "1.0", "kind": "lock"}'


def lines(file: Path = LOCK) -> list[dict[str, Any]]:
    header, *found = file.read_text(encoding="utf-8").splitlines()
    assert header == HEADER
    return [json.loads(line) for line in found]


def put(found: Iterable[Mapping[str, Any]], file: Path = LOCK) -> None:
    file.write_text("\n".join([HEADER, *map(json.dumps, found)]) + "\n", encoding="utf-8")


def change(asset_id: str, **values: object) -> None:
    """Rewrites the line of one asset, as if its snapshot had been another picture when it was locked."""
    put({**line, **values} if line["asset_id"] == asset_id else line for line in lines())


def git(*arguments: str) -> str:
    """What git prints; subprocess.CalledProcessError where it fails, as with a conflict."""
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    command = ["git", *identity, "-c", "init.defaultBranch=main", *arguments]
    return subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout
