"""Objects in object storage that speaks S3's language, through obstore."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from reconciler.errors import UsageError, not_installed
from reconciler.state.store import LIMIT, MOST_BYTES, Entry, StoreError
from reconciler.state.store_address import StoreAddress
from reconciler.util.sanitize import hide, shorten
from reconciler.vod import authorities
from reconciler.vod.key_sources import KeySource
from reconciler.vod.proxies import Proxies

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Credential, S3Store

_KEY_SOURCES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
# Far within the lease of a claim, so that no request arrives after its run is thought dead.
_TIMEOUT, _MOST_RETRIES, _RETRYING = timedelta(seconds=30), 4, timedelta(seconds=60)
_PAGE = 1000
_ANSWER = re.compile(r"non-2xx status code: (?P<status>[0-9]{3}[A-Za-z ]*)(?:: (?P<body>.*))?", re.DOTALL)
_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,60})</Code>")
_CERTIFICATE = re.compile(r"InvalidCertificate\(\s*([A-Za-z]+)")
_CAUSE = re.compile(r'(?:message|error): "([^"\\]+)"')
_NO_KEYS = re.compile(r"External AWS credential provider: [A-Za-z]+: (.*)", re.DOTALL)
_ASK_AGAIN = timedelta(minutes=6)


class ObjectStore:
    """A `Store` in a bucket, below a prefix.

    Args:
        folder: below the address's prefix.
        keys: what requests to OBS are signed with. Others are signed with what AWS's variables give.

    Raises:
        UsageError: obstore is not installed, or there are no keys.
    """

    def __init__(self, address: StoreAddress, folder: str, keys: KeySource | None) -> None:
        self.name = f"{address.name}/{folder}"
        self._prefix = f"{address.prefix}/{folder}/".lstrip("/")
        self._store = _opened(address, keys)

    async def put(self, key: str, data: bytes) -> None:
        import obstore

        with self._failing("write", key):
            await obstore.put_async(self._store, self._prefix + key, data, use_multipart=False)

    async def claim(self, key: str, data: bytes) -> bool:
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with self._failing("write", key):
            try:
                await obstore.put_async(self._store, self._prefix + key, data, mode="create", use_multipart=False)
            except AlreadyExistsError:  # perhaps by an attempt of ours whose answer was lost
                return await self.get(key) == data
        return True

    async def get(self, key: str) -> bytes | None:
        import obstore

        with self._failing("read", key):
            try:
                answer = await obstore.get_async(self._store, self._prefix + key)
            except FileNotFoundError:
                return None
            if answer.meta["size"] > MOST_BYTES:
                raise StoreError(f"{self.name}/{key} is larger than {LIMIT}: it is not ours")
            return bytes(await answer.bytes_async())

    async def list(self, prefix: str, after: str = "") -> AsyncIterator[Entry]:
        import obstore

        start = len(self._prefix)
        with self._failing("list", prefix):
            stream = obstore.list(
                self._store,
                (self._prefix + prefix).rstrip("/"),
                offset=self._prefix + after if after else None,
                chunk_size=_PAGE,
            )
            async for page in stream:
                for item in page:
                    yield Entry(item["path"][start:], item["size"], item["last_modified"])

    async def delete(self, key: str) -> None:
        import obstore

        with self._failing("remove", key):
            try:
                await obstore.delete_async(self._store, self._prefix + key)
            except FileNotFoundError:
                return

    @contextmanager
    def _failing(self, action: str, key: str) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as error:
            raise StoreError(f"Cannot {action} {self.name}/{key}: {_reason(error)}", hint=_advice(error)) from error


def _opened(address: StoreAddress, keys: KeySource | None) -> S3Store:
    try:
        from obstore.store import S3Store
    except ModuleNotFoundError as error:
        raise not_installed(error, "Shared state", "s3") from error
    if address.kind == "obs" and keys is None:
        raise UsageError(
            "--state obs://… needs AK/SK: a token or a password cannot sign requests to OBS",
            hint="Use AK/SK, OIDC or an agency; or name the bucket as s3://…, with AWS's variables.",
        )
    if address.kind == "s3" and not any(os.environ.get(name) for name in _KEY_SOURCES):
        raise UsageError(
            "There are no credentials for --state s3://…", hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    config: dict[str, Any] = {
        "region": address.region,
        "virtual_hosted_style_request": address.kind == "obs",
        "disable_bulk_delete": True,  # it needs a checksum, which OBS refuses
        "skip_signature": False,
    }
    if address.endpoint is not None:
        # Both names: the second comes first where the environment sets it.
        config |= {"endpoint": address.endpoint, "aws_endpoint_url_s3": address.endpoint}
    return S3Store(
        address.bucket,
        client_options=_client(httpx.URL(address.endpoint or f"https://s3.{address.region}.amazonaws.com")),
        retry_config={"max_retries": _MOST_RETRIES, "retry_timeout": _RETRYING},
        credential_provider=_provider(keys) if address.kind == "obs" and keys is not None else None,
        **config,
    )


def _provider(keys: KeySource) -> Callable[[], Coroutine[Any, Any, S3Credential]]:
    async def current() -> S3Credential:
        found = await keys.current()
        access = found.access
        return {
            "access_key_id": access.key,
            "secret_access_key": access.secret,
            "token": access.security_token,
            # Asked for again each minute: the source itself knows when to renew them.
            "expires_at": None if found.expires is None else datetime.now(UTC) + _ASK_AGAIN,
        }

    return current


def _client(url: httpx.URL) -> ClientConfig:
    """obstore's own TLS and proxies, made to behave as the rest of the program does."""
    # What is named here, no AWS_… variable can change.
    client: ClientConfig = {
        "timeout": _TIMEOUT,
        "connect_timeout": timedelta(seconds=5),
        "allow_http": url.scheme == "http",
        "allow_invalid_certificates": False,
    }
    proxy = Proxies().of(url)
    if proxy is None:
        # Any proxy of its own keeps it from reading the environment in its own way; this one is never used.
        client |= {"proxy_url": "http://127.0.0.1:9", "proxy_excludes": url.host}
    else:
        user, password = proxy.auth or ("", "")
        given = proxy.url.copy_with(username=user, password=password) if proxy.auth else proxy.url
        client["proxy_url"] = str(given)
    authority = _authorities()
    if authority:
        client |= {"root_certificate": authority, "proxy_ca_certificate": authority}
    return client


