"""Every text in a value made of JSON's types, with its place and its key."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from chatlab.corpus.sanitizer.sensitive_names import names_its_neighbour

_ID_BITS: Final = 128
"""A longer number is not an id, and Python may refuse to print it."""

Change = Callable[[str, str, str, bool], str]
"""From place, key, text, and whether the text is a bare number, to the new text."""


def changed(value: object, change: Change, where: str, key: str = "") -> object:
    """A copy of `value` in which every text, number and key is what `change` makes of it.

    Tuples become lists, bytes become text, and objects of other types become their text.
    """
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        if value.bit_length() > _ID_BITS:
            return value
        digits = str(value)
        now = change(where, key, digits, True)
        return value if now == digits else int(now)
    if isinstance(value, Mapping):
        copy: dict[str, object] = {}
        for name, inner in value.items():
            shown = change(where, "", str(name), False)
            copy[shown] = changed(inner, change, f"{where}.{shown}", _key_of(value, str(name)))
        return copy
    if isinstance(value, list | tuple):
        pair = len(value) == 2 and all(isinstance(one, str | bytes) for one in value)
        named = pair and names_its_neighbour(_text(value[0]))
        keys = (key, _text(value[0])) if named else (key,) * len(value)
        return [
            changed(inner, change, f"{where}[{index}]", keys[index])
            for index, inner in enumerate(value)
        ]
    return change(where, key, _text(value), False)


def texts_in(value: object, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in `value`, keys too, each with its key."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield "", str(name)
            yield from texts_in(inner, _key_of(value, str(name)))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(inner, key)
    elif value is not None and not isinstance(value, bool | int | float):
        yield key, _text(value)


def _key_of(value: Mapping[object, object], name: str) -> str:
    """The key; for the ``value`` of a ``name``/``value`` pair, as HAR files have, the name."""
    given = value.get("name") if name == "value" else None
    return given if isinstance(given, str) else name


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return value if isinstance(value, str) else str(value)
