"""JSON of dataclasses: written from their fields, read back by readers compiled from their hints.

A dataclass that is one of several (a part of a message) says which by its ``type``. Fields at
their default are left out; an unknown field is an error, so that no typing mistake is lost, unless
the codec is lenient.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Final

from chatlab.chat.messages.readers import REFUSALS, TAG, Reader, compiled, hints_of
from chatlab.text.spelling import near_names, suggest

_PLAIN: Final = {str: "a text", int: "a whole number", bool: "true or false", Mapping: "an object"}


@dataclass(frozen=True, slots=True, eq=False)
class Codec:
    """Writes and reads dataclasses. kinds: the tagged ones, by the name that is their ``type``.

    lenient: ignore unknown fields, as readers of what a newer version wrote do.
    """

    kinds: Mapping[str, type]
    lenient: bool = False

    def dump(self, value: object) -> object:
        """`value` as JSON values; `load` gives it back."""
        if isinstance(value, tuple):
            return [self.dump(one) for one in value]
        if isinstance(value, StrEnum):
            return str(value)
        if not is_dataclass(value) or isinstance(value, type):
            return value
        names = [name for name, kind in self.kinds.items() if kind is type(value)]
        here = [(field, getattr(value, field.name)) for field in fields(value)]
        told = {field.name: self.dump(one) for field, one in here if not _usual(field, one)}
        return {TAG: names[0], **told} if names else told

    def reader(self, cls: type) -> Reader:
        """The compiled reader of `cls`, made once."""
        return _compiled(self, cls)

    def load(self, cls: type, value: object, where: str) -> object:
        """`value` as an object of `cls`; what is one already is passed through.

        Raises ValueError that says where, what is wrong, and the near name.
        """
        if type(value) is dict:
            try:
                return _compiled(self, cls).read(value)
            except REFUSALS:
                pass
        return self._explained(cls, value, where)

    def _explained(self, hint: object, value: object, where: str) -> object:
        """As `load`, for any hint, with the reason if it cannot be read."""
        asked, args = typing.get_origin(hint) or hint, typing.get_args(hint)
        if asked in (UnionType, typing.Union):
            return self._choose(args, value, where)
        if asked is tuple:
            if not isinstance(value, list | tuple):
                raise ValueError(f"{where}: {value!r:.80} is no list")
            return tuple(
                self._explained(args[0], one, f"{where}[{n}]") for n, one in enumerate(value)
            )
        if not isinstance(asked, type):
            raise TypeError(f"{where}: no way to read {hint!r}")
        if is_dataclass(asked):
            return value if isinstance(value, asked) else self._fill(asked, value, where)
        if issubclass(asked, StrEnum):
            return asked(one_of([str(one) for one in asked], value, where))
        if not isinstance(value, asked) or (asked is int and isinstance(value, bool)):
            raise ValueError(f"{where}: {value!r:.80} is not {_PLAIN[asked]}")
        return value

    def _choose(self, options: tuple[Any, ...], value: object, where: str) -> object:
        kinds = tuple(one for one in options if one is not NoneType)
        if value is None and NoneType in options:
            return None
        if len(kinds) == 1:
            return self._explained(kinds[0], value, where)
        if isinstance(value, kinds):
            return value
        known = {name: kind for name, kind in self.kinds.items() if kind in kinds}
        name = one_of(known, json_object(value, where).get(TAG), f"{where}.{TAG}")
        return self._fill(known[name], value, where)

    def _fill(self, cls: type, value: object, where: str) -> object:
        payload, hints = json_object(value, where), hints_of(cls)
        required = [f.name for f in fields(cls) if _default(f) is MISSING]
        missing = [name for name in required if name not in payload]
        names = [name for name, kind in self.kinds.items() if kind is cls]
        unknown = [name for name in payload if name not in hints and not (names and name == TAG)]
        if names and TAG in payload:
            one_of(names, payload[TAG], f"{where}.{TAG}")
        if missing:
            near = near_names(missing[0], unknown, 1)
            hint = f"; did you mean it by {near[0]!r}?" if near else ""
            raise ValueError(f"{where}: the field {missing[0]!r} is missing{hint}")
        if unknown and not self.lenient:
            one_of(hints, unknown[0], f"{where}: field")
        given = {
            k: self._explained(hints[k], v, f"{where}.{k}")
            for k, v in payload.items()
            if k in hints
        }
        try:
            return cls(**given)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None


@functools.cache
def _compiled(codec: Codec, cls: type) -> Reader:
    return compiled(codec.kinds, cls)


def one_of(known: Collection[str], value: object, where: str) -> str:
    """`value`, which must be one of `known`. Raises ValueError with the near name."""
    if isinstance(value, str) and value in known:
        return value
    hint = suggest(value, known, f"known are {', '.join(known)}")
    raise ValueError(f"{where}: {value!r:.80} is not known; {hint}")


def json_object(value: object, where: str) -> Mapping[str, object]:
    """`value`, which must be a JSON object. Raises ValueError that says where."""
    if isinstance(value, Mapping):
        return value
    raise ValueError(f"{where}: {value!r:.80} is not {_PLAIN[Mapping]}")


def _default(field: Field[Any]) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _usual(field: Field[Any], value: object) -> bool:
    return value == _default(field)
