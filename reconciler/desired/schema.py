"""The JSON Schema of desired files, for editors. The loader does not use it: it reads events, without pydantic."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from reconciler.model import SetName
from reconciler.util.field_types import REGION_SCHEMA
from reconciler.util.ids import ID_SCHEMA

AssetId = Annotated[str, StringConstraints(pattern=ID_SCHEMA)]
Index = Annotated[
    int,
    Field(
        title="Snapshot",
        description="The snapshot's index, counted from 0 in order of offset; -1 is the last one.",
        ge=-999_999,
        le=999_999,
    ),
]


class EntryForm(BaseModel):
    """What the cover of one asset should be: exactly one of snapshot and offset, or `ignore: true`."""

    model_config = ConfigDict(
        title="Cover",
        extra="forbid",
        json_schema_extra={
            "not": {"required": ["snapshot", "offset"]},
            "anyOf": [
                {"required": ["snapshot"]},
                {"required": ["offset"]},
                {"required": ["ignore"], "properties": {"ignore": {"const": True}}},
            ],
        },
    )

    snapshot: Index
    offset: int = Field(
        title="Offset",
        description="Instead of an index: the snapshot at exactly this second of the video.",
        ge=0,
        le=999_999,
    )
    from_: SetName = Field(
        alias="from",
        title="List of snapshots",
        description="Which of the asset's lists of snapshots is meant; sample by default.",
    )
    note: str | int | float | bool = Field(title="Note", description="Free text, shown in plans.")
    ignore: bool = Field(
        title="Ignore",
        description="Managed elsewhere: never changed and never reported as drift. Other keys may stand beside it.",
    )


class DesiredForm(BaseModel):
    """The covers that videos in Huawei Cloud VOD should have."""

    model_config = ConfigDict(title="Desired covers", extra="forbid")

    version: Literal[1] = Field(title="Version", description="The version of the file format.")
    region: str = Field(
        title="Region",
        description="For example cn-north-4. The flag and the environment win.",
        pattern=REGION_SCHEMA,
    )
    project_id: str = Field(
        title="Project ID",
        description="32 hexadecimal digits; in quotes if all are decimal. The flag and the environment win.",
        pattern=ID_SCHEMA,
    )
    covers: dict[AssetId, Index | EntryForm] = Field(
        title="Covers",
        description="From asset ID (32 hexadecimal digits) to the wanted snapshot.",
        json_schema_extra={"additionalProperties": False},
    )


def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of one desired file."""
    schema = DesiredForm.model_json_schema(by_alias=True)
    # Every key is optional. A pydantic model can say so only with a default, which the schema would then show.
    schema.pop("required")
    schema["$defs"]["EntryForm"].pop("required")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
