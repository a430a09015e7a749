"""One exception of a chain: what it says of status, headers, body, provider and waits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple, TypeVar

from chatlab.errors.observation import Raised, StreamReset
from chatlab.errors.observing import rpc, transport
from chatlab.errors.observing.attributes import attribute, facts_of, is_a, text_of, told
from chatlab.errors.observing.responses import (
    as_response,
    by_name,
    content_of,
    headers_of,
    provider_at,
    status_named,
    status_of,
)
from chatlab.errors.observing.waits import waits_in
from chatlab.text.patterns import lazy

_Found = TypeVar("_Found")
_NOT_SAID: Final = lazy(r"\[type=[^\n]*|^ {0,8}Input should be[^\n]*", re.MULTILINE)
"""In pydantic's text: the input, which is the caller's or the model's, and what it may be."""
_COLOUR: Final = lazy(r"\x1b\[[\d;]*m")
_RAISED: Final = lazy(r"[A-Za-z_][\w.]{0,200}: ")
_UNSENT_STATUS: Final = lazy(r"\b400, message[:=]\s*")
_STATUS: Final = ("provider_status_code", "status_code", "http_status", "status", "code")
_BODY: Final = ("body", "json_body", "details", "error", "doc")  # doc: what was no JSON
_IN_STREAM: Final = "litellm.exceptions.MidStreamFallbackError"
_INVENTED: Final = ("APIConnectionError", "MidStreamFallbackError")
_PLAIN: Final = frozenset({str, bytes, int, float, bool, type(None)})
_TRANSPORT: Final = frozenset(
    {"httpx", "httpx2", "httpcore", "httpcore2", "h11", "h2", "aiohttp", "ssl", "socket"}
)


class Link(NamedTuple):
    """One exception of a chain.

    name: of its class, dotted. told: the attributes that it has. held: the objects among its
    arguments, which may be exceptions or events.
    """

    exception: object
    name: str
    told: Mapping[str, object]
    held: tuple[object, ...]


def link_of(exception: object) -> Link:
    """The link that `exception` is."""
    facts, args = facts_of(type(exception)), attribute(exception, "args")
    has = told(exception, facts)
    if "response" in has:
        has["response"] = as_response(has["response"])
    held: tuple[object, ...] = ()
    if type(args) is tuple or type(args) is list:
        held = tuple([one for one in args if type(one) not in _PLAIN])
    return Link(exception, facts.name, has, held)


def first(read: Callable[[Link], _Found | None], links: list[Link]) -> _Found | None:
    """What `read` finds on the first of `links` on which it finds something."""
    for link in links:
        try:
            found = read(link)
        except Exception:  # what a hostile attribute does counts as not observed
            continue
        if found is not None:
            return found
    return None


def raised_by(link: Link) -> Raised:
    """The class and the text of an exception.

    Of the traceback that a pool of processes hangs below an error, its last line: the error.
    """
    said = said_by(link)
    if link.name.endswith("RemoteTraceback"):
        name, colon, words = said.partition(": ")
        if colon and " " not in name:
            return Raised(name, words)
    return Raised(link.name, said)


def said_by(link: Link) -> str:
    """The text of an exception, without what its library adds of its own."""
    if link.name.startswith("grpc."):
        status = rpc.status_of(link.exception)
        if status is not None:
            return f"{status['status']}: {status['message']}"
    if is_a(link.exception, SystemExit) and isinstance(link.told.get("code"), int):
        return ""
    if link.name.startswith("websockets."):
        reason = transport.close_reason(link.told)
        if reason is not None:
            return reason
    said = text_of(link.exception)
    if link.name.startswith("ray.") or link.name.endswith("RemoteTraceback"):
        return _last_raised(said)
    if link.name == "celery.exceptions.Retry" and "exc" in link.told:
        return ""  # it names the wait that Celery chose
    if link.name.startswith("pydantic_core."):
        return _NOT_SAID.sub("", said)
    return _UNSENT_STATUS.sub("", said) if _is_unreadable(link) else said


def _last_raised(said: str) -> str:
    """Of a traceback that stands for an error of another process, the error."""
    lines = _COLOUR.sub("", said).rstrip("\n\"' ").splitlines()
    raised = [line for line in lines if _RAISED.match(line)]
    return raised[-1] if raised else said


