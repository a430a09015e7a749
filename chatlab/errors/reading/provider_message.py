"""What the provider itself said, without the wrapping of client libraries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from chatlab.errors.kinds import Kind
from chatlab.errors.observation import Observation
from chatlab.errors.reading.collected import all_places
from chatlab.errors.reading.fields import Origin, decoded, parsed
from chatlab.errors.reading.text.streams import is_event_stream
from chatlab.errors.reading.text.structures import MAX_PARSED_CHARS, structures
from chatlab.errors.redact import redacted
from chatlab.text.patterns import lazy

if TYPE_CHECKING:
    from chatlab.errors.failure import Failure

MAX_DETAIL_CHARS: Final = 500
_MAX_STEPS: Final = 100
_MAX_EVENTS: Final = 8
_NESTED: Final = ("error", "Error", "errors", "response")
_SAID: Final = ("message", "detail", "error", "Message", "msg", "error_description")
_AFTER_JSON: Final = " \t\r\n'\"`.,;:)]}>"
_BLANKED: Final = "\x1a\x1a"
"""In a line of which a part was the caller's request."""
_TRACEBACK: Final = "Traceback (most recent call last)"
_WRAPPER: Final = lazy(r"Error code: \d{3} - ")
_CLASS_NAME: Final = lazy(r"[A-Za-z_][\w.]*: ")
_COLOUR: Final = lazy(r"\x1b\[[\d;]*m")
_URL: Final = lazy(
    r"""[("'`<\[]?\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.|(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}/)
    [^\s"'`<>)\]]*[)"'`>\]]?""",
    re.VERBOSE | re.IGNORECASE,
)
_TAG: Final = lazy(
    r"""<(script|style)\b.*?(?:</\1\s*>|\Z) | <!--.*?(?:-->|\Z)
    | </?(?:!doctype|html|head|body|title|meta|link|base|h[1-6]|p|div|span|center|hr|br|a|b|i|u|em
    |strong|small|code|pre|ul|ol|li|dl|dt|dd|table|thead|tbody|tr|td|th|section|article|header
    |footer|main|nav|form|input|button|label|img|svg|path|noscript|iframe|address)\b[^<>]{0,2000}>""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def detail(failure: Failure, kind: Kind) -> str:
    """The provider's own message, at most `MAX_DETAIL_CHARS` code points.

    Taken from the JSON envelope of the body, or of the JSON inside an exception's text or a
    pasted one; else the text itself, without URLs. Never echoes a secret; of an `auth` failure,
    not even a masked one.
    """
    for raw in (failure.body, failure.exception_text, failure.text):
        try:
            said = _trimmed(_enveloped(raw, iter(range(_MAX_STEPS))) or "", kind)
        except Exception:  # a mapping that misbehaves says nothing
            continue
        if said:
            return said
    for raw in (failure.exception_text, _speaking(failure), failure.body):
        said = _trimmed(_prose((decoded(raw) or "")[:MAX_PARSED_CHARS]), kind)
        if said:
            return said
    return ""


def _speaking(failure: Failure) -> str:
    """The lines of a pasted text that report the failure; all of it where none does."""
    text = decoded(failure.text) or ""
    if not text or _TRACEBACK in text:
        return text
    if "\n" in text:
        text = redacted(text[:MAX_PARSED_CHARS])  # before a key is parted from its other line
    try:
        places = all_places(Observation(text=text))
    except Exception:  # a hostile text says nothing
        return ""
    errors = [place.value for place in places if place.origin is Origin.ERROR]
    lines = "\n".join(errors or [place.value for place in places]).splitlines()
    return "\n".join(line for line in lines if _BLANKED not in line).replace("\x1a", "")


def _enveloped(raw: object, steps: Iterator[int]) -> str | None:
    """The message of the envelope that `raw` is or holds; each look into it takes a step."""
    value = parsed(raw) if next(steps, None) is not None else None
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    if isinstance(value, str):
        return _embedded(value, steps)
    if not isinstance(value, Mapping):
        return None
    nested = (value.get(name) for name in _NESTED)
    for candidate in (*filter(_is_nested, nested), *map(value.get, _SAID)):
        found = _enveloped(candidate, steps)
        if found or (isinstance(candidate, str) and candidate.strip()):
            return found or str(candidate)
    return None


def _is_nested(value: object) -> bool:
    return isinstance(value, Mapping | list | tuple)


def _embedded(text: str, steps: Iterator[int]) -> str | None:
    """The message in the JSON that a wrapper repeats, or in the last event of a stream."""
    if len(text) > MAX_PARSED_CHARS:
        return None
    if is_event_stream(text):
        events = [line[5:] for line in text.splitlines() if line.startswith("data:")]
        said = (_enveloped(event, steps) for event in reversed(events[-_MAX_EVENTS:]))
    else:
        said = (
            _enveloped(found.value, steps)
            for found in structures(text)
            if isinstance(found.value, Mapping)
            and (
                not found.value.keys().isdisjoint(_NESTED)
                or not text[found.end :].strip(_AFTER_JSON)
            )
        )
    return next(filter(None, said), None)


def _prose(text: str) -> str:
    """`text` without the class names, addresses and markup around its words."""
    _, header, raised = text.rpartition(_TRACEBACK)
    said = [line for line in raised.lstrip(":").splitlines() if line[:1].strip()]
    if header and said:
        text = _without(_CLASS_NAME, "\n".join(said))
    text = _without(_WRAPPER, text.strip())
    words = _TAG.sub(" ", text)
    if words == text:
        return _URL.sub("", words)
    from html import unescape  # seldom needed, and slow to load

    return _URL.sub("", unescape(words))


def _without(opening: re.Pattern[str], text: str) -> str:
    found = opening.match(text)
    return text[found.end() :] if found else text


def _trimmed(text: str, kind: Kind) -> str:
    text = _COLOUR.sub("", text[:MAX_PARSED_CHARS])
    if "\n" in text or "\r" in text:
        text = redacted(text)  # a key that a line end cuts is known by that line end
    words = " ".join(text.split())
    text = " ".join("".join(filter(str.isprintable, words)).split())[: 4 * MAX_DETAIL_CHARS]
    text = redacted(text, fragments=kind is Kind.AUTH).strip()
    if len(text) > MAX_DETAIL_CHARS:
        text = text[: MAX_DETAIL_CHARS - 1].rstrip() + "…"
    return text
