"""Anything that a failed call leaves behind, turned into a `Failure`.

Nothing is imported to do it: exceptions and responses are read by the attributes that their
libraries give them. Whatever misbehaves while it is read (a ``__str__`` that raises, a property
that needs a body which was never read) counts as not observed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from traceback import walk_tb
from types import SimpleNamespace, TracebackType
from typing import Final, TypeVar, cast
from urllib.parse import urlsplit

from chatlab.errors.failure import Failure
from chatlab.errors.observation import Raised, StreamReset
from chatlab.errors.reading.fields import decoded, parsed
from chatlab.errors.reading.http_status import is_error_status, structured
from chatlab.errors.reading.text import from_payload, from_text
from chatlab.errors.reading.who_answered import provider_in
from chatlab.errors.verdict import Verdict

MAX_CHAIN: Final = 10_000
"""How many exceptions of a cause chain or group are looked at."""

_KEPT: Final = 64  # of a longer chain: half of them the outermost, half the innermost
_MAX_HEADERS: Final = 500
_ATTACHED: Final = "__chatlab_verdict__"
_NOTHING: Final = object()
_UNSENT_STATUS: Final = re.compile(r"\b400, message[:=]\s*")
_SomeException = TypeVar("_SomeException", bound=BaseException)
_Link = TypeVar("_Link")
_Found = TypeVar("_Found")


def with_verdict(exception: _SomeException, verdict: Verdict) -> _SomeException:
    """`exception` itself, carrying `verdict`: `classify` gives it back, through any wrapping."""
    object.__setattr__(exception, _ATTACHED, verdict)  # also where the class forbids to assign
    return exception


def attached_verdict(thing: object) -> Verdict | None:
    """The verdict that an exception, or one that it wraps, carries."""
    if not _is(thing, BaseException):
        return None
    links = (_attribute(link, _ATTACHED) for level in _levels(thing) for link in level)
    return next((cast("Verdict", found) for found in links if _is(found, Verdict)), None)


def observe(thing: object, provider: str | None = None) -> Failure:
    """The `Failure` that `thing` shows; never raises. `provider` beats what `thing` says of it."""
    try:
        failure = _observed(thing)
        return failure if provider is None else replace(failure, provider=provider)
    except Exception:  # whatever a hostile object does, the caller gets a verdict
        return Failure(exception_type=_type_of(thing), provider=provider)


def _observed(thing: object) -> Failure:
    if _is(thing, BaseException):
        return _from_exception(thing)
    held = thing if isinstance(thing, Failure) else _attribute(thing, "failure")
    if isinstance(held, Failure):
        return held
    if isinstance(thing, str | bytes | bytearray | memoryview):
        return from_text(decoded(thing) or "")
    if isinstance(thing, Mapping | list | tuple):
        return from_payload(thing)
    if thing is None:
        return Failure()
    status, headers = _first(_status_of, [thing]), _first(_headers_of, [thing])
    if status is not None or headers is not None:
        body, host = _first(_body_of, [thing]), _first(_provider_of, [thing])
        return Failure(status=status, headers=headers, body=body, provider=host)
    fields = _fields_of(thing)
    return from_payload(fields) if fields else from_text(_text_of(thing))


def _from_exception(exception: object) -> Failure:
    levels = list(_levels(exception))
    inner_first = [link for level in reversed(levels) for link in level]
    links = [link for level in levels for link in level]
    if len(links) > _KEPT:
        links = links[: _KEPT // 2] + links[-_KEPT // 2 :]
    statuses = list(filter(None, (_first(_status_of, [link]) for link in inner_first)))
    return Failure(
        status=next(filter(is_error_status, statuses), statuses[0] if statuses else None),
        headers=_first(_headers_of, inner_first),
        body=_first(_body_of, inner_first),
        exception_type=_type_of(exception),
        exception_text=_said_by(exception),
        causes=tuple(Raised(_type_of(link), _said_by(link)) for link in links[1:]),
        provider=_first(_provider_of, inner_first),
        reset=_first(_reset_of, inner_first),
    )


def _first(read: Callable[[_Link], _Found | None], links: list[_Link]) -> _Found | None:
    for link in links:
        with suppress(Exception):  # what a hostile attribute does counts as not observed
            if (found := read(link)) is not None:
                return found
    return None


def _levels(exception: object) -> Iterator[list[object]]:
    """`exception`, then what it wraps, and so on; safe against cycles, bounded."""
    known, level = {id(exception)}, [exception]
    while level and len(known) < MAX_CHAIN:
        yield level
        below: list[object] = []
        for link in level:
            for inner in _wrapped_by(link):
                if _is(inner, BaseException) and id(inner) not in known:
                    known.add(id(inner))
                    below.append(inner)
        level = below


def _wrapped_by(link: object) -> Iterator[object]:
    cause, context = _attribute(link, "__cause__"), _attribute(link, "__context__")
    if cause is not None:
        yield cause
    elif not _attribute(link, "__suppress_context__") and not _is_another_call(link, context):
        yield context
    yield _attribute(link, "reason")
    for name in ("exceptions", "args"):
        several = _attribute(link, name)
        if type(several) in (list, tuple):
            yield from cast("list[object]", several)


def _is_another_call(link: object, context: object) -> bool:
    """Whether `link` was raised by a call, such as a fallback, in what handled `context`."""
    passed, raised = _frames(context), _frames(link)
    return bool(passed and raised) and raised[-1] not in passed


def _frames(exception: object) -> list[object]:
    traceback = _attribute(exception, "__traceback__")
    known = _is(traceback, TracebackType)
    return [frame for frame, _ in walk_tb(cast("TracebackType", traceback))] if known else []


def _is(thing: object, kind: type) -> bool:
    """``isinstance``, of an object that may lie about its class."""
    return issubclass(type(thing), kind)


def _attribute(thing: object, name: str, default: object = None) -> object:
    try:
        return getattr(thing, name, default)
    except Exception:
        return default


def _called(thing: object, name: str) -> object:
    try:
        return getattr(thing, name)()
    except Exception:
        return None


def _type_of(thing: object) -> str:
    module, name = _attribute(type(thing), "__module__"), _attribute(type(thing), "__qualname__")
    return f"{name}" if module in ("builtins", "__main__") else f"{module}.{name}"


def _text_of(thing: object) -> str:
    try:
        return str(thing)
    except Exception:
        return ""


def _said_by(exception: object) -> str:
    rpc = _rpc_of(exception)
    if rpc is not None:
        return f"{rpc['status']}: {rpc['message']}"
    if _is(exception, SystemExit) and isinstance(_attribute(exception, "code"), int):
        return ""
    said = _text_of(exception)
    return _UNSENT_STATUS.sub("", said) if _is_unreadable(exception) else said


def _rpc_of(exception: object) -> dict[str, object] | None:
    """The status of a gRPC error, whose own text is a dump of the call."""
    if not _type_of(exception).startswith("grpc."):
        return None
    name = _attribute(_called(exception, "code"), "name")
    return {"status": name, "message": _called(exception, "details")} if name else None


def _is_unreadable(exception: object) -> bool:
    """Whether aiohttp could not read the answer: the 400 that it then names was never sent."""
    seen = (exception, _attribute(exception, "__cause__"))
    return any(_type_of(link).startswith("aiohttp.http_exceptions.") for link in seen)


def _response_of(thing: object) -> object:
    response = _attribute(thing, "response")
    if not isinstance(response, Mapping):
        return response
    known = response.get("ResponseMetadata")  # botocore keeps a mapping, with this beside the body
    known = known if isinstance(known, Mapping) else {}
    body = {key: response[key] for key in response if key != "ResponseMetadata"}
    status, headers = known.get("HTTPStatusCode"), known.get("HTTPHeaders")
    return SimpleNamespace(status=status, headers=headers, _content=body)


def _status_of(thing: object) -> int | None:
    if _is(thing, SystemExit) or _is_unreadable(thing):
        return None
    for holder in (thing, _response_of(thing)):
        for name in ("status_code", "http_status", "status", "code"):
            value = _attribute(holder, name)
            number = structured(value) if name != "code" or isinstance(value, int) else None
            if number is not None:
                return number
    return None


def _headers_of(thing: object) -> Mapping[str, object] | None:
    holders = [_attribute(holder, "headers") for holder in (_response_of(thing), thing)]
    return next((found for headers in holders if (found := _by_name(headers))), None)


def _by_name(headers: object) -> Mapping[str, object] | None:
    """Headers, in a mapping or in pairs, by name; of several values the first."""
    pairs = headers if isinstance(headers, list | tuple) else _called(headers, "items")
    found: dict[str, object] = {}
    try:
        for name, value in islice(pairs, _MAX_HEADERS):  # type: ignore[call-overload]
            found.setdefault(decoded(name) or "", value)
    except Exception:
        return None
    return found


def _body_of(thing: object) -> object:
    content = _content_of(_response_of(thing)) or _rpc_of(thing)
    if content:
        return content
    for name in ("body", "json_body", "details", "error", "doc"):  # doc: what was no JSON
        value = _attribute(thing, name)
        if isinstance(value, Mapping | list | tuple | str | bytes) and value:
            return value
    return _content_of(thing) if _status_of(thing) is not None else None


def _content_of(holder: object) -> object:
    """What was read of a response already, decoded; reading more of it could block."""
    kept = _attribute(holder, "_content", _NOTHING) is not _NOTHING
    for name in ("_content",) if kept else ("_body", "text", "content"):
        value = _attribute(holder, name)
        if isinstance(value, Mapping | str | bytes) and value:
            return parsed(value)
    return None


def _provider_of(thing: object) -> str | None:
    """Who was called, by the host in the address of the request."""
    named = _attribute(thing, "llm_provider")  # LiteLLM's, which invents addresses
    if isinstance(named, str) and named:
        return named
    response = _attribute(thing, "response")
    requests = [_attribute(holder, "request") for holder in (thing, response)]
    holders = (*requests, _attribute(thing, "request_info"), response, thing)
    return _first(provider_in, [_host(_attribute(holder, "url")) for holder in holders])


def _host(url: object) -> str:
    try:
        return urlsplit(_text_of(url)).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


def _reset_of(exception: object) -> StreamReset | None:
    args = _attribute(exception, "args", ())
    for event in args if isinstance(args, tuple) else ():
        code, by_peer = _attribute(event, "error_code"), _attribute(event, "remote_reset")
        if code is not None and isinstance(by_peer, bool):
            name = _attribute(code, "name")
            return StreamReset(name if isinstance(name, str) else _text_of(code), by_peer)
    return None


def _fields_of(thing: object) -> Mapping[str, object] | None:
    for name in ("model_dump", "to_dict", "dict"):
        fields = _called(thing, name)
        if isinstance(fields, Mapping):
            return fields
    event, data = _attribute(thing, "event", _NOTHING), _attribute(thing, "data")
    known = event is not _NOTHING and isinstance(data, str | bytes)
    return {"event": event, "data": data} if known else None
