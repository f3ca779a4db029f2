"""schema: the JSON Schema of a desired file, or of the documents that plan and apply print."""

from __future__ import annotations

from typing import Any

from reconciler.commands.result import Report
from reconciler.util.sanitize import json_text


def run(what: str) -> Report:
    """
    Args:
        what: desired, plan or apply.
    """
    schema = _schema(what)
    return Report(lambda: schema, lambda: json_text(schema) + "\n", 0)


def _schema(what: str) -> dict[str, Any]:
    if what == "desired":
        from reconciler.desired.schema import json_schema

        return json_schema()
    from reconciler.documents import schemas as shapes

    document = shapes.PlanDoc if what == "plan" else shapes.ApplyDoc
    schema = document.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
