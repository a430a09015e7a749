"""The vocabulary of faults: what one attempt can meet instead of a good answer.

    no connection            refuse-connection
    nothing comes            reset-before-headers  close-before-headers  stall-before-headers
                             stall-before-content
    the answer stops         silence-after-event   clean-end-after-event clean-end-at-byte
                             close-at-byte         reset-at-byte
    the answer is wrong      http-error            html-page             wrong-content-type
                             ok-with-error-body    in-band-error         response-failed
                             malformed-json        malformed-sse
    HTTP/1.1 only            reset-unframed
    HTTP/2 only              rst-stream            goaway                short-body
    the answer is slow       slow-drip

A fault is data. It says what happens to the good answer that the script would give, and
`apply_fault` does it. Events and bytes are counted in the body of that answer: "after event 3"
means that three complete events arrive, "at byte 120" that 120 bytes of the body do, however the
transport frames them. Nothing here is random.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from chatlab.errors.reading.derived import h2_code_name
from chatlab.lab.protocols.notation import check, from_json, from_text, kebab, to_text

H2_CODES = tuple(h2_code_name(code) for code in range(14))
"""Names of the HTTP/2 error codes; the index is the code (RFC 9113, section 7)."""

ERRORS = ("overloaded", "rate_limit", "server_error", "quota", "auth")
"""Errors that every protocol can put in its own words; `protocols` has the payloads."""

SSE_FORMS = ("joined-events", "bare-json", "bad-utf8")

FAULTS: dict[str, type[Fault]] = {}
"""Every fault class by the name that scripts use; a subclass of `Fault` enters by itself."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What an attempt meets; ``str(fault)`` is the short text that names it in a script."""

    stream_only: ClassVar[bool] = False
    http1_only: ClassVar[bool] = False
    http2_only: ClassVar[bool] = False
    path_only: ClassVar[str | None] = None

    def __init_subclass__(cls) -> None:
        """Enter the fault in `FAULTS`."""
        FAULTS[kebab(cls)] = cls

    def __post_init__(self) -> None:
        """Raise `ScriptError` for a value out of range."""
        check(self)

    def __str__(self) -> str:
        """Return the short text, which `parse_fault` reads back."""
        return to_text(self)


@dataclass(frozen=True, slots=True)
class RefuseConnection(Fault):
    """The port is closed: the client's connect gets ECONNREFUSED.

    A refused connect never reaches a server. By default the provider counts the connects that
    Python makes in this process, so exactly one attempt is refused. For a client in another
    process give ``closed_s``: the port then stays closed for so many seconds.
    """

    closed_s: float | None = None


@dataclass(frozen=True, slots=True)
class ResetBeforeHeaders(Fault):
    """The request is read, then the connection is reset (TCP RST)."""


@dataclass(frozen=True, slots=True)
class CloseBeforeHeaders(Fault):
    """The request is read, then the connection is closed (TCP FIN) without an answer."""


@dataclass(frozen=True, slots=True)
class StallBeforeHeaders(Fault):
    """The request is read and never answered; the connection stays open."""


@dataclass(frozen=True, slots=True)
class StallBeforeContent(Fault):
    """Headers and opening events arrive, then nothing; without a stream, headers only."""


@dataclass(frozen=True, slots=True)
class SilenceAfterEvent(Fault):
    """``event`` events arrive, then nothing; the connection stays open."""

    event: int
    stream_only: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class CleanEndAfterEvent(Fault):
    """``event`` events arrive, then the body ends properly, as if that were all."""

    event: int
    stream_only: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class CleanEndAtByte(Fault):
    """``byte`` bytes of the body arrive, then the body ends properly."""

    byte: int


@dataclass(frozen=True, slots=True)
class CloseAtByte(Fault):
    """``byte`` bytes of the body arrive, then the connection is closed (FIN) in mid-body."""

    byte: int


