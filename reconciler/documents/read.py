"""Read saved documents: every field is validated again, and the digest has to match."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from reconciler.decide.taking import MOST_DOTS
from reconciler.documents.dump import adapter, digest
from reconciler.documents.schemas import FORMAT_VERSION, AuditDoc, ChangeDoc, Findings, PlanDoc
from reconciler.documents.write import summary_of
from reconciler.errors import PlanFileError
from reconciler.model import Cover, SnapshotRef, Take
from reconciler.util.input_files import UnreadableError, read_json
from reconciler.util.sanitize import shorten

_MOST_BYTES = 256 * 1024 * 1024
D = TypeVar("D", bound=Findings)


def read_plan(file: str) -> PlanDoc:
    """Read a saved plan.

    Raises:
        PlanFileError: the file cannot be read, is not a plan, has a newer major format, or was changed.
    """
    saved = _File(file, "plan", "a saved plan", "Make a new plan with `reconcile plan --out FILE`.")
    plan = _read(saved, PlanDoc)
    _check_sense(saved, plan)
    return plan


def read_audit(file: str, text: bytes | None = None) -> AuditDoc:
    """Read an earlier audit, as a baseline.

    Args:
        text: what it holds, where `file` only names it.

    Raises:
        PlanFileError: the file cannot be read, is not an audit, has a newer major format, or was changed.
    """
    hint = "Run once without --baseline, and keep the file that `reconcile audit --json --output FILE` writes."
    return _read(_File(file, "audit", "an audit", hint), AuditDoc, text)


class _File(NamedTuple):
    """The document that a file should contain: its kind, the kind in words, and what to do if it does not."""

    name: str
    kind: str
    called: str
    hint: str

    def error(self, problem: str) -> PlanFileError:
        return PlanFileError(f"{self.name}: {problem}", hint=self.hint)

    def no_such(self, problem: str) -> PlanFileError:
        return self.error(f"not {self.called}: {problem}")


def _read(file: _File, shape: type[D], text: bytes | None = None) -> D:
    text = _text(file) if text is None else text
    raw = _object(file, text)
    _check_head(file, raw)
    if raw.get("digest") != digest(raw):
        raise file.error(f"the digest does not match: the {file.kind} was changed after it was saved")
    try:
        return adapter(shape).validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise file.no_such(f"{shorten(where)}: {first['msg']}") from error


def _text(file: _File) -> bytes:
    try:
        return read_json(file.name, _MOST_BYTES)
    except UnreadableError as error:
        raise file.error(f"cannot be read: {error}") from error


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
        hint = f"Use the version of reconcile that saved it, or {file.kind} again."
        raise PlanFileError(
            f"{file.name}: format_version {shorten(str(version))} is not supported, only {FORMAT_VERSION}", hint=hint
        )
    if raw.get("kind") != file.kind:
        raise file.error(f"a document of kind {shorten(str(raw.get('kind')))}, not {file.called}")


def _check_sense(file: _File, plan: PlanDoc) -> None:
    """Check what a matching digest does not guarantee: unique assets, a target for each change, correct counts."""
    ids = Counter(change.asset_id for change in plan.changes)
    twice = next((asset_id for asset_id, count in ids.items() if count > 1), None)
    if twice is not None:
        raise file.no_such(f"asset {twice} is changed twice")
    without = next((change.asset_id for change in plan.changes if change.after.snapshot is None), None)
    if without is not None:
        raise file.no_such(f"asset {without} has no snapshot to change to")
    unseen = next((one.asset_id for one in plan.changes if one.take is None and _is_unseen(one.after)), None)
    if unseen is not None:
        raise file.no_such(f"asset {unseen} is without the bytes of the picture to change to")
    odd = next(
        (one.asset_id for one in plan.changes if one.take is not None and not _is_to_take(one, one.take)), None
    )
    if odd is not None:
        raise file.no_such(f"asset {odd}: the snapshot to be taken is not the one to change to")
    takes = plan.summary.take is not None
    if plan.summary != summary_of(plan, plan.summary.in_sync, takes=takes) or (
        not takes and any(change.take is not None for change in plan.changes)
    ):
        raise file.no_such("its summary does not match its lists")


def _is_unseen(after: Cover) -> bool:
    return after.content is None or after.snapshot is None or after.snapshot.index is None


def _is_to_take(change: ChangeDoc, take: Take) -> bool:
    """Whether a snapshot to be taken is the one that the change names, in one call."""
    one_call = len(take.dots) <= MOST_DOTS and len(set(take.dots)) == len(take.dots)
    return change.after == Cover(snapshot=SnapshotRef("dots", None, take.offset)) and one_call
