"""The document of `reconcile doctor`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from reconciler import __version__
from reconciler.documents.schemas import FORMAT_VERSION, FormatVersion, Moment
from reconciler.documents.write import moment
from reconciler.model import OPTIONAL
from reconciler.util.field_types import Foreign

Status = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found, and what to do about it. Nothing in it is secret or names an account."""

    check: Foreign
    status: Status
    message: Foreign
    advice: Foreign | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorDoc:
    """The output of `reconcile doctor`."""

    format_version: FormatVersion = FORMAT_VERSION
    kind: Literal["doctor"] = "doctor"
    tool_version: Foreign
    created_at: Moment
    checks: Annotated[tuple[Finding, ...], Field(description="In the order in which they were made.")]


def doctor_document(checks: Sequence[Finding], now: datetime) -> DoctorDoc:
    return DoctorDoc(tool_version=__version__, created_at=moment(now), checks=tuple(checks))


def ok(check: str, message: str) -> Finding:
    return Finding(check=check, status="ok", message=message)


def warning(check: str, message: str, advice: str = "") -> Finding:
    return Finding(check=check, status="warning", message=message, advice=advice or None)


def failed(check: str, message: str, advice: str = "") -> Finding:
    return Finding(check=check, status="failed", message=message, advice=advice or None)
