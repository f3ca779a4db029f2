"""Whole-process timings of `reconcile plan` on a local server. Run: python tests/bench/planning.py [ASSETS...]"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median

from server import asset_id, environment, measured, serving

_RUNS = 5


def desired(folder: Path, assets: int) -> Path:
    """Entries of which one in a hundred drifts."""
    file = folder / f"{assets}.yaml"
    lines = (f"  {asset_id(n)}: {int(n % 100 == 99)}\n" for n in range(assets))
    file.write_text("covers:\n" + "".join(lines))
    return file


def main() -> None:
    sizes = [int(text) for text in sys.argv[1:]] or [1500]
    print(f"medians of {_RUNS}; target: 1,500 assets in 2 s on a quiet machine")
    print(f"{'assets':>9} {'wall s':>8} {'CPU s':>8} {'MB':>6} {'reads/s':>8}")
    with tempfile.TemporaryDirectory() as folder, serving() as base:
        env = {**environment(base), "RECONCILE_STATE_DIR": folder}
        for assets in sizes:
            command = [sys.executable, "-m", "reconciler", "plan", str(desired(Path(folder), assets))]
            runs = [measured(command, env) for _ in range(_RUNS if assets <= 20_000 else 1)]
            wall, cpu, memory = (median(column) for column in zip(*runs, strict=True))
            print(f"{assets:>9,} {wall:>8.2f} {cpu:>8.2f} {memory:>6.0f} {assets / wall:>8.0f}")


if __name__ == "__main__":
    main()
