"""What `--state` names: `obs://bucket/prefix`, or `s3://bucket/prefix?endpoint=…&region=…`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from reconciler.config import base_url, check_region
from reconciler.errors import UsageError
from reconciler.util.sanitize import hide, shorten

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*")
_S3_REGION = re.compile(r"[a-z0-9-]{2,40}")
_HINT = "Write it as obs://bucket/prefix, or as s3://bucket/prefix?endpoint=https://host&region=name."


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """A prefix in a bucket.

    Attributes:
        kind: "obs" is reached with the credentials for VOD, "s3" with those of AWS's variables.
        endpoint: with the bucket's name in the host for OBS; None: AWS's own.
    """

    kind: str
    bucket: str
    prefix: str
    endpoint: str | None
    region: str

    @property
    def name(self) -> str:
        return f"{self.kind}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")


def parse(url: str, region: str | None) -> StoreAddress:
    """
    Args:
        region: of VOD; the bucket of `obs://` lies in it.

    Raises:
        UsageError: it names no bucket, or would send credentials to the wrong place.
    """
    try:
        parts = urlsplit(url)
        prefix = parts.path.strip("/")
    except ValueError:
        raise _invalid(url, "it is not a URL") from None
    if parts.scheme not in ("obs", "s3"):
        raise _invalid(url, "it is neither obs:// nor s3://")
    if not _BUCKET.fullmatch(parts.netloc):
        raise _invalid(url, "its bucket's name is not valid")
    if (prefix and not _PREFIX.fullmatch(prefix)) or "." in prefix.replace("..", ".").split("/"):
        raise _invalid(url, "its prefix may have letters, digits and -_.= between slashes")
    if parts.fragment:
        raise _invalid(url, "it has a fragment")
    given = parse_qsl(parts.query, keep_blank_values=True)
    query = dict(given)
    allowed = {"endpoint", "region"} if parts.scheme == "s3" else set()
    if len(query) != len(given) or set(query) - allowed:
        wrong = next((name for name in query if name not in allowed), "a parameter twice")
        raise _invalid(url, f"it may not have {shorten(wrong, 40)}")
    if parts.scheme == "obs":
        return _obs(parts.netloc, prefix, region)
    return _s3(url, parts.netloc, prefix, query)


def _obs(bucket: str, prefix: str, region: str | None) -> StoreAddress:
    check_region(region)
    if region is None:
        raise UsageError("The state in OBS needs a region", hint="Set --region or HW_REGION_NAME.")
    if "." in bucket:
        raise UsageError(
            f"The bucket {bucket} cannot be used: OBS's certificates do not cover names with a dot",
            hint="Choose a bucket without a dot in its name.",
        )
    return StoreAddress("obs", bucket, prefix, f"https://{bucket}.obs.{region}.myhuaweicloud.com", region)


def _s3(url: str, bucket: str, prefix: str, query: dict[str, str]) -> StoreAddress:
    endpoint = base_url(query["endpoint"], "endpoint in --state") if "endpoint" in query else None
    region = query.get("region", "us-east-1" if endpoint else "")
    if not _S3_REGION.fullmatch(region):
        raise _invalid(url, "it names no valid region")
    return StoreAddress("s3", bucket, prefix, endpoint, region)


def _invalid(url: str, why: str) -> UsageError:
    return UsageError(f"--state {shorten(hide(url.partition('?')[0]), 80)!r} is not valid: {why}", hint=_HINT)
