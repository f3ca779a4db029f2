"""What --state takes: credentials go only where the user said."""

from __future__ import annotations

import pytest

from reconciler.errors import UsageError
from reconciler.state.store_address import StoreAddress, parse


def test_a_bucket_in_obs_is_reached_by_its_own_name() -> None:
    assert parse("obs://covers/prod/a", "cn-north-4") == StoreAddress(
        "obs", "covers", "prod/a", "https://covers.obs.cn-north-4.myhuaweicloud.com", "cn-north-4"
    )
    assert parse("obs://covers", "cn-north-4").name == "obs://covers"


def test_a_bucket_elsewhere_names_its_endpoint_and_region() -> None:
    url = "s3://covers/prod?endpoint=https://minio.example:9000&region=eu-1"
    assert parse(url, None) == StoreAddress("s3", "covers", "prod", "https://minio.example:9000", "eu-1")
    assert parse("s3://covers?region=eu-west-1", "cn-north-4").endpoint is None
    assert parse("s3://covers/?endpoint=http://127.0.0.1:9000", None).region == "us-east-1"


@pytest.mark.parametrize(
    "url",
    [
        "covers",
        "file:///tmp/state",
        "https://covers.obs.cn-north-4.myhuaweicloud.com",
        "obs://",
        "obs:///prefix",
        "obs://user:password@covers/prefix",
        "obs://covers:443/prefix",
        "obs://COVERS/prefix",
        "obs://covers/../other",
        "obs://covers/a/./b",
        "obs://covers/a//b",
        "obs://covers/a b",
        "obs://covers/a%2fb",
        "obs://covers/a?endpoint=https://evil.example",
        "obs://covers/a#b",
        "obs://evil.example/covers",
        "obs://[::1/covers",
        "s3://covers/a",
        "s3://covers/a?region=",
        "s3://covers/a?region=eu-1&region=eu-2",
        "s3://covers/a?region=eu-1&other=1",
        "s3://covers/a?region=eu/../1",
        "s3://covers?region=eu-1&endpoint=http://minio.example",
        "s3://covers?region=eu-1&endpoint=https://user:password@minio.example",
        "s3://covers?region=eu-1&endpoint=https://minio.example/?x=1",
        "s3://covers?region=eu-1&endpoint=",
    ],
)
def test_what_could_lead_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(url, "cn-north-4")
    assert "password" not in caught.value.text


def test_obs_needs_a_region() -> None:
    with pytest.raises(UsageError, match="needs a region"):
        parse("obs://covers", None)
    with pytest.raises(UsageError, match="not a valid region"):
        parse("obs://covers", "evil.example/")
