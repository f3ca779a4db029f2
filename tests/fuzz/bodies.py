"""What VOD and IAM may answer, and how it is spoilt: shared by the fuzzers."""

from __future__ import annotations

import argparse
import gzip
import json
import random
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from fuzz_desired import mutate

from reconciler.model import SET_NAMES

OWN, OTHER = "6e76f92034ceae2fcdcef9413221511f", "41cff636d5b12a51e7eb2838bbf45201"
PROJECT, REGION = "0123456789abcdef0123456789abcdef", "cn-north-4"
VOD, IAM = "https://vod.example.com", "https://iam.example.com"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECRET = "SECRETsignature"
SIGNED = f"auth_key={SECRET}"


def snapshot_url(offset: int, asset: str = OWN) -> str:
    return f"https://cdn.example.com/asset/{asset}/snapshot/sample/{offset}.jpg"


URLS = [
    snapshot_url(0),
    snapshot_url(5) + f"?{SIGNED}",
    snapshot_url(5, OTHER),
    snapshot_url(0, OWN.upper()),
    f"http://cdn.example.com/shield/asset/{OWN}/snapshot/dots/0.jpg?{SIGNED}",
    f"https://cdn.example.com/asset/{OWN}/cover/Cover0.jpg",
    f"https://cdn.example.com/asset/{OWN}/asset/{OTHER}/snapshot/sample/0.jpg",
    f"https://cdn.example.com/asset/{OTHER}/asset/{OWN}/snapshot/sample/0.jpg",
    f"https://cdn.example.com/asset/{OTHER}//asset/{OWN}/snapshot/sample/0.jpg",
    f"https://cdn.example.com/asset/{OWN}/x/asset/{OTHER}",
    f"https://cdn.example.com/asset/{OWN}/%2e%2e/{OTHER}/snapshot/sample/0.jpg",
    f"https://cdn.example.com/asset/{OWN[:9]}\n{OWN[9:]}/snapshot/sample/0.jpg",
    f"https://cdn.example.com\x1b[2J/asset/{OWN}/snapshot/sample/0.jpg",
    f"https://user:pass@cdn.example.com/asset/{OWN}/a b.jpg?x\x07#y",
    f"//cdn.example.com/asset/{OWN}/0.jpg",
    f"https://[::1/asset/{OWN}/0.jpg",
    "javascript:alert(1)",
]
TEXTS = [
    "",
    "x",
    "1",
    " 7 ",
    "\x1b]0;x\x07",
    "a\nb\r\u2028c",
    "::error::x",
    "\u202eabc",
    "片" * 3000,
    OTHER,
    OWN.upper(),
]
TOLD = [f"参数{SIGNED}无效", f"see {snapshot_url(0)}?{SIGNED}&x=1", f"{'x' * 280} {SIGNED} {SIGNED}"]
# Stand-ins for what json.dumps would not write.
RAW = {
    "@deep": b"[" * 3000 + b"]" * 3000,
    "@open": b"[" * 90_000,
    "@digits": b"9" * 5000,
    "@long": b"-" + b"9" * 4000,
    "@inf": b"1e999",
    "@nan": b"NaN",
    "@half": b'"\\ud83d"',
    "@nul": b'"\\u0000"',
}
VALUES: list[Any] = [None, True, False, 0, -1, 5, 1.5, 1e308, 10**30, [], {}, [None], [{}], [[]], {"url": 1}, *RAW]
TWICE = [b'{"asset_id":null,', b'{"offset":7,', b'{"url":"x","offset":[],', b'{"error_code":{},"id":"","name":"x",']
STATUSES = [200, 201, 204, 206, 301, 302, 304, 307, 400, 401, 403, 404, 408, 418, 429, 500, 502, 503, 504, 599]
HEADERS: list[tuple[str, bytes]] = [
    *(("Retry-After", value) for value in (b"90", b"0", b"-1", b"1e9", b"9" * 5000, b"\xb2", b"+", b",", b"soon")),
    *(("Retry-After", value) for value in (b"Sun, 01 Mar 2026 12:05:00 GMT", b"Mon, 99999999999 Jan 2020 0:0:0")),
    *(
        ("Date", value)
        for value in (b"Sun, 01 Mar 2026 10:00:00 GMT", b"31 Dec 9999 23:59:59 -2359", b"\xff", b"a b c d")
    ),
    *(("Date", value) for value in (b"1 Jan 1 0:0:0 +2359", b"Sun, 01 Mar 2026 10:00:00 +99999999999999")),
    *(("Content-Encoding", value) for value in (b"gzip", b"deflate", b"br", b"gzip, gzip", b"zstd", b"x\xff")),
    *(("Content-Length", value) for value in (b"-1", b"many", b"99999999999999999999", b"0")),
    *(("Content-Type", value) for value in (b"text/html; charset=utf-99", b"application/json; charset=\xff", b"")),
    *(
        ("Location", value)
        for value in (b"https://[::1", b"//evil.example.com/", b"http://a:99999/", b"\xff\xfe", b"")
    ),
    *(("Location", value) for value in (b"https://\xe2\x80\xae.example/", b"/x?" + SIGNED.encode(), b"a" * 70_000)),
    *(("X-Request-Id", value) for value in (b"r" * 500, b"\x1b[31m", b"a\nb", b"\xe2\x80\xae")),
    *(("Set-Cookie", value) for value in (b"a=b; Domain=example.com; Expires=never", b"=;=;\xff")),
    *(("X-Subject-Token", value) for value in (b"", b"t\xff", b"a\r\nX-Evil: 1", b"t" * 20_000, "片".encode())),
]
CODES = ["VOD.10062", "APIGW.0308", "VOD.10054", "VOD.\x1b[2J", ""]
LIMITS = "policy user over ratelimit,limit:100,time:1 minute", "limit:0,time:0 day", "limit:999999999,time: 1 hour"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: tuple[tuple[str, bytes], ...]

    def response(self) -> httpx.Response:
        raw = [(name.encode(), value) for name, value in self.headers]
        return httpx.Response(self.status, headers=raw, stream=httpx.ByteStream(self.body))


