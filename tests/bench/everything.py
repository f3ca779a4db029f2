"""All benchmarks, one after another, as one table; with BENCH_README=1 also as README.md's. Run: make bench"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from table import HEAD

HERE = Path(__file__).parent
README = HERE.parents[1] / "README.md"
BEGIN, END = "<!-- bench -->\n", "<!-- /bench -->"
SCRIPTS = ("reading", "planning", "playbook", "calls", "locked", "memory", "quota", "loading", "startup")


def rows(name: str) -> str:
    """What a benchmark printed below the head, nothing where it failed.

    Each is a process of its own, so that what one of them holds does not count as memory of another's children.
    """
    done = subprocess.run([sys.executable, str(HERE / f"{name}.py")], stdout=subprocess.PIPE, text=True)
    return "" if done.returncode else done.stdout.removeprefix(f"{HEAD}\n")


def keep(table: str) -> None:
    """Puts the table between README.md's two marks."""
    before, begin, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit("README.md has lost the marks of its benchmark table")
    README.write_text(f"{before}{begin}{table}{end}{after}", encoding="utf-8")


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    table, failed = f"{HEAD}\n", []
    for name in SCRIPTS:
        print(f"{name}...", file=sys.stderr, flush=True)
        found = rows(name)
        table += found
        failed += [] if found else [name]
    print(table, end="")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")
    if os.environ.get("BENCH_README") == "1":
        keep(table)


if __name__ == "__main__":
    main()
