"""`reconcile apply` against an Ansible playbook (playbook.yaml) over the same 60 assets, half of them drifted.

ansible-core is installed into a temporary folder. Run: python tests/bench/playbook.py
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from measure import Usage, measured, reconcile
from server import PROJECT_ID, asset_id, desired, requests, serving
from table import Row, show

ASSETS = 60
WANTED = "ansible-core~=2.19.0"
ROUNDS = 3
"""Of ours only: a playbook takes longer than the noise."""


def installed(folder: str) -> Path | None:
    """The folder of Ansible's commands, or None where it can't be had."""
    venv = Path(folder) / "venv"
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", WANTED]
    for command in ([sys.executable, "-m", "venv", str(venv)], pip):
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            return None
    return venv / "bin"


def half(number: int) -> int:
    return number % 2


def on_a_new_server(latency: float, run: Callable[[str], Usage]) -> Usage:
    """What a run used that sets exactly the covers that drifted."""
    with serving(latency) as base:
        used = run(base)
        puts = requests(base)["cover"]
    if puts != ASSETS // 2:
        raise RuntimeError(f"{puts} covers were set instead of {ASSETS // 2}")
    return used


def ansible(binaries: Path, folder: str, base: str) -> Usage:
    given = Path(folder) / "given.json"
    covers = {asset_id(number): half(number) for number in range(ASSETS)}
    given.write_text(json.dumps({"base": base, "project": PROJECT_ID, "covers": covers}))
    command = [str(binaries / "ansible-playbook"), "-e", f"@{given}", str(Path(__file__).with_suffix(".yaml"))]
    return measured(command, {"ANSIBLE_HOME": f"{folder}/ansible", "LC_ALL": "C.UTF-8"})


def row(latency: float, folder: str, binaries: Path | None) -> Row:
    file = desired(folder, ASSETS, half)
    apply = ("apply", "--auto-approve", "--force", file)
    runs = [on_a_new_server(latency, lambda base: reconcile(base, *apply)) for _ in range(ROUNDS)]
    wall, cpu = median(run.wall for run in runs), median(run.cpu for run in runs)
    what = f"apply to {ASSETS} assets, half drifted, {latency * 1000:.0f} ms latency"
    ours = f"{wall:.2f} s, {cpu:.1f} s of CPU"
    if binaries is None:
        return Row(what, ours, f"not measured: {WANTED} can't be installed here")
    other = on_a_new_server(latency, lambda base: ansible(binaries, folder, base))
    theirs = f"{WANTED.split('~')[0]}, `uri`: {other.wall:.1f} s, {other.cpu:.1f} s of CPU"
    return Row(what, ours, theirs, f"{other.wall / wall:.0f} × as fast")


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()

    def rows() -> Iterator[Row]:
        with tempfile.TemporaryDirectory() as folder:
            binaries = installed(folder)
            for latency in (0, 0.05):
                yield row(latency, folder, binaries)

    show(rows())


if __name__ == "__main__":
    main()
