"""Shared state in object storage, against an S3 server: what it is sent, and what is said when it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.s3_server import BUCKET, KEY, SECRET, Bucket, serving, state_url
from support.store_checks import CHECKS, Check

from reconciler.errors import AuthenticationError, UsageError
from reconciler.state import object_store
from reconciler.state.object_store import ObjectStore
from reconciler.state.store import StoreError, keys
from reconciler.state.store_address import StoreAddress, parse
from reconciler.vod.auth import AccessKey
from reconciler.vod.key_sources import FixedKeys, TemporaryKeys

pytestmark = pytest.mark.integration


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def address(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreAddress]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with serving(bucket) as base:
        yield parse(state_url(base), None)


def opened(address: StoreAddress, **changes: str) -> ObjectStore:
    return ObjectStore(replace(address, **changes), "0" * 32, None)


def refusal(store: ObjectStore) -> StoreError:
    with pytest.raises(StoreError) as caught:
        asyncio.run(keys(store, "runs/"))
    return caught.value


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("ignores", [False, True], ids=["honours conditions", "ignores conditions"])
def test_it_is_a_store(check: Check, address: StoreAddress, bucket: Bucket, ignores: bool) -> None:
    bucket.faults.ignore_conditions = ignores
    bucket.faults.page = 7
    asyncio.run(check(opened(address)))


def test_everything_is_below_prefix_and_project(address: StoreAddress, bucket: Bucket) -> None:
    asyncio.run(opened(address).put("locks/a", b"{}"))
    asyncio.run(opened(address, prefix="").put("locks/b", b"{}"))
    assert bucket.keys() == [f"{'0' * 32}/locks/b", f"team/{'0' * 32}/locks/a"]


def test_a_cover_is_not_written_over(address: StoreAddress, bucket: Bucket) -> None:
    store = opened(address)
    assert asyncio.run(store.claim("covers/aa", b"one"))
    assert not asyncio.run(store.claim("covers/aa", b"two"))
    assert asyncio.run(store.get("covers/aa")) == b"one"


def test_a_bucket_that_is_not_there(address: StoreAddress) -> None:
    error = refusal(opened(address, bucket="another-bucket"))
    assert "Cannot list s3://another-bucket/team/" in error.message.replace(BUCKET, "another-bucket")
    assert error.hint == "Create the bucket, or correct its name or region in --state."


def test_no_rights(address: StoreAddress, bucket: Bucket) -> None:
    bucket.faults.forbidden = True
    assert "may list, read, write and delete" in refusal(opened(address)).hint
    bucket.faults.forbidden, bucket.faults.read_only = False, True
    assert asyncio.run(keys(opened(address), "runs/")) == []
    with pytest.raises(StoreError, match="Cannot write") as caught:
        asyncio.run(opened(address).put("locks/a", b""))
    assert "may list, read, write and delete" in caught.value.hint


def test_a_region_that_does_not_match(address: StoreAddress) -> None:
    assert refusal(opened(address, region="eu-west-1")).hint == "Check the region of the bucket."


def test_a_server_that_is_gone(address: StoreAddress) -> None:
    error = refusal(opened(address, endpoint="http://127.0.0.1:9"))
    assert error.message == f"Cannot list {opened(address).name}/runs/: Connection refused"
    assert error.hint == "Check --state, the network and the proxy settings."


def test_what_the_server_says_is_told_in_short(
    address: StoreAddress, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "_MOST_RETRIES", 0)
    bucket.faults.forbidden = True
    assert refusal(opened(address)).message.endswith("/runs/: HTTP 403 Forbidden: AccessDenied")
    bucket.faults.down = True
    assert refusal(opened(address)).message.endswith("/runs/: HTTP 503 Service Unavailable: SlowDown")
    bucket.faults.down, bucket.faults.delay = False, 0.5
    monkeypatch.setattr(object_store, "_TIMEOUT", timedelta(seconds=0.1))
    assert refusal(opened(address)).message.endswith("/runs/: no answer in time")


def test_errors_are_one_line_without_secrets(address: StoreAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-ours")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "unknown")
    error = refusal(opened(address))
    assert "\n" not in error.text
    assert len(error.text) < 600
    assert "a-secret-of-ours" not in error.text


def test_temporary_keys_are_asked_for_and_sent(bucket: Bucket, address: StoreAddress) -> None:
    bucket.faults.security_token = "token-of-an-hour"

    class Keys(FixedKeys):
        asked = 0

        async def current(self) -> TemporaryKeys:
            self.asked += 1
            soon = datetime.now(UTC) + timedelta(minutes=1)
            return TemporaryKeys(AccessKey(KEY, SECRET, "token-of-an-hour"), soon)

    keys = Keys(AccessKey("", ""))
    # As OBS is addressed: the bucket stands in the host, here in the endpoint's path.
    obs = replace(address, kind="obs", endpoint=f"{address.endpoint}/{BUCKET}")
    store = ObjectStore(obs, "0" * 32, keys)
    asyncio.run(store.put("locks/a", b"{}"))
    assert keys.asked
    assert bucket.keys() == [f"team/{'0' * 32}/locks/a"]


def test_a_source_that_gives_no_keys_is_named(address: StoreAddress) -> None:
    class Refused(FixedKeys):
        async def current(self) -> TemporaryKeys:
            raise AuthenticationError("STS gives no keys: the token is too old", status=403)

    error = refusal(ObjectStore(replace(address, kind="obs"), "0" * 32, Refused(AccessKey("", ""))))
    assert error.message.endswith("/runs/: there are no keys for it: STS gives no keys: the token is too old")
    assert error.hint == "Check the source of the credentials."


@pytest.mark.parametrize("name", ["runs//x", "runs/../x", "runs/.", "runs/\x1b[31mred", "runs/a\nb"])
def test_a_key_that_cannot_be_used_leads_nowhere_and_is_named(
    address: StoreAddress, bucket: Bucket, name: str
) -> None:
    bucket.objects[f"team/{'0' * 32}/{name}"] = b"x", 0.0
    error = refusal(opened(address))
    assert error.text.isprintable()
    assert "object with invalid path" in error.message
    assert error.hint.startswith("Remove that object")


def test_obs_needs_keys_that_can_sign(address: StoreAddress) -> None:
    with pytest.raises(UsageError, match="a token or a password cannot sign"):
        opened(address, kind="obs")


def test_without_credentials(address: StoreAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those of the machine: asking for them hangs where there are none."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(UsageError, match="no credentials for --state s3") as caught:
        opened(address)
    assert "AWS_ACCESS_KEY_ID" in caught.value.hint


def test_the_environment_does_not_lead_it_elsewhere(address: StoreAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AWS_PROXY_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert asyncio.run(keys(opened(address), "runs/")) == []
