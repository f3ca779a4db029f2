"""Object storage behind a certificate authority of one's own, and behind a proxy: as the rest of the program."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from support.connect_proxy import ConnectProxy, tunnelling
from support.s3_server import BUCKET, KEY, REGION, SECRET, Bucket, serving, state_url

from reconciler.errors import UsageError
from reconciler.state import object_store
from reconciler.state.object_store import ObjectStore
from reconciler.state.store import StoreError, keys
from reconciler.state.store_address import parse
from reconciler.vod.auth import AccessKey
from reconciler.vod.key_sources import FixedKeys

pytestmark = pytest.mark.integration

HOST = f"{BUCKET}.obs.{REGION}.myhuaweicloud.com"
FOLDER = "0" * 32
NAMES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
OPENSSL = shutil.which("openssl") or ""


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    return Bucket()


@pytest.fixture
def base(authority: trustme.CA, bucket: Bucket) -> Iterator[str]:
    """The URL of a server with a certificate of the authority, for 127.0.0.1 and for the bucket's host at OBS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", HOST).configure_cert(context)
    with serving(bucket, context) as url:
        yield url


@pytest.fixture
def file(authority: trustme.CA, tmp_path: Path) -> Path:
    return written(authority, tmp_path / "authority.pem")


def written(authority: trustme.CA, file: Path) -> Path:
    authority.cert_pem.write_to_path(str(file))
    return file


def rehashed(file: Path, folder: Path) -> Path:
    """A folder as `openssl rehash` makes it."""
    if not OPENSSL:
        pytest.skip("openssl is not installed on this machine")
    folder.mkdir()
    command = [OPENSSL, "x509", "-hash", "-noout", "-in", str(file)]
    hashed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    shutil.copy(file, folder / f"{hashed}.0")
    return folder


def in_s3(base: str) -> ObjectStore:
    return ObjectStore(parse(state_url(base), None), FOLDER, None)


def in_obs() -> ObjectStore:
    return ObjectStore(parse(f"obs://{BUCKET}/team", REGION), FOLDER, FixedKeys(AccessKey(KEY, SECRET)))


def refusal(store: ObjectStore) -> StoreError:
    with pytest.raises(StoreError) as caught:
        asyncio.run(keys(store, "runs/"))
    assert "\n" not in caught.value.text
    return caught.value


def check_works(store: ObjectStore, bucket: Bucket) -> None:
    asyncio.run(store.put("locks/a", b"{}"))
    assert asyncio.run(keys(store, "locks/")) == ["locks/a"]
    assert bucket.keys() == [f"team/{FOLDER}/locks/a"]


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_file_of_ones_own_authority(
    base: str, bucket: Bucket, file: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(file))
    check_works(in_s3(base), bucket)


@pytest.mark.parametrize("name", ["SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_a_folder_of_hashed_names(
    base: str, bucket: Bucket, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(rehashed(file, tmp_path / "authorities")))
    check_works(in_s3(base), bucket)


def test_an_unknown_authority_is_refused_and_names_the_variable(
    base: str, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a variable for another program says."""
    monkeypatch.setenv("AWS_ALLOW_INVALID_CERTIFICATES", "true")
    error = refusal(in_s3(base))
    assert error.message.endswith("/runs/: the server's certificate is not trusted: UnknownIssuer")
    assert error.hint == "If a proxy has a certificate authority of its own, name its file in SSL_CERT_FILE."
    assert bucket.requests == []


@pytest.mark.parametrize("name", NAMES)
def test_an_authority_that_is_not_among_the_named_ones(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    other = written(trustme.CA(), tmp_path / "other.pem")
    monkeypatch.setenv(name, str(rehashed(other, tmp_path / "authorities") if name == "SSL_CERT_DIR" else other))
    assert refusal(in_s3(base)).hint == f"Only the authorities in {name} are trusted: add its authority there."


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("holds", ["missing", "rubbish"])
def test_certificates_that_cannot_be_used(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, holds: str
) -> None:
    place = tmp_path / "given"
    if holds == "rubbish":
        text = "-----BEGIN CERTIFICATE-----\nrubbish"
        if name == "SSL_CERT_DIR":
            place.mkdir()
            (place / "01234567.0").write_text(text)
        else:
            place.write_text(text)
    monkeypatch.setenv(name, str(place))
    with pytest.raises(UsageError, match=f"{name} cannot be used") as caught:
        in_s3(base)
    assert name in caught.value.hint


@pytest.fixture
def proxy(base: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConnectProxy]:
    """A proxy on the way to everything but this machine; all it leads to is the server."""
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setattr(object_store, "_MOST_RETRIES", 0)
    with tunnelling(base) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://someone:p%40ss%2Fword@{proxy.url}")
        yield proxy


def test_obs_is_reached_through_the_proxy_with_its_password(proxy: ConnectProxy, bucket: Bucket) -> None:
    check_works(in_obs(), bucket)
    heads = set(proxy.heads)
    assert heads == {(f"CONNECT {HOST}:443 HTTP/1.1", "Basic c29tZW9uZTpwQHNzL3dvcmQ=")}


def test_a_proxy_without_a_scheme_in_its_url(
    proxy: ConnectProxy, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    check_works(in_obs(), bucket)
    assert {password for _, password in proxy.heads} == {""}


@pytest.mark.parametrize("variable", ["ALL_PROXY", "all_proxy", "https_proxy"])
def test_the_other_names_of_a_proxy(
    proxy: ConnectProxy, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.setenv(variable, f"http://{proxy.url}")
    check_works(in_obs(), bucket)
    assert proxy.heads


def test_this_machine_is_reached_directly(proxy: ConnectProxy, bucket: Bucket, base: str) -> None:
    check_works(in_s3(base), bucket)
    assert proxy.heads == []


def test_a_proxy_that_refuses_gives_no_password_away(proxy: ConnectProxy) -> None:
    proxy.refuses = True
    error = refusal(in_obs())
    assert proxy.heads
    assert not any(secret in error.text for secret in ("p@ss", "p%40ss", "c29tZW9u"))
    assert error.hint == "Check --state, the network and the proxy settings."


@pytest.mark.parametrize(
    "excepted",
    ["*", "invalid", ".invalid", "*.invalid", "other.example, s3.invalid", "s3.invalid:443", "S3.INVALID"],
)
def test_hosts_in_no_proxy_are_reached_directly(
    proxy: ConnectProxy, monkeypatch: pytest.MonkeyPatch, excepted: str
) -> None:
    """This name leads nowhere: that it is looked up here tells that the proxy was not asked."""
    monkeypatch.setenv("NO_PROXY", excepted)
    assert "failed to lookup address" in refusal(in_s3("https://s3.invalid")).message
    assert proxy.heads == []


@pytest.mark.parametrize("excepted", ["", "3.invalid", "*.s3.invalid", "s3.invalid:8443", "10.0.0.0/8"])
def test_other_hosts_are_not(proxy: ConnectProxy, monkeypatch: pytest.MonkeyPatch, excepted: str) -> None:
    monkeypatch.setenv("NO_PROXY", excepted)
    refusal(in_s3("https://s3.invalid"))  # whose name is not in the server's certificate
    assert {line for line, _ in proxy.heads} == {"CONNECT s3.invalid:443 HTTP/1.1"}
