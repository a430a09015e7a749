"""One exchange: the request that arrived, and the reply as a plan for HTTP/1.1 or HTTP/2."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chatlab.exceptions import ChatlabError
from chatlab.lab.protocols.notation import ScriptError

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"}
)
"""Headers whose values are never kept."""

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Largest request body that is read; a larger one is refused with 413."""

TRANSFER_HEADERS = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers about the recorded transfer, not about the answer: the wire writes its own."""


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as the fake provider received it.

    Parameters
    ----------
    method : str
        The HTTP method.
    path : str
        Without the query.
    headers : dict
        Names in lower case, secret values replaced by ``REDACTED``.
    body : object
        The decoded JSON; None if the body is not JSON.
    size : int
        Bytes of the body.
    http_version : str
        ``1.0``, ``1.1`` or ``2``.
    attempt : int or None
        From 0; None for a request that used no step of the script.
    met : str
        The step that it met, as scripts write it.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any
    size: int
    http_version: str
    attempt: int | None = None
    met: str = ""

    @classmethod
    def received(
        cls,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]],
        content: bytes | bytearray,
        http_version: str,
    ) -> ReceivedRequest:
        """Make the record of a request, without the secrets that it carried.

        A body over `MAX_BODY_BYTES` is not decoded.
        """
        kept: dict[str, str] = {}
        for name, value in headers:
            key = name.lower()
            shown = "REDACTED" if key in SECRET_HEADERS else value
            kept[key] = f"{kept[key]}, {shown}" if key in kept else shown
        try:
            body = json.loads(content) if len(content) <= MAX_BODY_BYTES else None
        except (ValueError, RecursionError):
            body = None
        path = target.partition("?")[0]
        return cls(method, path, kept, body, len(content), http_version)

    @property
    def stream(self) -> bool:
        """Whether the client asked for a stream: in the body, for Gemini in the path.

        Ollama streams by default.
        """
        if not isinstance(self.body, dict):
            return False
        asked = self.body.get("stream")
        if self.path.startswith("/api/"):
            return asked is not False
        return asked is True or self.path.endswith(":streamGenerateContent")


class End(StrEnum):
    """How a reply ends once its last piece is out."""

    CLEAN = "clean"
    CLOSE = "close"
    RESET = "reset"
    STALL = "stall"
    RST_STREAM = "rst-stream"
    GOAWAY = "goaway"


@dataclass(frozen=True, slots=True)
class BodyPiece:
    """Bytes that are written at once, ``after_s`` seconds after what came before.

    ``content`` marks what a person would see as part of the answer: not the opening events, not
    a ping, not the end.
    """

    data: bytes
    content: bool = False
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as a plan: head, pieces, end. A status of None sends no head at all.

    ``length`` is the Content-Length to announce, whatever the pieces sum up to; without it the
    body is chunked. Without ``framed`` it has neither: the end of the connection is the end of the
    body (HTTP/1.1 only). ``final`` tells the client that the connection will not be used again.
    """

    status: int | None
    headers: tuple[tuple[str, str], ...] = ()
    body: tuple[BodyPiece, ...] = ()
    end: End = End.CLEAN
    h2_code: int = 0
    length: int | None = None
    framed: bool = True
    final: bool = False
    head_after_s: float = 0.0

    def place(self, after_event: int | None) -> int:
        """Return ``after_event``, or the number of events up to and including the first content."""
        if after_event is not None:
            return after_event
        contents = (i for i, piece in enumerate(self.body) if piece.content)
        return next(contents, len(self.body) - 1) + 1

    def first(self, count: int, where: object, spare: int = 0) -> tuple[BodyPiece, ...]:
        """Return the first ``count`` events.

        Raises `ScriptError` unless ``spare`` more are left that the caller does not get.
        """
        total = len(self.body)
        if count + spare > total:
            raise ScriptError(
                f"{where}: this reply has {total} event(s); count up to {total - spare}"
            )
        return self.body[:count]


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


class InputRefused(ChatlabError):
    """The request is refused; ``refusal`` says why."""

    def __init__(self, status: int, code: str | None, message: str, param: str | None) -> None:
        super().__init__(message)
        self.refusal = Refusal(status, code, message, param)


def whole(status: int, headers: Iterable[tuple[str, str]], content: bytes) -> Reply:
    """Return a reply whose body is one piece of known length (none where HTTP allows none)."""
    body = () if status in (204, 304) or not content else (BodyPiece(content, content=True),)
    return Reply(status, tuple(headers), body, length=sum(len(piece.data) for piece in body))


def sendable(headers: Iterable[tuple[str, str]], where: object) -> tuple[tuple[str, str], ...]:
    """Return ``headers``, trimmed; raises `ScriptError` for one that HTTP cannot carry."""
    pairs = tuple((name, value.strip()) for name, value in headers)
    for name, value in pairs:
        if not _HEADER_NAME.fullmatch(name) or _CONTROL.search(value):
            raise ScriptError(f"{where}: the header {name!r}: {value!r} cannot be sent over HTTP")
    return pairs


def compact(value: object) -> bytes:
    """Return ``value`` as the JSON bytes that a provider sends."""
    return utf8(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def utf8(text: str) -> bytes:
    """Return ``text`` in UTF-8, with a lone surrogate as the escape that JSON has for it."""
    return text.encode("utf-8", "backslashreplace")


def event(data: object, name: str | None = None, *, content: bool = False) -> BodyPiece:
    """Return one server-sent event; ``data`` is JSON, or a str that is sent as it is."""
    text = utf8(data) if isinstance(data, str) else compact(data)
    lines = b"".join(b"data: " + line + b"\n" for line in text.split(b"\n"))
    return BodyPiece(
        (f"event: {name}\n".encode() if name else b"") + lines + b"\n", content=content
    )
