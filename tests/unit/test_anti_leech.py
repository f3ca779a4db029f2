"""Key anti-leech: the vectors of the guide, what is signed and what is left alone, and keys that change."""

from __future__ import annotations

import hashlib
import re
import sys
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import ASSET, CDN, FakeClock, Handler, Script, served

from reconciler.decide.picture_id import picture
from reconciler.errors import UsageError
from reconciler.model import Content, NoAnswer
from reconciler.observe.cdn_hosts import PictureHead
from reconciler.observe.pictures import Pictures
from reconciler.vod.anti_leech import Algorithm, Signer, SigningTransport, is_unsigned, signer
from reconciler.vod.fast_client import FastHttpClient
from reconciler.vod.retry import ATTEMPTS

ALGORITHMS: tuple[Algorithm, ...] = ("A", "B", "C", "D")
KEY = "8Ks1qn14XRO28qOa"
OLD = "old-key-16-chars"
VIDEO = "/asset/6b2d740f10b8697d8ea6672868ecdb6f/test.mp4"
COVER = f"/asset/{ASSET}/cover/Cover0.jpg"
BODY = b"\xff\xd8 a picture"
MD5 = hashlib.md5(BODY).hexdigest()
SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(moment: str) -> FakeClock:
    return FakeClock(datetime.fromisoformat(moment))


@pytest.mark.parametrize(
    ("algorithm", "moment", "random", "signed"),
    [
        (
            "A",
            "2019-01-10T12:26:06+00:00",
            "477b3bbc253f467b8def6711128c7bec",
            f"{CDN}{VIDEO}?auth_key=1547123166-477b3bbc253f467b8def6711128c7bec-0-584883719a3f722bf1a32a3b0a4d25dd",
        ),
        (
            "B",
            "2019-01-10T12:26:06+00:00",
            "",
            f"{CDN}/201901102026/713ef643de8df076da6ec3c0545968cb{VIDEO}",
        ),
        ("C", "2019-01-10T12:26:06+00:00", "", f"{CDN}/afa20c956043fe6d130b16f2704ac870/5C3739DE{VIDEO}"),
    ],
)
def test_the_guides_vectors(algorithm: Algorithm, moment: str, random: str, signed: str) -> None:
    made = Signer(algorithm, SHANGHAI, at(moment), lambda: random)

    assert made.sign(CDN + VIDEO, "myPrivateKey") == signed


def test_the_guides_vector_of_d() -> None:
    made = Signer("D", UTC, at("2019-08-05T10:24:30+00:00"), lambda: "79436d453636364e335941713330534e")

    signed = made.sign(f"{CDN}/asset/32237c8f68fcc6071a2d8e3421eee20d/play_video/index.m3u8", KEY)

    [info] = parse_qs(urlsplit(signed).query)["auth_info"]
    assert info == (
        "34M/6KtYgxuAozdBLIVTe0dUVAZdvXsYQoYAnDmuhRHh1hshYg+2Tl0AmSwySDh+mkER44qYKpSP+gfsLM/IZe4F6K4n1Nx6ouGwyKfqdDA="
        ".79436d453636364e335941713330534e"
    )
    assert "%2F" in signed
    assert "%3D." in signed


def test_bs_clock_is_the_zones_and_each_moments() -> None:
    clock = at("2019-01-10T12:26:06+00:00")

    assert "/201901101226/" in Signer("B", UTC, clock).sign(CDN + VIDEO, KEY)
    assert "/201901102026/" in Signer("B", SHANGHAI, clock).sign(CDN + VIDEO, KEY)


def test_chance_is_in_every_signature_of_a_and_d() -> None:
    for algorithm in ("A", "D"):
        made = Signer(algorithm, UTC, FakeClock())
        assert made.sign(CDN + COVER, KEY) != made.sign(CDN + COVER, KEY)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_prefix_is_outside_of_the_signature_and_behind_it(algorithm: Algorithm) -> None:
    made = Signer(algorithm, SHANGHAI, FakeClock(), lambda: "0" * 32)

    plain, prefixed = made.sign(CDN + COVER, KEY), made.sign(f"{CDN}/shield{COVER}", KEY)

    assert prefixed.replace("/shield", "") == plain
    assert "/shield/asset/" in prefixed


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_another_query_stays(algorithm: Algorithm) -> None:
    signed = Signer(algorithm, SHANGHAI, FakeClock()).sign(f"{CDN}{COVER}?v=2&w=%2F", KEY)

    assert urlsplit(signed).query.startswith("v=2&w=%2F")
    assert signed.count("?") == 1


