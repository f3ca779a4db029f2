"""Mutates what VOD and IAM answer: each run ends in a clean value or in one clean sentence, whatever was said.

python tests/fuzz/fuzz_bodies.py --runs 100000 --seed 1
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import random
import re
import sys
import time
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import httpx
from fuzz_desired import mutate

from reconciler.decide.plan import PlanBuilder
from reconciler.decide.verdict import judge
from reconciler.documents.read import digest
from reconciler.documents.write import Origin, as_json, audit_document, plan_document
from reconciler.errors import ReconcileError
from reconciler.model import READ_RATE, SET_NAMES, WRITE_RATE, Compare, Desired, NoAnswer, Observed, Verdict
from reconciler.observe.assets import observe
from reconciler.report.text import Text
from reconciler.safe import Redactor, json_text
from reconciler.vod.answers import Line
from reconciler.vod.auth import Login, LoginAuth
from reconciler.vod.client import VodClient, Windows
from reconciler.vod.iam import find_project
from reconciler.vod.quota import Window

OWN, OTHER = "6e76f92034ceae2fcdcef9413221511f", "41cff636d5b12a51e7eb2838bbf45201"
PROJECT, REGION = "0123456789abcdef0123456789abcdef", "cn-north-4"
VOD, IAM = "https://vod.example.com", "https://iam.example.com"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ORIGIN = Origin(VOD, REGION, PROJECT, START)
SECRET = "SECRETsignature"
SIGNED = f"auth_key={SECRET}"
COMPARES: tuple[Compare, ...] = ("auto", "url", "content")
# Nothing it knows by value: what nobody but the server knows must be known by its looks.
REDACT = Redactor()
_MOST_REQUESTS = 5000
_LONGEST_MESSAGE = 1200


def _snapshot(offset: int, asset: str = OWN) -> str:
    return f"https://cdn.example.com/asset/{asset}/snapshot/sample/{offset}.jpg"


URLS = [
    _snapshot(0),
    _snapshot(5) + f"?{SIGNED}",
    _snapshot(5, OTHER),
    _snapshot(0, OWN.upper()),
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
TEXTS = ["", "x", "1", " 7 ", "\x1b]0;x\x07", "a\nb\r\u2028c", "::error::x", "\u202eabc", "片" * 3000, OTHER, OWN.upper()]
TOLD = [f"参数{SIGNED}无效", f"see {_snapshot(0)}?{SIGNED}&x=1", f"{'x' * 280} {SIGNED} {SIGNED}"]
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
    *(("Date", value) for value in (b"Sun, 01 Mar 2026 10:00:00 GMT", b"31 Dec 9999 23:59:59 -2359", b"\xff", b"a b c d")),
    *(("Date", value) for value in (b"1 Jan 1 0:0:0 +2359", b"Sun, 01 Mar 2026 10:00:00 +99999999999999")),
    *(("Content-Encoding", value) for value in (b"gzip", b"deflate", b"br", b"gzip, gzip", b"zstd", b"x\xff")),
    *(("Content-Length", value) for value in (b"-1", b"many", b"99999999999999999999", b"0")),
    *(("Content-Type", value) for value in (b"text/html; charset=utf-99", b"application/json; charset=\xff", b"")),
    *(("Location", value) for value in (b"https://[::1", b"//evil.example.com/", b"http://a:99999/", b"\xff\xfe", b"")),
    *(("Location", value) for value in (b"https://\xe2\x80\xae.example/", b"/x?" + SIGNED.encode(), b"a" * 70_000)),
    *(("X-Request-Id", value) for value in (b"r" * 500, b"\x1b[31m", b"a\nb", b"\xe2\x80\xae")),
    *(("Set-Cookie", value) for value in (b"a=b; Domain=example.com; Expires=never", b"=;=;\xff")),
    *(("X-Subject-Token", value) for value in (b"", b"t\xff", b"a\r\nX-Evil: 1", b"t" * 20_000, "片".encode())),
]
CODES = ["VOD.10062", "APIGW.0308", "VOD.10054", "VOD.\x1b[2J", ""]
LIMITS = "policy user over ratelimit,limit:100,time:1 minute", "limit:0,time:0 day", "limit:999999999,time: 1 hour"


class InstantClock:
    """Whoever sleeps wakes at once, and later."""

    def __init__(self) -> None:
        self.time = 0.0

    def monotonic(self) -> float:
        return self.time

    def now(self) -> datetime:
        return START + timedelta(seconds=self.time)

    async def sleep(self, seconds: float) -> None:
        # Real time always moves a little: a float this size would otherwise swallow the smallest pauses.
        self.time += max(seconds, 0.001)
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: tuple[tuple[str, bytes], ...]

    def response(self) -> httpx.Response:
        raw = [(name.encode(), value) for name, value in self.headers]
        return httpx.Response(self.status, headers=raw, stream=httpx.ByteStream(self.body))


@dataclass
class Server:
    """Answers from two lists, one of VOD and one of IAM, the last of each again and again."""

    vod: list[Answer]
    iam: list[Answer]
    asked: dict[str, int] = field(default_factory=lambda: {"vod": 0, "iam": 0})

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        who = "iam" if request.url.host == "iam.example.com" else "vod"
        answers = self.iam if who == "iam" else self.vod
        self.asked[who] += 1
        assert sum(self.asked.values()) < _MOST_REQUESTS, "it asks for ever"
        return answers[min(self.asked[who], len(answers)) - 1].response()


def details_body(rng: random.Random) -> Any:
    sets = {name: [{"offset": at, "url": _snapshot(at)} for at in (10, 0, 5)] for name in SET_NAMES}
    covers = [{"cover_url": rng.choice(URLS)}] if rng.random() < 0.8 else []
    base = {"title": "A title", "cover_info_array": covers}
    return {"asset_id": OWN, "base_info": base, "thumbnail_info": {**sets, "thumbnail_status": "THUMBNAIL_SUCCEED"}}


def body(rng: random.Random, kind: str) -> Any:
    match kind:
        case "details":
            return details_body(rng)
        case "list":
            assets = [{"asset_id": one, "title": "t", "covers": [{"cover_url": _snapshot(0)}]} for one in (OWN, OTHER)]
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
        return rng.choice([*VALUES, *TEXTS])
    holder, key = rng.choice(places)
    match rng.randrange(6):
        case 0:
            del holder[key]
        case 1:
            other, where = rng.choice(places)
            holder[key] = json.loads(json.dumps(other[where]))
        case 2 if isinstance(holder[key], list):
            holder[key] *= rng.choice((0, 2, 40))
        case 3 if isinstance(holder[key], str):
            holder[key] = rng.choice([*URLS, *TEXTS, *TOLD])
        case 4:
            holder[key] = rng.choice(([holder[key]], {"x": holder[key]}, str(holder[key])))
        case _:
            holder[key] = rng.choice([*VALUES, *TEXTS, *URLS])
    return tree


def _places(tree: Any) -> Any:
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
    if rng.random() < 0.25:
        status, kind = rng.choice(STATUSES), "error" if rng.random() < 0.7 else kind
    data = mutated(rng, body(rng, kind))
    headers = [rng.choice(HEADERS) for _ in range(rng.choice((0, 0, 1, 2)))]
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


def check_told(told: str, *, secrets: bool = True) -> None:
    """`secrets`: whatever was signed was signed legibly, so that it can be known for a secret."""
    assert 0 < len(told) < _LONGEST_MESSAGE, told
    assert inert(told), told
    assert not secrets or SECRET not in REDACT(told), told


def named(url: str) -> tuple[list[str], str]:
    """The assets that a URL's path names, and what follows the first."""
    found = re.fullmatch(r"https?://[^/?#\\]+(/[^?#]*)([?#].*)?", url, re.IGNORECASE)
    path = unquote(found[1]) if found else ""
    ids = re.findall(r"(?=/asset/([0-9a-fA-F]{32})(?:/|$))", path)
    return [one.lower() for one in ids], re.sub(r"^.*?/asset/[0-9a-fA-F]{32}/", "", path)


