"""What was observed of a failed call, as it was seen; nothing in here is computed or judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

from chatlab.errors.redact import redacted
from chatlab.text.markup import shortened, visible

_REPR_CHARS: Final = 2_000
_NO_CAUSES: Final[tuple[Raised, ...]] = ()


@dataclass(frozen=True, slots=True)
class StreamReset:
    """An HTTP/2 reset as the protocol library typed it.

    Parameters
    ----------
    code
        The RFC 9113 name, for example ``"INTERNAL_ERROR"``.
    by_peer
        Whether the other side sent it.
    """

    code: str
    by_peer: bool


@dataclass(frozen=True, slots=True)
class Raised:
    """One exception of a cause chain: its dotted class name and its text."""

    type: str
    text: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Observation:
    """The raw fields of a `chatlab.Failure`, which documents them."""

    status: object = None
    headers: Mapping[str, object] | None = None
    body: object = None
    exception_type: str | None = None
    exception_text: str | None = None
    causes: tuple[Raised, ...] = _NO_CAUSES
    text: str | bytes | None = None
    provider: str | None = None
    reset: StreamReset | None = None
    attributes: Mapping[str, object] | None = None
    seen_at: datetime | None = None

    def __repr__(self) -> str:
        shown = []
        for one in fields(Observation):
            value = getattr(self, one.name)
            if value is None or value is _NO_CAUSES:
                continue
            try:
                shown.append(f"{one.name}={value!r}")
            except Exception:  # whatever a hostile value does, a repr is given
                shown.append(f"{one.name}=?")
        return f"Failure({shortened(visible(redacted(', '.join(shown))), _REPR_CHARS)})"