def _authorities() -> str:
    """The certificates that the environment names, as PEM; "" for none. obstore adds them to the system's.

    Raises:
        UsageError: they cannot be used.
    """
    files = authorities.files()
    return "\n".join(Path(file).read_text("ascii", "ignore") for file in files)


def _reason(error: Exception) -> str:
    """What obstore says, without what it says of its own parts, and with the cause that it only tells developers."""
    text, _, details = str(error).partition("\n\nDebug source")
    answer = _ANSWER.search(text)
    if answer is not None:
        code = _CODE.search(answer["body"] or "")
        said = code[1] if code else shorten(hide(" ".join((answer["body"] or "").split())), 100)
        return f"HTTP {answer['status']}" + (f": {said}" if said else "")
    no_keys = _NO_KEYS.search(text)
    if no_keys is not None:
        return f"there are no keys for it: {shorten(hide(' '.join(no_keys[1].split())), 300)}"
    certificate = _CERTIFICATE.search(details)
    if certificate is not None:
        return f"the server's certificate is not trusted: {certificate[1]}"
    if "TimedOut" in details:
        return "no answer in time"
    causes = _CAUSE.findall(details)
    return shorten(hide(causes[-1] if causes else " ".join(text.rpartition(" - ")[2].split())), 300)


def _advice(error: Exception) -> str:
    text = str(error)  # a refused listing has no type of its own
    if "403 Forbidden" in text or "401 Unauthorized" in text:
        return "Check that the credentials may list, read, write and delete objects below the prefix."
    if _NO_KEYS.search(text):
        return "Check the source of the credentials."
    if "object with invalid path" in text:
        return "Remove that object from the bucket: it is none of the shared state's."
    if "NoSuchBucket" in text:
        return "Create the bucket, or correct its name or region in --state."
    if "InvalidCertificate" in text:
        return authorities.advice()
    if "AuthorizationHeaderMalformed" in text or "PermanentRedirect" in text:
        return "Check the region of the bucket."
    return "Check --state, the network and the proxy settings."
