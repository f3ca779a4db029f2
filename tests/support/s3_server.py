"""An S3 server for tests: in a thread, or in a process of its own (`python -m tests.support.s3_server`).

It keeps objects in memory and lists them consistently, as S3 and OBS do. `faults` change how it behaves; a test in
another process sets them through `PUT /-/faults`, and reads `GET /-/requests`.
"""

from __future__ import annotations

import argparse
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import md5, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "state-of-covers"
KEY, SECRET, REGION = "S3TESTKEY", "s3-test-secret", "cn-north-4"


@dataclass
class Faults:
    """How the server behaves."""

    delay: float = 0.0
    """Seconds that each request takes."""
    ignore_conditions: bool = False
    """A conditional PUT overwrites, in silence."""
    read_only: bool = False
    forbidden: bool = False
    down: bool = False
    """Every request is answered with 503."""
    down_after: int | None = None
    """So many PUTs are accepted; all later ones fail with 503."""
    ahead: float = 0.0
    """Seconds by which the server's clock runs ahead."""
    page: int = 1000
    security_token: str = ""


@dataclass
class Bucket:
    """`watch` is called with each request ("PUT team/…") before it is carried out, and again, with True, before its
    answer. Where the first call returns True, the request is lost."""

    objects: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    """Bytes and time of change, by key."""
    requests: list[str] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    mutex: threading.Lock = field(default_factory=threading.Lock)
    watch: Callable[[str, bool], object] = lambda _request, _done: False
    clock: Callable[[], float] = time.time

    def now(self) -> float:
        return self.clock() + self.faults.ahead

    def keys(self, prefix: str = "") -> list[str]:
        with self.mutex:
            return sorted(key for key in self.objects if key.startswith(prefix))

    def age(self, prefix: str, seconds: float) -> None:
        """Makes objects older."""
        with self.mutex:
            for key, (data, at) in self.objects.items():
                if key.startswith(prefix):
                    self.objects[key] = data, at - seconds


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    bucket: Bucket

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        self._handle()

    do_PUT = do_DELETE = do_HEAD = do_POST = do_GET  # noqa: N815 the library's names

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        path = unquote(url.path)
        if path.startswith("/-/"):
            self._control(path, body)
            return
        bucket, faults = self.bucket, self.bucket.faults
        time.sleep(faults.delay)
        name, key = self._addressed(path)
        query = parse_qs(url.query, keep_blank_values=True)
        request = f"{self.command} {key or 'list ' + query.get('prefix', [''])[0]}"
        if bucket.watch(request, False):
            self.close_connection = True
            return
        with bucket.mutex:
            bucket.requests.append(request)
            status, answer, headers = self._refused(name, body) or self._answer(key, query, body)
        bucket.watch(request, True)
        self._send(status, answer, headers)

    def _addressed(self, path: str) -> tuple[str, str]:
        """Bucket and key: the bucket is in the path, or at the start of the host's name, as OBS wants it."""
        host = self.headers.get("Host", "")
        if ".obs." in host:
            return host.partition(".")[0], path.lstrip("/")
        name, _, key = path.lstrip("/").partition("/")
        return name, key

    def _refused(self, name: str, body: bytes) -> tuple[int, bytes, dict[str, str]] | None:
        faults, changes = self.bucket.faults, self.command in ("PUT", "DELETE")
        if faults.down:
            return 503, _error("SlowDown"), {}
        if name != BUCKET:
            return 404, _error("NoSuchBucket"), {}
        problem = self._problem(body)
        if problem:
            return *problem, {}
        if faults.forbidden or (faults.read_only and changes):
            return 403, _error("AccessDenied"), {}
        if self.command == "PUT" and faults.down_after is not None:
            if faults.down_after <= 0:
                return 503, _error("SlowDown"), {}
            faults.down_after -= 1
        return None

    def _problem(self, body: bytes) -> tuple[int, bytes] | None:
        """What is wrong with a request's credentials, or with its form."""
        given = self.headers.get("Authorization", "")
        if f"Credential={KEY}/" not in given:
            return 403, _error("InvalidAccessKeyId")
        if f"/{REGION}/s3/" not in given:
            return 400, _error("AuthorizationHeaderMalformed")
        if self.headers.get("x-amz-security-token", "") != self.bucket.faults.security_token:
            return 403, _error("InvalidToken")
        # OBS refuses the checksums that recent SDKs add.
        if any(key.lower().startswith(("x-amz-checksum", "x-amz-sdk-checksum")) for key in self.headers):
            return 400, _error("InvalidRequest")
        if self.headers.get("x-amz-content-sha256") not in (sha256(body).hexdigest(), "UNSIGNED-PAYLOAD"):
            return 400, _error("XAmzContentSHA256Mismatch")
        return None

    def _answer(self, key: str, query: dict[str, list[str]], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        bucket = self.bucket
        if self.command == "PUT":
            conditional = "*" in (self.headers.get("If-None-Match") or "") and not bucket.faults.ignore_conditions
            if conditional and key in bucket.objects:
                return 412, _error("PreconditionFailed"), {}
            bucket.objects[key] = body, bucket.now()
            return 200, b"", {"ETag": f'"{md5(body).hexdigest()}"'}
        if self.command == "DELETE":
            bucket.objects.pop(key, None)
            return 204, b"", {}
        if not key:
            return 200, self._list(query), {"Content-Type": "application/xml"}
        if key not in bucket.objects:
            return 404, _error("NoSuchKey"), {}
        data, at = bucket.objects[key]
        changed = format_datetime(datetime.fromtimestamp(at, UTC), usegmt=True)
        return 200, data, {"ETag": f'"{md5(data).hexdigest()}"', "Last-Modified": changed}

    def _list(self, query: dict[str, list[str]]) -> bytes:
        def one(name: str) -> str:
            return query.get(name, [""])[0]

        after = max(one("start-after"), one("continuation-token"))
        found = sorted(key for key in self.bucket.objects if key.startswith(one("prefix")) and key > after)
        page = found[: self.bucket.faults.page]
        items = []
        for key in page:
            data, at = self.bucket.objects[key]
            changed = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
            items.append(
                f"<Contents><Key>{escape(key)}</Key><LastModified>{changed}</LastModified>"
                f'<ETag>"{md5(data).hexdigest()}"</ETag><Size>{len(data)}</Size></Contents>'
            )
        more = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if len(page) < len(found) else ""
        cut = "true" if more else "false"
        return (
            f"<ListBucketResult><Name>{BUCKET}</Name><KeyCount>{len(page)}</KeyCount>"
            f"<IsTruncated>{cut}</IsTruncated>{''.join(items)}{more}</ListBucketResult>"
        ).encode()

    def _control(self, path: str, body: bytes) -> None:
        bucket, answer = self.bucket, b""
        if path == "/-/faults":
            with bucket.mutex:
                bucket.faults = Faults(**{**asdict(bucket.faults), **json.loads(body)})
        elif path == "/-/requests":
            with bucket.mutex:
                answer = json.dumps(bucket.requests).encode()
        elif path == "/-/keys":
            answer = json.dumps(bucket.keys()).encode()
        self._send(200, answer, {})

    def _send(self, status: int, answer: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust us hangs up."""


def _server(bucket: Bucket, port: int = 0) -> _Server:
    return _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"bucket": bucket}))


@contextmanager
def serving(bucket: Bucket, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serves a bucket in a thread; yields the server's URL."""
    server = _server(bucket)
    if tls is not None:
        # The handshake belongs to the thread of the connection.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def process(**faults: float | bool) -> Iterator[str]:
    """Serves a bucket in a process of its own; yields the server's URL."""
    options = [
        f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}") for name, value in faults.items()
    ]
    command = [sys.executable, "-m", "support.s3_server", *options]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def state_url(base: str, prefix: str = "team") -> str:
    """What --state takes."""
    return f"s3://{BUCKET}/{prefix}?endpoint={base}&region={REGION}"


def main() -> None:
    parser = argparse.ArgumentParser()
    for item in fields(Faults):
        kind = type(item.default) if item.default is not None else int
        if kind is bool:
            parser.add_argument(f"--{item.name.replace('_', '-')}", action="store_true")
        else:
            parser.add_argument(f"--{item.name.replace('_', '-')}", type=kind, default=item.default)
    server = _server(Bucket(faults=Faults(**vars(parser.parse_args()))))
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
