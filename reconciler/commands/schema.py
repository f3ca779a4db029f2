"""Print the JSON Schema of desired files, plans or results."""

from __future__ import annotations

from typing import Any

import click

from reconciler.commands.context import Run
from reconciler.commands.options import OUTPUT
from reconciler.commands.result import Report
from reconciler.commands.verb import Verb
from reconciler.util.sanitize import json_text


@click.argument("kind", type=click.Choice(["desired", "plan", "apply"]))
def schema(_run: Run, *, kind: str) -> Report:
    """Makes the schema; without the cloud."""
    found = _schema(kind)
    return Report(lambda: found, lambda: json_text(found) + "\n", 0)


def _schema(kind: str) -> dict[str, Any]:
    if kind == "desired":
        from reconciler.desired.schema import json_schema

        return json_schema()
    from reconciler.documents import schemas
    from reconciler.documents.dump import json_schema as document_schema

    return document_schema(schemas.PlanDoc if kind == "plan" else schemas.ApplyDoc)


command = Verb("schema", __doc__, schema, OUTPUT)