SIGNED_ALREADY = [
    f"{CDN}{COVER}?auth_key=1547123166-477b-0-{MD5}",
    f"{CDN}{COVER}?v=1&auth_info=34M.{MD5}",
    f"{CDN}/201901102026/{MD5}{COVER}",
    f"{CDN}/201901102026/{MD5 * 2}{COVER}",
    f"{CDN}/{MD5}/5C3739DE{COVER}",
    f"{CDN}/{MD5 * 2}/5c3739de/shield{COVER}",
]
NO_PICTURE = [
    f"{CDN}/other/{ASSET}/0.jpg",
    f"{CDN}/asset/{ASSET}",
    f"{CDN}/asset/short/0.jpg",
    f"{CDN}/login?next=/asset/{ASSET}/0.jpg",
    f"{CDN}/login#/asset/{ASSET}/0.jpg",
    f"ftp://cdn.example.com{COVER}",
]


@pytest.mark.parametrize("url", SIGNED_ALREADY + NO_PICTURE)
def test_what_is_signed_or_no_picture_is_left_alone(url: str) -> None:
    assert not is_unsigned(url)
    for algorithm in ALGORITHMS:
        assert Signer(algorithm, UTC, FakeClock()).sign(url, KEY) == url


IDS = st.text("0123456789abcdefABCDEF", min_size=32, max_size=32)
PIECES = st.sampled_from(
    [
        "/asset/",
        ASSET,
        "/",
        "..",
        ".",
        "shield",
        "%2e",
        "%2F",
        "?",
        "#",
        "&",
        "=",
        "\\",
        "片",
        " ",
        "x.jpg",
        MD5,
        "1234",
    ]
)
FREE = st.lists(PIECES, max_size=8).map("".join)


@given(FREE | st.just("/shield") | st.just(""), IDS, FREE | st.just("cover/Cover0.jpg"), st.sampled_from(ALGORITHMS))
def test_signing_never_changes_which_picture_a_url_names(
    prefix: str, asset_id: str, name: str, algorithm: Algorithm
) -> None:
    url = f"{CDN}{prefix}/asset/{asset_id}/{name}"

    signed = Signer(algorithm, SHANGHAI, FakeClock()).sign(url, KEY)

    assert picture(signed) == picture(url)
    assert signed == url or not is_unsigned(signed)


# Settings


