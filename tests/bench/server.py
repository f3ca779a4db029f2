"""The small VOD of service.py in its own process, and what a client needs to talk to it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

PROJECT_ID = "0" * 32


def asset_id(number: int) -> str:
    return f"{number:032x}"


def desired(folder: str, assets: int, wanted: Callable[[int], int] = lambda number: 0) -> str:
    """A desired file of that many entries: 0 is in sync, and any other drifts."""
    file = Path(folder) / "covers.yaml"
    with file.open("w") as out:
        out.write("covers:\n")
        out.writelines(f"  {asset_id(number)}: {wanted(number)}\n" for number in range(assets))
    return str(file)


def lock(folder: str, assets: int) -> None:
    """The lock file beside the desired file: each entry means the picture of its snapshot 0."""
    with (Path(folder) / "covers.lock").open("w") as out:
        out.write('{"format_version": "1.0", "kind": "lock"}\n')
        for asset in map(asset_id, range(assets)):
            picture = f"/asset/{asset}/snapshot/sample/0.jpg".encode()
            line = {"asset_id": asset, "from": "sample", "index": 0, "offset": 0, "of": 22}
            line |= {"path": "snapshot/sample/0.jpg", "sha256": hashlib.sha256(picture).hexdigest()}
            line |= {"md5": hashlib.md5(picture, usedforsecurity=False).hexdigest(), "length": len(picture)}
            out.write(f"{json.dumps(line)}\n")


@contextlib.contextmanager
def serving(latency: float = 0.0, assets: int = 0, *, copies: bool = False) -> Iterator[str]:
    """The base URL of a server that lives as long as the block: seconds before each answer, assets in the list,
    whether covers are copies."""
    command = [sys.executable, str(Path(__file__).with_name("service.py")), str(latency), str(assets)]
    command += ["--copies"] if copies else []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None:
            raise RuntimeError("the server says nothing")
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def requests(base: str) -> dict[str, int]:
    """How many calls the server had so far: details, list, cover."""
    with urllib.request.urlopen(f"{base}/requests") as answer:
        counts: dict[str, int] = json.load(answer)
    return counts


def environment(base: str) -> dict[str, str]:
    """What a client needs in its environment to talk to the server."""
    return {
        "RECONCILE_ENDPOINT": base,
        "HUAWEICLOUD_SDK_AK": "bench",
        "HUAWEICLOUD_SDK_SK": "bench-secret",
        "HUAWEICLOUD_SDK_PROJECT_ID": PROJECT_ID,
        "HW_REGION_NAME": "cn-north-4",
        "RECONCILE_READ_QUOTA": "100000000/minute",
        "RECONCILE_WRITE_QUOTA": "100000000/minute",
    }