def details_body(rng: random.Random) -> Any:
    sets = {name: [{"offset": at, "url": snapshot_url(at)} for at in (10, 0, 5)] for name in SET_NAMES}
    covers = [{"cover_url": rng.choice(URLS)}] if rng.random() < 0.8 else []
    base = {"title": "A title", "cover_info_array": covers}
    return {"asset_id": OWN, "base_info": base, "thumbnail_info": {**sets, "thumbnail_status": "THUMBNAIL_SUCCEED"}}


def body(rng: random.Random, kind: str) -> Any:
    match kind:
        case "details":
            return details_body(rng)
        case "list":
            assets = [
                {"asset_id": one, "title": "t", "covers": [{"cover_url": snapshot_url(0)}]} for one in (OWN, OTHER)
            ]
            return {"total": 2, "assets": assets}
        case "projects":
            return {"projects": [{"id": PROJECT, "name": REGION}, {"id": OTHER, "name": "cn-north-1"}]}
        case "error":
            return {"error_code": rng.choice(CODES), "error_msg": rng.choice([*TOLD, *TEXTS, *LIMITS])}
        case _:
            return {"token": {"expires_at": "2026-03-02T12:00:00Z", "user": {"name": SIGNED}}}


def mutate_tree(rng: random.Random, tree: Any) -> Any:
    """Replaces, removes, repeats or swaps one thing in a JSON tree, in place where that is possible."""
    places = list(_places(tree))
    if not places or rng.random() < 0.03:
        return _copy(rng.choice([*VALUES, *TEXTS]))
    holder, key = rng.choice(places)
    if isinstance(holder[key], str) and rng.random() < 0.5:
        holder[key] = rng.choice([*URLS, *TEXTS, *TOLD])
        return tree
    match rng.randrange(5):
        case 0:
            del holder[key]
        case 1:
            other, where = rng.choice(places)
            holder[key] = _copy(other[where])
        case 2 if isinstance(holder[key], list):
            holder[key] *= rng.choice((0, 2, 40))
        case 3:
            holder[key] = rng.choice(([holder[key]], {"x": holder[key]}, str(holder[key])))
        case _:
            holder[key] = _copy(rng.choice([*VALUES, *TEXTS, *URLS]))
    return tree


def _copy(tree: Any) -> Any:
    return json.loads(json.dumps(tree))


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield tree, key
        yield from _places(value)


def encode(tree: Any) -> bytes:
    """The tree as JSON, its stand-ins replaced by what they stand for."""
    data = json.dumps(tree, ensure_ascii=False).encode()
    for name, raw in RAW.items():
        data = data.replace(json.dumps(name).encode(), raw)
    return data


def mutated(rng: random.Random, tree: Any) -> bytes:
    for _ in range(rng.choice((0, 1, 1, 2, 3, 6))):
        tree = mutate_tree(rng, tree)
    data = encode(tree)
    if rng.random() < 0.1:
        data = data.replace(b"{", rng.choice(TWICE), rng.randint(1, 3))
    return mutate(rng, data) if rng.random() < 0.25 else data


def answer(rng: random.Random, kind: str, status: int) -> Answer:
    # Faults on top of nonsense hide what the nonsense alone would show.
    fair = rng.random() < 0.5
    if not fair and rng.random() < 0.5:
        status, kind = rng.choice(STATUSES), "error" if rng.random() < 0.7 else kind
    data = mutated(rng, body(rng, kind))
    headers = [rng.choice(HEADERS) for _ in range(0 if fair else rng.choice((0, 1, 2)))]
    if kind == "login" and rng.random() < 0.8:
        headers.append(("X-Subject-Token", SECRET.encode()))
    if rng.random() < 0.05:
        data = gzip.compress(data, 1)
        headers.append(("Content-Encoding", b"gzip"))
    return Answer(status, data, tuple(headers))


def inert(text: str) -> bool:
    """Whether it is one line that no terminal does anything at."""
    return not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or _turns(char) for char in text)


def _turns(char: str) -> bool:
    return unicodedata.category(char) == "Cf" and unicodedata.bidirectional(char) not in ("AN", "ON", "L")


def command_line(fuzz: Callable[[int, int], tuple[int, int]], what: str) -> None:
    """Fuzzes as often, and with the seed, as the command line says, and prints how it went."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    start = time.perf_counter()
    good, bad = fuzz(options.runs, options.seed)
    seconds = time.perf_counter() - start
    print(f"{options.runs} in {seconds:.1f} s ({options.runs / seconds:.0f}/s): {good} and {bad} {what}")
