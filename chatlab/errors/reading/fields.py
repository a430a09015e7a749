"""Where the words of a failure stand: every text in it, with its place."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

from chatlab.errors.observation import Observation
from chatlab.errors.reading import own_code
from chatlab.errors.reading.phrases import clean
from chatlab.errors.redact import redacted

MAX_PARSED_CHARS: Final = 64 * 1024
"""Longer bodies are read as text; they are not parsed as JSON."""

MAX_LEAVES: Final = 2_000
"""How many values of one body are looked at."""


_DECODER: Final = json.JSONDecoder(strict=False)
_MAX_VISITS: Final = 4 * MAX_LEAVES
_MAX_NAME_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A text of the failure and where it stands, for example ``body.error.message``.

    key: the last key on the way, lower-case, or ``""``; value: the text as it was seen.
    """

    where: str
    key: str
    value: str


def decoded(raw: object) -> str | None:
    """`raw` as text that every consumer can encode, or None when it is neither text nor bytes."""
    kind = type(raw)  # what an object says of its own class may be a lie, or raise
    if issubclass(kind, str):
        return clean(str(raw))
    if issubclass(kind, bytes | bytearray | memoryview):
        return bytes(raw).decode("utf-8", "replace")  # type: ignore[call-overload,no-any-return]
    return None


def parsed(raw: object) -> object:
    """`raw` decoded as JSON when it is a short text that holds an object or array, else `raw`."""
    text = decoded(raw)
    if text is None:
        return raw
    start = text[:1000].lstrip()[:1]
    if start not in ("{", "[") or len(text) > MAX_PARSED_CHARS:
        return text
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError):
        return text


def body_places(body: object) -> list[Place]:
    """The values of `body`, outermost first; at most `MAX_LEAVES`, in linear time."""
    found: list[Place] = []
    waiting: deque[tuple[str, str, object]] = deque([("body", "", parsed(body))])
    for _ in range(_MAX_VISITS):
        if not waiting or len(found) == MAX_LEAVES:
            break
        where, key, value = waiting.popleft()
        if isinstance(value, Mapping):
            room = MAX_LEAVES - len(waiting)
            waiting.extend(
                (f"{where}.{name}", name.lower(), inner)
                for name, inner in _named(islice(value.items(), max(room, 0)))
            )
        elif isinstance(value, list | tuple):
            room = MAX_LEAVES - len(waiting)
            waiting.extend(
                (f"{where}[{index}]", key, inner)
                for index, inner in enumerate(islice(value, max(room, 0)))
            )
        elif value is not None and not isinstance(value, bool):
            text = decoded(value)
            if text is None and isinstance(value, int | float):
                text = _number(value)
            if text is not None:
                found.append(Place(where, key, text))
    return found


def attribute_places(attributes: Mapping[str, object] | None) -> list[Place]:
    """The values of `Observation.attributes`."""
    if not isinstance(attributes, Mapping):
        return []
    named = _named(islice(attributes.items(), MAX_LEAVES))
    texts = [(name, decoded(value) or _number_of(value)) for name, value in named]
    return [Place(f"attributes.{name}", name.lower(), text) for name, text in texts if text]


def _number_of(value: object) -> str:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return _number(value) if known else ""  # type: ignore[arg-type]


def _named(items: Iterable[tuple[object, object]]) -> Iterator[tuple[str, object]]:
    for key, value in items:
        try:
            yield redacted(clean(str(key))[:_MAX_NAME_CHARS]), value
        except Exception:  # a key that cannot be named
            yield "?", value


def _number(value: int | float) -> str:
    try:
        return str(value)
    except ValueError:  # an int of more digits than Python prints
        return ""


def all_places(failure: Observation) -> list[Place]:
    """Every text of `failure` that words are read from: the body's, then the innermost cause's."""
    try:
        found = body_places(failure.body)
    except Exception:  # a hostile body hides itself, not what else was seen
        found = []
    with suppress(Exception):
        found += attribute_places(failure.attributes)
    raised = [("exception", failure.exception_type, failure.exception_text)]
    raised += [(f"cause[{n}]", seen.type, seen.text) for n, seen in enumerate(failure.causes)]
    for where, name, said in reversed(raised):
        if own_code.is_own_bug(name, decoded(said) or ""):
            said = None  # the words of a bug are nobody's answer
        found += [
            Place(f"{where}.{key}", key, text)
            for key, raw in (("type", name), ("text", said))
            if (text := decoded(raw))
        ]
    text = decoded(failure.text)
    if text:
        found.append(Place("text", "", text))
    return found
