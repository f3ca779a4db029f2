"""`reconcile validate`, whole process, against ruamel.yaml's own safe C loader: `python tests/bench/loading.py`."""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from measure import Usage, measured
from table import Row, show

OURS = ("-m", "reconciler", "validate")
SAFE = (
    "-c",
    "import sys, pathlib; from ruamel.yaml import YAML; YAML(typ='safe').load(pathlib.Path(sys.argv[1]))",
)
ROUNDS = 3


def asset_id(number: int) -> str:
    """Like the service's own: digits spread at random (counted up, they would read as 0e12 = 0 to others)."""
    return hashlib.md5(str(number).encode()).hexdigest()


def flat(number: int) -> str:
    return f"  {asset_id(number)}: {number % 7}\n"


def record(number: int) -> str:
    return f"  {asset_id(number)}:\n    snapshot: {number % 7}\n    from: sample\n    note: clip {number}\n"


def write(file: Path, form: Callable[[int], str], numbers: range) -> None:
    with file.open("w") as out:  # piece by piece: a child's peak is never below what its parent held
        out.write("covers:\n")
        out.writelines(map(form, numbers))


# The form, and how many files a million entries need: none may be over 64 MiB.
FORMS = (("flat entries", flat, 1), ("three-key records", record, 2))


def run(code: tuple[str, ...], *files: Path) -> Usage:
    return measured([sys.executable, *code, *map(str, files)], {})


def best(code: tuple[str, ...], file: Path) -> Usage:
    """The quickest of some rounds: what disturbs a round only ever makes it slower."""
    return min(run(code, file) for _ in range(ROUNDS))


def told(usage: Usage) -> str:
    return f"{usage.wall:.2f} s, {usage.peak:.0f} MB"


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        file, fewer = Path(folder) / "covers.yaml", {}
        for name, form, _ in FORMS:
            write(file, form, range(100_000))
            ours, safe = best(OURS, file), best(SAFE, file)
            fewer[name] = ours
            ratio = f"{ours.wall / safe.wall:.2f} of the time"
            yield Row(f"validate 100,000 {name}", told(ours), f"ruamel.yaml's safe C loader: {told(safe)}", ratio)
        for name, form, count in FORMS:
            files = [Path(folder) / f"{part}.yaml" for part in range(count)]
            for part, path in enumerate(files):
                write(path, form, range(part, 1_000_000, count))
            ours = run(OURS, *files)
            ratio = f"{ours.wall / fewer[name].wall:.1f} of the time"
            yield Row(f"validate 1,000,000 {name}", told(ours), f"of 100,000: {told(fewer[name])}", ratio)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    show(rows())


if __name__ == "__main__":
    main()
