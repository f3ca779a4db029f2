"""A few hundred runs of each fuzzer that `make fuzz` runs at length, and what they have found so far."""

from __future__ import annotations

import importlib
from pathlib import Path

import httpx
import pytest
from support.fakes import ASSET, OTHER, FakeClock, login_auth, vod_client

from reconciler.decide.picture_id import picture
from reconciler.errors import ApiError
from reconciler.report.phrases import picture_path
from reconciler.state.settled_covers import NAME, Memory, SettledCover
from reconciler.util.sanitize import Redactor
from reconciler.vod.auth import Login

CDN = "https://cdn.example.com"


@pytest.mark.parametrize("name", ["fuzz_bodies", "fuzz_files"])
def test_a_few_hundred_runs_end_cleanly(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "fuzz"))
    good, refused = importlib.import_module(name).fuzz(300, 20)

    assert good > 30
    assert refused > 30


@pytest.mark.parametrize(
    "url",
    [
        f"{CDN}/asset/{ASSET}/asset/{OTHER}/snapshot/sample/5.jpg",
        f"{CDN}/asset/{OTHER}//asset/{ASSET}/snapshot/sample/5.jpg",
        f"{CDN}/asset/{ASSET}/x/asset/{OTHER}",
        f"{CDN}/asset/{ASSET[:9]}\n{ASSET[9:]}/snapshot/sample/5.jpg",
        f"{CDN}/asset/{ASSET}/snapshot/sample/5.jpg?x=\t",
    ],
)
def test_a_url_that_could_mean_another_asset_names_no_picture(url: str) -> None:
    assert picture(url) is None


def test_a_cover_whose_url_is_none_can_still_be_told() -> None:
    assert picture_path("https://[cdn/0.jpg\x1b") == "https://[cdn/0.jpg\\x1b"


def test_a_signature_right_behind_chinese_words_is_hidden() -> None:
    assert Redactor()("参数auth_key=abc-def无效") == "参数auth_key=***"


@pytest.mark.parametrize(
    "headers",
    [
        [(b"X-Subject-Token", b"t\xf6ken")],
        [(b"X-Subject-Token", b"a\nb")],
    ],
    ids=["a token that is not ASCII", "a token that no header can carry"],
)
def test_a_login_answered_with_rubbish_is_a_fault_and_no_crash(
    clock: FakeClock, headers: list[tuple[bytes, bytes]]
) -> None:
    asked: list[str] = []

    async def cloud(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(201, headers=headers, stream=httpx.ByteStream(b"no gzip"))

    auth = login_auth(cloud, clock, Login("otto", "sesame", "acme", "cn-north-4"), "https://iam.example.com")

    with pytest.raises(ApiError, match="5 attempts"):
        clock.run(vod_client(cloud, clock, auth=auth).details(ASSET))
    assert asked[0] == "/v3/auth/tokens"
    assert len(asked) == 5


@pytest.mark.parametrize(
    "spoil",
    [
        b"\xff\x1b[2J",
        b"[]\nnull\n",
        f'{{"asset_id":"{ASSET}","cover_sha256":"x","snapshot_path":"x","snapshot_sha256":"y"}}\n'.encode(),
        f'{{"asset_id":"{ASSET}",'.encode() * 100_000,
        b"SQLite format 3\0" + bytes(4096),
    ],
    ids=["no text", "other JSON", "no digests", "no end", "a database"],
)
def test_what_is_no_settled_cover_is_skipped_and_swallows_none(tmp_path: Path, spoil: bytes) -> None:
    (tmp_path / NAME).write_bytes(spoil)
    assert Memory(tmp_path).of(ASSET) == ()
    settled = SettledCover(ASSET, "a" * 64, "snapshot/sample/0.jpg", "b" * 64)
    Memory(tmp_path).remember([settled])
    assert Memory(tmp_path).all() == Memory(tmp_path).of(ASSET) == (settled,)
