"""Makes up URLs, redirects and headers of pictures: each read ends in a value, and stays on one host.

python tests/fuzz/fuzz_redirects.py --runs 20000 --seed 1
"""

from __future__ import annotations

import asyncio
import random
import sys

import httpx
from bodies import HEADERS, command_line
from fuzz_bodies import InstantClock, check_told

from reconciler.model import NoAnswer
from reconciler.observe.cdn_hosts import PictureHead
from reconciler.observe.pictures import Pictures
from reconciler.vod.addresses import is_public
from reconciler.vod.fast_client import FastHttpClient
from reconciler.vod.transport import Transport

HOST = "cdn.invalid"
PIECES = [
    *("https:", "http:", "HTTPS:", "ftp:", "file:", "data:", "xn--0:", "//", "/", "\\", "?", "#", "-", " ", "a" * 64),
    *(
        "[",
        "]",
        "[::1]",
        "::1",
        "[::",
        "%",
        "%00",
        "%2f",
        "@",
        "user:pw@",
        ":",
        ":80",
        ":443",
        ":99999",
        ":x",
        ".",
        "..",
    ),
    *(HOST, "xn--", "xn--0", "xn--a-", "127.1", "0x7f", "2130706433", "\u0663", "\uff11\uff12", "\u00e9", "\u7247"),
    *("\u00df", "\u202e", "\u00ad", "\x00", "\x7f", "\t"),
]
STATUSES = [200, 204, 206, 301, 302, 303, 307, 308, 304, 300, 404, 429, 503]


def made_up(rng: random.Random) -> str:
    start = rng.choice(("", "", "https://", f"https://{HOST}/", "//"))
    return start + "".join(rng.choice(PIECES) for _ in range(rng.randint(0, 6)))


def answer(rng: random.Random) -> httpx.Response:
    headers = [(name.encode(), value) for name, value in rng.sample(HEADERS, rng.choice((0, 1, 2)))]
    headers.append((b"Location", made_up(rng).encode("utf-8", "replace")))
    return httpx.Response(rng.choice(STATUSES), headers=headers, stream=httpx.ByteStream(rng.randbytes(20)))


async def read(rng: random.Random) -> bool:
    """Whether it came to a picture. A few are opened by the real transport, where nothing can be reached."""
    hosts: set[bytes] = set()

    async def cdn(request: httpx.Request) -> httpx.Response:
        hosts.add(request.url.raw_host)
        return answer(rng)

    transport = Transport(is_public) if rng.random() < 0.01 else httpx.MockTransport(cdn)
    url = rng.choice((f"https://{HOST}/a.jpg", made_up(rng)))
    async with FastHttpClient(transport=transport) as http:
        reader = Pictures(http, trusted=rng.random() < 0.2, clock=InstantClock(), timeout=5)
        found = await reader.content(url)
        assert isinstance(await reader.head(url), PictureHead)
    assert len(hosts) <= 1, hosts
    if isinstance(found, NoAnswer):
        check_told(found.message)
    return not isinstance(found, NoAnswer)


async def _fuzz(runs: int, seed: int) -> tuple[int, int]:
    values = 0
    for number in range(runs):
        rng = random.Random(f"{seed}:{number}")
        try:
            values += await read(rng)
        except BaseException:
            print(f"run {number} of seed {seed} failed", file=sys.stderr)
            raise
    return values, runs - values


def fuzz(runs: int, seed: int) -> tuple[int, int]:
    """How many reads came to a picture and how many to none; raises at the first that did neither."""
    return asyncio.run(_fuzz(runs, seed))


if __name__ == "__main__":
    command_line(fuzz, "reads that came to a picture or to none")
