"""Refused requests, with the error body of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from collections.abc import Mapping


class Refusal(Exception):
    """Raised by the handler of a call; becomes `{"error_code", "error_msg"}` with this status."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers

    def response(self) -> Response:
        body = {"error_code": self.code, "error_msg": self.message}
        return JSONResponse(body, self.status, headers=self.headers)


def illegal(message: str) -> Refusal:
    """An invalid parameter (400 VOD.10053)."""
    return Refusal(400, "VOD.10053", message)


def not_there(status: int = 400) -> Refusal:
    """The asset or picture does not exist (VOD.10062); the message is the one in the API reference."""
    return Refusal(status, "VOD.10062", "媒资或资源不存在，请检查。")
