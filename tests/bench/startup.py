"""How much longer `reconcile --version` takes than bare Python. Run: python tests/bench/startup.py"""

from __future__ import annotations

import argparse
import sys

from measure import in_turn, measured
from table import Row, show

ROUNDS = 15


def row() -> Row:
    ours, bare = in_turn(
        ROUNDS,
        lambda: measured([sys.executable, "-m", "reconciler", "--version"], {}),
        lambda: measured([sys.executable, "-c", "pass"], {}),
    )
    more = f"{(ours.wall - bare.wall) * 1000:.0f} ms more (at most 150)"
    return Row(
        "start-up, `reconcile --version`",
        f"{ours.wall * 1000:.0f} ms",
        f"`python -c pass`: {bare.wall * 1000:.0f} ms",
        more,
    )


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    show([row()])


if __name__ == "__main__":
    main()
