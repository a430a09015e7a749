"""How a step is written: short text or JSON on one side, a frozen dataclass on the other.

Short text is ``name``, ``name:first`` or ``name:first,key=value``; a comma separates only where
``key=`` follows it, so the first value may hold commas. JSON is an object with the name under
``"step"`` and the fields beside it.
"""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from chatlab.exceptions import ChatlabError
from chatlab.text.spelling import near_names

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")

_KEY = re.compile(r"(?:^|,)([a-z_0-9]+)=")


class ScriptError(ChatlabError, ValueError):
    """A script, step, fault, sample or cassette that cannot be played.

    The text says where the mistake is, what is wrong and what to do.
    """


def near(name: str, names: Iterable[str]) -> str:
    """Return ``'; did you mean "x"?'`` for the closest of ``names``, or an empty string."""
    close = near_names(name, names, 1)
    return f'; did you mean "{close[0]}"?' if close else ""


def kebab(cls: type) -> str:
    """Return the name of a step class as scripts write it: ``CloseAtByte`` is ``close-at-byte``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", cls.__name__.removesuffix("Step")).lower()


def check(step: DataclassInstance) -> None:
    """Raise `ScriptError` for a number out of its range (default: 0 up) or an unlisted choice."""
    for field in fields(step):
        value = getattr(step, field.name)
        where = f"{kebab(type(step))}: {field.name}"
        low, high = field.metadata.get("range", (0, None))
        if isinstance(value, int | float) and not (
            math.isfinite(value) and low <= value and (high is None or value <= high)
        ):
            limits = f"{low} or more" if high is None else f"from {low} to {high}"
            raise ScriptError(f"{where} is {value}; it must be a number, {limits}")
        choices: Sequence[str] = field.metadata.get("choices", ())
        if choices and value is not None and value not in choices:
            hint = near(str(value), choices)
            raise ScriptError(f"{where} is {value!r}; choose one of {', '.join(choices)}{hint}")


def from_text(registry: Mapping[str, type[T]], text: str) -> T:
    """Build the step that ``text`` names, for example ``"slow-drip:bytes=16,every_s=0.05"``.

    Raises `ScriptError` for an unknown name or field, and for a value of the wrong type.
    """
    name, _, rest = text.strip().partition(":")
    cls = _find(registry, name)
    marks = list(_KEY.finditer(rest))
    head = rest[: marks[0].start()] if marks else rest
    values: dict[str, object] = {}
    if head:
        known = fields(cls)  # type: ignore[arg-type]
        if not known:
            raise ScriptError(f'{name}: takes no value, but was given "{head}"')
        values[known[0].name] = _scalar(cls, known[0].name, head)
    ends = [mark.start() for mark in marks[1:]] + [len(rest)]
    for mark, end in zip(marks, ends, strict=False):
        key = mark.group(1)
        values[key] = _scalar(cls, key, rest[mark.end() : end])
    return build(cls, values, name)


def from_json(registry: Mapping[str, type[T]], record: Mapping[str, object]) -> T:
    """Build a step from ``{"step": NAME, FIELD: VALUE, ...}``; raises `ScriptError`."""
    name = record.get("step")
    if not isinstance(name, str):
        raise ScriptError('a step written as an object needs its name under "step"')
    values = {key: value for key, value in record.items() if key != "step"}
    return build(_find(registry, name), values, name)


def build(cls: type[T], values: Mapping[str, object], where: str) -> T:
    """Return ``cls(**values)``, types checked and nested objects built; raises `ScriptError`."""
    known: dict[str, Field[Any]] = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            hint = near(key, known) or f"; it has {', '.join(known) or 'no fields'}"
            raise ScriptError(f'{where}: no field "{key}"{hint}')
    for key, field in known.items():
        if key not in values and field.default is MISSING and field.default_factory is MISSING:
            raise ScriptError(f'{where}: {key} is missing; write "{where}:{key}=..."')
    hints = typing.get_type_hints(cls)
    return cls(**{k: _convert(v, hints[k], f"{where}: {k}") for k, v in values.items()})


def to_text(step: DataclassInstance) -> str:
    """Return the short text of a step whose fields are plain values; defaults are left out."""
    parts: list[str] = []
    for position, field in enumerate(fields(step)):
        value = getattr(step, field.name)
        if value == field.default:
            continue
        written = str(value).lower() if isinstance(value, bool) else str(value)
        parts.append(written if position == 0 else f"{field.name}={written}")
    return kebab(type(step)) + (":" + ",".join(parts) if parts else "")


def to_json(value: DataclassInstance) -> dict[str, Any]:
    """Return the JSON object that `build` makes ``value`` of; defaults are left out."""
    shown = [f for f in fields(value) if getattr(value, f.name) != f.default]
    return {f.name: _plain(getattr(value, f.name)) for f in shown}


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return to_json(value) if is_dataclass(value) and not isinstance(value, type) else value


def _find(registry: Mapping[str, type[T]], name: str) -> type[T]:
    if name not in registry:
        hint = near(name, registry) or f"; choose one of {', '.join(registry)}"
        raise ScriptError(f'unknown step or fault "{name}"{hint}')
    return registry[name]


def _scalar(cls: type, key: str, text: str) -> object:
    """Read ``text`` as the type that field ``key`` has; text that does not fit stays text."""
    hint = _core(typing.get_type_hints(cls).get(key, str))
    try:
        if hint is int:
            return int(text)
        if hint is float:
            return float(text)
    except ValueError:
        return text
    return {"true": True, "false": False}.get(text, text) if hint is bool else text


def _core(hint: object) -> object:
    """Return ``X`` for ``X | None``, and any other type hint as it is."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next(arg for arg in typing.get_args(hint) if arg is not type(None))
    return hint


def _convert(value: object, hint: object, where: str) -> object:
    if is_dataclass(value):
        return value
    core = _core(hint)
    origin: Any = typing.get_origin(core) or core
    if value is None and core is not hint:
        return None
    if origin is tuple and isinstance(value, list | tuple):
        item = typing.get_args(core)[0]
        return tuple(_convert(v, item, f"{where}[{i}]") for i, v in enumerate(value))
    if is_dataclass(origin) and isinstance(value, Mapping):
        return build(typing.cast(type, origin), value, where)
    if origin is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if (isinstance(value, bool) and origin is not bool) or not isinstance(value, origin):
        raise ScriptError(f"{where} is {value!r}; it must be of type {origin.__name__}")
    return value
