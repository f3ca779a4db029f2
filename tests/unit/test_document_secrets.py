"""No document holds a secret, whatever field it is put into; and no text field can be added that forgets about it."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic import JsonValue
from support.hostile import foreign

from reconciler import documents
from reconciler.documents.dump import adapter, as_json, redacted
from reconciler.documents.read import read_plan
from reconciler.documents.schemas import PlanDoc, PlanSummary
from reconciler.model import Observed, Verdict
from reconciler.util.field_types import Limits
from reconciler.util.sanitize import Redactor

PASSWORD = "hunter2-of-the-run"
SIGNED = "https://cdn.example/1/asset/2?auth_key=17-0-0-abcdef&signature=0123456789"
SECRETS = ("17-0-0-abcdef", "0123456789", PASSWORD)
TEXT = f"{SIGNED} {PASSWORD}"
OF_PATTERNS = ("0" * 32, "0" * 64, "cn-north-4", "1.0", "before.cover_url")


def kinds() -> list[type[Any]]:
    """Every kind of document: the dataclasses with a fixed `kind`."""
    modules = [
        import_module(f"reconciler.documents.{item.name}") for item in pkgutil.iter_modules(documents.__path__)
    ]
    classes = {item for module in modules for item in vars(module).values() if isinstance(item, type)}
    shapes = [shape for shape in classes if is_dataclass(shape)]
    return sorted((item for item in shapes if get_origin(hints(item).get("kind")) is Literal), key=repr)


def hints(shape: Any) -> dict[str, Any]:
    return get_type_hints(shape, include_extras=True)


def limits(hint: Any) -> list[Limits]:
    return [mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Limits)]


def filled(hint: Any) -> Any:
    """A value of that type with secrets in every text that may hold any."""
    origin, arguments = get_origin(hint), get_args(hint)
    if is_dataclass(hint):
        of = hints(hint)
        return hint(**{item.name: filled(of[item.name]) for item in fields(hint)})  # type: ignore[operator]
    if origin is Annotated and arguments[0] is str and limits(hint):
        return next(text for text in OF_PATTERNS if fits(hint, text))
    if origin is Annotated and arguments[0] is JsonValue:
        return {"a": [TEXT]}
    if origin in (Annotated, Literal):
        return arguments[0] if origin is Literal else filled(arguments[0])
    if origin is tuple:
        return tuple(filled(item) for item in members(arguments[0]))
    return filled(members(hint)[0]) if arguments else {str: TEXT, int: 1, bool: True}[hint]


def members(hint: Any) -> list[Any]:
    """The types of a union, without None; the type itself where it is none."""
    union = get_origin(hint) in (Union, UnionType)
    return [item for item in get_args(hint) if item is not NoneType] if union else [hint]


def fits(hint: Any, text: str) -> bool:
    try:
        adapter(hint).validate_python(text)
    except ValueError:
        return False
    return True


def unguarded(hint: Any, at: str) -> Iterator[str]:
    """Where there is text that is neither hidden nor limited to a form."""
    if is_dataclass(hint):
        for name, of in hints(hint).items():
            yield from unguarded(of, f"{getattr(hint, '__name__', '')}.{name}")
    elif hint is str:
        yield at
    elif not (get_origin(hint) is Literal or foreign(hint) or limits(hint)):
        for part in get_args(hint):
            yield from unguarded(part, at)


def test_all_kinds_are_looked_at() -> None:
    found = {hints(shape)["kind"].__args__[0] for shape in kinds()}
    assert found >= {"plan", "audit", "apply", "show", "adopt", "import", "history"}
    assert "RollbackDoc" in {shape.__name__ for shape in kinds()}


@pytest.mark.parametrize("shape", kinds(), ids=lambda shape: shape.__name__)
def test_every_text_is_hidden_or_limited_to_a_form(shape: type[Any]) -> None:
    assert list(unguarded(shape, "")) == []


WITH_TEXT = [shape for shape in kinds() if any(secret in repr(filled(shape)) for secret in SECRETS)]


def test_only_documents_of_numbers_hold_no_text_of_others() -> None:
    assert {shape.__name__ for shape in kinds()} - {shape.__name__ for shape in WITH_TEXT} == {
        "LockHeader",
        "ValidateDoc",
    }


@pytest.mark.parametrize("shape", WITH_TEXT, ids=lambda shape: shape.__name__)
def test_no_secret_is_in_a_document_or_in_what_reports_get(shape: type[Any]) -> None:
    document, redact = filled(shape), Redactor([PASSWORD])
    assert all(secret in repr(document) for secret in SECRETS)
    public = redacted(document, redact)
    for text in (json.dumps(as_json(document, redact)), json.dumps(as_json(public)), repr(public)):
        assert "***" in text
        assert not any(secret in text for secret in SECRETS)


@pytest.mark.parametrize("value", [filled(Verdict), filled(Observed)], ids=["verdict", "observed"])
def test_urls_with_their_signatures_are_left_out_of_whatever_holds_them(value: object) -> None:
    plain = adapter(type(value)).dump_python(value)
    names = {name for name in hints(type(value)) if name.endswith("_url")}
    assert names
    assert not names & plain.keys()
    assert "url" not in plain["snapshots"][0]


def test_the_digest_is_of_what_was_written(tmp_path: Path) -> None:
    """A plan that held a secret can be read back, and applied."""
    counts = PlanSummary(managed=4, in_sync=0, update=1, pending=1, unknown=1, ignored=1)
    plan: PlanDoc = replace(filled(PlanDoc), summary=counts)
    plan = replace(plan, changes=tuple(replace(change, take=None) for change in plan.changes))
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(as_json(plan, Redactor([PASSWORD]))))
    assert read_plan(str(file)).changes == redacted(plan, Redactor([PASSWORD])).changes
