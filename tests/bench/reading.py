"""Reads a second: whole `reconcile plan` processes against the official SDK, as 16 threads and as a plain loop.

With an answer at once and after 50 ms; the sides take turns, and medians count. Run: python tests/bench/reading.py
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from measure import Usage, in_turn, measured, reconcile
from server import desired, serving
from table import Row, show

SLOW = 0.05
FEW, FEWEST = 2_000, 100
"""Assets for what is slow, and for a plain loop that waits 50 ms for each."""


def sdk(base: str, assets: int, threads: int) -> Usage:
    script = str(Path(__file__).with_name("sdk.py"))
    return measured([sys.executable, script, base, str(assets), str(threads)], {})


def compared(latency: float, ours: int, theirs: int, threads: int, rounds: int) -> Iterator[Row]:
    """Of so many assets each side; the SDK may get fewer, since only reads a second are compared."""
    with tempfile.TemporaryDirectory() as folder, serving(latency) as base:
        file = desired(folder, ours)
        plan, other = in_turn(rounds, lambda: reconcile(base, "plan", file), lambda: sdk(base, theirs, threads))
    name = f"SDK, {threads} threads" if threads > 1 else "SDK, plain loop"
    name += f" over {theirs:,}" if theirs != ours else ""
    speed, pace = ours / plan.wall, theirs / other.wall
    what = f"plan of {ours:,} assets, {latency * 1000:.0f} ms latency"
    yield Row(what, f"{speed:,.0f} reads/s", f"{name}: {pace:,.0f} reads/s", f"{speed / pace:.2f} × as fast")
    if not latency and threads > 1:  # a small plan's start-up would hide its reads
        cpu, used = plan.cpu / ours * 1000, other.cpu / theirs * 1000
        yield Row(f"CPU per read, {ours:,} assets", f"{cpu:.2f} ms", f"{name}: {used:.2f} ms", f"{cpu / used:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--assets", type=int, default=20_000, help="against 16 threads at 0 ms (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians count (default: %(default)s)")
    given = parser.parse_args()

    def rows() -> Iterator[Row]:
        yield from compared(0, given.assets, given.assets, 16, given.rounds)
        yield from compared(0, FEW, FEW, 1, given.rounds)
        yield from compared(SLOW, FEW, FEW, 16, given.rounds)
        yield from compared(SLOW, FEW, FEWEST, 1, given.rounds)

    show(rows())


if __name__ == "__main__":
    main()
