"""`reconcile validate`, whole process, against ruamel.yaml's own safe C loader: `python tests/bench/loading.py`."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

OURS = ("-m", "reconciler", "validate")
SAFE = (
    "-c",
    "import sys, pathlib; from ruamel.yaml import YAML; YAML(typ='safe').load(pathlib.Path(sys.argv[1]))",
)
ROUNDS = 3


def asset_id(number: int) -> str:
    """Like the service's own: digits spread at random (counted up, they would read as 0e12 = 0 to others)."""
    return hashlib.md5(str(number).encode()).hexdigest()


def flat(numbers: Iterable[int]) -> str:
    return "covers:\n" + "".join(f"  {asset_id(n)}: {n % 7}\n" for n in numbers)


def records(numbers: Iterable[int]) -> str:
    body = "    snapshot: {}\n    from: sample\n    note: clip {}\n"
    return "covers:\n" + "".join(f"  {asset_id(n)}:\n{body.format(n % 7, n)}" for n in numbers)


# The form, and how many files a million entries need: none may be over 64 MiB.
FORMS = (("flat", flat, 1), ("records", records, 2))


def run(code: tuple[str, ...], *files: Path) -> tuple[float, float]:
    """Seconds and peak memory (MB) of a whole process."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *code, *map(str, files)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the benchmark's process exited with {process.returncode}")
    kilobytes = usage.ru_maxrss / 1024 if sys.platform == "darwin" else usage.ru_maxrss
    return seconds, kilobytes / 1024


def best(code: tuple[str, ...], file: Path) -> tuple[float, float]:
    """The quickest of some rounds: what disturbs a round only ever makes it slower."""
    return min(run(code, file) for _ in range(ROUNDS))


def main() -> None:
    print(f"{'form':8} {'entries':>9} {'ours':>8} {'safe, C':>8} {'ratio':>6} {'ours, peak':>11}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "covers.yaml"
        for name, form, _ in FORMS:
            file.write_text(form(range(100_000)))
            ours, memory = best(OURS, file)
            safe, _ = best(SAFE, file)
            print(f"{name:8} {100_000:9,} {ours:6.2f} s {safe:6.2f} s {ours / safe:6.2f} {memory:8.0f} MB")
        for name, form, count in FORMS:
            files = [Path(folder) / f"{name}-{part}.yaml" for part in range(count)]
            for part, path in enumerate(files):
                path.write_text(form(range(part, 1_000_000, count)))
            ours, memory = run(OURS, *files)
            print(f"{name:8} {1_000_000:9,} {ours:6.2f} s {'':8} {'':7} {memory:8.0f} MB")


if __name__ == "__main__":
    main()
