"""What a recording holds of one exchange: request, head, chunks with their times, and the end."""

from __future__ import annotations

import base64 as b64
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from chatlab.lab.protocols.exchange import utf8
from chatlab.lab.protocols.notation import ScriptError, check

ENDS = ("clean", "closed", "reset", "timeout", "cancelled", "rst-stream", "goaway", "failed")
"""How an exchange ended: properly; closed too early; reset; no answer within the client's
timeout; left by the client; reset or given up in HTTP/2's own way; any other failure."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that arrived at once, ``at_s`` seconds after the request: UTF-8 text, else base64."""

    at_s: float = 0.0
    text: str | None = None
    base64: str | None = None

    def __post_init__(self) -> None:
        """Raise `ScriptError` unless there is either text or valid base64."""
        if (self.text is None) == (self.base64 is None):
            raise ScriptError(f"the chunk at {self.at_s} s needs either text or base64")
        try:
            b64.b64decode(self.base64 or "", validate=True)
        except ValueError as problem:
            raise ScriptError(f"the chunk at {self.at_s} s has wrong base64: {problem}") from None

    @classmethod
    def of(cls, data: bytes, at_s: float) -> Self:
        """Return the chunk that holds ``data``."""
        try:
            return cls(round(at_s, 6), text=data.decode())
        except UnicodeDecodeError:
            return cls(round(at_s, 6), base64=b64.b64encode(data).decode("ascii"))

    @property
    def data(self) -> bytes:
        """The bytes."""
        return b64.b64decode(self.base64 or "") if self.text is None else utf8(self.text)


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """What was asked: the path without its query, some headers, the decoded JSON body or None."""

    method: str = ""
    path: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object | None = None

    def __post_init__(self) -> None:
        """Raise `ScriptError` for a request without a method or a path."""
        if not self.method or not self.path.startswith("/"):
            asked = f"{self.method!r} {self.path!r}"
            raise ScriptError(
                f'request: {asked} must be a method and a path, "POST" "/v1/messages"'
            )

    @property
    def stream(self) -> bool | None:
        """Whether an event stream was asked for; None when the body does not tell."""
        return self.body.get("stream") is True if isinstance(self.body, Mapping) else None


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """What was answered: the head, ``at_s`` seconds after the request, and the chunks.

    The chunks have no Content-Encoding any more. ``length`` is the Content-Length that was
    announced for them, however many bytes arrived.
    """

    status: int = field(default=0, metadata={"range": (100, 999)})
    at_s: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = None
    chunks: tuple[Chunk, ...] = ()

    def __post_init__(self) -> None:
        """Raise `ScriptError` for an invalid status, or times that decrease."""
        check(self)
        before_s = self.at_s
        for number, chunk in enumerate(self.chunks):
            if not before_s <= chunk.at_s < math.inf:
                raise ScriptError(
                    f"response: chunks[{number}]: at_s is {chunk.at_s}; it must be a time in "
                    f"seconds, {before_s} or later"
                )
            before_s = chunk.at_s

    @property
    def last_s(self) -> float:
        """When the last of it arrived."""
        return self.chunks[-1].at_s if self.chunks else self.at_s

    @property
    def content(self) -> bytes:
        """All bytes of the body that arrived."""
        return b"".join(chunk.data for chunk in self.chunks)


@dataclass(frozen=True, slots=True)
class RecordedEnd:
    """How it ended, one of `ENDS`, and when; ``exception`` is the client's, by its class."""

    how: str = field(default="", metadata={"choices": ENDS})
    at_s: float = 0.0
    exception: str | None = None
    h2_code: int | None = None

    def __post_init__(self) -> None:
        """Raise `ScriptError` unless ``how`` is one of `ENDS`."""
        check(self)


@dataclass(frozen=True, slots=True, repr=False)
class RecordedExchange:
    """One request and what came of it.

    Without a ``response`` not even a head arrived, and ``http_version`` ("1.1", "2") is unknown.
    ``redactions`` names the kinds of what was taken out on writing.
    """

    request: RecordedRequest = field(default_factory=RecordedRequest)
    response: RecordedResponse | None = None
    end: RecordedEnd = field(default_factory=RecordedEnd)
    http_version: str | None = None
    redactions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise `ScriptError` for an end before the last chunk, or a clean one of nothing."""
        if self.response is None and self.end.how == "clean":
            raise ScriptError("response is missing; an exchange that ended clean has one")
        last_s = 0.0 if self.response is None else self.response.last_s
        if self.end.at_s < last_s:
            raise ScriptError(f"end: at_s is {self.end.at_s}; it must be {last_s} or later")

    def __repr__(self) -> str:
        """Return one line for people, without the content."""
        asked = f"{self.request.method} {self.request.path}"
        how = f"{self.end.how} after {self.end.at_s:.3f} s"
        if self.end.exception:
            how += f" ({self.end.exception})"
        if self.response is None:
            return f"{asked}: no response, {how}"
        chunks, size = len(self.response.chunks), len(self.response.content)
        return f"{asked}: {self.response.status}, {chunks} chunks, {size} bytes, {how}"
