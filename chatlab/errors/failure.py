"""A failed call: what was observed of it, and the signals that are read from that on demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chatlab.errors.observation import Observation
from chatlab.errors.providers import SHIPPED, Providers
from chatlab.errors.reading.signals import NO_SIGNALS, Signals, read_signals


@dataclass(frozen=True, slots=True, repr=False)
class Failure(Observation):
    """Everything that was seen of one failed call, as it was seen.

    Any value is allowed anywhere: hostile or malformed ones are kept here and skipped by what
    reads them.

    Parameters
    ----------
    status
        The HTTP status.
    headers
        Of the response.
    body
        Decoded JSON, text or bytes.
    exception_type, exception_text
        Of the exception that reached the caller.
    causes
        The exceptions that it wraps, outermost first.
    text
        Anything pasted, such as a log line.
    provider
        Who the caller says answered.
    reset
        A typed HTTP/2 reset.
    seen_at
        When the response was seen: a date to wait for counts from then, where the response has no
        ``Date`` of its own.
    attributes
        Codes and waits that exceptions carry in attributes of their own, such as a close code of
        a WebSocket as ``code`` or seconds as ``retry_after``.

    Examples
    --------
    >>> from chatlab import Failure, classify
    >>> classify(Failure(status=429, headers={"retry-after": "2"})).retry_after_s
    2.0
    """

    _signals: Signals | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def signals(self) -> Signals:
        """What the rules are matched against; read once, when it is first asked for."""
        known = self._signals
        if known is None:
            try:
                known = read_signals(self)
            except Exception:  # whatever a hostile value does, there is a failure to judge
                known = NO_SIGNALS
            object.__setattr__(self, "_signals", known)
        return known

    def signals_among(self, providers: Providers) -> Signals:
        """The signals, where a table of rules knows further providers."""
        if providers is SHIPPED:
            return self.signals
        try:
            return read_signals(self, providers)
        except Exception:  # as for `signals`
            return NO_SIGNALS

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
