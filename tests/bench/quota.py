"""Time against the quota's optimum: 40 covers at 10 per 2 seconds need 6 s; none may be refused.

Once by one process, and once by two that share the windows in a redis-server of their own, where there is one.
Run: python tests/bench/quota.py
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from table import Row, show

COVERS, AMOUNT, SECONDS = 40, 10, 2
OPTIMUM = (COVERS - 1) // AMOUNT * SECONDS


@contextlib.contextmanager
def emulator(folder: str) -> Iterator[dict[str, str]]:
    """What to export for an emulator with that quota."""
    quota = f"100000,{AMOUNT}/{SECONDS}s"
    command = [sys.executable, "-m", "reconciler", "emulator", "--port", "0", "--state", f"{folder}/emulator.sqlite"]
    process = subprocess.Popen(
        [*command, "--assets", str(COVERS), "--quota", quota], stdout=subprocess.PIPE, text=True
    )
    try:
        exports: dict[str, str] = {}
        while "HUAWEICLOUD_SDK_PROJECT_ID" not in exports and process.stdout:
            found = re.fullmatch(r"export (\w+)=(.*)", process.stdout.readline().strip())
            if found:
                exports[found[1]] = found[2]
        yield exports
    finally:
        process.terminate()
        process.wait()


def drifted(exports: dict[str, str], folder: str) -> list[Path]:
    """Two desired files, each with half of the assets, all of which drift."""
    with urllib.request.urlopen(f"{exports['RECONCILE_ENDPOINT']}/_emulator/catalogue") as answer:
        catalogue = json.load(answer)
    lines = []
    for asset in [asset for asset in catalogue["assets"] if not asset["asset_id"].startswith("0dd0")][:COVERS]:
        offsets = sorted(asset["sets"]["sample"])
        wanted = 1 if asset["cover"]["snapshot"] == f"sample/{offsets[0]}" else 0
        lines.append(f"  {asset['asset_id']}: {wanted}\n")
    files = []
    for half in (0, 1):
        files.append(Path(folder) / f"{half}.yaml")
        files[-1].write_text("covers:\n" + "".join(lines[half::2]))
    return files


def run(exports: dict[str, str], folder: str, shares: Sequence[Sequence[Path]], store: str | None) -> float:
    """Seconds from the first PUT's intent to the last one's outcome, as the journals have them."""
    env = {**os.environ, **exports, "RECONCILE_WRITE_QUOTA": f"{AMOUNT}/{SECONDS} seconds"}
    env |= {"RECONCILE_READ_QUOTA": "100000/minute"} | ({"RECONCILE_QUOTA_STORE": store} if store else {})
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "reconciler", "apply", "--auto-approve", "--force", *map(str, share)],
            env={**env, "RECONCILE_STATE_DIR": f"{folder}/state{number}"},
            stdout=subprocess.DEVNULL,
        )
        for number, share in enumerate(shares)
    ]
    if any(process.wait() for process in processes):
        raise RuntimeError("an apply failed")
    journals = Path(folder).glob("state*/journal.jsonl")
    records = [json.loads(line) for journal in journals for line in journal.read_text().splitlines()]
    times = sorted(datetime.fromisoformat(record["at"]) for record in records if record["kind"] != "run")
    return (times[-1] - times[0]).total_seconds()


@contextlib.contextmanager
def redis() -> Iterator[str | None]:
    """A store's URL, or None where no redis-server is installed."""
    binary = shutil.which("redis-server")
    if binary is None:
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([binary, "--port", str(port), "--save", ""], stdout=subprocess.DEVNULL)
    try:
        time.sleep(1)
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def row(store: str | None) -> Row:
    with tempfile.TemporaryDirectory() as folder, emulator(folder) as exports:
        one, other = drifted(exports, folder)
        shares = [[one], [other]] if store else [[one, other]]
        seconds = run(exports, folder, shares, store)
        with urllib.request.urlopen(f"{exports['RECONCILE_ENDPOINT']}/_emulator/requests") as answer:
            requests = json.load(answer)["requests"]
    refused = sum(request["status"] == 429 for request in requests)
    puts = sum(request["method"] == "PUT" for request in requests)
    who = f"{len(shares)} processes over Redis" if store else "1 process"
    what = f"{puts} covers at {AMOUNT} per {SECONDS} s, {who}"
    ratio = f"{seconds / OPTIMUM:.2f} of the optimum (at most 1.25)"
    return Row(what, f"{seconds:.2f} s, {refused} refused", f"the quota's optimum: {OPTIMUM} s", ratio)


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()

    def rows() -> Iterator[Row]:
        yield row(None)
        with redis() as store:
            yield row(store) if store else Row("2 processes over Redis", "not measured: no redis-server here")

    show(rows())


if __name__ == "__main__":
    main()
