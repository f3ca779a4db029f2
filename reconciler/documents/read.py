"""Saved documents, read back: every field is validated again, and the digest must fit."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from reconciler.documents.schemas import FORMAT_VERSION, AuditDoc, Findings, PlanDoc
from reconciler.errors import PlanFileError
from reconciler.util.sanitize import shorten

_MOST_BYTES = 256 * 1024 * 1024
D = TypeVar("D", bound=Findings)


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 (hex) over everything in a document but its digest, however it is laid out.

    It is that of the compact JSON with sorted keys, made piece by piece: a plan may be large.
    """
    state = hashlib.sha256(b"{")
    for place, key in enumerate(sorted(document.keys() - {"digest"})):
        state.update((b"," if place else b"") + _compact(key) + b":")
        value = document[key]
        if isinstance(value, (list, tuple)):
            state.update(b"[")
            for position, item in enumerate(value):
                state.update((b"," if position else b"") + _compact(item))
            state.update(b"]")
        else:
            state.update(_compact(value))
    state.update(b"}")
    return state.hexdigest()


def _compact(value: Any) -> bytes:
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def read_plan(file: str) -> PlanDoc:
    """A saved plan.

    Raises:
        PlanFileError: it can't be read, is no plan, is of a newer major format, or was changed since.
    """
    saved = _File(file, "plan", "a saved plan", "Make a new plan with `reconcile plan --out FILE`.")
    plan = _read(saved, PlanDoc)
    _check_sense(saved, plan)
    return plan


def read_audit(file: str) -> AuditDoc:
    """An earlier audit, as a baseline.

    Raises:
        PlanFileError: it can't be read, is no audit, is of a newer major format, or was changed since.
    """
    hint = "Leave --baseline out once, and keep what `reconcile audit --json --output FILE` writes."
    return _read(_File(file, "audit", "an audit", hint), AuditDoc)


class _File(NamedTuple):
    """A document that is expected in a file: its kind, the kind in words, what to do if it is not there."""

    name: str
    kind: str
    called: str
    hint: str

    def error(self, problem: str) -> PlanFileError:
        return PlanFileError(f"{self.name}: {problem}", hint=self.hint)

    def no_such(self, problem: str) -> PlanFileError:
        return self.error(f"not {self.called}: {problem}")


def _read(file: _File, shape: type[D]) -> D:
    text = _text(file)
    raw = _object(file, text)
    _check_head(file, raw)
    if raw.get("digest") != digest(raw):
        raise file.error(f"the digest does not fit: the {file.kind} was changed since it was saved")
    try:
        return shape.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise file.no_such(f"{shorten(where)}: {first['msg']}") from error


def _text(file: _File) -> bytes:
    try:
        path = Path(file.name)
        if path.is_file() and path.stat().st_size > _MOST_BYTES:
            raise file.error(f"larger than {_MOST_BYTES // 2**20} MiB")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise file.error(f"it can't be read: {reason}") from error


def _object(file: _File, text: bytes) -> dict[str, Any]:
    try:
        raw = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise file.error(f"not JSON: {shorten(str(error), 120)}") from error
    if not isinstance(raw, dict):
        raise file.no_such("a JSON object was expected")
    return raw


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _check_head(file: _File, raw: dict[str, Any]) -> None:
    version = raw.get("format_version")
    major = version.partition(".")[0] if isinstance(version, str) else ""
    if major != FORMAT_VERSION.partition(".")[0]:
        told = f"{file.name}: format_version {shorten(str(version))} is not {FORMAT_VERSION}"
        raise PlanFileError(told, hint=f"Use the version of reconcile that saved it, or {file.kind} again.")
    if raw.get("kind") != file.kind:
        raise file.error(f"a document of kind {shorten(str(raw.get('kind')))}, not {file.called}")


def _check_sense(file: _File, plan: PlanDoc) -> None:
    """What a digest over nonsense would let pass."""
    ids = Counter(change.asset_id for change in plan.changes)
    twice = next((asset_id for asset_id, count in ids.items() if count > 1), None)
    if twice is not None:
        raise file.no_such(f"asset {twice} is to be changed twice")
    lost = next((change.asset_id for change in plan.changes if change.after.snapshot is None), None)
    if lost is not None:
        raise file.no_such(f"asset {lost} has no snapshot to be changed to")
    counts = (plan.summary.update, plan.summary.pending, plan.summary.unknown, plan.summary.ignored)
    lengths = (len(plan.changes), len(plan.pending), len(plan.unknown), len(plan.ignored))
    if counts != lengths or plan.summary.managed != plan.summary.in_sync + sum(counts):
        raise file.no_such("its summary does not count what it lists")
