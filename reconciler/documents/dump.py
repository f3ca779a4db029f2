"""Documents to JSON and to reports: the one place where they are dumped, without secrets, and digested."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from inspect import cleandoc
from typing import Any, TypeVar

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from reconciler.documents.schemas import ApplyDoc, Findings
from reconciler.util.sanitize import hide

Redact = Callable[[str], str]
D = TypeVar("D")
F = TypeVar("F", bound=Findings | ApplyDoc)
_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def adapter(kind: type[D]) -> TypeAdapter[D]:
    """What dumps and reads documents of one kind. Making it takes milliseconds."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def as_json(document: object, redact: Redact = hide) -> dict[str, Any]:
    """The document as JSON's own types, with its digest where it has one; optional keys are left out where they have
    no value.

    Args:
        redact: takes the secrets out of a text.
    """
    plain: dict[str, Any] = adapter(type(document)).dump_python(document, mode="json", context=redact)
    if "digest" in plain:
        plain["digest"] = digest(plain)
    return plain


def redacted(document: D, redact: Redact = hide) -> D:
    """The document without secrets, for reports: they have to be taken out before a format escapes them beyond
    recognition."""
    shape = adapter(type(document))
    return shape.validate_python(shape.dump_python(document, context=redact))


def relocated(document: F, locate: Callable[[str], str]) -> F:
    """The document with other paths to the desired files."""

    def moved(item: Any) -> Any:
        return replace(item, source=replace(item.source, file=locate(item.source.file)))

    names = ("changes", "pending", "unknown", "ignored", "results")
    lists: dict[str, Any] = {name: tuple(map(moved, getattr(document, name, ()))) for name in names}
    return replace(document, **{name: items for name, items in lists.items() if items})


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over everything in a JSON document but its digest, however it is laid out.

    It is that of the compact JSON with sorted keys, made piece by piece: a plan may be large.
    """
    state = hashlib.sha256(b"{")
    for place, key in enumerate(sorted(document.keys() - {"digest"})):
        state.update((b"," if place else b"") + _compact(key) + b":")
        value = document[key]
        if isinstance(value, list):
            state.update(b"[")
            for position, item in enumerate(value):
                state.update((b"," if position else b"") + _compact(item))
            state.update(b"]")
        else:
            state.update(_compact(value))
    state.update(b"}")
    return state.hexdigest()


def _compact(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def json_schema(kind: type[Any]) -> dict[str, Any]:
    """The JSON Schema of the documents of one kind, as they are dumped."""
    schema = adapter(kind).json_schema(mode="serialization", schema_generator=_Schema)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}


class _Schema(GenerateJsonSchema):
    """With the docstrings of the dataclasses, and with every key required that is never left out."""

    def dataclass_schema(self, schema: Any) -> dict[str, Any]:
        return {"description": cleandoc(schema["cls"].__doc__), **super().dataclass_schema(schema)}

    def field_is_required(self, field: Any, total: bool) -> bool:  # noqa: ARG002 the base class's
        return "serialization_exclude_if" not in field
