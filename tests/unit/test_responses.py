"""One request, and what its answer amounts to, whatever its bytes."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fakes import BASE, FakeClock, Handler, Script

from reconciler.errors import ApiError
from reconciler.vod import schemas as wire
from reconciler.vod.fast_client import FastHttpClient
from reconciler.vod.responses import ApiConnection, Throttled, TransientFault


def read(clock: FakeClock, handler: Handler) -> wire.AssetDetails:
    http = FastHttpClient(base_url=BASE, transport=httpx.MockTransport(handler))
    line = ApiConnection(http, clock, 30)
    return clock.run(line.read("details", http.build_request("GET", "/x"), wire.AssetDetails))


def test_an_answer_too_large_to_be_one_is_not_kept(clock: FakeClock) -> None:
    sent = 0

    class Flood(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            nonlocal sent
            while True:
                sent += 1
                yield b" " * 2**20

    async def server(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Flood())

    with pytest.raises(TransientFault, match="32 MiB"):
        read(clock, server)
    assert sent <= 34


def test_a_compressed_answer_is_read(clock: FakeClock) -> None:
    body = httpx.ByteStream(gzip.compress(b'{"asset_id": "a"}'))
    server = Script(httpx.Response(200, stream=body, headers={"Content-Encoding": "gzip"}))

    assert read(clock, server).asset_id == "a"


@pytest.mark.parametrize("named", ["gzip", "gzip, gzip, gzip"])
def test_a_bomb_in_three_layers_stays_small(clock: FakeClock, named: str) -> None:
    bomb = gzip.compress(gzip.compress(gzip.compress(bytes(200 * 2**20), 9), 9), 9)
    server = Script(httpx.Response(200, stream=httpx.ByteStream(bomb), headers={"Content-Encoding": named}))

    tracemalloc.start()
    try:
        with pytest.raises(TransientFault):
            read(clock, server)
        assert tracemalloc.get_traced_memory()[1] < 40 * 2**20
    finally:
        tracemalloc.stop()


def test_control_characters_of_the_service_do_not_reach_the_message(clock: FakeClock) -> None:
    server = Script(
        httpx.Response(400, json={"error_code": "VOD.1\x1b[31m", "error_msg": "a\n::error::b\u202e" + "x" * 999})
    )

    with pytest.raises(ApiError) as caught:
        read(clock, server)

    assert caught.value.message.isprintable()
    assert "::" not in caught.value.message
    assert len(caught.value.message) < 500


@given(
    status=st.sampled_from([200, 201, 204, 302, 400, 401, 403, 404, 408, 429, 500, 503]),
    body=st.one_of(
        st.binary(max_size=60),
        st.sampled_from([b"[" * 5000, b'{"a":' * 5000, b"null", b"1e999", b'"\\ud800"', b'{"base_info": 1}']),
    ),
    headers=st.dictionaries(
        st.sampled_from(["Retry-After", "Date", "X-Request-Id", "Content-Type", "Location"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
    ),
)
def test_any_answer_is_good_or_one_of_our_errors(status: int, body: bytes, headers: dict[str, str]) -> None:
    server = Script(httpx.Response(status, content=body, headers=headers))

    try:
        answer = read(FakeClock(), server)
    except (ApiError, TransientFault, Throttled):
        return
    assert isinstance(answer, wire.AssetDetails)