@pytest.mark.parametrize(
    ("algorithm", "keys", "zone", "words"),
    [
        ("E", [KEY], "UTC", "RECONCILE_CDN_ALGORITHM is 'E'"),
        ("a", [KEY], "UTC", "A, B, C, D"),
        ("D", [KEY, "short"], "UTC", "16 characters"),
        ("B", [KEY], "Asia/Atlantis", "RECONCILE_CDN_ZONE is 'Asia/Atlantis'"),
        ("B", [KEY], "Asia", "RECONCILE_CDN_ZONE"),
        ("B", [KEY], "../etc/passwd", "RECONCILE_CDN_ZONE"),
    ],
)
def test_settings_that_cannot_be_used_are_named(algorithm: str, keys: list[str], zone: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        signer(algorithm, keys, zone, FakeClock())
    assert words in caught.value.text
    assert not any(key in caught.value.text for key in keys)


def test_only_b_needs_the_time_zones_of_the_machine() -> None:
    for algorithm in ("A", "C", "D"):
        assert signer(algorithm, [KEY], "Asia/Atlantis", FakeClock()).sign(CDN + COVER, KEY) != CDN + COVER


def test_aes_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(UsageError) as caught:
        signer("D", [KEY], "UTC", FakeClock())
    assert "vod-cover-reconciler[cdn]" in caught.value.text
    assert signer("A", [KEY], "UTC", FakeClock())


# Requests


def reader(server: Handler, clock: FakeClock, *keys: str, algorithm: Algorithm = "A") -> Pictures:
    signing = SigningTransport(httpx.MockTransport(server), Signer(algorithm, SHANGHAI, clock), keys)
    return Pictures(FastHttpClient(transport=signing), trusted=False, clock=clock, timeout=30)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_sent_is_the_signed_url_to_the_byte(clock: FakeClock, algorithm: Algorithm) -> None:
    server = Script(served(BODY))
    made = Signer(algorithm, SHANGHAI, clock, lambda: "0f" * 16)
    http = FastHttpClient(
        transport=SigningTransport(httpx.MockTransport(server), made, [KEY]),
        headers={"Referer": "https://a.example/"},
    )

    found = clock.run(Pictures(http, trusted=False, clock=clock, timeout=30).content(f"{CDN}/shield{COVER}?v=1"))

    assert isinstance(found, Content)
    [request] = server.requests
    assert str(request.url) == made.sign(f"{CDN}/shield{COVER}?v=1", KEY)
    assert request.headers["Referer"] == "https://a.example/"
    assert request.headers["Accept"] == "image/*"


def test_each_attempt_is_signed_afresh(clock: FakeClock) -> None:
    stamps: list[tuple[int, int]] = []

    async def server(request: httpx.Request) -> httpx.Response:
        stamp = request.url.params["auth_key"].partition("-")[0]
        stamps.append((int(stamp), int(clock.now().timestamp())))
        return httpx.Response(503) if len(stamps) < ATTEMPTS else served(BODY)

    assert isinstance(clock.run(reader(server, clock, KEY).content(CDN + COVER)), Content)
    assert all(signed == sent for signed, sent in stamps)
    assert stamps[0] < stamps[-1]


def test_a_redirect_is_signed_too_and_a_signed_one_is_left_alone(clock: FakeClock) -> None:
    moved = [f"/asset/{ASSET}/cover/moved.jpg", f"/asset/{ASSET}/cover/again.jpg?auth_key=theirs"]
    server = Script(*(httpx.Response(302, headers={"Location": to}) for to in moved), served(BODY))

    assert isinstance(clock.run(reader(server, clock, KEY).content(CDN + COVER)), Content)
    asked = [str(request.url) for request in server.requests]
    assert "moved.jpg?auth_key=" in asked[1]
    assert asked[2] == CDN + moved[1]


class Edge:
    """A CDN that takes one key."""

    def __init__(self, key: str) -> None:
        self.requests = 0
        self.key = key

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        proof, _, md5 = request.url.params["auth_key"].rpartition("-")
        right = hashlib.md5(f"{request.url.path}-{proof}-{self.key}".encode()).hexdigest()
        return served(BODY) if md5 == right else httpx.Response(403, content=b"denied")


def test_the_key_that_a_host_took_comes_first_from_then_on(clock: FakeClock) -> None:
    edge = Edge(KEY)
    pictures = reader(edge, clock, OLD, KEY)

    async def read() -> list[Content | NoAnswer]:
        return [await pictures.content(CDN + COVER) for _ in range(3)]

    assert all(isinstance(found, Content) for found in clock.run(read()))
    assert edge.requests == 4
    edge.key = OLD  # the change is undone
    assert isinstance(clock.run(pictures.content(CDN + COVER)), Content)
    assert edge.requests == 6
    other = CDN.replace("cdn", "other")
    assert isinstance(clock.run(pictures.content(other + COVER)), Content)
    assert edge.requests == 7, "another host has not refused the first key"


def test_a_head_tries_the_keys_too(clock: FakeClock) -> None:
    server = Script(httpx.Response(403), httpx.Response(200, headers={"Content-Length": "7"}))

    assert clock.run(reader(server, clock, OLD, KEY).head(CDN + COVER)) == PictureHead(7)
    assert [request.method for request in server.requests] == ["HEAD", "HEAD"]


def message(clock: FakeClock, pictures: Pictures) -> str:
    found = clock.run(pictures.content(CDN + COVER))
    assert isinstance(found, NoAnswer)
    assert found.permanent == "HTTP 403"
    return found.message


def test_a_refusal_says_what_may_be_missing_or_wrong_and_shows_no_signature(clock: FakeClock) -> None:
    server = Script(httpx.Response(403))
    plain = Pictures(FastHttpClient(transport=httpx.MockTransport(server)), trusted=False, clock=clock, timeout=30)
    without = message(clock, plain)
    server = Script(httpx.Response(403), httpx.Response(403))
    wrong = message(clock, reader(server, clock, OLD, KEY))

    assert "set RECONCILE_CDN_KEY and RECONCILE_CDN_ALGORITHM" in without
    assert "RECONCILE_CDN_REFERER" in without
    assert "check RECONCILE_CDN_KEY" in wrong
    assert len(server.requests) == 2
    assert not re.search("auth_key|[0-9a-f]{32}-", wrong)


def test_signing_closes_what_it_sends_through(clock: FakeClock) -> None:
    closed = []

    class Inner(httpx.AsyncBaseTransport):
        async def aclose(self) -> None:
            closed.append(True)

    async def main() -> None:
        async with FastHttpClient(transport=SigningTransport(Inner(), Signer("A", UTC, clock), [KEY])):
            pass

    clock.run(main())
    assert closed == [True]
