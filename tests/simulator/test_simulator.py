"""Fifty simulations; `make fuzz` plays thousands."""

from __future__ import annotations

import pytest

from simulator.rules import RULES
from simulator.simulation import simulate

# Of the event loop's own signals and timers, and of threads that want none of it.
pytestmark = pytest.mark.integration


@pytest.mark.parametrize("first", range(0, 50, 10))
def test_ten_simulations_break_no_rule(first: int) -> None:
    for seed in range(first, first + 10):
        simulate(seed, RULES.keys())


def test_a_seed_reproduces_a_run() -> None:
    assert simulate(7, ()) == simulate(7, ())