class Run:
    """One conversation with a server that makes things up."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.kind = rng.choice(("details", "details", "details", "list", "projects", "login", "cover"))
        vod = {"projects": "projects", "login": "details", "list": "list"}.get(self.kind, "details")
        good = 204 if self.kind == "cover" else 200
        self.vod = [answer(rng, vod, good) for _ in range(rng.choice((1, 1, 2, 3)))]
        self.iam = [answer(rng, "login", 201) for _ in range(rng.choice((1, 2)))]
        if self.kind == "cover" and rng.random() < 0.5:
            self.vod[-1] = Answer(204, b"", ())
        index, offset = rng.choice(((0, None), (1, None), (-1, None), (-4, None), (None, 0), (None, 5), (None, 7)))
        self.desired = Desired(OWN, "a.yaml", 1, 3, rng.choice(SET_NAMES), index, offset)
        self.compare = rng.choice(COMPARES)
        bodies = b"".join(one.body for one in (*self.vod, *self.iam))
        self.legible = bodies.count(b"SECRET") == len(re.findall(rb"(?<![A-Za-z0-9_])" + SIGNED.encode(), bodies))

    def __repr__(self) -> str:
        return f"{self.kind}, {self.desired}, {self.compare}, VOD: {self.vod!r}, IAM: {self.iam!r}"

    async def __call__(self) -> bool:
        """Whether it came to a value; AssertionError, or whatever got out, when it did not end cleanly."""
        clock, server = InstantClock(), Server(self.vod, self.iam)
        auth = LoginAuth(Login("otto", "sesame", "acme", REGION), IAM) if self.kind == "login" else None
        transport = httpx.MockTransport(server)
        try:
            async with (
                asyncio.timeout(60),
                httpx.AsyncClient(base_url=VOD, transport=transport, auth=auth, trust_env=False) as http,
            ):
                return await self._talk(Line(http, clock, 30), Windows(Window(READ_RATE, clock), Window(WRITE_RATE, clock)))
        except ReconcileError as error:
            check_told(error.message, secrets=self.legible)
            assert inert(error.hint), error.hint
            return False

    async def _talk(self, line: Line, windows: Windows) -> bool:
        client = VodClient(line, PROJECT, windows)
        match self.kind:
            case "projects":
                assert re.fullmatch("[0-9a-f]{32}", await find_project(line, VOD, REGION))
            case "list":
                ids = {asset.asset_id async for asset in client.list_assets()}
                audit_document(PlanBuilder().build(), ORIGIN, sorted(ids))
            case "cover":
                assert await client.set_cover(self._prepare)
            case _:
                seen = await observe(client, OWN)
                return self._check_seen(seen)
        return True

    async def _prepare(self) -> str:
        return _snapshot(0)

    def _check_seen(self, seen: Observed | NoAnswer) -> bool:
        if isinstance(seen, NoAnswer):
            check_told(seen.message, secrets=self.legible)
        verdict = judge(self.desired, seen, self.compare)
        if isinstance(verdict, Verdict):
            self._check_verdict(seen, verdict)
        return isinstance(seen, Observed)

    def _check_verdict(self, seen: Observed | NoAnswer, verdict: Verdict) -> None:
        if verdict.state == "unknown":
            check_told(verdict.message, secrets=self.legible)
        else:
            assert isinstance(seen, Observed)
            wanted = self._wanted(seen)
            if verdict.state == "update":
                assert verdict.put_url in wanted
                assert named(verdict.put_url)[0] == [OWN], verdict.put_url
                assert verdict.put_url.isprintable(), verdict.put_url
            else:
                assert verdict.state == "in_sync", verdict
                assert named(seen.cover_url)[0] == [OWN], seen.cover_url
                assert named(seen.cover_url)[1] in [named(url)[1] for url in wanted], (seen.cover_url, wanted)
        self._check_reports(verdict)

    def _wanted(self, seen: Observed) -> list[str]:
        """The URLs of the snapshots that may be meant: several where they share an offset."""
        found = [one for one in seen.snapshots if one.set == self.desired.set]
        if self.desired.index is None:
            return [one.url for one in found if one.offset == self.desired.offset]
        at = sorted(one.offset for one in found)[self.desired.index]
        return [one.url for one in found if one.offset == at]

    def _check_reports(self, verdict: Verdict) -> None:
        builder = PlanBuilder()
        builder.add(0, verdict)
        document = plan_document(builder.build(), ORIGIN)
        written = json_text(as_json(document))
        raw = json.loads(written)
        assert digest(raw) == raw["digest"]
        texts = [written] if self.rng.random() < 0.9 else [written, Text().findings(document, WRITE_RATE)]
        for text in texts:
            assert all(map(inert, text.split("\n"))), text
            assert not self.legible or SECRET not in REDACT(text), text


async def _fuzz(runs: int, seed: int) -> tuple[int, int]:
    rng = random.Random(seed)
    values = 0
    for number in range(runs):
        run = Run(rng)
        try:
            values += await run()
        except BaseException:
            _report(f"run {number} of seed {seed} failed on {run!r}")
            raise
    return values, runs - values


def _report(told: str) -> None:
    print(told if len(told) < 20_000 else f"{told[:20_000]}…", file=sys.stderr)


def fuzz(runs: int, seed: int) -> tuple[int, int]:
    """How many conversations came to a value and to an error; raises at the first that did neither, showing it."""
    return asyncio.run(_fuzz(runs, seed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    start = time.perf_counter()
    values, errors = fuzz(options.runs, options.seed)
    seconds = time.perf_counter() - start
    speed = f"{options.runs} conversations in {seconds:.1f} s ({options.runs / seconds:.0f}/s)"
    print(f"{speed}: {values} values, {errors} errors")


if __name__ == "__main__":
    main()
