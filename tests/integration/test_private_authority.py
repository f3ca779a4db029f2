"""A service behind a certificate authority of one's own, for real."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from support.command_line import run, write

from reconciler.emulator.options import ACCESS_KEY, PROJECT_ID, SECRET_KEY

pytestmark = pytest.mark.integration

ASSET = "6e76f92034ceae2fcdcef9413221511f"
NAMES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
OPENSSL = shutil.which("openssl") or ""


class Service(ThreadingHTTPServer):
    """Refuses every asset over TLS, and counts connections."""

    connections = 0

    def get_request(self) -> tuple[Any, Any]:
        self.connections += 1
        return super().get_request()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust us hangs up."""


class Refuses(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"error_code": "VOD.10062", "error_msg": "not there"}'
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, *_: object) -> None:
        """Not in the output of the tests."""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def service(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Service]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    with Service(("127.0.0.1", 0), Refuses) as server:
        # The handshake belongs to the thread of the connection.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("RECONCILE_ENDPOINT", f"https://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("HUAWEICLOUD_SDK_PROJECT_ID", PROJECT_ID)
        monkeypatch.setenv("HUAWEICLOUD_SDK_AK", ACCESS_KEY)
        monkeypatch.setenv("HUAWEICLOUD_SDK_SK", SECRET_KEY)
        monkeypatch.chdir(tmp_path)
        write({ASSET: "0"})
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def file(authority: trustme.CA, tmp_path: Path) -> Path:
    found = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(found))
    return found


@pytest.fixture
def folder(file: Path, tmp_path: Path) -> Path:
    """As `openssl rehash` makes it."""
    if not OPENSSL:
        pytest.skip("openssl is not installed on this machine")
    found = tmp_path / "authorities"
    found.mkdir()
    command = [OPENSSL, "x509", "-hash", "-noout", "-in", str(file)]
    hashed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    shutil.copy(file, found / f"{hashed}.0")
    return found


def reasons() -> list[str]:
    return [item["reason"] for item in run("plan", "--json").document["unknown"]]


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_file_of_ones_own_authority(
    service: Service, file: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(file))

    assert reasons() == ["asset_not_found"]


@pytest.mark.parametrize("name", ["SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_a_folder_of_hashed_names(service: Service, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, str(folder))

    assert reasons() == ["asset_not_found"]


def test_the_two_variables_of_openssl_add_up(
    service: Service, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    monkeypatch.setenv("SSL_CERT_DIR", f"{tmp_path / 'missing'}:{folder}")

    assert reasons() == ["asset_not_found"]


def test_an_unknown_authority_fails_at_once_and_names_the_variable(service: Service) -> None:
    ran = run("plan")

    assert (ran.code, service.connections) == (1, 1)
    assert ran.err == (
        f"Error: Reading the asset failed: the certificate of 127.0.0.1:{service.server_address[1]} is not trusted: "
        "unable to get local issuer certificate\n"
        "  If a proxy has a certificate authority of its own, name its file in SSL_CERT_FILE.\n"
    )


@pytest.mark.parametrize("name", NAMES)
def test_an_authority_that_is_not_among_the_named_ones_fails_at_once(
    service: Service, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    shutil.copy(other, folder / "01234567.0")
    next(item for item in folder.iterdir() if item.name != "01234567.0").unlink()
    monkeypatch.setenv(name, str(folder if name == "SSL_CERT_DIR" else other))

    ran = run("plan")

    assert (ran.code, service.connections) == (1, 1)
    assert ran.err.endswith(f"Only the authorities in {name} are trusted: add its authority there.\n")
    assert len(ran.err.splitlines()) == 2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("holds", ["missing", "nothing", "rubbish", "another kind"])
def test_certificates_that_cannot_be_used_are_one_sentence_that_names_the_variable(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, holds: str
) -> None:
    place, is_folder = tmp_path / "given", (name == "SSL_CERT_DIR") != (holds == "another kind")
    text = "-----BEGIN CERTIFICATE-----\nrubbish" if holds == "rubbish" else ""
    if is_folder and holds != "missing":
        place.mkdir()
        (place / "01234567.0").write_text(text)
    elif holds != "missing":
        place.write_text(text)
    monkeypatch.setenv(name, str(place))

    ran = run("plan")

    assert (ran.code, ran.out, service.connections) == (1, "", 0)
    assert ran.err.startswith(f"Error: {name} cannot be used: ")
    assert ran.err.endswith(f" in {name}, or unset it.\n")
    assert len(ran.err.splitlines()) == 2
