"""What the provider itself said, without the wrapping of client libraries."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import TYPE_CHECKING, Final

from chatlab.errors.kinds import Kind
from chatlab.errors.paste import embedded
from chatlab.errors.places import MAX_PARSED_CHARS, decoded, parsed
from chatlab.errors.redact import redacted

if TYPE_CHECKING:
    from chatlab.errors.failure import Failure

MAX_DETAIL_CHARS: Final = 500
_MAX_NESTING: Final = 16
_MAX_EVENTS: Final = 8
_NESTED: Final = ("error", "Error", "errors", "response")
_SAID: Final = ("message", "detail", "error", "Message", "msg", "error_description")
_AFTER_JSON: Final = " \t\r\n'\"`.,;:)]}>"
_TRACEBACK: Final = "Traceback (most recent call last)"
_WRAPPER: Final = re.compile(r"\s*Error code: \d{3} - ")
_CLASS_NAME: Final = re.compile(r"\s*[A-Za-z_][\w.]*: ")
_COLOUR: Final = re.compile(r"\x1b\[[\d;]*m")
_URL: Final = re.compile(
    r"""[("'`<\[]?\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.|(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}/)
    [^\s"'`<>)\]]*[)"'`>\]]?""",
    re.VERBOSE | re.IGNORECASE,
)
_TAG: Final = re.compile(
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
            said = _trimmed(_enveloped(raw, _MAX_NESTING) or "", kind)
        except Exception:  # a mapping that misbehaves says nothing
            continue
        if said:
            return said
    for raw in (failure.exception_text, failure.text, failure.body):
        said = _trimmed(_prose((decoded(raw) or "")[:MAX_PARSED_CHARS]), kind)
        if said:
            return said
    return ""


def _enveloped(raw: object, depth: int) -> str | None:
    value = parsed(raw)
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    if depth == 0 or isinstance(value, str):
        return _embedded(value, depth) if depth and isinstance(value, str) else None
    if not isinstance(value, Mapping):
        return None
    inner = (value.get(name) for name in _NESTED)
    for candidate in (
        *(found for found in inner if not isinstance(found, str)),
        *map(value.get, _SAID),
    ):
        found = _enveloped(candidate, depth - 1)
        if found or (isinstance(candidate, str) and candidate.strip()):
            return found or str(candidate)
    return None


def _embedded(text: str, depth: int) -> str | None:
    """The message in the JSON that a wrapper repeats, or in the last event of a stream."""
    if len(text) > MAX_PARSED_CHARS:
        return None
    if text.lstrip().startswith(("event:", "data:")):
        events = [line[5:] for line in text.splitlines() if line.startswith("data:")]
        said = (_enveloped(event, depth - 1) for event in reversed(events[-_MAX_EVENTS:]))
    else:
        said = (
            _enveloped(value, depth - 1)
            for value, after in embedded(text)
            if not value.keys().isdisjoint(_NESTED) or not after.strip(_AFTER_JSON)
        )
    return next(filter(None, said), None)


def _prose(text: str) -> str:
    """`text` without the class names, addresses and markup around its words."""
    before, _, raised = text.rpartition(_TRACEBACK)
    lines = [line for line in raised.lstrip(":").splitlines() if line[:1].strip()]
    if (before or text.startswith(_TRACEBACK)) and lines:
        text = _CLASS_NAME.sub("", "\n".join(lines), count=1)
    text = _WRAPPER.sub("", text, count=1)
    words = _TAG.sub(" ", text)
    return _URL.sub("", words if words == text else unescape(words))


def _trimmed(text: str, kind: Kind) -> str:
    words = " ".join(_COLOUR.sub("", text[:MAX_PARSED_CHARS]).split())
    text = " ".join("".join(filter(str.isprintable, words)).split())[: 4 * MAX_DETAIL_CHARS]
    text = redacted(text, fragments=kind is Kind.AUTH).strip()
    if len(text) > MAX_DETAIL_CHARS:
        text = text[: MAX_DETAIL_CHARS - 1].rstrip() + "…"
    return text
