"""Halves of characters in texts: a model can make one, and no provider takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

_T = TypeVar("_T")


def whole_text(text: str) -> str:
    """Return `text` with each unpaired surrogate replaced by U+FFFD."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def whole_values(value: object) -> object:
    """Return JSON values with each unpaired surrogate in their texts replaced by U+FFFD."""
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, Mapping):
        return {whole_values(key): whole_values(one) for key, one in value.items()}
    if isinstance(value, list):
        return [whole_values(one) for one in value]
    if isinstance(value, tuple):
        return tuple(map(whole_values, value))
    return whole_part(value) if is_dataclass(value) and not isinstance(value, type) else value


def whole_part(part: _T) -> _T:
    """Return a part of a message with whole texts; the part itself if it has no other."""
    changed = {}
    for name in _names(type(part)):
        value = getattr(part, name)
        if type(value) is str:
            if value.isascii():
                continue
        elif not value or type(value) in (int, bool):
            continue
        if (whole := whole_values(value)) != value:
            changed[name] = whole
    return replace(part, **changed) if changed else part  # type: ignore[type-var]


_known: dict[type, tuple[str, ...]] = {}


def _names(cls: type) -> tuple[str, ...]:
    names = _known.get(cls)
    if names is None:
        names = _known[cls] = tuple(field.name for field in fields(cls))
    return names
