"""Covers that are uploaded: what is sent where, how often it is tried, and where nothing is sent at all."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import socket
from itertools import pairwise

import httpx
import pytest
from support.fakes import ASSET, BASE, OTHER, PROJECT, UPLOADS, Answer, FakeClock, FakeCloud, Script, refusal

from reconciler.errors import ApiError
from reconciler.util.rate import WRITE_RATE, Rate
from reconciler.vod.addresses import is_near, is_public
from reconciler.vod.auth import AccessKey, AccessKeyAuth
from reconciler.vod.client import RateLimiters, VodClient
from reconciler.vod.fast_client import FastHttpClient
from reconciler.vod.rate_limit import RateLimiter
from reconciler.vod.responses import ApiConnection
from reconciler.vod.retry import ATTEMPTS, CancelledInDoubt
from reconciler.vod.transport import Transport
from reconciler.vod.uploads import CoverPicture, CoverUploads, kind_of

JPEG, PNG = b"\xff\xd8\xff a picture", b"\x89PNG\r\n\x1a\n another"
PICTURE = CoverPicture(ASSET, "JPG", JPEG)
KEY = AccessKey("AKAKAKAKAKAKAKAK", "SKSKSKSKSKSKSKSKSKSK")


class Cloud(FakeCloud):
    """Keeps when it was asked where to upload."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.add(ASSET)
        self.clock = clock
        self.requests: list[httpx.Request] = []
        self.announced_at: list[float] = []
        self.seconds = 0.0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.host != "bucket.obs.example.com":
            self.announced_at.append(self.clock.monotonic())
        else:
            await self.clock.sleep(self.seconds)
        return await super().__call__(request)

    def signing(self, writes: Rate) -> VodClient:
        auth = AccessKeyAuth(KEY, self.clock)
        http = FastHttpClient(base_url=BASE, transport=httpx.MockTransport(self), auth=auth)
        limiters = RateLimiters(RateLimiter(writes, self.clock), RateLimiter(writes, self.clock))
        return VodClient(ApiConnection(http, self.clock, 30), PROJECT, limiters)

    def upload(self, picture: CoverPicture = PICTURE, *, times: int = 1, rate: Rate = WRITE_RATE) -> list[bool]:
        """Uploads it, so many times at once; returns the in-doubt flags that the attempts were told."""
        told: list[bool] = []

        async def prepare(in_doubt: bool) -> CoverPicture:
            told.append(in_doubt)
            return picture

        async def main() -> None:
            client, uploads = self.signing(rate), self.uploader()
            results = await asyncio.gather(*(uploads.set_cover(client, prepare) for _ in range(times)))
            assert results == [True] * times

        self.clock.run(main())
        return told


@pytest.fixture
def cloud(clock: FakeClock) -> Cloud:
    return Cloud(clock)


def failing(cloud: Cloud) -> ApiError:
    with pytest.raises(ApiError) as caught:
        cloud.upload()
    return caught.value


@pytest.mark.parametrize(("data", "kind"), [(JPEG, "JPG"), (PNG, "PNG"), (b"RIFF", None), (b"\xff\xd8", None)])
def test_only_jpeg_and_png_can_be_covers(data: bytes, kind: str | None) -> None:
    assert kind_of(data) == kind


@pytest.mark.parametrize(
    ("picture", "media_type"), [(PICTURE, "image/jpeg"), (CoverPicture(ASSET, "PNG", PNG), "image/png")]
)
def test_it_is_announced_to_the_api_and_its_bytes_go_where_that_says(
    cloud: Cloud, picture: CoverPicture, media_type: str
) -> None:
    cloud.upload(picture)
    md5 = base64.b64encode(hashlib.md5(picture.data).digest()).decode()
    assert cloud.announced == [{"asset_id": ASSET, "cover_id": 0, "cover_type": picture.kind, "cover_md5": md5}]
    [upload] = cloud.uploads
    assert str(upload.url) == f"{UPLOADS}/{ASSET}?AccessKeyId=AK&Signature=s3cr3t"
    assert (upload.headers["Content-Type"], upload.headers["Content-MD5"]) == (media_type, md5)
    assert upload.content == picture.data