@dataclass(frozen=True, slots=True)
class ResetAtByte(Fault):
    """``byte`` bytes of the body arrive, then the connection is reset (RST)."""

    byte: int


@dataclass(frozen=True, slots=True)
class HttpError(Fault):
    """An error status with the provider's own error body; the hints are sent as they are.

    Without ``error`` the body is the one that goes with the status.
    """

    status: int = field(metadata={"range": (400, 599)})
    error: str | None = field(default=None, metadata={"choices": ERRORS})
    retry_after: str | None = None
    retry_after_ms: str | None = None


@dataclass(frozen=True, slots=True)
class HtmlPage(Fault):
    """A gateway's HTML page instead of JSON or events."""

    status: int = field(default=502, metadata={"range": (200, 599)})


@dataclass(frozen=True, slots=True)
class WrongContentType(Fault):
    """The good body under another Content-Type."""

    content_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class OkWithErrorBody(Fault):
    """Status 200, JSON, and an error object in place of the answer."""

    error: str = field(default="overloaded", metadata={"choices": ERRORS})


@dataclass(frozen=True, slots=True)
class InBandError(Fault):
    """An error event inside a 200 stream, after ``after_event`` events.

    By default it follows the first content.
    """

    error: str = field(default="overloaded", metadata={"choices": ERRORS})
    after_event: int | None = None
    stream_only: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class ResponseFailed(Fault):
    """The Responses API's own terminal ``response.failed``; by default after the first content."""

    error: str = field(default="server_error", metadata={"choices": ERRORS})
    after_event: int | None = None
    stream_only: ClassVar[bool] = True
    path_only: ClassVar[str | None] = "/v1/responses"


@dataclass(frozen=True, slots=True)
class MalformedJson(Fault):
    """The JSON of one event (or of the whole body) stops half way; the rest follows as usual.

    ``after_event`` events come before it; by default it is the one after the first content.
    """

    after_event: int | None = None


@dataclass(frozen=True, slots=True)
class MalformedSse(Fault):
    """One event is framed wrongly; the rest follows as usual.

    ``joined-events`` drops the blank line after it, ``bare-json`` its ``data:`` field name,
    ``bad-utf8`` puts a byte in it that no UTF-8 text has.
    """

    form: str = field(default="joined-events", metadata={"choices": SSE_FORMS})
    after_event: int | None = None
    stream_only: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class RstStream(Fault):
    """RST_STREAM with ``code``, after ``after_event`` events or, by default, before headers."""

    code: str = field(default="INTERNAL_ERROR", metadata={"choices": H2_CODES})
    after_event: int | None = None
    http2_only: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Goaway(Fault):
    """GOAWAY with ``code`` and a closed connection, after ``after_event`` events or at once.

    The stream counts as accepted by the server, so a client may not repeat it by itself.
    """

    code: str = field(default="NO_ERROR", metadata={"choices": H2_CODES})
    after_event: int | None = None
    http2_only: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class ShortBody(Fault):
    """END_STREAM after ``byte`` bytes of a body whose content-length announces all of them."""

    byte: int = 20
    http2_only: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class ResetUnframed(Fault):
    """``byte`` bytes of a body that only the end of the connection ends, then a reset (RST)."""

    byte: int = 20
    http1_only: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class SlowDrip(Fault):
    """The whole good body, ``bytes`` bytes every ``every_s`` seconds."""

    bytes: int = field(default=16, metadata={"range": (1, None)})
    every_s: float = 0.05


def parse_fault(spec: str | Mapping[str, object]) -> Fault:
    """Return the fault that short text or JSON names.

    >>> parse_fault("close-at-byte:120")
    CloseAtByte(byte=120)
    >>> parse_fault({"step": "html-page", "status": 503})
    HtmlPage(status=503)

    Raises
    ------
    ScriptError
        For an unknown name (with the near one), field or value.
    """
    return from_text(FAULTS, spec) if isinstance(spec, str) else from_json(FAULTS, spec)
