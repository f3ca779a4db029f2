"""What can go wrong, as one small tree. Exit codes and rendering are the command line's business.

ReconcileError
├── UsageError            flags, environment, an answer that was not given
├── InterruptedRunError   a Ctrl-C where there was nothing to finish
├── DesiredError          the desired files; carries every problem with its place
├── PlanFileError         a saved plan that cannot be read, or not be trusted
├── SafetyLimitError      more updates than the limit allows
├── StateError            the state folder cannot be used
└── ApiError              an answer, or none, from VOD or IAM
    ├── AuthenticationError   a 401: no call can succeed, so the run ends
    └── UnreachableError      nobody there who speaks the API: likewise
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong at one place; line and column count from 1, 0 where there is none."""

    file: str
    line: int
    column: int
    message: str


def sentences(*parts: str) -> str:
    """The parts that are not empty, each ended by a full stop unless it ends already."""
    return " ".join(
        part if part.endswith((".", "!", "?", "。", "！", "？")) else f"{part}." for part in parts if part
    )


class ReconcileError(Exception):
    """Anything the user is told in one sentence.

    Attributes:
        type: the word that the JSON error document carries.
        message: what is wrong, and where.
        hint: what to do about it, or "".
    """

    type: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def told(self) -> str:
        """Everything there is to say, in one line."""
        return sentences(self.message, self.hint)


class UsageError(ReconcileError):
    type = "usage"


class InterruptedRunError(ReconcileError):
    """Somebody interrupted the run where there was nothing to finish."""

    type = "interrupted"


def not_installed(error: ModuleNotFoundError, what: str, extra: str) -> UsageError:
    """The error for a missing extra."""
    return UsageError(
        f"{what} is not installed ({error.name} is missing)",
        hint=f"Install it: pip install 'vod-cover-reconciler[{extra}]'.",
    )


class DesiredError(ReconcileError):
    """The desired files are not usable; `problems` lists all that is wrong, in order of place."""

    type = "desired_state"

    def __init__(self, message: str, problems: tuple[Problem, ...] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class PlanFileError(ReconcileError):
    type = "plan_file"


class SafetyLimitError(ReconcileError):
    type = "safety_limit"


class StateError(ReconcileError):
    type = "state"


class ApiError(ReconcileError):
    """A refusal, or the lack of a usable answer.

    Attributes:
        code: the service's own code ("VOD.10062"), or "" where the answer held none.
        status: the HTTP status, or None where no answer came.
        request_id: what the service's support asks for, or "".
        outcome_unknown: the request may have been carried out although no answer came.
    """

    type = "api"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        status: int | None = None,
        request_id: str = "",
        hint: str = "",
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.status = status
        self.request_id = request_id
        self.outcome_unknown = outcome_unknown

    @property
    def told(self) -> str:
        """Everything there is to say, in one line."""
        request = f" (request {self.request_id})" if self.request_id else ""
        return sentences(self.message, self.hint) + request


class AuthenticationError(ApiError):
    type = "authentication"


class UnreachableError(ApiError):
    type = "unreachable"
