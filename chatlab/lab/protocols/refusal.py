"""A request that the API refuses, and the checks that the protocols share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the API refuses a request: the HTTP status and the error of its envelope.

    Parameters
    ----------
    status : int
        The HTTP status, 400 or 404.
    code : str or None
        The error's machine-readable code.
    message : str
        The provider's sentence.
    param : str or None
        The request parameter that is wrong.
    """

    status: int
    code: str | None
    message: str
    param: str | None

    @property
    def error(self) -> dict[str, Any]:
        """The object under ``error`` in the reply's body."""
        return {
            "message": self.message,
            "type": "invalid_request_error",
            "param": self.param,
            "code": self.code,
        }


class InputRefused(Exception):
    """The request is refused; ``refusal`` says why."""

    def __init__(self, status: int, code: str | None, message: str, param: str | None) -> None:
        super().__init__(message)
        self.refusal = Refusal(status, code, message, param)
