"""Mutates what VOD and IAM answer: each run ends in a clean value or in one clean sentence, whatever was said.

python tests/fuzz/fuzz_bodies.py --runs 100000 --seed 1
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import unquote

import httpx
from bodies import (
    IAM,
    OWN,
    PROJECT,
    REGION,
    SECRET,
    SIGNED,
    START,
    VOD,
    Answer,
    answer,
    command_line,
    inert,
    snapshot_url,
)

from reconciler.decide.plan import PlanBuilder
from reconciler.decide.verdict import judge
from reconciler.documents.dump import as_json, digest
from reconciler.documents.write import Origin, audit_document, plan_document
from reconciler.errors import ReconcileError
from reconciler.model import SET_NAMES, Compare, Desired, NoAnswer, Observed, Verdict
from reconciler.observe.assets import observe
from reconciler.report import text as text_report
from reconciler.util.rate import READ_RATE, WRITE_RATE
from reconciler.util.sanitize import Redactor, json_text
from reconciler.vod.auth import Login
from reconciler.vod.client import RateLimiters, VodClient
from reconciler.vod.fast_client import FastHttpClient
from reconciler.vod.iam import LoginAuth, find_project
from reconciler.vod.rate_limit import RateLimiter
from reconciler.vod.responses import ApiConnection

ORIGIN = Origin(VOD, REGION, PROJECT, START)
COMPARES: tuple[Compare, ...] = ("auto", "url", "content")
# Nothing it knows by value: what nobody but the server knows must be known by its looks.
REDACT = Redactor()
_MOST_REQUESTS = 5000
_LONGEST_MESSAGE = 1200


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
        transport = httpx.MockTransport(server)
        iam = ApiConnection(FastHttpClient(base_url=IAM, transport=transport), clock, 30)
        auth = LoginAuth(Login("otto", "sesame", "acme", REGION), iam, IAM) if self.kind == "login" else None
        try:
            async with (
                asyncio.timeout(60),
                FastHttpClient(base_url=VOD, transport=transport, auth=auth) as http,
            ):
                limiters = RateLimiters(RateLimiter(READ_RATE, clock), RateLimiter(WRITE_RATE, clock))
                return await self._talk(ApiConnection(http, clock, 30), limiters)
        except ReconcileError as error:
            check_told(f"{error.message}. {error.hint}", secrets=self.legible)
            return False

    async def _talk(self, connection: ApiConnection, limiters: RateLimiters) -> bool:
        client = VodClient(connection, PROJECT, limiters)
        match self.kind:
            case "projects":
                assert re.fullmatch("[0-9a-f]{32}", await find_project(connection, VOD, REGION))
            case "list":
                ids = {asset.asset_id async for asset in client.list_assets()}
                audit_document(PlanBuilder().build(), ORIGIN, sorted(ids))
            case "cover":
                assert await client.set_cover(self._prepare)
            case _:
                seen = await observe(client, OWN)
                return self._check_seen(seen)
        return True

    async def _prepare(self, _: bool) -> str:
        return snapshot_url(0)

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
        texts = [written] if self.rng.random() < 0.9 else [written, text_report.render(document)]
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


if __name__ == "__main__":
    command_line(fuzz, "conversations that came to a value or to an error")
