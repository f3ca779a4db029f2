"""API calls for each asset of `audit`, with and without a lock file; all assets are in sync, and covers are copies.

Run: python tests/bench/calls.py
"""

from __future__ import annotations

import argparse
import tempfile

from measure import reconcile
from server import desired, lock, requests, serving
from table import Row, show


def row(assets: int) -> Row:
    with tempfile.TemporaryDirectory() as folder, serving(assets=assets, copies=True) as base:
        file = desired(folder, assets)
        reconcile(base, "audit", file)
        full = calls(base)
        lock(folder, assets)
        reconcile(base, "audit", file)
        locked = calls(base) - full
    ours = f"locked: {locked:,} calls, {locked / assets:.4f} for each"
    other = f"not locked: {full:,} calls, {full / assets:.4f} for each"
    return Row(f"API calls of `audit`, {assets:,} assets in sync", ours, other, f"{locked / full:.3f}")


def calls(base: str) -> int:
    return sum(count for kind, count in requests(base).items() if kind != "picture")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=20_000, help="in the catalogue (default: %(default)s)")
    show([row(parser.parse_args().assets)])


if __name__ == "__main__":
    main()
