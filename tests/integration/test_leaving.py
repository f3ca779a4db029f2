"""How the process ends, once its output is complete."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

LEAVES = """
import atexit, sys, types
sys.modules.update({name: types.ModuleType(name) for name in sys.argv[1:]})
from reconciler.util import signals
atexit.register(print, "the interpreter ended")
print("all that was to be said", end="")
signals.leave(2)
"""


def left(*modules: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-c", LEAVES, *modules], capture_output=True, text=True)
    return done.returncode, done.stdout


def test_after_object_storage_was_used_the_process_does_not_wait_for_its_threads() -> None:
    """They would abort it, now and then, after the report, if the interpreter had ended before them."""
    assert left("obstore") == (2, "all that was to be said")
    assert left() == (2, "all that was to be saidthe interpreter ended\n")
