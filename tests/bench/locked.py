"""`reconcile plan` of a large locked catalogue in sync, beside the SDK's loop of details; covers are copies.

Wanted for 100,000 assets: at most 60 s of CPU and 400 MB; at the service's own quotas at most 2.5 minutes.
Run: python tests/bench/locked.py [--assets N]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator

from measure import reconcile
from reading import sdk
from server import desired, lock, serving
from table import Row, show

PER_MINUTE = 1500


def rows(assets: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, serving(assets=assets, copies=True) as base:
        file = desired(folder, assets)
        lock(folder, assets)
        plan = reconcile(base, "plan", file)
        ours = f"{plan.wall:.1f} s, {plan.cpu:.1f} s of CPU, {plan.peak:.0f} MB"
        other = sdk(base, assets, 16)
        theirs = f"SDK, 16 threads, details: {other.wall:.1f} s, {other.cpu:.1f} s of CPU"
        yield Row(
            f"plan of {assets:,} locked assets, no quota", ours, theirs, f"{other.wall / plan.wall:.2f} × as fast"
        )
        limited = reconcile(base, "plan", file, RECONCILE_READ_QUOTA=f"{PER_MINUTE}/minute")
        minutes = (assets - 1) // PER_MINUTE
        theirs = f"details at the quota: {minutes} min"
        ratio = f"{minutes * 60 / limited.wall:.0f} × as fast"
        yield Row(
            f"plan of {assets:,} locked assets, {PER_MINUTE:,} reads a minute", f"{limited.wall:.1f} s", theirs, ratio
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=100_000, help="in the catalogue (default: %(default)s)")
    show(rows(parser.parse_args().assets))


if __name__ == "__main__":
    main()
