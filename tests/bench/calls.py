"""API calls for each asset of `audit`, with and without a lock file; all assets are in sync.

Run: python tests/bench/calls.py
"""

from __future__ import annotations

import argparse
import tempfile

from measure import reconcile
from server import desired, requests, serving
from table import Row, show


def row(assets: int) -> Row:
    with tempfile.TemporaryDirectory() as folder, serving(assets=assets) as base:
        file, state = desired(folder, assets), f"{folder}/state"
        counts = []
        for flags in ((), ("--fast",)):
            reconcile(base, "audit", *flags, file, state=state)
            counts.append(sum(requests(base).values()))
    full, both = counts
    fast = both - full
    ours = f"`audit --fast`: {fast:,} calls, {fast / assets:.4f} for each"
    other = f"`audit`: {full:,} calls, {full / assets:.4f} for each"
    return Row(f"API calls, {assets:,} assets in sync", ours, other, f"{fast / full:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=20_000, help="in the catalogue (default: %(default)s)")
    show([row(parser.parse_args().assets)])


if __name__ == "__main__":
    main()
