"""One real failure with its expected verdict: the record, its file, and what makes a file wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from chatlab.errors import Failure, Kind
from chatlab.errors.reading.who_answered import DISPLAY_NAMES

SURFACES: Final = (
    *("http_error", "stream_event", "sdk_exception", "transport", "log_line", "truncated_stream"),
)
PROVENANCES: Final = ("reported", "captured", "contributed")
CONFIDENCES: Final = ("high", "medium", "low")
SIDECARS: Final = (".body.html", ".body.sse")
"""What a body that is a page or an event stream is called, beside its record."""

_TEXT: Final = {"type": "string"}
_MAYBE_TEXT: Final = {"type": ["string", "null"]}
_EXPECTED: Final[dict[str, dict[str, object]]] = {
    "kind": {"enum": [str(kind) for kind in Kind]},
    "retryable": {"type": "boolean"},
    "provider": {"enum": [*DISPLAY_NAMES, None]},
    "status_code": {"type": ["integer", "null"]},
    "retry_after_s": {"type": ["number", "null"]},
    "chain_broken": {"type": "boolean"},
}
FIELDS: Final[dict[str, dict[str, object]]] = {
    "provider": {"enum": [*DISPLAY_NAMES, None], "description": "who answered"},
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
    "redactions": {"type": "array", "items": _TEXT, "description": "what was taken out"},
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


class SampleError(ValueError):
    """A corpus file that cannot be used; the text says where, what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A real failure and what a right verdict on it says.

    id: ``provider/what-happened``, the path without ``.json``. body: decoded JSON, text or None,
    with a sidecar already read. expected: kind, retryable, provider, status_code, retry_after_s,
    chain_broken. accept: further right answers by field. The other fields are as in the file.
    """

    id: str
    record: Mapping[str, object] = field(repr=False)
    path: Path | None = field(default=None, repr=False, compare=False)

    @property
    def provider(self) -> str | None:
        """Who answered, by its one name; None when the record does not tell."""
        return _optional_text(self.record.get("provider"))

    @property
    def vendor(self) -> str | None:
        """The product or client, for people."""
        return _optional_text(self.record.get("vendor"))

    @property
    def api(self) -> str | None:
        """The interface that was called."""
        return _optional_text(self.record.get("api"))

    @property
    def surface(self) -> str:
        """Where the failure was seen, one of `SURFACES`."""
        return str(self.record.get("surface"))

    @property
    def status(self) -> int | None:
        """The HTTP status, None when none was seen."""
        status = self.record.get("status")
        return status if isinstance(status, int) else None

    @property
    def headers(self) -> Mapping[str, object]:
        """The response headers, as seen."""
        headers = self.record.get("headers")
        return headers if isinstance(headers, Mapping) else {}

    @property
    def body(self) -> object:
        """Decoded JSON, text, or None; a sidecar is already read."""
        return self.record.get("body")

    @property
    def exception(self) -> Mapping[str, object] | None:
        """The dotted class name (``type``) and the ``text`` of the exception."""
        exception = self.record.get("exception")
        return exception if isinstance(exception, Mapping) else None

    @property
    def text(self) -> str | None:
        """A pasted text, such as a log line."""
        return _optional_text(self.record.get("text"))

    @property
    def expected(self) -> Mapping[str, object]:
        """The right verdict, by field."""
        expected = self.record.get("expected")
        return expected if isinstance(expected, Mapping) else {}

    @property
    def accept(self) -> Mapping[str, list[object]]:
        """Further right answers, by field."""
        accept = self.record.get("accept")
        return accept if isinstance(accept, Mapping) else {}

    @property
    def known_miss(self) -> str | None:
        """Why today's rules get this sample wrong; None when they are to get it right."""
        return _optional_text(self.record.get("known_miss"))

    @property
    def failure(self) -> Failure:
        """What was observed, ready for `classify`."""
        return Failure.from_record(self.record)

    @property
    def fingerprint(self) -> str:
        """Two samples with the same fingerprint are the same sample."""
        names = ("vendor", "api", "surface", "status", "headers", "body", "exception", "text")
        seen = {name: self.record.get(name) for name in names}
        return json.dumps(seen, sort_keys=True, ensure_ascii=False, default=str)


def _optional_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def schema() -> dict[str, object]:
    """The JSON Schema of a corpus file."""
    return {
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


def read_sample(path: Path, sample_id: str) -> Sample:
    """The sample in `path`; `SampleError` says everything that is wrong with the file."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise SampleError(
            f"{path}: the file is no UTF-8 text ({error.reason}); save it as UTF-8"
        ) from None
    except json.JSONDecodeError as error:
        raise SampleError(
            f"{path}: line {error.lineno}: the file is no JSON ({error.msg}); correct it there"
        ) from None
    except RecursionError:
        raise SampleError(f"{path}: the JSON is nested too deeply; use a body_file") from None
    except OSError as error:
        why = (error.strerror or "an unknown reason").lower()
        raise SampleError(f"{path}: it cannot be read ({why}); rename or remove it") from None
    problems = list(problems_of(record))
    if problems:
        raise SampleError("\n".join(f"{path}: {problem}" for problem in problems))
    if "body_file" in record:
        record["body"] = _sidecar(path, record["body_file"])
    return Sample(sample_id, record, path)


def _sidecar(path: Path, name: str) -> str:
    if name != Path(name).name or not name.endswith(SIDECARS):
        endings = " or ".join(SIDECARS)
        raise SampleError(f"{path}: body_file: {name!r} must stand beside it and end in {endings}")
    try:
        return path.with_name(name).read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise SampleError(
            f"{path}: body_file: {name!r} cannot be read ({error.strerror})"
        ) from None


def problems_of(record: object) -> Iterator[str]:
    """What is wrong with a record, one line a field; nothing when it can be used."""
    if not isinstance(record, dict):
        yield "the file must hold one JSON object"
        return
    yield from _object_problems("", record, schema())
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
        yield f"{where}: {value!r} is no allowed value{near(str(value), names)}"
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


def near(name: str, names: object) -> str:
    """``; did you mean 'x'?`` for the closest of `names`, else the names themselves."""
    known = [str(one) for one in names] if isinstance(names, list | dict | tuple) else []
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; choose one of {', '.join(known)}" if known else ""
