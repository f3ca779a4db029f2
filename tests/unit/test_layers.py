"""The layers: who may import whom, and who may write to stdout."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "reconciler").rglob("*.py"))


def name(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


@pytest.mark.integration
def test_the_arrows_hold(tmp_path: Path) -> None:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--config", str(ROOT / ".importlinter"), "--cache-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout.decode()
    assert b" 0 broken" in done.stdout


def test_every_module_of_ours_has_a_place_in_the_layers() -> None:
    """A new room must be given one, or no contract would hold it."""
    config = (ROOT / ".importlinter").read_text()
    layers = config.partition("layers =\n")[2].partition("\n\n")[0]
    placed = {part.strip().removeprefix("reconciler.") for line in layers.splitlines() for part in line.split("|")}
    rooms = {module.relative_to(ROOT / "reconciler").parts[0].removesuffix(".py") for module in MODULES}
    assert rooms - placed == {"__init__", "emulator"}
    assert placed <= rooms


def test_only_the_terminal_knows_stdout() -> None:
    writers = {
        name(module)
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_bytes()))
        if (isinstance(node, ast.Name) and node.id == "print")
        or (isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.stdout", "click.echo", "click.secho"))
    }
    assert writers == {"reconciler/cli/terminal.py"}
