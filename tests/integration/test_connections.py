"""Our transport on real connections: nothing is sent twice behind our back, and proxies are honoured."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from reconciler.vod.addresses import is_public
from reconciler.vod.transport import Transport

pytestmark = pytest.mark.integration

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"


class Server:
    """Answers on loopback; `answer` gives the bytes for a request's first line, or None to hang up."""

    def __init__(self, answer: Callable[[str], bytes | None]) -> None:
        self._answer = answer
        self.lines: list[str] = []
        self.heads: list[str] = []
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head.decode())
                line = head.decode().splitlines()[0]
                length = next(
                    (
                        int(part[15:])
                        for part in head.decode().lower().splitlines()
                        if part.startswith("content-length:")
                    ),
                    0,
                )
                await reader.readexactly(length)
                self.lines.append(line)
                answer = self._answer(line)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
                if answer == CUT:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def count(self, method: str) -> int:
        return sum(line.startswith(method) for line in self.lines)


@asynccontextmanager
async def serving(answer: Callable[[str], bytes | None]) -> AsyncIterator[Server]:
    server = Server(answer)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()


@asynccontextmanager
async def client(*, public_only: bool = False) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=Transport(is_public if public_only else None), trust_env=False, timeout=45
    ) as http:
        yield http


def hang_up_on_put(line: str) -> bytes | None:
    return None if line.startswith("PUT") else OK


def test_a_put_on_a_connection_that_breaks_reaches_the_server_as_often_as_it_was_sent() -> None:
    async def main() -> tuple[int, int, int]:
        async with serving(hang_up_on_put) as server, client() as http:
            for _ in range(3):
                await http.get(f"{server.url}/warm")
                with pytest.raises(httpx.TransportError):
                    await http.put(f"{server.url}/cover", json={"thumbnailUrl": "x"})
            return server.count("PUT"), server.count("GET"), server.connections

    puts, gets, connections = asyncio.run(main())
    assert puts == 3
    assert gets == 3
    assert connections == 3, "the PUTs were meant to go over kept-alive connections"


def test_a_put_on_a_new_connection_is_not_sent_again_either() -> None:
    async def main() -> int:
        async with serving(hang_up_on_put) as server, client() as http:
            for _ in range(3):
                with pytest.raises(httpx.TransportError):
                    await http.put(f"{server.url}/cover", json={})
            return server.count("PUT")

    assert asyncio.run(main()) == 3


def test_a_read_on_a_connection_that_breaks_is_ours_to_repeat() -> None:
    def answer(line: str) -> bytes | None:
        return None if "/lost" in line else OK

    async def main() -> int:
        async with serving(answer) as server, client() as http:
            await http.get(f"{server.url}/warm")
            with pytest.raises(httpx.TransportError):
                await http.get(f"{server.url}/lost")
            return sum("/lost" in line for line in server.lines)

    assert asyncio.run(main()) == 1


def test_connections_are_kept() -> None:
    async def main() -> int:
        async with serving(hang_up_on_put) as server, client() as http:
            for _ in range(5):
                assert (await http.get(f"{server.url}/x")).text == "ok"
            return server.connections

    assert asyncio.run(main()) == 1


def test_a_truncated_answer_is_an_error_of_httpx() -> None:
    async def main() -> None:
        async with serving(lambda _: CUT) as server, client() as http:
            with pytest.raises(httpx.TransportError):
                await http.get(f"{server.url}/x")

    asyncio.run(main())


