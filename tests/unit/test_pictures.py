"""URLs that the API gave are opened within bounds, and what can't be read is told, never guessed."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import CDN, Answer, FakeClock, Handler, Script, served

from reconciler.model import Content, NoAnswer
from reconciler.observe.cdn_hosts import PictureHead
from reconciler.observe.picture_answers import MOST_BYTES
from reconciler.observe.pictures import Pictures
from reconciler.vod.fast_client import FastHttpClient
from reconciler.vod.retry import ATTEMPTS

URL = f"{CDN}/asset/{'a' * 32}/cover/Cover0.jpg"
BODY = b"\xff\xd8 a picture"
MD5 = hashlib.md5(BODY).hexdigest()


def pictures(handler: Handler, clock: FakeClock, *, trusted: bool = False, timeout: float = 30) -> Pictures:
    http = FastHttpClient(transport=httpx.MockTransport(handler))
    return Pictures(http, trusted=trusted, clock=clock, timeout=timeout)


def content(clock: FakeClock, server: Handler, url: str = URL, *, trusted: bool = False) -> Content | NoAnswer:
    return clock.run(pictures(server, clock, trusted=trusted).content(url))


def stamp(clock: FakeClock, *answers: Answer) -> PictureHead:
    return clock.run(pictures(Script(*answers), clock).head(URL))


def good() -> httpx.Response:
    return served(BODY)


def unavailable(found: Content | NoAnswer, why: str) -> bool:
    return isinstance(found, NoAnswer) and found.reason == "content_unavailable" and why in found.message


def test_a_picture_is_known_by_its_bytes(clock: FakeClock) -> None:
    assert content(clock, Script(good())) == Content(hashlib.sha256(BODY).hexdigest(), len(BODY))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 204, 206])
def test_a_picture_that_is_not_given_is_unavailable_at_once(clock: FakeClock, status: int) -> None:
    server = Script(httpx.Response(status))

    assert unavailable(content(clock, server), f"HTTP {status}")
    assert len(server.requests) == 1


def encoded(body: bytes, encoding: str = "gzip") -> httpx.Response:
    return served(body, {"Content-Encoding": encoding})


@pytest.mark.parametrize("encoding", ["gzip", "X-GZIP", "identity, gzip"])
def test_a_picture_that_came_compressed_is_compared_and_kept_decoded(clock: FakeClock, encoding: str) -> None:
    server = Script(encoded(gzip.compress(BODY), encoding))

    assert content(clock, server) == Content(hashlib.sha256(BODY).hexdigest(), len(BODY))
    assert clock.run(pictures(server, clock).data(URL)) == BODY
    assert server.requests[0].headers["Accept-Encoding"] == "identity"


def test_a_compressed_bomb_is_stopped_at_the_limit(clock: FakeClock) -> None:
    assert unavailable(content(clock, Script(encoded(gzip.compress(bytes(MOST_BYTES + 1))))), "more than 20 MiB")


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(gzip.compress(BODY)), "gzip, gzip"),
        (BODY, "br"),
        (BODY, "gzip"),
        (gzip.compress(BODY)[:-3], "gzip"),
        (gzip.compress(BODY) + b"more", "gzip"),
    ],
    ids=["two layers", "another encoding", "not compressed", "cut off", "more behind its end"],
)
def test_what_cannot_be_decoded_surely_is_no_picture(clock: FakeClock, body: bytes, encoding: str) -> None:
    assert unavailable(content(clock, Script(*(encoded(body, encoding) for _ in range(ATTEMPTS)))), "5 attempts")


FAULTS: dict[str, Callable[[], Answer]] = {
    "408": lambda: httpx.Response(408),
    "429": lambda: httpx.Response(429),
    "500": lambda: httpx.Response(500),
    "503": lambda: httpx.Response(503),
    "lost connection": lambda: httpx.RemoteProtocolError("gone"),
    "time-out": lambda: httpx.ReadTimeout("slow"),
    "truncated": lambda: served(BODY[:5], {"Content-Length": str(len(BODY))}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_passing_fault_is_survived(clock: FakeClock, fault: str) -> None:
    server = Script(*(FAULTS[fault]() for _ in range(ATTEMPTS - 1)), good())

    assert isinstance(content(clock, server), Content)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_stays_makes_it_unavailable(clock: FakeClock, fault: str) -> None:
    server = Script(*(FAULTS[fault]() for _ in range(ATTEMPTS)), good())

    assert unavailable(content(clock, server), "5 attempts")
    assert len(server.requests) == ATTEMPTS


def test_a_cdn_that_hangs_is_given_up_on(clock: FakeClock) -> None:
    async def server(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def main() -> tuple[PictureHead, Content | NoAnswer]:
        reader = pictures(server, clock, timeout=3)
        return await reader.head(URL), await reader.content(URL)

    known, found = clock.run(main())
    assert known == PictureHead()
    assert unavailable(found, "no answer within 3 s")


def test_an_empty_file_is_no_picture(clock: FakeClock) -> None:
    assert unavailable(content(clock, Script(served(b""))), "empty")


@pytest.mark.parametrize("declared", [True, False])
def test_more_than_twenty_mebibytes_are_not_read(clock: FakeClock, declared: bool) -> None:
    sent = 0

    class Flood(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            nonlocal sent
            while True:
                sent += 2**20
                yield b"x" * 2**20

    async def server(request: httpx.Request) -> httpx.Response:
        headers = {"Content-Length": str(10**12)} if declared else {}
        return httpx.Response(200, stream=Flood(), headers=headers)

    assert unavailable(content(clock, server), "more than 20 MiB")
    assert sent <= MOST_BYTES + 2**21


def test_exactly_twenty_mebibytes_are_read(clock: FakeClock) -> None:
    found = content(clock, Script(served(b"x" * MOST_BYTES)))

    assert isinstance(found, Content)
    assert found.length == MOST_BYTES


def redirect(to: str, status: int = 302) -> httpx.Response:
    return httpx.Response(status, headers={"Location": to})


def test_a_cdn_gets_no_cookie_back(clock: FakeClock) -> None:
    given = {"Set-Cookie": "session=1; Path=/"}
    moved = httpx.Response(302, headers={"Location": "/moved.jpg", **given})
    server = Script(moved, served(BODY, given), httpx.Response(200))

    async def main() -> None:
        reader = pictures(server, clock)
        await reader.content(URL)
        await reader.head(URL)

    clock.run(main())
    assert [request.headers.get("Cookie") for request in server.requests] == [None] * 3


@pytest.mark.parametrize("to", ["/moved/0.jpg", f"{CDN}/moved/0.jpg", "?again=1"])
def test_a_redirect_on_the_same_host_is_followed(clock: FakeClock, to: str) -> None:
    server = Script(redirect(to), good())

    assert isinstance(content(clock, server), Content)
    assert server.requests[1].url.host == "cdn.example.com"


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/0.jpg",
        "//evil.example/0.jpg",
        "http://cdn.example.com/0.jpg",
        "https://cdn.example.com:8443/0.jpg",
        "https://127.0.0.1/0.jpg",
        "file:///etc/passwd",
    ],
)
def test_a_redirect_elsewhere_is_not(clock: FakeClock, to: str) -> None:
    server = Script(redirect(to), good())

    assert unavailable(content(clock, server), "redirects to another host")
    assert len(server.requests) == 1


def test_a_redirect_round_and_round_ends(clock: FakeClock) -> None:
    server = Script(redirect("/a"))

    assert unavailable(content(clock, server), "too many redirects")
    assert len(server.requests) <= 5


NONSENSE = [
    "http://[", "https://\x00", "https://[cdn]/", "//[::1", "https://xn--0/", "https://xn--/", "https://a:b@xn--99999/",
    "https://cdn.example.com:99999/", "https://cdn.example.com:x/", "HTTPS://user@cdn.example.com/0.jpg", "xn--0://a/",
    "javascript:alert(1)", "https:///0.jpg", "https://", "http:xn--0", "\\\\cdn.example.com", "//a..b/", "\ufffd:",
]  # fmt: skip


@pytest.mark.parametrize("location", NONSENSE)
def test_a_redirect_to_nonsense_is_no_crash(clock: FakeClock, location: str) -> None:
    answer = httpx.Response(302, headers=[(b"Location", location.encode())])

    assert isinstance(content(clock, Script(answer)), NoAnswer)
    assert clock.run(pictures(Script(answer), clock).head(URL)) == PictureHead()


PIECES = st.sampled_from(
    [
        "https:",
        "http:",
        "ftp:",
        "//",
        "/",
        "\\",
        "[",
        "]",
        "::1",
        "%",
        "@",
        ":",
        "?",
        "#",
        ".",
        "..",
        "xn--",
        "0",
        "99999",
    ]
) | st.sampled_from(
    ["user:pw@", "cdn.example.com", "127.1", "0x7f", "é", "片", "\x7f", "\xad", "%00", "a" * 64, "-", " "]
)
ADDRESSES = st.lists(PIECES, max_size=8).map("".join)


@given(ADDRESSES, ADDRESSES)
def test_no_url_and_no_redirect_breaks_the_reader_or_leads_elsewhere(url: str, location: str) -> None:
    clock, asked = FakeClock(), []

    async def cdn(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(302, headers=[(b"Location", location.encode())])

    for start in (URL, f"https://{url}"):
        asked.clear()
        assert isinstance(content(clock, cdn, start), NoAnswer)
        assert clock.run(pictures(cdn, clock).head(start)) == PictureHead()
        assert len({request.url.netloc for request in asked}) <= 1


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("http://cdn.example.com/a.jpg", "https://cdn.example.com/a.jpg"),
        ("http://cdn.example.com:80/a.jpg", "https://cdn.example.com/a.jpg"),
        ("http://cdn.example.com:443/a.jpg?auth_key=1", "https://cdn.example.com/a.jpg?auth_key=1"),
        ("https://cdn.example.com/a.jpg", "https://cdn.example.com/a.jpg"),
    ],
)
def test_plain_http_is_tried_as_https(clock: FakeClock, url: str, opened: str) -> None:
    server = Script(good())

    content(clock, server, url)

    assert [str(request.url) for request in server.requests] == [opened]


def test_plain_http_stays_where_the_endpoint_is_loopback(clock: FakeClock) -> None:
    server = Script(good())

    content(clock, server, "http://127.0.0.1:8080/a.jpg", trusted=True)

    assert str(server.requests[0].url) == "http://127.0.0.1:8080/a.jpg"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.jpg",
        "/asset/a.jpg",
        "file:///etc/passwd",
        "ftp://cdn.example.com/a.jpg",
        "https://",
        "https://user@cdn.example.com/a.jpg",
        "https://user:pass@cdn.example.com/a.jpg",
        "http://0177.0.0.1/a.jpg",
        "https://[::1",
        "https://cdn.example.com/\x00",
        "https://\ud800/a.jpg",
        "https://xn--0/a.jpg",
        "https://cdn.example.com:8080/a.jpg",
        "https://cdn.example.com:22/a.jpg",
    ],
)
def test_what_is_no_url_of_a_picture_is_not_opened(clock: FakeClock, url: str) -> None:
    server = Script(good())

    assert isinstance(content(clock, server, url), NoAnswer)
    assert clock.run(pictures(server, clock).head(url)) == PictureHead()
    assert server.requests == []


@given(st.text(max_size=30) | st.text("htps:/[]@?#%.0\\\x00é ", max_size=20).map("https://{}".format))
def test_no_url_breaks_the_reader(url: str) -> None:
    clock = FakeClock()

    assert isinstance(content(clock, Script(good()), url), (Content, NoAnswer))
    assert isinstance(clock.run(pictures(Script(good()), clock).head(url)), PictureHead)


def test_secrets_of_the_url_stay_out_of_the_message(clock: FakeClock) -> None:
    md5 = "0123456789abcdef0123456789abcdef"
    url = f"{CDN}/202603011200/{md5}/asset/{'a' * 32}/0.jpg?auth_key=very-secret"

    found = content(clock, Script(httpx.Response(404)), url)

    assert isinstance(found, NoAnswer)
    assert "very-secret" not in found.message
    assert md5 not in found.message


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Content-Length": "12", "ETag": f'"{MD5}"'}, PictureHead(12, MD5)),
        ({"Content-Length": "12", "ETag": MD5.upper()}, PictureHead(12, MD5)),
        ({"Content-Length": "12", "ETag": f'W/"{MD5}"'}, PictureHead(12, None)),
        ({"Content-Length": "12", "ETag": '"5f-60a1b2c3"'}, PictureHead(12, None)),
        ({"Content-Length": "12", "ETag": f'"{MD5}-3"'}, PictureHead(12, None)),
        ({"Content-Length": "12"}, PictureHead(12, None)),
        ({"Content-Length": "0", "ETag": f'"{MD5}"'}, PictureHead(None, MD5)),
        ({"ETag": f'"{MD5}"'}, PictureHead(None, MD5)),
        ({"Content-Length": "-1"}, PictureHead()),
        ({"Content-Length": "many"}, PictureHead()),
        ({"Content-Length": "12", "Content-Encoding": "gzip"}, PictureHead()),
        ({}, PictureHead()),
    ],
)
def test_what_a_cdn_says_without_sending(clock: FakeClock, headers: dict[str, str], expected: PictureHead) -> None:
    assert stamp(clock, httpx.Response(200, headers=headers)) == expected


@pytest.mark.parametrize("status", [302, 400, 403, 404, 405, 500, 501, 503])
def test_a_cdn_that_does_not_answer_head_says_nothing(clock: FakeClock, status: int) -> None:
    assert stamp(clock, httpx.Response(status, headers={"Content-Length": "9"})) == PictureHead()


def test_a_lost_head_says_nothing(clock: FakeClock) -> None:
    assert stamp(clock, httpx.ReadError("gone")) == PictureHead()


def test_a_host_without_head_is_asked_once(clock: FakeClock) -> None:
    server = Script(httpx.Response(405))

    async def main() -> None:
        reader = pictures(server, clock)
        for _ in range(3):
            await reader.head(URL)

    clock.run(main())
    assert len(server.requests) == 1


def test_one_picture_refused_to_head_does_not_spoil_the_host(clock: FakeClock) -> None:
    server = Script(httpx.Response(404), httpx.Response(200, headers={"Content-Length": "7"}))

    async def main() -> list[PictureHead]:
        reader = pictures(server, clock)
        return [await reader.head(URL) for _ in range(2)]

    assert clock.run(main()) == [PictureHead(), PictureHead(7)]


def test_no_credentials_travel_to_the_cdn(clock: FakeClock) -> None:
    server = Script(good())

    content(clock, server)

    assert not {"authorization", "x-auth-token", "x-security-token", "cookie"} & set(server.requests[0].headers)
