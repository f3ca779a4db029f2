"""What several tests look at, or ask with: every fault that passes, a plan with one of everything, one call."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from unittest.mock import patch

import click
import httpx
import pytest

from reconciler.commands.options import CONNECTION
from reconciler.config import ConnectionOptions, Settings, resolve
from reconciler.documents.dump import as_json
from reconciler.documents.write import Origin, plan_document
from reconciler.errors import UsageError
from reconciler.model import Content, Cover, Plan, SnapshotRef, Verdict
from reconciler.util.rate import WRITE_RATE, Rate
from support.fakes import ASSET, OTHER, PROJECT, Answer, FakeClock, Script, desired, refusal, snapshot_url, vod_client

URL = f"{snapshot_url(offset=5)}?auth_key=17-0-0-abc%2Bdef&b= c"
FAULTS: dict[str, Callable[[], Answer]] = {
    "408": lambda: refusal(408),
    "500": lambda: refusal(500, "VOD.10051"),
    "502": lambda: httpx.Response(502, html="<html>Bad gateway</html>"),
    "503": lambda: httpx.Response(503),
    "504": lambda: httpx.Response(504, text="upstream"),
    "HTML with 200": lambda: httpx.Response(200, html="<html>Log in to the Wi-Fi</html>"),
    "truncated JSON": lambda: httpx.Response(200, content=b'{"asset_id": "6e76f92034ceae2f'),
    "JSON of another kind": lambda: httpx.Response(200, json=[1, 2]),
    "an empty object": lambda: httpx.Response(200, json={}),
    "not UTF-8": lambda: httpx.Response(200, content=b'{"asset_id": "\xff\xfe"}'),
    "broken gzip": lambda: httpx.Response(
        200, stream=httpx.ByteStream(b"not gzip"), headers={"Content-Encoding": "gzip"}
    ),
    "refused connection": lambda: httpx.ConnectError("refused"),
    "lost connection": lambda: httpx.RemoteProtocolError("disconnected without a response"),
    "reset while reading": lambda: httpx.ReadError("reset"),
    "connect time-out": lambda: httpx.ConnectTimeout(""),
    "read time-out": lambda: httpx.ReadTimeout("slow"),
}

ORIGIN = Origin(
    "https://vod.cn-north-4.myhuaweicloud.com", "cn-north-4", PROJECT, datetime(2026, 3, 1, 12, tzinfo=UTC)
)
BEFORE = Cover("https://x/cover/Cover0.jpg", None, Content("a" * 64, 1234))
AFTER = Cover(snapshot_url(offset=5), SnapshotRef("sample", 1, 5), Content("b" * 64, 999))
THIRD = "c" * 32
FOURTH = "d" * 32


def a_plan() -> Plan:
    return Plan(
        managed=7,
        in_sync=2,
        changes=(
            Verdict(desired(index=1, note="opening title"), "update", "A title", before=BEFORE, after=AFTER),
            Verdict(desired(OTHER, index=0, line=2), "update", "", before=Cover(), after=AFTER),
        ),
        pending=(Verdict(desired(FOURTH, line=5), "pending"),),
        unknown=(Verdict(desired(THIRD, line=3), "unknown", "T", reason="no_snapshots", message="It has none."),),
        ignored=(Verdict(desired("e" * 32, None, 4, ignore=True), "ignored"),),
    )


SAVED = as_json(plan_document(a_plan(), ORIGIN))


def read(clock: FakeClock, server: Script, asset_id: str = ASSET) -> str:
    """The title that one read gives."""
    answer = clock.run(vod_client(server, clock).details(asset_id))
    return answer.base_info.title if answer.base_info else ""


def put(clock: FakeClock, server: Script, writes: Rate = WRITE_RATE) -> bool:
    async def prepare(_: bool) -> str:
        return URL

    return clock.run(vod_client(server, clock, writes=writes).set_cover(prepare))


def settings(
    env: dict[str, str], file_region: str | None = None, file_project_id: str | None = None, **flags: str
) -> Settings:
    """The settings that these flags, this environment and these desired files give."""
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in flags.items()]
    with patch.dict(os.environ, env, clear=True):
        given = click.Command("x", params=list(CONNECTION.params)).make_context("x", arguments).params
        return resolve(ConnectionOptions(**given), env, file_region, file_project_id)


def refused(env: dict[str, str], file_region: str | None = None, **flags: str) -> UsageError:
    with pytest.raises((UsageError, click.UsageError)) as caught:
        settings(env, file_region, **flags)
    error = caught.value
    if isinstance(error, UsageError):
        return error
    assert isinstance(error, click.UsageError)
    return UsageError(error.format_message())


def bomb() -> bytes:
    """A PNG that is tiny until it is decoded."""
    pixels = zlib.compress(b"\0" * (20_001 * 20_000 // 8), 9)

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    header = (20_000).to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
