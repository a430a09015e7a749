"""The JSON in which failures are sent to viewers and stored: `ChatError`, `ChatStreamRetry`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from chatlab.errors.kinds import Kind
from chatlab.errors.verdict import Verdict

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_KINDS: Final = frozenset(Kind)
_OPTIONAL: Final = (("provider", str), ("retryable", bool), ("status_code", int), ("detail", str))


@dataclass(frozen=True, slots=True)
class ChatError:
    """The turn has failed for good.

    Parameters
    ----------
    message:
        For people.
    kind, retryable, provider, status_code:
        Of the verdict.
    detail:
        What the provider said.

    Examples
    --------
    >>> ChatError("The key is wrong.", Kind.AUTH, retryable=False).message
    'The key is wrong.'
    """

    message: str
    kind: Kind
    retryable: bool
    provider: str | None = None
    status_code: int | None = None
    detail: str | None = None

    @classmethod
    def of(cls, verdict: Verdict) -> ChatError:
        """The error that `verdict` makes of the turn."""
        said = verdict.message, verdict.kind, verdict.retryable
        return cls(*said, verdict.provider, verdict.status_code, verdict.detail or None)


@dataclass(frozen=True, slots=True)
class ChatStreamRetry:
    """An attempt has failed; the next follows.

    Parameters
    ----------
    attempt:
        The number of the attempt that failed, from 1.
    delay_ms:
        How long until the next one, in milliseconds.
    error:
        The retry message, a bare fact.
    kind, provider, status_code:
        Of the verdict.
    retrying_at:
        When the next attempt begins: RFC 3339, UTC, with milliseconds.

    Examples
    --------
    >>> retry = ChatStreamRetry(1, 2500, "Overloaded.", Kind.OVERLOADED, "2026-05-01T12:00:00.000Z")
    >>> retry.delay_s
    2.5
    """

    attempt: int
    delay_ms: int
    error: str
    kind: Kind
    retrying_at: str
    provider: str | None = None
    status_code: int | None = None

    @property
    def delay_s(self) -> float:
        """The announced wait in seconds: the one to sleep."""
        return self.delay_ms / 1000

    @classmethod
    def announce(
        cls, verdict: Verdict, *, attempt: int, delay_s: float, now_s: float
    ) -> ChatStreamRetry:
        """The event for a wait of `delay_s` that begins at `now_s` (Unix time in seconds).

        Rounded up to whole milliseconds, here and nowhere else: sleep the event's own `delay_s`,
        so that the wait is the announced one. Raises ValueError for an attempt below 1 and a
        negative or endless wait, OverflowError for a time after the year 9999.
        """
        if attempt < 1 or not 0 <= delay_s < math.inf:
            wrong = f"retry event: attempt {attempt!r}, delay_s {delay_s!r}"
            raise ValueError(f"{wrong}; give an attempt from 1 and a finite wait from 0")
        delay_ms = math.ceil(round(delay_s * 1000, 6))
        due = _EPOCH + timedelta(milliseconds=round(now_s * 1000) + delay_ms)
        at = due.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        said = verdict.retry_message
        who, status = verdict.provider, verdict.status_code
        return cls(attempt, delay_ms, said, verdict.kind, at, who, status)


def chat_error(verdict: Verdict) -> dict[str, object]:
    """`ChatError` as JSON: ``provider``, ``status_code``, ``detail`` only if there are any."""
    error = ChatError.of(verdict)
    optional = [(name, getattr(error, name)) for name, _ in _OPTIONAL]
    told = {name: value for name, value in optional if value is not None}
    return {"message": error.message, "kind": str(error.kind), **told}


def last_error(stored: object) -> dict[str, object] | None:
    """A conversation's last error, from the decoded JSON that was stored for it.

    A `ChatError` object comes back as one; a kind that is not known here is ``generic``, and what
    does not belong is left out. A plain string, as older versions stored it, becomes ``{message,
    kind: "generic"}``; null stays None. Applied to its own result it changes nothing, so stored
    errors can be rewritten by it any number of times. Raises ValueError for anything else.
    """
    if stored is None:
        return None
    if isinstance(stored, str):
        return {"message": stored, "kind": str(Kind.GENERIC)}
    message = stored.get("message") if isinstance(stored, Mapping) else None
    if not isinstance(stored, Mapping) or not isinstance(message, str):
        raise ValueError(
            f"last error: {stored!r:.80} is no error; store an object with a message (a text), "
            "a text, or null"
        )
    kind = stored.get("kind")
    known = kind if isinstance(kind, str) and kind in _KINDS else Kind.GENERIC
    told = {name: stored[name] for name, kind in _OPTIONAL if _holds(stored.get(name), kind)}
    return {"message": message, "kind": str(known), **told}


def _holds(value: object, kind: type) -> bool:
    return isinstance(value, kind) and (kind is bool or (bool(value) and value is not True))