def _is_unreadable(link: Link) -> bool:
    """Whether aiohttp could not read the answer: the 400 that it then names was never sent."""
    if not link.name.startswith("aiohttp."):
        return False
    cause = facts_of(type(attribute(link.exception, "__cause__"))).name
    return any(name.startswith("aiohttp.http_exceptions.") for name in (link.name, cause))


def status_of_link(link: Link) -> int | None:
    """The HTTP status that an exception carries, where a server can have sent it."""
    has = link.told
    if not has or _is_unsent(link):
        return None
    for name in _STATUS:
        if name in has:
            value = has[name]
            if type(value) is int and 100 <= value <= 599:
                return value
            number = status_named(name, value)
            if number is not None:
                return number
    return status_of(has["response"]) if "response" in has else None


def is_unanswered(links: list[Link]) -> bool:
    """Whether LiteLLM invented the statuses of a chain, which is innermost first.

    It gives one to errors of the connection, and to those inside a stream that began with 200.
    """
    if any(link.name == _IN_STREAM for link in links):
        return True
    innermost = links[0]
    if "response" in innermost.told:
        return False
    if innermost.name.partition(".")[0] in _TRANSPORT:
        return True
    return is_a(innermost.exception, ConnectionError) or is_a(innermost.exception, TimeoutError)


def attributes_of_link(link: Link) -> Mapping[str, object] | None:
    """The codes and waits that an exception carries in attributes of its own."""
    has, found = link.told, waits_in(link.told)
    rpc_failed = link.name.startswith("grpc.")
    code = rpc.code_of(link.exception) if rpc_failed else transport.code_of(link.name, has)
    if code is None and "body" not in has:
        for name in ("status_code", "code"):
            one = has.get(name)
            if isinstance(one, str) and not one.isdecimal():
                code = one
                break
    if code:
        found["code"] = code
    return found or None


def _is_unsent(link: Link) -> bool:
    """Whether the number is no status that a server sent: an exit code, a client's invention."""
    if link.told.get("in_stream") is True:  # pydantic-ai
        return True
    name = link.name
    if name.startswith("litellm."):
        return name.rpartition(".")[2] in _INVENTED
    return is_a(link.exception, SystemExit) or _is_unreadable(link)


def headers_of_link(link: Link) -> Mapping[str, object] | None:
    """The headers of the response that an exception carries."""
    has = link.told
    if "litellm_response_headers" in has:  # LiteLLM invents an empty response beside them
        found = by_name(has["litellm_response_headers"])
        if found:
            return found
    if "response" in has:
        from_response = headers_of(has["response"])
        if from_response:
            return from_response
    if "headers" in has:
        found = by_name(has["headers"])
        if found:
            return found
    if link.name.startswith("grpc."):
        return rpc.headers_of(link.exception)
    return None


def body_of_link(link: Link) -> object:
    """The body of the response that an exception carries, else the part that it kept."""
    has = link.told
    if "response" in has:
        content = content_of(has["response"])
        if content:
            return content
    if link.name.startswith("grpc."):
        status = rpc.status_of(link.exception)
        if status is not None:
            return status
    if not has:
        return None
    for name in _BODY:
        value = has.get(name)
        if name == "doc" and transport.is_cut(has):
            continue
        if isinstance(value, Mapping | list | tuple | str | bytes) and value:
            return value
    return content_of(link.exception) if status_of_link(link) is not None else None


def name_of_link(link: Link) -> str | None:
    """The provider that LiteLLM names on its exceptions, beside addresses that it invents."""
    named = link.told.get("llm_provider")
    return named if isinstance(named, str) and named else None


def provider_of_link(link: Link) -> str | None:
    """Who was called, by the host in the address of the request."""
    has = link.told
    if not has:
        return None
    for url in _addresses(has):
        found = provider_at(url)
        if found is not None:
            return found
    return None


def _addresses(has: Mapping[str, object]) -> Iterator[object]:
    response = has.get("response")
    for holder in (has.get("request"), attribute(response, "request"), has.get("request_info")):
        if holder is not None:
            yield attribute(holder, "url")
    if response is not None:
        yield attribute(response, "url")
    yield has.get("url")


def reset_of_link(link: Link) -> StreamReset | None:
    """The typed HTTP/2 reset among an exception's arguments."""
    return transport.reset_in(link.held)
