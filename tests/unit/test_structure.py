"""The size of modules and functions, the names of classes, and what lies at the root of the package."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "reconciler").rglob("*.py"))
MOST_LINES = 300
MOST_LINES_OF_A_FUNCTION = 45


def name(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


def test_modules_stay_small() -> None:
    lengths = {name(module): len(module.read_text(encoding="utf-8").splitlines()) for module in MODULES}
    assert {module: lines for module, lines in lengths.items() if lines > MOST_LINES} == {}


def test_functions_stay_within_a_screen() -> None:
    assert {
        f"{name(module)}:{node.lineno} {node.name}": lines
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_bytes()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > MOST_LINES_OF_A_FUNCTION
    } == {}


def test_no_class_name_is_defined_twice() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for module in MODULES:
        for node in ast.walk(ast.parse(module.read_bytes())):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(name(module))
    twice = {word: modules for word, modules in places.items() if len(modules) > 1}
    assert not twice, twice


def test_three_modules_lie_at_the_root() -> None:
    loose = {module.stem for module in (ROOT / "reconciler").glob("*.py")}
    assert loose == {"__init__", "__main__", "model", "errors"}
