"""The machine's own names in a failure: codes, types, reasons, class and errno names.

A code is the value of a key that holds one (``code``, ``type``, ``reason``), in JSON, in a repr or
in a log line, or a word that only a machine writes: ``insufficient_quota``,
``ThrottlingException``, ``RESOURCE_EXHAUSTED``, ``ECONNRESET``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from chatlab.errors.reading.fields import CODE_KEYS, Place
from chatlab.text.patterns import lazy

_MAX_CODE_CHARS: Final = 120
_KEYED: Final = lazy(
    r"""(?<![A-Za-z])(?:err(?:or)?[_ ]?)?(?:code|type|status|reason|name|__type|errno|kind)
    ["'”`]?\s{0,8}[:=]\s{0,8}(?:Optional\()?\\{0,8}["'“`]?:?
    ([A-Za-z0-9][\w.\-]{0,80})""",
    re.VERBOSE | re.IGNORECASE,
)
_SHAPED: Final = lazy(
    r"""(?<![A-Za-z0-9_/])(?:
      [A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+
    | [A-Z][a-z0-9]+[A-Z][A-Za-z0-9]*+(?:\.[A-Z][A-Za-z0-9]+)*
    | [A-Z]{2,}[a-z]+(?:[A-Z][a-z]+)+
    | [A-Z][a-z]+(?:\.[A-Z][A-Za-z0-9]+)+
    | [a-z]+(?:[A-Z][a-z0-9]+)*Exception
    | [A-Z]{5,}
    )(?![A-Za-z0-9_])""",
    re.VERBOSE,
)
_SHAPE_SIGN: Final = lazy(
    r"[a-z0-9]_|_[a-z0-9]|[a-z0-9][A-Z]|[A-Z]{5}|[A-Z][a-z]\.|[A-Z]_|xception"
)
_KEY_SIGN: Final = lazy(r"code|type|status|reason|name|errno|kind")
_NUMBER_SIGN: Final = lazy(r"errno|winerror|os error|curl|errcode|nsurl|code=-")
_NUMBERED: Final = lazy(
    r"""\b(?:(errno|winerror|os\ error)["']?[\s:=(]{0,8}(-?\d{1,5})
    | curl:?\ (?:error\ )?\(?(\d{1,3})(?![\d.])\)? | errcode:\ (\d{1,3})\b
    | (?:nsurlerrordomain|network\ error|domain=\S{1,80})[\w\s]{0,40}code=(-\d{3,4}))""",
    re.VERBOSE | re.IGNORECASE,
)


def fold(code: str) -> str:
    """`code` as it is compared: no case, and hyphens as underscores."""
    return code.casefold().replace("-", "_")


def in_values(places: Iterable[Place]) -> Iterator[str]:
    """The codes among the values of a body."""
    for place in places:
        if place.key in CODE_KEYS and 0 < len(place.value) <= _MAX_CODE_CHARS:
            yield fold(place.value.strip())
            yield fold(place.value.partition(":")[0].strip())  # AWS: name:http://...


def in_text(text: str) -> Iterator[str]:
    """The codes that a text shows."""
    lowered = text.lower()
    if (":" in text or "=" in text) and _KEY_SIGN.search(lowered):
        for match in _KEYED.finditer(text):
            yield fold(match[1].rstrip(".-"))
    if _SHAPE_SIGN.search(text):
        for match in _SHAPED.finditer(text):
            yield fold(match[0])
            if "." in match[0]:
                yield fold(match[0].rpartition(".")[2])
    if _NUMBER_SIGN.search(lowered):
        for match in _NUMBERED.finditer(text):
            yield fold(_numbered(match))


def _numbered(match: re.Match[str]) -> str:
    if match[2]:
        windows = match[1].lower() == "winerror" or len(match[2]) == 5
        return f"{'winerror' if windows else 'errno'}_{match[2]}"
    if match[5]:
        return f"nsurlerror_{match[5]}"
    return f"curl_{match[3] or match[4]}"


def class_names(dotted: str) -> Iterator[str]:
    """The names that an exception's dotted class name stands for: the last part, and the whole."""
    yield fold(dotted)
    yield fold(re.split(r"[.\s]", dotted)[-1])
