"""The JSON objects, Python dicts and JavaScript objects that stand in a text.

A client prints what the provider sent inside a sentence of its own. What can be decoded is
decoded once, as the structure that it was, so that its keys say what each value is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from chatlab.text.patterns import lazy

MAX_PARSED_CHARS: Final = 64 * 1024
"""Longer texts are not parsed as JSON."""

_MAX_TRIES: Final = 8
_MAX_DEPTH: Final = 60
_DECODER: Final = json.JSONDecoder(strict=False)
_TOKEN: Final = lazy(
    r"""\b(?:None|True|False|undefined|Optional)\b
    |[bB]?(?:'(?:[^'\\]|\\.?)*(?:'|\Z)|"(?:[^"\\]|\\.?)*(?:"|\Z))""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPE: Final = lazy(r"\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|(.))", re.DOTALL)
_SHORT: Final[dict[str, str]] = {
    **{mark: mark for mark in "\\'\"/"},
    **dict(zip("nrtbfav0", "\n\r\t\b\f\a\v\0", strict=True)),
}
_WORDS: Final = {"None": "null", "True": "true", "False": "false", "undefined": "null"}
_BRACKETS: Final = lazy(
    r"""'(?:[^'\\\n]|\\.?)*+(?:'|\Z|(?=\n))|"(?:[^"\\]|\\.?)*+(?:"|\Z)|[{}\[\]]""", re.DOTALL
)
_MAX_REPR_CHARS: Final = 16 * 1024
_BARE_KEY: Final = lazy(
    r"""("(?:[^"\\]|\\.)*")|([{,]\s*)(\$?[A-Za-z_][\w$.]*|\[?Symbol\([\w.]{0,80}\)\]?)(\s*:)""",
    re.DOTALL,
)
_TRAILING: Final = lazy(r",(\s*[}\]])")


class Structure(NamedTuple):
    """A decoded object or array and the characters of the text that it takes up."""

    start: int
    end: int
    value: Mapping[str, object] | list[object]


def literal(text: str) -> object:
    """`text`, as JSON or as the repr of Python's own types, decoded; None when it is neither."""
    if len(text) > MAX_PARSED_CHARS:
        return None
    for spell in (str, as_json):
        try:
            return json.loads(spell(text), strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def structures(text: str) -> Iterator[Structure]:
    """The first few objects and dicts in `text`, outermost first, in order."""
    start = text.find("{") if len(text) <= MAX_PARSED_CHARS else -1
    for _ in range(_MAX_TRIES):
        if start < 0:
            return
        found = _decoded_at(text, start)
        if found is None:
            start = text.find("{", start + 1)
            continue
        value, end = found
        yield Structure(start, end, value)
        start = text.find("{", end)


def _decoded_at(text: str, start: int) -> tuple[Mapping[str, object], int] | None:
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        pass
    else:
        return value, end
    end = _closing(text, start)
    if end < 0:
        return None
    region = text[start:end]
    try:
        return json.loads(as_json(region), strict=False), end
    except (ValueError, RecursionError):
        return None


def _closing(text: str, start: int) -> int:
    """Where the bracket at `start` closes, or -1."""
    depth = 0
    for token in _BRACKETS.finditer(text, start, start + _MAX_REPR_CHARS):
        mark = token[0]
        if mark in "{[":
            depth += 1
            if depth > _MAX_DEPTH:
                return -1
        elif mark in "}]":
            depth -= 1
            if depth == 0:
                return token.end()
    return -1


def as_json(text: str) -> str:
    """`text`, the repr of a dict or list, or a JavaScript object as Node prints it, as JSON."""
    plain = '"' not in text and "\\" not in text and "undefined" not in text and "b'" not in text
    if plain:
        spelled = text.replace("'", '"').replace(": None", ": null")
        spelled = spelled.replace(": True", ": true").replace(": False", ": false")
        if "None" not in spelled and "True" not in spelled and "False" not in spelled:
            return _bare_keys(spelled)
    return _bare_keys(_TOKEN.sub(_as_json_token, text))


def _bare_keys(text: str) -> str:
    opening = text[1:40].lstrip()
    if opening[:1] in ('"', "}", "") and "\n" not in text:
        return text
    spelled = _BARE_KEY.sub(lambda key: key[1] or f'{key[2]}"{key[3]}"{key[4]}', text)
    return _TRAILING.sub(r"\1", spelled)


def _as_json_token(token: re.Match[str]) -> str:
    if token[0] in _WORDS:
        return _WORDS[token[0]]
    quoted = token[0].lstrip("bB")
    if len(quoted) < 2 or quoted[-1] != quoted[0]:
        return quoted  # it never ends, and is no string
    return json.dumps(_ESCAPE.sub(_meant, quoted[1:-1]))


def _meant(escape: re.Match[str]) -> str:
    digits = escape[1] or escape[2]
    return chr(int(digits, 16)) if digits else _SHORT.get(escape[3], escape[0])
