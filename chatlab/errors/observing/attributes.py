"""Attributes of objects that may misbehave: whatever raises counts as not observed.

What an exception's class can say is looked up once a class; of each exception only the attributes
that are there are read.
"""

from __future__ import annotations

from typing import Final, NamedTuple

ATTACHED: Final = "__chatlab_verdict__"
"""Where `chatlab.with_verdict` keeps a verdict on an exception."""

TOLD: Final = frozenset(
    {
        *("status_code", "http_status", "status", "code", "provider_status_code", "in_stream"),
        *("response", "request", "request_info", "url", "headers", "litellm_response_headers"),
        *("llm_provider", "body", "json_body", "details", "error", "doc", "pos"),
        *("reason", "exceptions", "cause", "original_exception", "exc", "last_attempt"),
        *("retry_after", "retry_after_s", "retry_after_seconds", "retry_after_ms", "retry_delay"),
        *("reset_seconds", "reset_time", "rcvd", "sent", "trailing_metadata", ATTACHED),
    }
)
"""The attributes by which exceptions of SDKs, HTTP libraries and wrappers tell something."""

_MAX_CLASSES: Final = 1_024
_PLAIN: Final = (object, BaseException, Exception)


class ClassFacts(NamedTuple):
    """What is known of a class: its dotted name, and which of `TOLD` it gives its objects."""

    name: str
    told: tuple[str, ...]


_known: dict[int, tuple[type, ClassFacts]] = {}


def facts_of(kind: type) -> ClassFacts:
    """What `kind` gives to every object of it; looked up once, for a bounded number of classes."""
    known = _known.get(id(kind))
    if known is not None and known[0] is kind:
        return known[1]
    if len(_known) >= _MAX_CLASSES:
        _known.clear()
    facts = ClassFacts(_name_of(kind), _told_by(kind))
    _known[id(kind)] = (kind, facts)
    return facts


def _name_of(kind: type) -> str:
    module, name = attribute(kind, "__module__"), attribute(kind, "__qualname__")
    return f"{name}" if module in ("builtins", "__main__") else f"{module}.{name}"


def _told_by(kind: type) -> tuple[str, ...]:
    names: set[str] = set()
    try:
        for base in kind.__mro__:
            if base not in _PLAIN:
                given = vars(base)
                if "__getattr__" in given or "__getattribute__" in given:
                    return tuple(sorted(TOLD))  # it may answer to any name
                names |= TOLD & given.keys()
    except Exception:  # a metaclass that misbehaves
        return tuple(sorted(TOLD))
    return tuple(sorted(names))


def told(thing: object, facts: ClassFacts) -> dict[str, object]:
    """The attributes among `TOLD` that `thing`, of a class with `facts`, has; None is nothing."""
    own = attribute(thing, "__dict__")
    found: dict[str, object] = {}
    if type(own) is dict and own:
        for name in own if len(own) < len(TOLD) else TOLD & own.keys():
            if name in TOLD and own[name] is not None:
                found[name] = own[name]
    for name in facts.told:
        value = attribute(thing, name)
        if value is not None:
            found[name] = value
    return found


def is_a(thing: object, kind: type) -> bool:
    """``isinstance``, of an object that may lie about its class."""
    return issubclass(type(thing), kind)


def attribute(thing: object, name: str, default: object = None) -> object:
    """``getattr``, with `default` also for an attribute that raises."""
    try:
        return getattr(thing, name, default)
    except Exception:
        return default


def called(thing: object, name: str) -> object:
    """What the method `name` of `thing` gives, or None."""
    try:
        return getattr(thing, name)()
    except Exception:
        return None


def text_of(thing: object) -> str:
    """``str(thing)``, or ``""`` where that raises."""
    try:
        return str(thing)
    except Exception:
        return ""
