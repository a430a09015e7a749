"""Where the words of a failure stand: every value of a body that may speak, with its place.

What the caller sent, and what a model answered, is quoted in many records of failures. It is
never read.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from chatlab.errors.reading.text.phrases import clean
from chatlab.errors.reading.text.streams import is_whole_answer
from chatlab.errors.reading.text.structures import MAX_PARSED_CHARS
from chatlab.errors.redact import redacted

MAX_LEAVES: Final = 2_000
"""How many values of one body are looked at."""


_DECODER: Final = json.JSONDecoder(strict=False)
_MAX_VISITS: Final = 4 * MAX_LEAVES
_MAX_NAME_CHARS: Final = 200


class Origin(IntEnum):
    """Who says it, strongest first; context counts only where nothing else was said."""

    CODE = 1
    """A field that holds a code, a status or another value for machines."""
    TYPED = 2
    """The class of an exception."""
    SENTENCE = 3
    """The provider's own sentence, in the envelope of its answer."""
    ERROR = 4
    """An error sentence: an exception's text, an error line of a log."""
    CONTEXT = 5
    """Everything around an error: a reporter's words, other lines of a log."""


class Place(NamedTuple):
    """A text of the failure and where it stands, for example ``body.error.message``.

    key: the last key on the way, lower-case, or ``""``; value: the text as it was seen.
    """

    where: str
    key: str
    value: str
    origin: Origin = Origin.SENTENCE


_REQUEST_KEYS: Final = frozenset(
    {
        *("prompt", "prompts", "input", "inputs", "contents", "tools", "documents", "parameters"),
        *("kwargs", "requestbodyvalues", "requestbody", "request_body", "generationconfig"),
        *("generation_config", "optional_params", "litellm_params", "complete_input_dict"),
        *("model_parameters", "invocation_params", "variables", "vars", "locals", "arguments"),
        *("system", "system_prompt", "systeminstruction", "instructions", "conversation"),
        *("history", "chat_history", "functions", "tool_calls", "function_call", "query"),
        *("additional_args", "raw_request", "request_data", "request_kwargs", "args"),
        *("requestbody.messages", "modelparameters", "invocationparams", "requestoptions"),
    }
)
"""Keys, lower-case, of what the caller sent."""
_CONSTRAINT_KEYS: Final = frozenset(
    {
        *("options", "enum", "allowed_values", "allowed", "loc", "path", "ctx", "expected"),
        *("permitted", "pattern", "supported_values", "valid_values", "constraints"),
    }
)
"""Keys, lower-case, of what would have been accepted, and of where in the request."""
_HEADER_KEYS: Final = frozenset({"headers", "responseheaders", "response_headers"})
_TELLING_HEADERS: Final = frozenset(
    {
        *("retry-after", "retry-after-ms", "x-amz-retry-after", "x-should-retry"),
        *("x-amzn-errortype", "x-ms-error-code"),
    }
)
"""Of headers that a record quotes, those that say something of its failure."""
_MAYBE_KEYS: Final = frozenset({"messages", "request", "content", "delta", "choices", "candidates"})
"""Keys, lower-case, of what may be the caller's or the model's, or may hold an error."""
CODE_KEYS: Final = frozenset(
    {
        *("code", "type", "status", "reason", "name", "error", "error_code", "errorcode"),
        *("error_type", "errortype", "__type", "err_code", "errno", "quotaid", "finish_reason"),
        *("category", "error_name", "errorname", "kind", "err", "state", "param", "cause"),
        *("x-amzn-errortype", "syscall", "stop_reason", "error_details"),
    }
)
"""Keys, lower-case, whose short value is a code."""


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


def structure_places(value: object, root: str) -> list[Place]:
    """The values of a decoded body or envelope that may speak, outermost first, in linear time.

    At most `MAX_LEAVES`. The caller's request, the model's answer and lists of what would have
    been allowed are left out.
    """
    found: list[Place] = []
    waiting: deque[tuple[str, str, object]] = deque([(root, "", value)])
    for _ in range(_MAX_VISITS):
        if not waiting or len(found) == MAX_LEAVES:
            break
        where, key, value = waiting.popleft()
        kind = type(value)
        if kind is str:
            found.append(_place(where, key, clean(value)))  # type: ignore[arg-type]
        elif kind is dict or isinstance(value, Mapping):
            room = max(MAX_LEAVES - len(waiting), 0)
            items = value.items()  # type: ignore[attr-defined]
            waiting.extend(
                (f"{where}.{name}", lower, inner)
                for name, lower, inner in _named(islice(items, room))
                if not _is_never_read(lower, inner)
                and (key not in _HEADER_KEYS or lower in _TELLING_HEADERS)
            )
        elif isinstance(value, list | tuple):
            room = max(MAX_LEAVES - len(waiting), 0)
            waiting.extend(
                (f"{where}[{index}]", key, inner) for index, inner in enumerate(islice(value, room))
            )
        elif value is not None and not isinstance(value, bool):
            text = decoded(value)
            if text is not None:
                found.append(_place(where, key, text))
            elif isinstance(value, int | float):
                found.append(Place(where, key, _number(value), Origin.CODE))
    return found


def _place(where: str, key: str, text: str) -> Place:
    is_code = key in CODE_KEYS and len(text) <= 120 and " " not in text
    return Place(where, key, text, Origin.CODE if is_code else Origin.SENTENCE)


def _is_never_read(key: str, value: object) -> bool:
    if key in _REQUEST_KEYS or key in _CONSTRAINT_KEYS:
        return True
    if key not in _MAYBE_KEYS:
        return False
    if key == "request":
        return not isinstance(value, str)
    if isinstance(value, list | tuple):
        spoken = [one for one in islice(value, 8) if isinstance(one, Mapping)]
        if key in ("choices", "candidates"):
            return all(is_whole_answer({"choices": [one]}) for one in spoken)
        return bool(spoken) and not any("error" in one for one in spoken)
    if key == "delta":
        return True
    return isinstance(value, Mapping) and "error" not in value


def attribute_places(attributes: Mapping[str, object] | None) -> list[Place]:
    """The values of `Observation.attributes`."""
    return structure_places(attributes, "attributes") if isinstance(attributes, Mapping) else []


def _named(items: Iterable[tuple[object, object]]) -> Iterator[tuple[str, str, object]]:
    for key, value in items:
        try:
            name = _safe_name(key) if type(key) is str else _safe_name(str(key))
        except Exception:  # a key that cannot be named
            name = "?"
        yield name, name.lower().rpartition(".")[2] if "." in name else name.lower(), value


def _safe_name(key: str) -> str:
    plain = len(key) <= 32 and key.replace("_", "").isalpha() and key.isascii()
    return key if plain else _redacted_name(key[:_MAX_NAME_CHARS])


@lru_cache(maxsize=1024)
def _redacted_name(key: str) -> str:
    return redacted(clean(key))


def _number(value: int | float) -> str:
    try:
        return str(value)
    except ValueError:  # an int of more digits than Python prints
        return ""
