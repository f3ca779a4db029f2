"""The form of documents that are written as they are, being so short; and of a lock file's lines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from reconciler.documents.schemas import FORMAT_VERSION, FormatVersion
from reconciler.model import OPTIONAL, LockLine
from reconciler.util.field_types import Count, Foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class LockHeader:
    """The first line of a lock file."""

    format_version: FormatVersion = FORMAT_VERSION
    kind: Literal["lock"] = "lock"


AnyLockLine = LockHeader | LockLine


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemDoc:
    """One problem in a desired file or a lock file."""

    file: Foreign
    line: Count
    column: Count
    message: Foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorInfo:
    """The type of an error, in one sentence what is wrong, and the places, where there are some."""

    type: Foreign
    message: Foreign
    problems: tuple[ProblemDoc, ...] | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDoc:
    """The output of any command that failed before it had a result."""

    format_version: FormatVersion = FORMAT_VERSION
    kind: Literal["error"] = "error"
    error: ErrorInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateDoc:
    """The output of `reconcile validate`: how many files and covers are valid."""

    format_version: FormatVersion = FORMAT_VERSION
    kind: Literal["validate"] = "validate"
    files: Count
    covers: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryMovedDoc:
    """The output of `reconcile memory export` and `reconcile memory import`: how many settled covers the file has."""

    format_version: FormatVersion = FORMAT_VERSION
    kind: Literal["memory_export", "memory_import"]
    file: Foreign
    covers: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockDoc:
    """The output of `reconcile unlock`: the run whose claim was removed."""

    format_version: FormatVersion = FORMAT_VERSION
    kind: Literal["unlock"] = "unlock"
    run: Foreign
