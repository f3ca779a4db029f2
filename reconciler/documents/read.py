"""Saved plans, read back: every field is validated again, and the digest must fit."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reconciler.documents.shapes import FORMAT_VERSION, PlanDoc
from reconciler.errors import PlanFileError
from reconciler.safe import shorten

_MOST_BYTES = 256 * 1024 * 1024
_AGAIN = "Make a new plan with `reconcile plan --out FILE`."


def digest(document: dict[str, Any]) -> str:
    """SHA-256 (hex) over everything in a document but its digest, however it is laid out."""
    content = {key: value for key, value in document.items() if key != "digest"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def read_plan(file: str) -> PlanDoc:
    """A saved plan.

    Raises:
        PlanFileError: it can't be read, is no plan, is of a newer major format, or was changed since.
    """
    text = _text(file)
    raw = _object(file, text)
    _check_head(file, raw)
    stated = raw.get("digest")
    if stated != digest(raw):
        raise PlanFileError(f"{file}: the digest does not fit: the plan was changed since it was saved", hint=_AGAIN)
    try:
        plan = PlanDoc.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PlanFileError(f"{file}: not a plan: {shorten(where)}: {first['msg']}", hint=_AGAIN) from error
    _check_sense(file, plan)
    return plan


def _text(file: str) -> bytes:
    try:
        path = Path(file)
        if path.is_file() and path.stat().st_size > _MOST_BYTES:
            raise PlanFileError(f"{file}: larger than {_MOST_BYTES // 2**20} MiB")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PlanFileError(f"{file}: the saved plan can't be read: {reason}", hint=_AGAIN) from error


def _object(file: str, text: bytes) -> dict[str, Any]:
    try:
        raw = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise PlanFileError(f"{file}: not JSON: {shorten(str(error), 120)}", hint=_AGAIN) from error
    if not isinstance(raw, dict):
        raise PlanFileError(f"{file}: not a plan: a JSON object was expected", hint=_AGAIN)
    return raw


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _check_head(file: str, raw: dict[str, Any]) -> None:
    version = raw.get("format_version")
    major = version.partition(".")[0] if isinstance(version, str) else ""
    if major != FORMAT_VERSION.partition(".")[0]:
        told = f"format_version {shorten(str(version))} is not {FORMAT_VERSION}"
        raise PlanFileError(f"{file}: {told}", hint="Use the version of reconcile that saved it, or plan again.")
    if raw.get("kind") != "plan":
        raise PlanFileError(
            f"{file}: a document of kind {shorten(str(raw.get('kind')))}, not a saved plan", hint=_AGAIN
        )


def _check_sense(file: str, plan: PlanDoc) -> None:
    """What a digest over nonsense would let pass."""
    ids = Counter(change.asset_id for change in plan.changes)
    twice = next((asset_id for asset_id, count in ids.items() if count > 1), None)
    if twice is not None:
        raise PlanFileError(f"{file}: not a plan: asset {twice} is to be changed twice", hint=_AGAIN)
    lost = next((change.asset_id for change in plan.changes if change.after.snapshot is None), None)
    if lost is not None:
        raise PlanFileError(f"{file}: not a plan: asset {lost} has no snapshot to be changed to", hint=_AGAIN)
    counts = (plan.summary.update, plan.summary.pending, plan.summary.unknown, plan.summary.ignored)
    lengths = (len(plan.changes), len(plan.pending), len(plan.unknown), len(plan.ignored))
    if counts != lengths or plan.summary.managed != plan.summary.in_sync + sum(counts):
        raise PlanFileError(f"{file}: not a plan: its summary does not count what it lists", hint=_AGAIN)
