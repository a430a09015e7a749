"""The fields of a corpus record, as JSON Schema, and what is wrong with a record."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Final

from chatlab.errors import Kind
from chatlab.errors.providers import SHIPPED, Providers
from chatlab.errors.reading.who_answered import DISPLAY_NAMES
from chatlab.text.spelling import suggest

SURFACES: Final = (
    *("http_error", "stream_event", "sdk_exception", "transport", "log_line", "truncated_stream"),
)
PROVENANCES: Final = ("reported", "captured", "contributed")
CONFIDENCES: Final = ("high", "medium", "low")
SIDECARS: Final = (".body.html", ".body.sse")
"""How the name of a body ends that is a page or an event stream, a file beside its record."""

_PROVIDERS: Final = [*DISPLAY_NAMES, None]
_TEXT: Final = {"type": "string"}
_MAYBE_TEXT: Final = {"type": ["string", "null"]}
_EXPECTED: Final[dict[str, dict[str, object]]] = {
    "kind": {"enum": [str(kind) for kind in Kind]},
    "retryable": {"type": "boolean"},
    "provider": {"enum": _PROVIDERS},
    "status_code": {"type": ["integer", "null"]},
    "retry_after_s": {"type": ["number", "null"]},
    "chain_broken": {"type": "boolean"},
}
FIELDS: Final[dict[str, dict[str, object]]] = {
    "provider": {"enum": _PROVIDERS, "description": "who answered"},
    "vendor": {**_MAYBE_TEXT, "description": "the product or client, for people"},
    "api": {**_MAYBE_TEXT, "description": "the interface that was called"},
    "surface": {"enum": list(SURFACES), "description": "where the failure was seen"},
    "status": {"type": ["integer", "null"], "description": "the HTTP status"},
    "headers": {"type": "object", "description": "of the response"},
    "body": {"description": "decoded JSON or text, as received"},
    "body_file": {**_TEXT, "description": "instead of body: a sidecar beside this file"},
    "exception": {
        "type": ["object", "null"],
        "description": "the exception's dotted class name and text",
        "properties": {"type": _MAYBE_TEXT, "text": _MAYBE_TEXT},
        "required": ["type", "text"],
        "additionalProperties": False,
    },
    "text": {**_MAYBE_TEXT, "description": "a pasted text, such as a log line"},
    "expected": {
        "type": "object",
        "description": "the right verdict",
        "properties": _EXPECTED,
        "required": list(_EXPECTED),
        "additionalProperties": False,
    },
    "accept": {
        "type": ["object", "null"],
        "description": "further right answers, a list for each field of expected",
        "properties": {
            name: {"type": "array", "items": rule, "minItems": 1}
            for name, rule in _EXPECTED.items()
        },
        "additionalProperties": False,
    },
    "why": {**_TEXT, "description": "why this verdict is right"},
    "confidence": {"enum": list(CONFIDENCES), "description": "of the label"},
    "provenance": {"enum": list(PROVENANCES), "description": "how the record came to be"},
    "source": {"type": "object", "description": "an address, or a program and its version"},
    "redactions": {"type": "array", "items": _TEXT, "description": "what was removed"},
    "known_miss": {**_TEXT, "description": "why today's rules still get it wrong"},
}
"""Every field of a record, in the order of a file, as JSON Schema."""

OPTIONAL: Final = frozenset({"body", "body_file", "known_miss"})
_JSON_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


def schema(providers: Providers = SHIPPED) -> dict[str, object]:
    """The JSON Schema of a corpus file, whose failures are those of `providers`."""
    if providers is SHIPPED:
        return _SCHEMA
    return _replaced(_SCHEMA, _PROVIDERS, [*providers.reported_names(), None])


def _replaced(rule: Mapping[str, object], old: object, new: object) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in rule.items():
        inner = _replaced(value, old, new) if isinstance(value, dict) else value
        found[key] = new if value == old else inner
    return found


_SCHEMA: Final[dict[str, object]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "chatlab corpus sample",
    "type": "object",
    "properties": FIELDS,
    "required": [name for name in FIELDS if name not in OPTIONAL],
    "additionalProperties": False,
}


def formatted(record: Mapping[str, object]) -> str:
    """`record` as the text of its file: fields in order, two spaces, one line end at the end."""
    ordered = {name: record[name] for name in FIELDS if name in record}
    return json.dumps(ordered, ensure_ascii=False, indent=2) + "\n"


def problems_of(record: object, providers: Providers = SHIPPED) -> Iterator[str]:
    """What is wrong with a record, one line a field; nothing when it can be used."""
    if not isinstance(record, dict):
        yield "the file must hold one JSON object"
        return
    yield from _object_problems("", record, schema(providers))
    yield from _text_problems("", record)
    if "body" in record and "body_file" in record:
        yield "body_file: the record has a body too; keep one of them"


def _object_problems(
    where: str, value: dict[str, object], rule: Mapping[str, object]
) -> Iterator[str]:
    properties = rule.get("properties")
    if not isinstance(properties, dict):
        return
    required = rule.get("required")
    for name in required if isinstance(required, list) else []:
        if name not in value:
            yield f"{where}{name}: the field is missing; add it"
    for name, inner in value.items():
        if name not in properties:
            yield f"{where}{name}: no such field{near(name, properties)}"
        else:
            yield from _value_problems(f"{where}{name}", inner, properties[name])


def _value_problems(where: str, value: object, rule: Mapping[str, object]) -> Iterator[str]:
    allowed = rule.get("enum")
    if isinstance(allowed, list) and (value not in allowed or isinstance(value, bool)):
        names = [str(one) for one in allowed if one is not None]
        yield f"{where}: {value!r:.60} is not an allowed value{near(str(value), names)}"
        return
    wanted = rule.get("type")
    names = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list) else []
    types = tuple(python for name in names for python in _JSON_TYPES[name])
    if types and (not isinstance(value, types) or (isinstance(value, bool) and bool not in types)):
        yield f"{where}: {value!r:.60} must be {' or '.join(names)}"
        return
    if isinstance(value, dict):
        yield from _object_problems(f"{where}.", value, rule)
    items = rule.get("items")
    if isinstance(value, list) and isinstance(items, Mapping):
        if not value and rule.get("minItems"):
            yield f"{where}: the list is empty; remove it or say what else is right"
        for index, inner in enumerate(value):
            yield from _value_problems(f"{where}[{index}]", inner, items)


def _text_problems(where: str, value: object) -> Iterator[str]:
    """The texts and keys that no file can hold."""
    if isinstance(value, str):
        for char, name in _UNWRITABLE:
            if char(value):
                yield f"{where or 'a key'}: the text holds {name}; remove it"
    elif isinstance(value, float) and not isfinite(value):
        yield f"{where}: {value} is not a JSON number; write null or a text"
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _text_problems("", key)
            yield from _text_problems(f"{where}.{key}" if where else str(key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _text_problems(f"{where}[{index}]", inner)


_UNWRITABLE: Final[tuple[tuple[Callable[[str], object], str], ...]] = (
    (lambda text: "\0" in text, "a NUL character"),
    (re.compile("[\ud800-\udfff]").search, "half of a surrogate pair"),
)
"""Characters that are not written into a sample, each with its name for people."""


def near(name: str, names: object) -> str:
    """``; did you mean 'x'?`` for the closest of `names`, else the names themselves."""
    known = [str(one) for one in names] if isinstance(names, list | dict | tuple) else []
    hint = suggest(name, known, f"choose one of {', '.join(known)}" if known else "")
    return f"; {hint}" if hint else ""
