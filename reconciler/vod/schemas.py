"""The API's own words. Fields nobody needs are ignored; null, missing and empty ones are survived."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

T = TypeVar("T")


def _without_nulls(value: object) -> object:
    """A null list is an empty one, and a null or empty element is no element."""
    if value is None:
        return []
    return [item for item in value if item not in (None, {})] if isinstance(value, list) else value


def _text(value: object) -> object:
    return "" if value is None else value


Items = Annotated[tuple[T, ...], BeforeValidator(_without_nulls)]
Text = Annotated[str, BeforeValidator(_text)]


class Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)


class CoverInfo(Wire):
    cover_url: Text = ""


class BaseInfo(Wire):
    title: Text = ""
    cover_info_array: Items[CoverInfo] = ()
    thumbnail_status: Text = ""


class ThumbnailItem(Wire):
    """One snapshot; `offset` in seconds."""

    offset: int | None = None
    url: Text = ""


class ThumbnailInfo(Wire):
    sample: Items[ThumbnailItem] = ()
    dots: Items[ThumbnailItem] = ()
    quantity: Items[ThumbnailItem] = ()
    thumbnail_status: Text = ""


class AssetDetails(Wire):
    """`GET /v1.0/{project_id}/asset/details` (API page "Querying asset details")."""

    asset_id: Text = ""
    base_info: BaseInfo | None = None
    thumbnail_status: Text = ""
    thumbnail_info: ThumbnailInfo | None = None


class AssetSummary(Wire):
    """`create_time` is `yyyymmddhhmmss`, UTC."""

    asset_id: Text = ""
    title: Text = ""
    covers: Items[CoverInfo] = ()
    create_time: Text = ""
    asset_status: Text = ""
    transcode_status: Text = ""
    thumbnail_status: Text = ""
    review_status: Text = ""


class AssetList(Wire):
    """`GET /v1.0/{project_id}/asset/list` (API page "Querying the asset list")."""

    total: int | None = None
    assets: Items[AssetSummary] = ()


class ErrorBody(Wire):
    """What a refusal says; IAM nests the same under `error`, as code and message."""

    error_code: Text = ""
    error_msg: Text = ""


class Project(Wire):
    id: Text = ""
    name: Text = ""


class Projects(Wire):
    """`GET {iam}/v3/projects?name={region}`."""

    projects: Items[Project] = ()