def test_nobody_there_is_an_error_of_httpx() -> None:
    async def main() -> None:
        async with serving(hang_up_on_put) as server:
            url = server.url
        async with client() as http:
            with pytest.raises(httpx.TransportError):
                await http.get(url)

    asyncio.run(main())


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("public_only", [True, False])
def test_the_proxy_of_the_environment_is_used(
    variable: str, public_only: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> list[str]:
        async with serving(lambda _: OK) as proxy:
            monkeypatch.setenv(variable, proxy.url)
            async with client(public_only=public_only) as http:
                assert (await http.get("http://vod.invalid/v1.0/x?y=1")).text == "ok"
            return proxy.lines

    assert asyncio.run(main()) == ["GET http://vod.invalid/v1.0/x?y=1 HTTP/1.1"]


def test_https_goes_through_the_proxy_as_a_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> list[str]:
        async with serving(lambda _: None) as proxy:
            monkeypatch.setenv("https_proxy", proxy.url.removeprefix("http://"))
            async with client() as http:
                with pytest.raises(httpx.TransportError):
                    await http.get("https://vod.invalid/x")
            return proxy.lines

    assert asyncio.run(main()) == ["CONNECT vod.invalid:443 HTTP/1.1"]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_gets_its_credentials_and_nobody_else(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> tuple[str, str]:
        async with serving(lambda line: None if "CONNECT" in line else OK) as proxy, serving(lambda _: OK) as server:
            monkeypatch.setenv(f"{scheme}_proxy", proxy.url.replace("//", "//someone:p%40ss@"))
            async with client() as http:
                await http.get(f"{server.url}/direct")
                with suppress(httpx.TransportError):
                    await http.get(f"{scheme}://vod.invalid/x")
            return proxy.heads[0], server.heads[0]

    to_the_proxy, to_the_server = asyncio.run(main())
    assert "Proxy-Authorization: Basic c29tZW9uZTpwQHNz\r\n" in to_the_proxy
    assert "Proxy-Authorization" not in to_the_server


def test_what_is_sent_is_what_httpx_was_given() -> None:
    url = "/v1.0/p/asset/details?b=2&a=%2C%7E~+%20&empty="

    async def main() -> tuple[str, str]:
        async with serving(lambda _: OK) as server, client() as http:
            response = await http.put(f"{server.url}{url}", headers={"X-One": "1"}, content=b"body")
            return server.heads[0], str(response.request.url.raw_path, "ascii")

    head, wanted = asyncio.run(main())
    assert head.startswith(f"PUT {wanted} HTTP/1.1\r\n")
    assert "X-One: 1\r\n" in head
    assert "Content-Length: 4\r\n" in head


def test_compressed_bodies_are_decoded_by_httpx() -> None:
    body = gzip.compress(b'{"asset_id": "x"}')
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"

    async def main() -> tuple[bytes, bytes]:
        async with serving(lambda _: head.encode() + body) as server, client() as http:
            async with http.stream("GET", server.url) as raw:
                undecoded = b"".join([part async for part in raw.aiter_raw()])
            return undecoded, (await http.get(server.url)).content

    assert asyncio.run(main()) == (body, b'{"asset_id": "x"}')


def test_httpxs_time_outs_hold() -> None:
    async def main() -> None:
        async with serving(lambda _: b"") as server, client() as http:
            with pytest.raises(httpx.ReadTimeout):
                await http.get(server.url, timeout=httpx.Timeout(45, read=0.05))

    asyncio.run(main())


@pytest.mark.parametrize("excepted", ["127.0.0.1", "*", "example.com,127.0.0.1"])
def test_hosts_in_no_proxy_are_reached_directly(excepted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> tuple[list[str], list[str]]:
        async with serving(lambda _: OK) as proxy, serving(lambda _: OK) as server:
            monkeypatch.setenv("http_proxy", proxy.url)
            monkeypatch.setenv("no_proxy", excepted)
            async with client() as http:
                await http.get(f"{server.url}/direct")
            return proxy.lines, server.lines

    assert asyncio.run(main()) == ([], ["GET /direct HTTP/1.1"])


def test_a_name_that_leads_to_this_machine_is_not_opened_for_the_api() -> None:
    async def main() -> list[str]:
        async with serving(lambda _: OK) as server, client(public_only=True) as http:
            for host in ("localhost", "127.0.0.1"):
                with pytest.raises(httpx.TransportError, match="not a public address"):
                    await http.get(server.url.replace("127.0.0.1", host))
            return server.lines

    assert asyncio.run(main()) == []


def issue(line: str) -> bytes:
    """A token as long as the path says."""
    token = "t" * int(line.split("/")[1].split()[0])
    return f"HTTP/1.1 201 Created\r\nX-Subject-Token: {token}\r\nContent-Length: 0\r\n\r\n".encode()


def test_a_large_token_arrives_and_a_larger_one_is_not_repeated() -> None:
    async def main() -> str:
        async with serving(issue) as server, client() as http:
            answer = await http.get(f"{server.url}/020000")
            assert answer.headers["X-Subject-Token"] == "t" * 20_000
            with pytest.raises(httpx.RemoteProtocolError) as caught:
                await http.get(f"{server.url}/300000")
            return str(caught.value)

    assert "tttt" not in asyncio.run(main())
