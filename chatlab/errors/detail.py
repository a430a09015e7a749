"""What the provider itself said, without the wrapping of client libraries."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from chatlab.errors.kinds import Kind
from chatlab.errors.places import MAX_PARSED_CHARS, decoded, parsed
from chatlab.errors.redact import redacted

if TYPE_CHECKING:
    from chatlab.errors.failure import Failure

MAX_DETAIL_CHARS: Final = 500
_MAX_NESTING: Final = 5
_MAX_BRACKETS: Final = 400
_URL: Final = re.compile(r"\(?\b[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>]+", re.IGNORECASE)
_TAG: Final = re.compile(r"<(?:script|style)\b.*?</(?:script|style)\s*>|<[^<>]{0,2000}>", re.DOTALL)


def detail(failure: Failure, kind: Kind) -> str:
    """The provider's own message, at most `MAX_DETAIL_CHARS` code points.

    Taken from the JSON envelope of the body, or of the JSON inside an exception's text or a
    pasted one; else the text itself, without URLs. Never echoes a secret.
    """
    for raw in (failure.body, failure.exception_text, failure.text):
        said = _enveloped(raw, _MAX_NESTING)
        if said:
            return _trimmed(said, kind)
    for raw in (failure.exception_text, failure.text, failure.body):
        text = decoded(raw)
        if text and text.strip():
            return _trimmed(_URL.sub("", _TAG.sub(" ", text[:MAX_PARSED_CHARS])), kind)
    return ""


def _enveloped(raw: object, depth: int) -> str | None:
    if depth == 0:
        return None
    value = parsed(raw)
    if isinstance(value, str):
        value = _embedded(value)
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    if not isinstance(value, Mapping):
        return None
    error = value.get("error")
    inner = _enveloped(error, depth - 1) if isinstance(error, Mapping) else None
    for candidate in (
        inner,
        value.get("message"),
        value.get("detail"),
        error,
        value.get("Message"),
    ):
        if isinstance(candidate, str) and candidate.strip():
            return _enveloped(candidate, depth - 1) or candidate
        if isinstance(candidate, Mapping | list):
            found = _enveloped(candidate, depth - 1)
            if found:
                return found
    return None


def _embedded(text: str) -> object:
    """The first JSON object or Python dict that stands in `text`, decoded."""
    if len(text) > MAX_PARSED_CHARS:
        return None
    start = text.find("{")
    if start < 0:
        return None
    try:
        return json.JSONDecoder(strict=False).raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        pass
    end = text.rfind("}")
    literal = text[start : end + 1]
    if not literal or literal.count("{") + literal.count("[") > _MAX_BRACKETS:
        return None
    try:
        return ast.literal_eval(literal)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _trimmed(text: str, kind: Kind) -> str:
    text = redacted(" ".join(text[: 8 * MAX_DETAIL_CHARS].split()), fragments=kind is Kind.AUTH)
    if len(text) > MAX_DETAIL_CHARS:
        text = text[: MAX_DETAIL_CHARS - 1].rstrip() + "…"
    return text
