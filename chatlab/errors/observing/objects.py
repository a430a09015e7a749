"""Anything that a failed call leaves behind, turned into a `Failure`.

Nothing is imported to do it: exceptions and responses are read by the attributes that their
libraries give them. Whatever misbehaves while it is read (a ``__str__`` that raises, a property
that needs a body which was never read) counts as not observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, TypeVar

from chatlab.errors.failure import Failure
from chatlab.errors.observing.attributes import (
    ATTACHED,
    attribute,
    called,
    facts_of,
    is_a,
    text_of,
)
from chatlab.errors.observing.exceptions import attached_to, chain_of, failure_of, seen_in
from chatlab.errors.observing.pasted import failures_of, from_payload, from_text
from chatlab.errors.observing.raised import body_of_link, link_of, provider_of_link
from chatlab.errors.observing.responses import headers_of, status_of
from chatlab.errors.reading.fields import decoded
from chatlab.errors.verdict import Verdict

_NOTHING: Final = object()
_SomeException = TypeVar("_SomeException", bound=BaseException)


def with_verdict(exception: _SomeException, verdict: Verdict) -> _SomeException:
    """`exception` itself, carrying `verdict`: `classify` gives it back, through any wrapping.

    Parameters
    ----------
    exception
        What is about to be raised; also one whose class forbids to assign attributes.
    verdict
        What is known better than anything that could be read of it.

    Returns
    -------
    BaseException
        The same object.

    Examples
    --------
    >>> from chatlab import Kind, Verdict, classify
    >>> purpose = Verdict(Kind.STREAM_SILENCE_TIMEOUT, retryable=True)
    >>> classify(ExceptionGroup("two", [with_verdict(OSError(), purpose), KeyError()])) is purpose
    True
    """
    object.__setattr__(exception, ATTACHED, verdict)  # also where the class forbids to assign
    return exception


def attached_verdict(thing: object) -> Verdict | None:
    """The verdict that an exception, or one that it wraps, carries."""
    return attached_to(chain_of(thing)) if is_a(thing, BaseException) else None


def observe(thing: object, provider: str | None = None) -> Failure:
    """The `Failure` that `thing` shows; never raises.

    Parameters
    ----------
    thing
        An exception, a response, a payload, an event, a text or a `Failure`.
    provider
        Who answered, where the caller knows; it beats what `thing` says of it.

    Returns
    -------
    Failure
        Of an exception, all that its chain shows: the innermost exception that has a field gives
        it. Of a group one member gives every field, the first that tells of a provider's failure.

    Examples
    --------
    >>> error = RuntimeError("the agent gave up")
    >>> error.__cause__ = ConnectionResetError(104, "Connection reset by peer")
    >>> observe(error).causes
    (Raised(type='ConnectionResetError', text='[Errno 104] Connection reset by peer'),)
    """
    try:
        seen = failure_of(chain_of(thing)) if is_a(thing, BaseException) else _observed(thing)
        return seen if provider is None else replace(seen, provider=provider)
    except Exception:  # whatever a hostile object does, the caller gets a verdict
        return Failure(exception_type=facts_of(type(thing)).name, provider=provider)


def observe_all(thing: object, provider: str | None = None) -> tuple[Failure, ...]:
    """The failures in a record of several calls, such as a HAR file; of anything else one.

    Parameters
    ----------
    thing
        As `observe` takes it.
    provider
        Who answered, where the caller knows.

    Returns
    -------
    tuple of Failure
        At least one; where none of the calls failed, one that shows nothing.

    Examples
    --------
    >>> failed = {"level": "error", "time": 1, "msg": "Request timed out."}
    >>> len(observe_all([failed, failed]))
    2
    """
    try:
        several = failures_of(decoded(thing) if isinstance(thing, bytes) else thing)
    except Exception:  # a hostile object
        several = ()
    if not several:
        return (observe(thing, provider),)
    return several if provider is None else tuple(replace(o, provider=provider) for o in several)


def look_at(thing: object, provider: str | None = None) -> Failure | Verdict:
    """The verdict that `thing` carries, else what `observe` makes of it; never raises."""
    if is_a(thing, BaseException):
        try:
            seen = seen_in(thing)
        except Exception:  # a hostile object once more
            return observe(thing, provider)
        if provider is None or not isinstance(seen, Failure):
            return seen
        return replace(seen, provider=provider)
    return observe(thing, provider)


def _observed(thing: object) -> Failure:
    held = thing if isinstance(thing, Failure) else attribute(thing, "failure")
    if isinstance(held, Failure):
        return held
    if isinstance(thing, str | bytes | bytearray | memoryview):
        return from_text(decoded(thing) or "")
    if isinstance(thing, Mapping | list | tuple):
        return from_payload(thing)
    if thing is None:
        return Failure()
    return _from_response(thing) or _from_fields(thing)


def _from_response(thing: object) -> Failure | None:
    link = link_of(thing)
    status, headers = status_of(thing), headers_of(thing)
    if status is None and headers is None:
        return None
    host = provider_of_link(link)
    return Failure(status=status, headers=headers, body=body_of_link(link), provider=host)


def _from_fields(thing: object) -> Failure:
    for name in ("model_dump", "to_dict", "dict"):
        fields = called(thing, name)
        if isinstance(fields, Mapping):
            return from_payload(fields)
    event, data = attribute(thing, "event", _NOTHING), attribute(thing, "data")
    if event is not _NOTHING and isinstance(data, str | bytes):
        return from_payload({"event": event, "data": data})
    return from_text(text_of(thing))
