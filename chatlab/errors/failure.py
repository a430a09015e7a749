"""What was observed of a failure; nothing in here is a judgement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final

from chatlab.errors.reading.signals import NO_SIGNALS, Signals, read_signals
from chatlab.errors.redact import redacted
from chatlab.text.markup import shortened, visible

_REPR_CHARS: Final = 2_000
_NO_CAUSES: Final[tuple[Raised, ...]] = ()


@dataclass(frozen=True, slots=True)
class StreamReset:
    """An HTTP/2 reset as the protocol library typed it.

    code: the RFC 9113 name, for example ``"INTERNAL_ERROR"``. by_peer: whether the other side
    sent it.
    """

    code: str
    by_peer: bool


@dataclass(frozen=True, slots=True)
class Raised:
    """One exception of a cause chain: its dotted class name and its text."""

    type: str
    text: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Failure:
    """Everything that was seen of one failed call, as it was seen.

    status: the HTTP status. headers: of the response. body: decoded JSON, text or bytes.
    exception_type, exception_text: of the exception that reached the caller. causes: what it
    wraps, outermost first. text: anything pasted, such as a log line. provider: who the caller
    says answered. reset: a typed HTTP/2 reset.

    Any value is allowed anywhere: hostile or malformed ones are kept here and skipped by what
    reads them. Building a `Failure` also reads its `signals`, so that judging it is cheap.
    """

    status: object = None
    headers: Mapping[str, object] | None = None
    body: object = None
    exception_type: str | None = None
    exception_text: str | None = None
    causes: tuple[Raised, ...] = _NO_CAUSES
    text: str | bytes | None = None
    provider: str | None = None
    reset: StreamReset | None = None
    signals: Signals = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            signals = read_signals(self)
        except Exception:  # whatever a hostile value does, there is a failure to judge
            signals = NO_SIGNALS
        object.__setattr__(self, "signals", signals)

    def __repr__(self) -> str:
        said = []
        for one in fields(self):
            value = getattr(self, one.name) if one.init else None
            if value is None or value is _NO_CAUSES:
                continue
            try:
                said.append(f"{one.name}={value!r}")
            except Exception:  # whatever a hostile value does, a repr is given
                said.append(f"{one.name}=?")
        return f"Failure({shortened(visible(redacted(', '.join(said))), _REPR_CHARS)})"

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> Failure:
        """The failure that a corpus record, or a line given to ``classify --jsonl``, describes."""
        exception = record.get("exception")
        seen: Mapping[str, object] = exception if isinstance(exception, Mapping) else {}
        return cls(
            status=record.get("status"),
            headers=_mapping(record.get("headers")),
            body=record.get("body"),
            exception_type=_text(seen.get("type")),
            exception_text=_text(seen.get("text")),
            text=_text(record.get("text")),
            provider=_text(record.get("provider")),
        )


def _mapping(value: object) -> Mapping[str, object] | None:
    return value if isinstance(value, Mapping) else None


def _text(value: object) -> str | None:
    return None if value is None else value if isinstance(value, str) else str(value)
