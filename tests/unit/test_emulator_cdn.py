"""The emulator's CDN: conditional requests, edges that disagree, names of covers, key anti-leech, Referer lists."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from test_emulator_api import FIRST, Cloud, other_snapshot

from reconciler.emulator.options import ALWAYS, AntiLeech, ETag, FaultRule

COVER = f"/asset/{FIRST}/cover/Cover0.jpg"
SNAPSHOT = f"/asset/{FIRST}/snapshot/sample/0.jpg"
VIDEO = "/asset/6b2d740f10b8697d8ea6672868ecdb6f/test.mp4"
D_TEXT = (
    "34M%2F6KtYgxuAozdBLIVTe0dUVAZdvXsYQoYAnDmuhRHh1hshYg%2B2Tl0AmSwySDh%2BmkER44qYKpSP%2BgfsLM%2FIZe4F6K4n1Nx6ouGwy"
    "KfqdDA%3D.79436d453636364e335941713330534e"
)
# The guide's, each valid at this moment for the key beside it.
VECTORS: dict[AntiLeech, tuple[str, str, str]] = {
    "A": (
        "2019-01-10T12:26:06",
        "myPrivateKey",
        f"{VIDEO}?auth_key=1547123166-477b3bbc253f467b8def6711128c7bec-0-584883719a3f722bf1a32a3b0a4d25dd",
    ),
    "B": ("2019-01-10T12:26:06", "myPrivateKey", f"/201901102026/713ef643de8df076da6ec3c0545968cb{VIDEO}"),
    "C": ("2019-01-10T12:26:06", "myPrivateKey", f"/afa20c956043fe6d130b16f2704ac870/5C3739DE{VIDEO}"),
    "D": (
        "2019-08-05T10:24:30",
        "8Ks1qn14XRO28qOa",
        "/asset/32237c8f68fcc6071a2d8e3421eee20d/play_video/1.m3u8?auth_info=" + D_TEXT,
    ),
}
DAMAGE = {"A": ("-0-58", "-0-59"), "B": ("/713e", "/713f"), "C": ("/afa2", "/afa3"), "D": ("=34M", "=35M")}
each_algorithm = pytest.mark.parametrize("algorithm", VECTORS)


@pytest.fixture
def cloud(tmp_path: Path) -> Callable[..., Cloud]:
    return lambda **options: Cloud(tmp_path / "state.sqlite", **options)


def asked(there: Cloud, url: str, tag: str) -> httpx.Response:
    return there.send("GET", url, headers={"If-None-Match": tag})


# Conditional requests


@pytest.mark.parametrize("etag", ["md5", "weak", "wrong", "same", "always-304"])
def test_a_picture_that_one_has_is_not_sent_again(cloud: Callable[..., Cloud], etag: ETag) -> None:
    there = cloud(etag=etag)
    tag = there.send("GET", COVER).headers["ETag"]
    opaque = tag.removeprefix("W/")
    for named in (tag, f"W/{opaque}", opaque, f'"other", {tag}', "*"):
        answer = asked(there, COVER, named)
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", tag)
    assert there.send("HEAD", COVER, headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize("etag", ["md5", "weak", "wrong", "random", "none"])
def test_another_picture_is_sent_whole(cloud: Callable[..., Cloud], etag: ETag) -> None:
    there = cloud(etag=etag)
    before = there.send("GET", COVER)
    there.put(other_snapshot(there))
    for tag in (before.headers.get("ETag", '""'), '"other"', hashlib.md5(before.content).hexdigest(), ","):
        answer = asked(there, COVER, tag)
        assert answer.status_code == 200
        assert answer.content == there.send("GET", SNAPSHOT).content


def test_dishonest_edges(cloud: Callable[..., Cloud]) -> None:
    for etag in ("same", "always-304"):
        there = cloud(etag=etag)
        tag = there.send("GET", COVER).headers["ETag"]
        there.put(other_snapshot(there))
        assert asked(there, COVER, tag).status_code == 304
    assert asked(there, COVER, '"never given"').status_code == 304
    assert there.send("GET", COVER).status_code == 200


def test_what_the_etags_are(cloud: Callable[..., Cloud]) -> None:
    def tag_and_md5(etag: str) -> tuple[str, str]:
        answer = cloud(etag=etag).send("GET", COVER)
        return answer.headers["ETag"], hashlib.md5(answer.content).hexdigest()

    weak, md5 = tag_and_md5("weak")
    assert weak == f'W/"{md5}"'
    honest, md5 = tag_and_md5("always-304")
    assert honest == f'"{md5}"'
    wrong, md5 = tag_and_md5("wrong")
    assert re.fullmatch('"[0-9a-f]{32}"', wrong)
    assert wrong != f'"{md5}"'


def test_a_cdn_that_compresses_answers_304_as_others_do(cloud: Callable[..., Cloud]) -> None:
    there = cloud(faults=(FaultRule("picture", "gzip", ALWAYS),))
    answer = there.send("GET", COVER, headers={"Accept-Encoding": "identity"})
    assert answer.headers["Content-Encoding"] == "gzip"
    again = asked(there, COVER, answer.headers["ETag"])
    assert (again.status_code, again.content, "Content-Encoding" in again.headers) == (304, b"", False)


# Edges, and the names of covers


def test_the_second_edge_shows_a_new_cover_later(cloud: Callable[..., Cloud]) -> None:
    there = cloud(propagation=60.0, edge_delay=120.0)
    old, new = there.send("GET", COVER).content, there.send("GET", SNAPSHOT).content
    there.send("GET", COVER)
    there.put(other_snapshot(there))

    def shown() -> list[bytes]:
        return [there.send("GET", COVER).content for _ in range(4)]

    assert shown() == [old] * 4
    there.now += 60
    assert shown() == [new, old, new, old]
    there.now += 120
    assert shown() == [new] * 4


def test_an_uploaded_cover_reaches_the_second_edge_later_too(cloud: Callable[..., Cloud]) -> None:
    there = cloud(edge_delay=120.0)
    old = there.send("GET", COVER).content
    for picture in (b"first", b"second"):
        there.now += 100
        there.send("POST", f"/_emulator/cover?asset_id={FIRST}", content=picture)
    shown = [there.send("GET", COVER).content for _ in range(2)]
    assert shown == [old, b"second"]
    there.now += 100
    assert [there.send("GET", COVER).content for _ in range(2)] == [b"first", b"second"]


@pytest.mark.parametrize("name", ["Cover0.jpg", "Cover0.png", "Cover0"])
def test_covers_are_called_as_the_options_say(cloud: Callable[..., Cloud], name: str) -> None:
    there = cloud(cover_name=name)
    there.put(other_snapshot(there))
    url = there.cover_url()
    assert url.endswith(f"/asset/{FIRST}/cover/{name}")
    assert there.send("GET", url).content == there.send("GET", SNAPSHOT).content
    for other in {"Cover0.jpg", "Cover0.png", "Cover0"} - {name}:
        assert there.send("GET", f"/asset/{FIRST}/cover/{other}").status_code == 404


# Key anti-leech


def opened(there: Cloud, url: str) -> int:
    return there.send("GET", url).status_code


@each_algorithm
def test_the_guides_signatures_are_accepted_until_they_expire(
    cloud: Callable[..., Cloud], algorithm: AntiLeech
) -> None:
    moment, key, url = VECTORS[algorithm]
    there = cloud(anti_leech=algorithm, cdn_key=key, signature_seconds=600.0)
    there.now = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
    # The emulator has no such asset: it looks for it only when the signature is right.
    assert opened(there, url) == 404
    assert opened(there, url.replace("/asset/", "/shield/asset/")) == 404
    there.now += 540
    assert opened(there, url) == 404
    there.now += 61
    assert opened(there, url) == 403
    there.now -= 1500
    assert opened(there, url) == 403, "it was signed in the future"


@each_algorithm
def test_everything_else_is_refused(cloud: Callable[..., Cloud], algorithm: AntiLeech) -> None:
    moment, key, url = VECTORS[algorithm]
    there = cloud(anti_leech=algorithm, cdn_key=key)
    there.now = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
    another_asset = re.sub("(?<=/asset/).", "f", url)
    damaged = url.replace(*DAMAGE[algorithm])
    plain = [COVER, f"{COVER}?auth_key=1-2-3", f"{COVER}?auth_info=QUJD.{'0' * 32}", f"/{key}{COVER}", f"/a/b{COVER}"]
    for address in (another_asset, damaged, *plain):
        assert opened(there, address) == 403, address
    assert [opened(there, VECTORS[name][2]) for name in VECTORS if name != algorithm] == [403] * 3
    other_key = cloud(anti_leech=algorithm, cdn_key=key[::-1])
    other_key.now = there.now
    assert opened(other_key, url) == 403


@each_algorithm
def test_the_api_returns_its_urls_unsigned(cloud: Callable[..., Cloud], algorithm: AntiLeech) -> None:
    there = cloud(anti_leech=algorithm)
    assets = there.call("GET", "list", params={"size": 24}).json()["assets"]
    forms = {
        re.sub("/asset/.*", "", httpx.URL(asset["covers"][0]["cover_url"]).raw_path.decode()) for asset in assets
    }
    assert forms == {"", "/shield"}
    assert not any("auth_" in asset["covers"][0]["cover_url"] for asset in assets)


def test_the_calls_of_the_api_need_neither_signature_nor_referer(cloud: Callable[..., Cloud]) -> None:
    there = cloud(anti_leech="A", referer="https://www.example.com/")
    assert there.call("GET", "list").status_code == 200
    assert there.put(other_snapshot(there)).status_code == 204


def test_only_the_right_referer_gets_pictures(cloud: Callable[..., Cloud]) -> None:
    there = cloud(referer="https://www.example.com/")
    given = [{}, {"Referer": "https://elsewhere.example/"}, {"Referer": "https://www.example.com/"}]
    assert [there.send("GET", COVER, headers=headers).status_code for headers in given] == [403, 403, 200]


def test_a_signature_of_any_algorithm_makes_no_new_url(cloud: Callable[..., Cloud]) -> None:
    there = cloud(faults=(FaultRule("picture", "503", 1),))
    md5, other = "0" * 32, "1" * 32
    for first, second in (
        (f"{COVER}?auth_info=a.{md5}", f"{COVER}?auth_info=b.{other}"),
        (f"/202611220800/{md5}{SNAPSHOT}", f"/202611220801/{other}{SNAPSHOT}"),
        (f"/{md5}/5C3739DE{COVER}?v=2", f"/{other}/5C3739DF{COVER}?v=2"),
    ):
        assert [opened(there, first), opened(there, second)] == [503, 200]
