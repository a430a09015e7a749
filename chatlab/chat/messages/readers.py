"""Readers compiled once for each class: JSON values to a dataclass, without looks at type hints.

They accept what is right and give no reasons. `Codec.load` reads what they refuse, and says what is
wrong with it.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from types import NoneType
from typing import Any, Final

from chatlab.chat.messages.surrogates import whole_text

TAG: Final = "type"
REFUSALS: Final = (KeyError, TypeError, ValueError, RecursionError)
"""What a reader raises for values that it does not accept."""

hints_of = functools.cache(typing.get_type_hints)

_Read = Callable[[Any], object]
_SCALARS: Final[Mapping[object, type]] = {
    **{kind: kind for kind in (str, int, float, bool, NoneType)},
    Mapping: dict,
}


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads JSON objects as `cls`.

    scalars: the types of the values that need no reading, by field. deep: readers of the other
    values. tag: the ``type`` of such an object, if it has one.
    """

    cls: type
    tag: str | None
    required: tuple[str, ...]
    scalars: Mapping[str, frozenset[type]]
    deep: Mapping[str, _Read]

    def read(self, payload: dict[str, Any]) -> object:
        """Return the object that `payload` describes. Raises one of `REFUSALS`."""
        given = {}
        for name, value in payload.items():
            kinds = self.scalars.get(name)
            if kinds is not None and type(value) in kinds:
                given[name] = value
            else:
                given[name] = self.deep[name](value)
        if self.tag is not None and given.pop(TAG, self.tag) != self.tag:
            raise ValueError(TAG)
        return self.cls(**given)

    def build(self, payload: dict[str, Any]) -> object:
        """Return the object of a flat `payload`, with whole texts."""
        given = payload.copy()
        if self.tag is not None:
            given.pop(TAG, None)
        for name, value in given.items():
            if type(value) is str and not value.isascii():
                given[name] = whole_text(value)
        return self.cls(**given)

    def is_flat(self, payload: dict[str, Any]) -> bool:
        """Whether `payload` has all required fields and only texts, numbers and booleans."""
        for name in self.required:
            if name not in payload:
                return False
        get = self.scalars.get
        for name, value in payload.items():
            kinds = get(name)
            if kinds is None or type(value) is dict or type(value) not in kinds:
                return False
        return True


def compiled(kinds: Mapping[str, type], cls: type) -> Reader:
    """Compile the reader for `cls`; `kinds` are the tagged classes by name."""
    tag = next((name for name, kind in kinds.items() if kind is cls), None)
    scalars: dict[str, frozenset[type]] = {TAG: frozenset({str})} if tag is not None else {}
    deep: dict[str, _Read] = {}
    required = []
    hints = hints_of(cls)
    for field in fields(cls):
        if field.default is MISSING and field.default_factory is MISSING:
            required.append(field.name)
        options = _options(hints[field.name])
        plain = frozenset(_SCALARS[one] for one in options if one in _SCALARS)
        if plain:
            scalars[field.name] = plain
        others = [one for one in options if one not in _SCALARS]
        if others:
            deep[field.name] = _reads(kinds, others)
    return Reader(cls, tag, tuple(required), scalars, deep)


def _options(hint: object) -> tuple[object, ...]:
    found = typing.get_args(hint) if not _is_generic(hint) else (hint,)
    return tuple(typing.get_origin(one) if _is_mapping(one) else one for one in found)


def _is_mapping(hint: object) -> bool:
    return typing.get_origin(hint) is Mapping


def _is_generic(hint: object) -> bool:
    return isinstance(hint, type) or typing.get_origin(hint) in (tuple, Mapping)


def _reads(kinds: Mapping[str, type], options: list[Any]) -> _Read:
    """The reader of a value that is one of `options`: one list, one text of an enum, or parts."""
    first = options[0]
    if typing.get_origin(first) is tuple:
        inner = _options(typing.get_args(first)[0])
        plain = frozenset(_SCALARS[one] for one in inner if one in _SCALARS)
        return functools.partial(_items, plain, _lazily(kinds, inner))
    if isinstance(first, type) and issubclass(first, StrEnum):
        return first
    return _lazily(kinds, tuple(options))


def _items(plain: frozenset[type], read: _Read, value: object) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple([one if type(one) in plain else read(one) for one in value])


def _lazily(kinds: Mapping[str, type], options: tuple[Any, ...]) -> _Read:
    """Read one of several classes, told apart by their ``type``; compiled with the first value."""
    classes = tuple(one for one in options if isinstance(one, type) and is_dataclass(one))
    tags: dict[Any, type] = {name: kind for name, kind in kinds.items() if kind in classes}
    readers: dict[Any, Reader] = {}

    def read(value: object) -> object:
        if not isinstance(value, dict):
            if isinstance(value, classes):
                return value
            raise TypeError
        tag = value.get(TAG)
        reader = readers.get(tag)
        if reader is None:
            alone = tag is None and len(classes) == 1
            reader = readers[tag] = compiled(kinds, classes[0] if alone else tags[tag])
        return reader.read(value)

    return read
