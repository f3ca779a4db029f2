"""A few hundred runs of each fuzzer that `make fuzz` runs at length."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest


@pytest.mark.parametrize("name", ["fuzz_bodies", "fuzz_files"])
def test_a_few_hundred_runs_end_cleanly(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "fuzz"))
    good, refused = importlib.import_module(name).fuzz(300, 20)

    assert good > 30
    assert refused > 30
