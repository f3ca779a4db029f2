"""The API's answers as models. Unused fields are ignored; null, missing and empty ones are accepted."""

from __future__ import annotations

import json
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


def _without_nulls(value: object) -> object:
    """Reads a null list as an empty one, and drops null and empty elements."""
    if value is None:
        return []
    return [item for item in value if item not in (None, {})] if isinstance(value, list) else value


def _text(value: object) -> object:
    return "" if value is None else value


def _remark(value: object) -> str:
    return value if isinstance(value, str) else ""


def _object(value: object) -> object:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


Number = Annotated[int | None, BeforeValidator(_number)]
Items = Annotated[tuple[T, ...], BeforeValidator(_without_nulls)]
Text = Annotated[str, BeforeValidator(_text)]
Remark = Annotated[str, BeforeValidator(_remark)]
"""Text that little depends on: anything else counts as missing."""


def parsed(model: type[M], body: bytes) -> M:
    """The body as a model. Half a surrogate pair is valid JSON but not valid text: it is replaced.

    Raises:
        ValidationError: the body is not such a model.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError:
        try:
            whole = json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace")
        except (ValueError, RecursionError):
            whole = body
        return model.model_validate_json(whole)


class ApiModel(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class CoverInfo(ApiModel):
    cover_url: Text = ""


class MetaData(ApiModel):
    """`duration` is in seconds, rounded up; `duration_ms` is exact. Anything but a whole number counts as missing."""

    duration: Number = None
    duration_ms: Number = None


class BaseInfo(ApiModel):
    title: Text = ""
    video_type: Remark = ""
    cover_info_array: Items[CoverInfo] = ()
    thumbnail_status: Text = ""
    meta_data: Annotated[MetaData, BeforeValidator(_object)] = MetaData()


class ThumbnailItem(ApiModel):
    """One snapshot; `offset` in seconds."""

    offset: int | None = None
    url: Text = ""


class ThumbnailInfo(ApiModel):
    sample: Items[ThumbnailItem] = ()
    dots: Items[ThumbnailItem] = ()
    quantity: Items[ThumbnailItem] = ()
    thumbnail_status: Text = ""
    exec_desc: Remark = ""


class AssetDetails(ApiModel):
    """`GET /v1.0/{project_id}/asset/details` (API page "Querying asset details")."""

    asset_id: Text = ""
    base_info: BaseInfo | None = None
    thumbnail_status: Text = ""
    thumbnail_info: ThumbnailInfo | None = None


class AssetInfo(ApiModel):
    """`base_info` is missing for an unknown asset."""

    asset_id: Text = ""
    base_info: BaseInfo | None = None
    thumbnail_status: Text = ""


class AssetInfoList(ApiModel):
    """`GET /v1.0/{project_id}/asset/info` (API page "Querying asset information")."""

    asset_info_array: Items[AssetInfo] = ()


class AssetSummary(ApiModel):
    """`create_time` is `yyyymmddhhmmss`, UTC."""

    asset_id: Text = ""
    title: Text = ""
    covers: Items[CoverInfo] = ()
    create_time: Text = ""
    asset_status: Text = ""
    transcode_status: Text = ""
    thumbnail_status: Text = ""
    review_status: Text = ""


class AssetList(ApiModel):
    """`GET /v1.0/{project_id}/asset/list` (API page "Querying the asset list")."""

    total: int | None = None
    assets: Items[AssetSummary] = ()


class ProcessAnswer(ApiModel):
    """`POST /v1.0/{project_id}/asset/process` (API page "Processing media assets")."""

    asset_id: Text = ""
    thumbnail_task_id: Text = ""


class AssetTask(ApiModel):
    """`status` is WAITING, PROCESSING, SUCCEED or FAILED; `create_time` is `yyyymmddhhmmss`, UTC."""

    status: Text = ""
    create_time: Text = ""


class AssetTasks(ApiModel):
    """`GET /v1/{project_id}/asset/tasks?type=THUMBNAIL&asset_id=…`."""

    results: Items[AssetTask] = ()


class CoverUpload(ApiModel):
    """`PUT /v1.0/{project_id}/asset` with a cover (API page "Modifying a media asset"). The URL is signed."""

    asset_id: Text = ""
    cover_upload_url: Text = Field(default="", repr=False)


class ErrorBody(ApiModel):
    """The body of a refusal. IAM's has another form, whose code and message are not read."""

    error_code: Text = ""
    error_msg: Text = ""


class Project(ApiModel):
    id: Text = ""
    name: Text = ""


class Projects(ApiModel):
    """`GET {iam}/v3/projects?name={region}`."""

    projects: Items[Project] = ()


class _StsCredentials(ApiModel):
    access_key_id: Text = ""
    secret_access_key: Text = ""
    security_token: Text = ""
    expiration: Text = ""


class StsAnswer(ApiModel):
    """`POST {sts}/v5/agencies/assume-with-oidc`."""

    credentials: _StsCredentials


class _TemporaryCredential(ApiModel):
    access: Text = ""
    secret: Text = ""
    securitytoken: Text = ""
    expires_at: Text = ""


class CredentialAnswer(ApiModel):
    """`POST {iam}/v3.0/OS-CREDENTIAL/securitytokens`, and the metadata of an ECS instance."""

    credential: _TemporaryCredential


class GithubToken(ApiModel):
    """GitHub Actions' answer to a request for an ID token."""

    value: Text = ""


class CallerIdentity(ApiModel):
    """`GET {sts}/v5/caller-identity`. A principal's URN is like `iam::<account>:user:<name>`."""

    account_id: Text = ""
    principal_urn: Text = ""
