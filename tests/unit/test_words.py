"""Messages, help, docstrings and pages are in plain English: none of the words below."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNWANTED = re.compile(
    r"\b(?:whoever|nobody|told|anew|c[oa]mes?\s+of|can't\s+be\s+had|lest|thereof|hitherto)\b"
    r"|(?<!\bthere\s)\bis\s+no\s+(?!longer\b)\w+",
    re.IGNORECASE,
)
"""“'x' is no region” is not plain; “there is no region” and “is no longer” are."""
PAGES = (
    "README.md",
    "CHANGELOG.md",
    ".pre-commit-hooks.yaml",
    "reconciler/**/*.md",
    "reconciler/**/*.j2",
    "desired/**/*.yaml",
    ".github/**/*.md",
)


def strings(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, text) for every string in Python code, docstrings and the parts of f-strings included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def unwanted(text: str) -> list[str]:
    return [found for _, found in _found(text)]


def findings(file: Path) -> list[str]:
    """Return `path:line: words` for each place with unwanted words."""
    text = file.read_text(encoding="utf-8")
    name = file.relative_to(ROOT)
    parts = strings(text) if file.suffix == ".py" else [(1, text)]
    return [f"{name}:{start + line}: {words}" for start, part in parts for line, words in _found(part)]


def _found(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line breaks before it, words); the words stand on one line."""
    for match in UNWANTED.finditer(text):
        yield text.count("\n", 0, match.start()), " ".join(match.group().split())


def test_python_strings_are_in_plain_english() -> None:
    files = sorted((ROOT / "reconciler").rglob("*.py"))
    assert len(files) > 100
    found = [line for file in files for line in findings(file)]
    assert not found, "\n".join(found)


def test_pages_and_templates_are_in_plain_english() -> None:
    files = {pattern: sorted(ROOT.glob(pattern)) for pattern in PAGES}
    assert all(files.values()), files
    found = [line for group in files.values() for file in group for line in findings(file)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Nobody was told", ["Nobody", "told"]),
        ("what came\n  of it, written anew", ["came of", "anew"]),
        ("'x' is no region", ["is no region"]),
        ("it is no longer there; there is no region; a retold tale, the latest", []),
    ],
)
def test_the_words_are_found(text: str, words: list[str]) -> None:
    assert unwanted(text) == words


def test_every_string_is_looked_at() -> None:
    code = '"""Module."""\ndef f(x):\n    """Docstring."""\n    return f"part {x!r}" + "plain"\n'
    assert [text for _, text in strings(code)] == ["Module.", "Docstring.", "plain", "part "]
