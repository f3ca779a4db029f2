"""`reconcile plan` of as many assets as may be read at once, one in a hundred drifted: wanted in 2 s.

Run: python tests/bench/planning.py [ASSETS...]
"""

from __future__ import annotations

import argparse
import tempfile

from measure import in_turn, reconcile
from reading import sdk
from server import desired, serving
from table import Row, show

ROUNDS = 5
MANY = 20_000
"""Beyond this, one round is enough."""


def row(assets: int) -> Row:
    rounds = ROUNDS if assets <= MANY else 1
    with tempfile.TemporaryDirectory() as folder, serving() as base:
        file = desired(folder, assets, lambda number: int(number % 100 == 99))
        plan, other = in_turn(rounds, lambda: reconcile(base, "plan", file), lambda: sdk(base, assets, 16))
    ours = f"{plan.wall:.2f} s, {plan.cpu:.2f} s of CPU, {plan.peak:.0f} MB"
    theirs = f"SDK, 16 threads: {other.wall:.2f} s, {other.cpu:.2f} s of CPU, {other.peak:.0f} MB"
    return Row(f"plan of {assets:,} assets, 1 % drifted", ours, theirs, f"{other.wall / plan.wall:.2f} × as fast")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assets", type=int, nargs="*", default=[1500])
    show(map(row, parser.parse_args().assets))


if __name__ == "__main__":
    main()