def test_the_upload_carries_nothing_of_ours(cloud: Cloud) -> None:
    cloud.upload()
    announced, upload = cloud.requests
    assert "Authorization" in announced.headers
    sent = upload.headers
    assert not {"authorization", "x-sdk-date", "x-auth-token", "x-security-token", "x-project-id"} & set(sent)
    assert "AKAKAKAK" not in str(sent)
    assert "referer" not in sent


def test_uploads_count_in_no_quota(cloud: Cloud, clock: FakeClock) -> None:
    """An upload that takes longer than the window holds nobody back."""
    cloud.seconds = 20
    cloud.upload(times=4, rate=Rate(2, 10))
    assert [round(at) for at in cloud.announced_at] == [0, 0, 10, 10]
    gaps = [later - first for first, later in pairwise(cloud.announced_at[::2])]
    assert all(gap >= 10 for gap in gaps)


@pytest.mark.parametrize("fault", [httpx.Response(503), httpx.ReadError("reset"), httpx.Response(408)])
def test_after_a_fault_of_the_upload_it_is_announced_and_uploaded_anew(cloud: Cloud, fault: Answer) -> None:
    cloud.answers["upload", ASSET] = [fault]
    assert cloud.upload() == [False, True]
    assert (len(cloud.announced), len(cloud.uploads)) == (2, 2)


def test_a_429_of_the_upload_had_no_effect(cloud: Cloud) -> None:
    cloud.answers["upload", ASSET] = [httpx.Response(429)]
    assert cloud.upload() == [False, False]


@pytest.mark.parametrize("fault", [httpx.Response(502), httpx.ReadError("reset"), httpx.Response(200, text="<html>")])
def test_a_lost_answer_of_the_api_leaves_it_in_doubt(cloud: Cloud, fault: Answer) -> None:
    cloud.answers["asset", ASSET] = [fault]
    assert cloud.upload() == [False, True]
    assert len(cloud.uploads) == 1


def test_faults_that_stay_fail_in_doubt(cloud: Cloud) -> None:
    cloud.answers["upload", ASSET] = [httpx.Response(500)] * ATTEMPTS
    error = failing(cloud)
    assert (error.message, error.outcome_unknown) == ("Uploading the cover failed: HTTP 500 (5 attempts)", True)


def test_an_upload_that_hangs_is_given_up_on(cloud: Cloud) -> None:
    cloud.seconds = 3600
    error = failing(cloud)
    assert "no answer within 30 s" in error.message
    assert cloud.clock.monotonic() < 5 * 30 + 30


@pytest.mark.parametrize("code", ["VOD.10060", "VOD.10061", "VOD.10083"])
def test_what_the_service_refuses_is_tried_once(cloud: Cloud, code: str) -> None:
    cloud.answers["asset", ASSET] = [refusal(400, code, "not in that state")]
    error = failing(cloud)
    assert (error.code, error.status, error.outcome_unknown) == (code, 400, False)
    assert (len(cloud.announced), cloud.uploads) == (1, [])


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(403), "HTTP 403: the URL may have expired"),
        (httpx.Response(400), "HTTP 400"),
        (httpx.Response(302, headers={"Location": "https://elsewhere.example.com/"}), "HTTP 302, a redirect"),
        (httpx.Response(304), "HTTP 304"),
    ],
)
def test_a_refused_upload_is_a_plain_failure_and_no_redirect_is_followed(
    cloud: Cloud, answer: httpx.Response, told: str
) -> None:
    cloud.answers["upload", ASSET] = [answer]
    error = failing(cloud)
    assert error.message.startswith(f"Uploading the cover was refused: {told}")
    assert (error.type, error.status, error.outcome_unknown) == ("api", answer.status_code, False)
    assert len(cloud.uploads) == 1


