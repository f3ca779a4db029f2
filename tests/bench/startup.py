"""How much longer `reconcile --version` takes than bare Python. Run: python tests/bench/startup.py"""

from __future__ import annotations

import sys
from statistics import median

from server import measured

_RUNS = 15


def main() -> None:
    commands = {"python -c pass": ["-c", "pass"], "reconcile --version": ["-m", "reconciler", "--version"]}
    walls: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(_RUNS):  # in turn, so that a noisy moment hits both
        for name, rest in commands.items():
            walls[name].append(measured([sys.executable, *rest], {})[0] * 1000)
    bare, ours = (median(times) for times in walls.values())
    for name, wall in zip(commands, (bare, ours), strict=True):
        print(f"{name:<22} {wall:>6.0f} ms")
    print(f"{'difference':<22} {ours - bare:>6.0f} ms   (target: at most 150)")


if __name__ == "__main__":
    main()
