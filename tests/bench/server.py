"""A small VOD in its own process: details of any asset, 3.2 KB each, without quota and signature checks.

Asset IDs end in a number n in hex; the cover is snapshot 0, so an entry of 0 is in sync and any other drifts.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator

from aiohttp import web

PROJECT_ID = "0" * 32
_HOST = "https://1-cn-north-4.cdn-vod.huaweicloud.com"


def asset_id(number: int) -> str:
    return f"{number:032x}"


def details(asset: str) -> dict[str, object]:
    base = f"{_HOST}/asset/{asset}"
    sample = [{"offset": 10 * n, "url": f"{base}/snapshot/sample/{10 * n}.jpg"} for n in range(22)]
    return {
        "asset_id": asset,
        "base_info": {"title": f"Asset {asset}", "cover_info_array": [{"cover_url": sample[0]["url"]}]},
        "thumbnail_info": {"sample": sample, "thumbnail_status": "THUMBNAIL_SUCCEED"},
    }


def app(latency: float) -> web.Application:
    import asyncio

    async def answer(request: web.Request) -> web.Response:
        if latency:
            await asyncio.sleep(latency)
        return web.Response(text=json.dumps(details(request.query["asset_id"])), content_type="application/json")

    async def cover(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=204)

    application = web.Application()
    application.router.add_get("/v1.0/{project}/asset/details", answer)
    application.router.add_put("/v1.0/{project}/asset/cover", cover)
    return application


@contextlib.contextmanager
def serving(latency: float = 0.0) -> Iterator[str]:
    """The base URL of a server that lives as long as the block."""
    command = [sys.executable, __file__, str(latency)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None:
            raise RuntimeError("the server says nothing")
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


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


def measured(command: list[str], env: dict[str, str]) -> tuple[float, float, int]:
    """Wall seconds, CPU seconds and peak memory in MB of a whole process; it may exit with 0 or 2."""
    import os

    started = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 2):
        complaint = process.stderr.read().decode() if process.stderr else ""
        raise RuntimeError(f"{command} exited with {process.returncode}: {complaint}")
    if process.stderr:
        process.stderr.close()
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


def main() -> None:
    import asyncio
    import socket

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))

    async def serve() -> None:
        runner = web.AppRunner(app(float(sys.argv[1])), access_log=None)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
