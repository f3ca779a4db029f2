"""Print the JSON Schema of a file or a document.

desired is that of desired files, lock of the lines of lock files, memory of what `memory export` writes,
memory-moved of what it and `memory import` print, lock-result of what `lock` prints. The others are named after
their command.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from reconciler.commands.context import Run
from reconciler.commands.options import OUTPUT
from reconciler.commands.result import Report
from reconciler.commands.verb import Verb
from reconciler.util.sanitize import json_text

DOCUMENTS = {
    "lock": "documents.short.AnyLockLine",
    "plan": "documents.schemas.PlanDoc",
    "apply": "documents.schemas.ApplyDoc",
    "audit": "documents.schemas.AuditDoc",
    "lock-result": "documents.locked.LockDoc",
    "validate": "documents.short.ValidateDoc",
    "show": "documents.shown.ShowDoc",
    "import": "documents.imported.ImportDoc",
    "adopt": "documents.adopted.AdoptDoc",
    "rollback": "documents.rollback.RollbackDoc",
    "history": "documents.history.HistoryDoc",
    "doctor": "documents.diagnosis.DoctorDoc",
    "unlock": "documents.short.UnlockDoc",
    "memory": "state.settled_covers.MemoryDocument",
    "memory-moved": "documents.short.MemoryMovedDoc",
    "error": "documents.short.ErrorDoc",
}


@click.argument("kind", type=click.Choice(["desired", *DOCUMENTS]))
def schema(_run: Run, *, kind: str) -> Report:
    """Makes the schema; without the cloud."""
    found = _schema(kind)
    return Report(lambda: found, lambda: json_text(found) + "\n", 0)


def _schema(kind: str) -> dict[str, Any]:
    if kind == "desired":
        from reconciler.desired.schema import json_schema

        return json_schema()
    from reconciler.documents.dump import json_schema as document_schema

    module, _, name = DOCUMENTS[kind].rpartition(".")
    return document_schema(getattr(import_module(f"reconciler.{module}"), name))


command = Verb("schema", __doc__, schema, OUTPUT)
