"""The emulator's covers and pictures, in every mode."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image, ImageChops, ImageStat
from test_emulator_api import BASE, FIRST, Cloud, code, other_snapshot

from reconciler.emulator import ODD
from reconciler.emulator.app import create_app
from reconciler.emulator.options import (
    EmulatorOptions,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reconciler.emulator.options import CoverMode


@pytest.fixture
def cloud(tmp_path: Path) -> Callable[..., Cloud]:
    return lambda **options: Cloud(tmp_path / "state.sqlite", **options)


# Covers


@pytest.mark.parametrize("mode", ["reference", "copy", "recode"])
def test_what_a_put_does_in_each_mode(cloud: Callable[..., Cloud], mode: CoverMode) -> None:
    there = cloud(cover_mode=mode)
    wanted = other_snapshot(there)
    before = there.send("GET", there.cover_url()).content
    answer = there.put(wanted)
    assert (answer.status_code, answer.content) == (204, b"")
    url = there.cover_url()
    shown, snapshot = there.send("GET", url).content, there.send("GET", wanted).content
    assert (url == wanted) is (mode == "reference")
    assert url.endswith("/cover/Cover0.jpg") is (mode != "reference")
    assert (shown == snapshot) is (mode != "recode")
    assert difference(shown, snapshot) < 3 < difference(shown, before)


def difference(one: bytes, other: bytes) -> float:
    """How far two pictures are apart, in grey levels of 256 on average."""
    with Image.open(io.BytesIO(one)) as left, Image.open(io.BytesIO(other)) as right:
        return float(ImageStat.Stat(ImageChops.difference(left, right).convert("L")).mean[0])


@pytest.mark.parametrize("mode", ["reference", "copy", "recode"])
def test_at_first_every_ordinary_cover_is_a_snapshot_of_its_asset(
    cloud: Callable[..., Cloud], mode: CoverMode
) -> None:
    there = cloud(cover_mode=mode, quota=(0, 0))
    for asset in there.call("GET", "list", params={"size": 24}).json()["assets"]:
        info = there.details(asset["asset_id"])["thumbnail_info"]
        urls = [item["url"] for name in ("sample", "dots", "quantity") for item in info.get(name, [])]
        url = asset["covers"][0]["cover_url"]
        if mode == "reference":
            assert url in urls
        else:
            tags = [there.send("HEAD", snapshot).headers["ETag"] for snapshot in urls]
            assert tags.count(there.send("HEAD", url).headers["ETag"]) == 1


def test_the_new_cover_shows_only_after_its_propagation(cloud: Callable[..., Cloud]) -> None:
    there = cloud(cover_mode="reference", propagation=180.0)
    copied = f"/asset/{FIRST}/cover/Cover0.jpg"
    old_url, old_bytes, wanted = there.cover_url(), there.send("GET", copied).content, other_snapshot(there)
    there.put(wanted)

    def covers() -> set[str]:
        info = there.call("GET", "info", params={"asset_id": FIRST}).json()["asset_info_array"][0]
        listed = there.call("GET", "list", params={"asset_id": FIRST}).json()["assets"][0]
        urls = (info["base_info"]["cover_info_array"], listed["covers"])
        return {there.cover_url(), *(array[0]["cover_url"] for array in urls)}

    there.now += 179
    assert covers() == {old_url}
    assert there.send("GET", copied).content == old_bytes
    there.now += 1
    assert covers() == {wanted}
    assert there.send("GET", copied).content == there.send("GET", wanted).content


@pytest.mark.parametrize(
    "url",
    [
        f"{BASE}/asset/{FIRST}/snapshot/sample/1.jpg",
        f"{BASE}/asset/{ODD['asset_not_found']}/snapshot/sample/0.jpg",
        f"{BASE}/asset/{FIRST}/cover/Cover0.jpg",
        f"{BASE}/asset/{FIRST}/snapshot/sample/0.jpg/more",
        "not a URL",
        "",
    ],
)
def test_a_url_that_names_no_picture_is_refused(cloud: Callable[..., Cloud], url: str) -> None:
    assert code(cloud().put(url)) == (400, "VOD.10062")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"<html>", b'{"thumbnailUrl": 5}', b"null", b"\xff"])
def test_a_body_that_is_none_is_refused(cloud: Callable[..., Cloud], body: bytes) -> None:
    assert code(cloud().call("PUT", "cover", content=body)) == (400, "VOD.10053")


def test_the_url_decides_whose_cover_changes_whatever_its_host_prefix_and_query(
    cloud: Callable[..., Cloud],
) -> None:
    there = cloud(cover_mode="reference")
    there.put(f"https://cdn.example/20261122/0a1b/asset/{FIRST}/snapshot/sample/10.jpg?auth_key=1-2-3")
    assert httpx.URL(there.cover_url()).path.endswith(f"/asset/{FIRST}/snapshot/sample/10.jpg")


def test_a_cover_changed_behind_our_back_is_served_as_it_is(cloud: Callable[..., Cloud]) -> None:
    there = cloud(cover_mode="reference", propagation=60.0)
    picture = b"\x89PNG anything"
    assert there.send("POST", f"/_emulator/cover?asset_id={FIRST}", content=picture).status_code == 204
    served = there.send("GET", there.cover_url())
    assert (served.content, served.headers["Content-Type"]) == (picture, "image/png")


def test_covers_outlive_the_process_and_the_address_does_not(tmp_path: Path) -> None:
    first = Cloud(tmp_path / "state", cover_mode="reference")
    wanted = other_snapshot(first)
    first.put(wanted)
    elsewhere = create_app(tmp_path / "state", EmulatorOptions(), "http://127.0.0.1:9", clock=lambda: first.now)
    first.app = elsewhere
    assert first.cover_url() == wanted.replace(BASE, "http://127.0.0.1:9")


def test_a_catalogue_grows_and_keeps_what_it_had(tmp_path: Path) -> None:
    small = Cloud(tmp_path / "state", assets=24, cover_mode="reference")
    small.put(other_snapshot(small))
    large = Cloud(tmp_path / "state", assets=30, cover_mode="reference")
    assert large.call("GET", "list").json()["total"] == small.call("GET", "list").json()["total"]
    assert large.cover_url() == other_snapshot(large)


# Pictures


def test_pictures_are_real_and_differ_by_asset_and_offset(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    other = there.call("GET", "list").json()["assets"][1]["asset_id"]
    urls = [item["url"] for item in there.details()["thumbnail_info"]["sample"]]
    urls += [there.details(other)["thumbnail_info"]["sample"][0]["url"]]
    pictures = [there.send("GET", url).content for url in urls]
    assert len(set(pictures)) == len(pictures)
    for picture in pictures:
        with Image.open(io.BytesIO(picture)) as image:
            image.load()
            assert (image.format, image.size) == ("JPEG", (320, 180))
    # The nearest two: the same asset, ten seconds apart.
    assert difference(pictures[0], pictures[1]) > 3
    assert pictures[0] == there.send("GET", urls[0]).content


def test_a_picture_is_found_under_any_prefix(cloud: Callable[..., Cloud]) -> None:
    there = cloud()
    path = f"/asset/{FIRST}/snapshot/sample/0.jpg"
    plain = there.send("GET", path)
    for prefix in ("/shield", "/202611220800/0123456789abcdef"):
        assert there.send("GET", prefix + path).content == plain.content
    assert there.send("GET", f"/asset/{FIRST}/snapshot/sample/1.jpg").status_code == 404
    assert there.send("GET", f"/asset/{ODD['asset_not_found']}/cover/Cover0.jpg").status_code == 404


def test_etags(cloud: Callable[..., Cloud]) -> None:
    def answers(etag: str) -> list[httpx.Response]:
        there = cloud(etag=etag)
        path = f"/asset/{FIRST}/snapshot/sample"
        return [there.send("GET", f"{path}/{name}.jpg") for name in (0, 0, 10)]

    for answer in answers("md5"):
        assert answer.headers["ETag"] == f'"{hashlib.md5(answer.content).hexdigest()}"'
    assert len({answer.headers["ETag"] for answer in answers("random")}) == 3
    assert not any("ETag" in answer.headers for answer in answers("none"))
    same = answers("same")
    assert len({(answer.headers["ETag"], len(answer.content)) for answer in same}) == 1
    assert len({answer.content for answer in same}) == 2


def test_head_answers_as_get_does_or_not_at_all(cloud: Callable[..., Cloud]) -> None:
    path = f"/asset/{FIRST}/cover/Cover0.jpg"
    there = cloud()
    head, get = there.send("HEAD", path), there.send("GET", path)
    assert head.content == b""
    assert {n: head.headers[n] for n in ("ETag", "Content-Length")} == {
        n: get.headers[n] for n in ("ETag", "Content-Length")
    }
    assert int(get.headers["Content-Length"]) == len(get.content)
    assert cloud(head=False).send("HEAD", path).status_code == 405
