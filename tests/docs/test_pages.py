"""The pages for contributors are true: the folders, files and links that they name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("reconciler/ARCHITECTURE.md", ".github/CONTRIBUTING.md")
CREATED = {".venv"}
"""Paths that exist only after `make`."""
PATH = re.compile(r"`((?:[\w.-]+/)+(?:[\w.-]+)?|[\w.-]*\.[a-z]+|\.\w+)`")


def paths(page: str) -> set[str]:
    """Return what stands in backticks and is a path: it has a slash or an extension."""
    return set(PATH.findall((ROOT / page).read_text(encoding="utf-8")))


def exists(path: str) -> bool:
    """Return whether a path exists in the repository or in the package; a folder has a slash at its end."""
    found = [place for place in (ROOT / path, ROOT / "reconciler" / path) if place.exists()]
    return any(place.is_dir() == path.endswith("/") for place in found)


@pytest.mark.parametrize("page", PAGES)
def test_every_path_it_names_exists(page: str) -> None:
    named = paths(page) - CREATED
    assert len(named) >= 8
    assert [path for path in sorted(named) if not exists(path)] == []


def test_the_architecture_names_every_folder() -> None:
    folders = {f"{folder.parent.name}/" for folder in (ROOT / "reconciler").glob("*/__init__.py")}
    assert len(folders) > 10
    assert folders - paths("reconciler/ARCHITECTURE.md") == set()


def test_every_make_target_that_pages_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in (*PAGES, "README.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        named = set(re.findall(r"`(?:\w+=\S+ )?make ([a-z-]+)`", text))
        assert named <= targets, (page, named - targets)


@pytest.mark.parametrize("page", [*PAGES, ".github/SECURITY.md", "README.md"])
def test_every_link_to_a_file_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    files = [link for link in links if not re.match("[a-z]+:", link)]
    assert [link for link in files if not ((ROOT / page).parent / link).exists()] == []
