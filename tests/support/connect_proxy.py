"""A proxy that opens tunnels (CONNECT), all of them to one server on this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class ConnectProxy:
    """
    Attributes:
        port: of the server that tunnels lead to.
        heads: the first line and the Proxy-Authorization of each request.
    """

    port: int
    refuses: bool = False
    url: str = ""
    heads: list[tuple[str, str]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    proxy: ConnectProxy

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_CONNECT(self) -> None:
        proxy = self.proxy
        proxy.heads.append((self.requestline, self.headers.get("Proxy-Authorization", "")))
        if proxy.refuses:
            self.send_error(407)
            return
        with socket.create_connection(("127.0.0.1", proxy.port)) as server:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_relay, args=(server, self.connection))
            back.start()
            _relay(self.connection, server)
            back.join()
        self.close_connection = True


def _relay(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def tunnelling(to: str, *, refuses: bool = False) -> Iterator[ConnectProxy]:
    """
    Args:
        to: the URL of a server on this machine.
    """
    proxy = ConnectProxy(int(to.rpartition(":")[2]), refuses)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy}))
    server.daemon_threads = True
    proxy.url = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