HOSTILE = {
    "": "names no URL",
    "http://bucket.obs.example.com/x": "not an https URL",
    "ftp://bucket.obs.example.com/x": "not an https URL",
    "bucket.obs.example.com/x": "not an https URL",
    "https://": "not a public address",
    "https://127.0.0.1/x": "127.0.0.1 is not a public address",
    "https://169.254.169.254/x": "169.254.169.254 is not a public address",
    "https://[::1]/x": ":1 is not a public address",
    "https://2130706433/x": "is not a public address",
    "https://localhost/x": "localhost is not a public address",
    "https://intranet/x": "intranet is not a public address",
    "https://user:pw@bucket.obs.example.com/x": "a URL with a user name",
    "https://bucket.obs.example.com:8443/x": "a port other than 443",
    "https://xn--0/x": "",
    "https://[::1": "not opened: ",
}


@pytest.mark.parametrize(("url", "told"), HOSTILE.items())
def test_nothing_is_sent_to_a_url_that_must_not_be_opened(cloud: Cloud, url: str, told: str) -> None:
    cloud.answers["asset", ASSET] = [httpx.Response(200, json={"asset_id": ASSET, "cover_upload_url": url})]
    error = failing(cloud)
    assert (told in error.message, error.outcome_unknown) == (True, False)
    assert (len(cloud.announced), cloud.uploads) == (1, [])


def test_an_answer_about_another_asset_is_not_used(cloud: Cloud) -> None:
    url = f"{UPLOADS}/{OTHER}"
    cloud.answers["asset", ASSET] = [httpx.Response(200, json={"asset_id": OTHER, "cover_upload_url": url})]
    assert "about another asset" in failing(cloud).message
    assert cloud.uploads == []


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("http://127.0.0.1:8080/upload/x", True),
        ("https://localhost/upload/x", True),
        ("http://emulator.localhost/upload/x", True),
        ("http://10.0.0.1/upload/x", False),
        ("http://169.254.169.254/upload/x", False),
        ("http://bucket.obs.example.com/x", False),
    ],
)
def test_a_service_on_this_machine_may_name_this_machine_and_no_other(
    clock: FakeClock, url: str, opened: bool
) -> None:
    server = Script(httpx.Response(200))
    uploads = FakeCloud().uploader(trusted=True, handler=server)
    if opened:
        clock.run(uploads.put(PICTURE, url))
    else:
        with pytest.raises(ApiError):
            clock.run(uploads.put(PICTURE, url))
    assert len(server.requests) == int(opened)


@pytest.mark.parametrize("trusted", [False, True])
def test_a_name_that_leads_inside_is_refused_at_once(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    def lookup(host: str, port: int, *_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", port))]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)

    async def main() -> None:
        async with FastHttpClient(transport=Transport(is_near if trusted else is_public)) as http:
            await CoverUploads(http, trusted=trusted, timeout=30).put(PICTURE, f"{UPLOADS}/x")

    with pytest.raises(ApiError, match=r"bucket\.obs\.example\.com is not a public address") as caught:
        asyncio.run(main())
    assert not caught.value.outcome_unknown


def test_no_secret_of_the_url_is_told(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    cloud.answers["upload", ASSET] = [
        httpx.ReadError(f"cannot reach {UPLOADS}/{ASSET}?Signature=s3cr3t"),
        httpx.Response(403),
    ]
    with caplog.at_level(logging.INFO):
        error = failing(cloud)
    assert "s3cr3t" not in f"{error.text} {error.__cause__} {caplog.text} {PICTURE!r}"


def test_an_interrupt_lets_an_upload_end(cloud: Cloud, clock: FakeClock) -> None:
    cloud.seconds = 5

    async def prepare(_: bool) -> CoverPicture:
        return PICTURE

    async def main() -> bool:
        uploading = asyncio.ensure_future(cloud.uploader().set_cover(cloud.signing(WRITE_RATE), prepare))
        await clock.sleep(1)
        uploading.cancel()
        return await uploading

    assert clock.run(main()) is True
    assert len(cloud.uploads) == 1


def test_an_interrupt_after_a_lost_answer_leaves_it_in_doubt(cloud: Cloud, clock: FakeClock) -> None:
    cloud.answers["upload", ASSET] = [httpx.ReadError("reset")]

    async def prepare(in_doubt: bool) -> CoverPicture:
        if in_doubt:
            raise asyncio.CancelledError
        return PICTURE

    with pytest.raises(CancelledInDoubt):
        clock.run(cloud.uploader().set_cover(cloud.signing(WRITE_RATE), prepare))
