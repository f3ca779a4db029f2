"""Peak memory of plan and apply as catalogues grow. Run: python tests/bench/memory.py"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator

from measure import Usage, reconcile
from server import desired, serving
from table import Row, show

LEAST, MIDDLE, MOST = 1_000, 20_000, 100_000


def used(assets: int, index: int, *command: str) -> Usage:
    """On a new server, with every entry at that index: 0 is in sync."""
    with tempfile.TemporaryDirectory() as folder, serving() as base:
        return reconcile(base, *command, desired(folder, assets, lambda number: index))


def rows(most: int) -> Iterator[Row]:
    least = used(LEAST, 0, "plan")
    other = f"plan of {LEAST:,}: {least.peak:.0f} MB"
    apply = ("apply", "--auto-approve", "--force")
    for what, assets, index, command in (
        (f"plan of {MIDDLE:,} assets in sync", MIDDLE, 0, ("plan",)),
        (f"plan of {most:,} assets in sync", most, 0, ("plan",)),
        (f"plan of {MIDDLE:,} assets, all drifted", MIDDLE, 1, ("plan",)),
        (f"apply to {MIDDLE:,} assets, all drifted", MIDDLE, 1, apply),
    ):
        usage = used(assets, index, *command)
        ours = f"{usage.peak:.0f} MB ({usage.wall:.0f} s)"
        yield Row(f"peak memory, {what}", ours, other, f"{usage.peak / least.peak:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=MOST, help="the largest catalogue (default: %(default)s)")
    show(rows(parser.parse_args().assets))


if __name__ == "__main__":
    main()
