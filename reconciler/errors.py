"""The errors, as one small tree. The command line decides about exit codes and rendering.

ReconcileError
├── UsageError            options, environment, an approval that was not given
├── InterruptedRunError   Ctrl-C when there was nothing to finish
├── DesiredError          invalid desired files; has every problem with its place
├── PlanFileError         a saved plan that cannot be read or trusted
├── SafetyLimitError      more updates than the limit allows
├── StateError            the state folder, or the state that a team shares, cannot be used
└── ApiError              VOD or IAM refused a request, or did not answer it
    ├── CrowdedError          more assets of one second than can be listed
    ├── AuthenticationError   a 401: no call can succeed, so the run ends
    └── UnreachableError      no server answers there, or it does not speak the API: the run ends, too
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One problem at one place; line and column count from 1, and are 0 for a file as a whole."""

    file: str
    line: int
    column: int
    message: str


def sentences(*parts: str) -> str:
    """Joins the parts that are not empty, each with a full stop unless it has one."""
    return " ".join(
        part if part.endswith((".", "!", "?", "。", "！", "？")) else f"{part}." for part in parts if part
    )


def named_request(request_id: str) -> str:
    """What a message says of a request, at its end."""
    return f" (request {request_id})" if request_id else ""


class ReconcileError(Exception):
    """Anything that is reported to the user in one sentence.

    Attributes:
        type: the error's type in JSON.
        message: what is wrong, and where.
        hint: what to do about it, or "".
    """

    type: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def text(self) -> str:
        """The message and the hint in one line."""
        return sentences(self.message, self.hint)


class UsageError(ReconcileError):
    type = "usage"


class InterruptedRunError(ReconcileError):
    """The run was interrupted when there was nothing to finish."""

    type = "interrupted"


def not_installed(error: ModuleNotFoundError, name: str, extra: str) -> UsageError:
    """The error for an extra that is not installed."""
    return UsageError(
        f"{name} is not installed ({error.name} is missing)",
        hint=f"Install it: pip install 'vod-cover-reconciler[{extra}]'.",
    )


class DesiredError(ReconcileError):
    """The desired files are invalid; `problems` lists everything, in order of place."""

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
    """The service refused a request, or did not answer it usably.

    Attributes:
        code: the service's own code ("VOD.10062"), or "".
        status: the HTTP status, or None without an answer.
        request_id: what the service's support asks for, or "".
        outcome_unknown: the request may have been carried out although no usable answer came.
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
    def text(self) -> str:
        """The message, the hint and the request ID in one line."""
        return sentences(self.message, self.hint) + named_request(self.request_id)


class CrowdedError(ApiError):
    pass


class AuthenticationError(ApiError):
    type = "authentication"


class UnreachableError(ApiError):
    type = "unreachable"
