"""Anything that a failed call leaves behind, turned into a `Failure`.

Nothing is imported to do it: exceptions and responses are read by the attributes that their
libraries give them. Whatever misbehaves while it is read (a ``__str__`` that raises, a property
that needs a body which was never read) counts as not observed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar, cast

from chatlab.errors.failure import Failure, Raised, StreamReset
from chatlab.errors.paste import from_text
from chatlab.errors.places import decoded

if TYPE_CHECKING:
    from chatlab.errors.verdict import Verdict

MAX_CHAIN: Final = 64
"""How many exceptions of a cause chain or group are looked at."""

_ATTACHED: Final = "__chatlab_verdict__"
_SomeException = TypeVar("_SomeException", bound=BaseException)


def with_verdict(exception: _SomeException, verdict: Verdict) -> _SomeException:
    """`exception` itself, carrying `verdict`: `classify` gives it back, through any wrapping."""
    setattr(exception, _ATTACHED, verdict)
    return exception


def attached_verdict(thing: object) -> Verdict | None:
    """The verdict that an exception, or one that it wraps, carries."""
    if not isinstance(thing, BaseException):
        return None
    for link in chain(thing):
        found = _attribute(link, _ATTACHED)
        if found is not None:
            return cast("Verdict", found)
    return None


def chain(exception: BaseException) -> Iterator[BaseException]:
    """`exception` and what it wraps, outermost first; safe against cycles, bounded."""
    waiting, known = [exception], set[int]()
    while waiting and len(known) < MAX_CHAIN:
        link = waiting.pop(0)
        if id(link) in known:
            continue
        known.add(id(link))
        yield link
        if isinstance(link, BaseExceptionGroup):
            waiting.extend(link.exceptions)
        inner = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
        for further in (inner, _attribute(link, "reason"), _attribute(link, "last_exception")):
            if isinstance(further, BaseException):
                waiting.append(further)


def observe(thing: object, provider: str | None = None) -> Failure:
    """The `Failure` that `thing` shows; never raises. `provider` beats what `thing` says of it."""
    try:
        failure = _observed(thing)
        return failure if provider is None else replace(failure, provider=provider)
    except Exception:  # whatever a hostile object does, the caller gets a verdict
        return Failure(exception_type=type(thing).__name__, provider=provider)


def _observed(thing: object) -> Failure:
    if isinstance(thing, Failure):
        return thing
    if isinstance(thing, BaseException):
        return _from_exception(thing)
    if isinstance(thing, str | bytes | bytearray | memoryview):
        return from_text(decoded(thing) or "")
    if isinstance(thing, Mapping | list | tuple):
        return Failure(body=thing)
    held = _attribute(thing, "failure")
    if isinstance(held, Failure):
        return held
    if thing is None:
        return Failure()
    if _status_of(thing) is not None or _attribute(thing, "headers") is not None:
        return Failure(status=_status_of(thing), headers=_headers_of(thing), body=_body_of(thing))
    fields = _fields_of(thing)
    return Failure(body=fields) if fields else from_text(_text_of(thing))


def _from_exception(exception: BaseException) -> Failure:
    links = list(chain(exception))
    status = next((found for link in links if (found := _status_of(link)) is not None), None)
    headers = next((found for link in links if (found := _headers_of(link))), None)
    body = next((found for link in links if (found := _body_of(link)) is not None), None)
    reset = next((found for link in links if (found := _reset_of(link)) is not None), None)
    return Failure(
        status=status,
        headers=headers,
        body=body,
        exception_type=_type_of(exception),
        exception_text=_text_of(exception),
        causes=tuple(Raised(_type_of(link), _text_of(link)) for link in links[1:]),
        reset=reset,
    )


def _attribute(thing: object, name: str) -> object | None:
    try:
        return getattr(thing, name, None)
    except Exception:
        return None


def _called(thing: object, name: str) -> object | None:
    method = _attribute(thing, name)
    if not callable(method):
        return method
    try:
        return _result(method)
    except Exception:
        return None


def _result(method: Callable[[], object]) -> object:
    return method()


def _type_of(exception: BaseException) -> str:
    kind = type(exception)
    module = kind.__module__
    return (
        kind.__qualname__ if module in ("builtins", "__main__") else f"{module}.{kind.__qualname__}"
    )


def _text_of(thing: object) -> str:
    try:
        return str(thing)
    except Exception:
        return ""


def _status_of(thing: object) -> object | None:
    response = _attribute(thing, "response")
    if isinstance(response, Mapping):  # botocore
        metadata = response.get("ResponseMetadata")
        return metadata.get("HTTPStatusCode") if isinstance(metadata, Mapping) else None
    for holder in (thing, response):
        for name in ("status_code", "http_status", "status", "code"):
            value = _attribute(holder, name)
            if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599:
                return int(value)
    return None


def _headers_of(thing: object) -> Mapping[str, object] | None:
    response = _attribute(thing, "response")
    if isinstance(response, Mapping):
        metadata = response.get("ResponseMetadata")
        found = metadata.get("HTTPHeaders") if isinstance(metadata, Mapping) else None
        return found if isinstance(found, Mapping) else None
    for holder in (response, thing):
        headers = _attribute(holder, "headers")
        if headers is None:
            continue
        try:
            return dict(headers.items())  # type: ignore[attr-defined]
        except Exception:
            continue
    return None


def _body_of(thing: object) -> object | None:
    response = _attribute(thing, "response")
    if isinstance(response, Mapping):
        return {key: response[key] for key in response if key != "ResponseMetadata"} or None
    body = _attribute(thing, "body")
    if isinstance(body, Mapping | list | str | bytes) and body:
        return body
    for name in ("json_body", "details", "error"):
        value = _called(thing, name)
        if isinstance(value, Mapping | list | str) and value:
            return value
    for holder in (response, thing):
        for name in ("_content", "_body", "text", "content"):
            value = _attribute(holder, name)
            if isinstance(value, str | bytes) and value:
                return value
    return None


def _reset_of(exception: BaseException) -> StreamReset | None:
    for event in (exception, *exception.args[:4]):
        code, remote = _attribute(event, "error_code"), _attribute(event, "remote_reset")
        if code is not None and isinstance(remote, bool):
            name = _attribute(code, "name")
            return StreamReset(name if isinstance(name, str) else str(code), remote)
    return None


def _fields_of(thing: object) -> Mapping[str, object] | None:
    for name in ("model_dump", "to_dict", "dict"):
        value = _called(thing, name)
        if isinstance(value, Mapping):
            return value
    data = _attribute(thing, "data")
    if isinstance(data, str | bytes):  # an SSE event
        return {"data": data}
    return None
