"""The ``input`` of an OpenAI Responses request: its items in one form, or what is wrong with it.

The refusals are in the words of the API. Reported with status, code and param in public threads:
a missing parameter (openai/codex 6725), an id of the wrong kind (nodetool-ai/nodetool 4252), an
empty call id (BigPizzaV3/CodexPlusPlus 315), a part that an answer cannot have, and no input at
all. A wrong type is worded as it is for the ``messages`` of the Chat Completions API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from chatlab.exceptions import ChatlabError
from chatlab.lab.provider.exchange import utf8

Item: TypeAlias = Mapping[str, Any]
"""One item of an input or an output, as JSON; not to be changed."""

ROLES: Final = ("assistant", "system", "developer", "user")
ASKED_IN: Final = ("input_text", "input_image", "input_file")
ANSWERED_IN: Final = ("output_text", "refusal")

# fmt: off
TYPES: Final = (
    "additional_tools", "apply_patch_call", "apply_patch_call_output", "code_interpreter_call",
    "compaction", "compaction_trigger", "computer_call", "computer_call_output",
    "configuration_update", "custom_tool_call", "custom_tool_call_output", "file_search_call",
    "function_call", "function_call_output", "image_generation_call", "item_reference",
    "local_shell_call", "local_shell_call_output", "mcp_approval_request",
    "mcp_approval_response", "mcp_call", "mcp_list_tools", "message", "program",
    "program_output", "reasoning", "shell_call", "shell_call_output", "tool_search_call",
    "tool_search_output", "web_search_call",
)
# fmt: on
"""The types that an item may have (openai 3.51, ``ResponseInputItemParam``)."""

_STRING: Final = ("a string",)
_TEXT_OR_PARTS: Final = ("a string", "an array")
_FIELDS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "message": {"role": _STRING, "content": _TEXT_OR_PARTS},
    "function_call": {"call_id": _STRING, "name": _STRING, "arguments": _STRING},
    "function_call_output": {"call_id": _STRING, "output": _TEXT_OR_PARTS},
    "custom_tool_call": {"call_id": _STRING, "name": _STRING, "input": _STRING},
    "custom_tool_call_output": {"call_id": _STRING, "output": _TEXT_OR_PARTS},
    "reasoning": {"summary": ("an array",)},
    "web_search_call": {"id": _STRING, "status": _STRING, "action": ("an object",)},
    "item_reference": {"id": _STRING},
}
_PREFIXES: Final = {
    "message": "msg",
    "function_call": "fc",
    "reasoning": "rs",
    "web_search_call": "ws",
}
_UNREAD: Final = frozenset(
    {"type", "id", "call_id", "role", "status", "phase", "detail", "annotations", "logprobs"}
    | {"encrypted_content", "image_url", "file_id", "file_url", "file_data"}
)
_ENTRY: Final = {"a string": "a string", "an array": "an array of objects"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the API does not take a request: the HTTP status and the error of its envelope."""

    status: int
    code: str | None
    message: str
    param: str | None

    @property
    def error(self) -> dict[str, Any]:
        """The object under ``error`` in the reply's body."""
        return {
            "message": self.message,
            "type": "invalid_request_error",
            "param": self.param,
            "code": self.code,
        }


class Refused(ChatlabError):
    """A request is not taken; ``refusal`` says why."""

    def __init__(self, status: int, code: str | None, message: str, param: str | None) -> None:
        super().__init__(message)
        self.refusal = Refusal(status, code, message, param)


def read_input(body: Mapping[str, Any]) -> tuple[Item, ...]:
    """Return the items of a request's ``input``, each with its ``type``; texts become parts.

    Raises `Refused`, naming the path, for what is no input.
    """
    given = body.get("input")
    if isinstance(given, str):
        return (_message({"role": "user", "content": given}),)
    if given is None or given == []:
        if body.get("previous_response_id") is None:
            one_of = "\"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id'"
            text = f"One of {one_of} must be provided."
            raise Refused(400, "missing_required_parameter", text, "input")
        return ()
    _of_type(given, _TEXT_OR_PARTS, "input")
    return tuple(_item(entry, f"input[{place}]") for place, entry in enumerate(given))


def previous_id(body: Mapping[str, Any]) -> str | None:
    """Return the request's ``previous_response_id``; raises `Refused` for what cannot be one."""
    given = body.get("previous_response_id")
    if given is None:
        return None
    _of_type(given, _STRING, "previous_response_id")
    _of_prefix(given, "resp", "previous_response_id", "invalid_id_prefix")
    return str(given)


def tokens(items: Sequence[Item]) -> int:
    """Return an estimate of the tokens in `items`: the UTF-8 bytes of their texts / 4, rounded up.

    Texts are all strings in the JSON but ids, types, states, and what is no text: media,
    encrypted reasoning.
    """
    size, left = 0, list[Any](items)
    while left:
        value = left.pop()
        if isinstance(value, str):
            size += len(utf8(value))
        elif isinstance(value, Mapping):
            left += [inner for key, inner in value.items() if key not in _UNREAD]
        elif isinstance(value, list):
            left += value
    return -(-size // 4)


def _item(entry: object, path: str) -> Item:
    if not isinstance(entry, dict):
        raise _wrong_type(entry, ("an object",), path)
    if "type" not in entry and "role" not in entry and set(entry) != {"id"}:
        raise _missing(f"{path}.type")
    kind = entry.get("type") or ("item_reference" if "role" not in entry else "message")
    _one_of(kind, TYPES, f"{path}.type")
    for name, types in _FIELDS.get(kind, {}).items():
        if name not in entry:
            raise _missing(f"{path}.{name}")
        _of_type(entry[name], types, f"{path}.{name}")
    if entry.get("call_id") == "":
        wanted = "Expected a string with minimum length 1, but got an empty string instead."
        text = f"Invalid '{path}.call_id': empty string. {wanted}"
        raise Refused(400, "empty_string", text, f"{path}.call_id")
    if entry.get("id") is not None:
        _of_type(entry["id"], _STRING, f"{path}.id")
        _of_prefix(entry["id"], _PREFIXES.get(kind, ""), f"{path}.id", "invalid_value")
    if kind == "message":
        _one_of(entry["role"], ROLES, f"{path}.role")
        _parts(entry, "content", ANSWERED_IN if entry["role"] == "assistant" else ASKED_IN, path)
        return _message(entry)
    _parts(entry, "output", ASKED_IN, path)
    return {**entry, "type": kind}


def _message(entry: Item) -> Item:
    content = entry["content"]
    if isinstance(content, str):
        kind = "output_text" if entry["role"] == "assistant" else "input_text"
        content = [{"type": kind, "text": content}]
    return {**entry, "type": "message", "content": content}


def _parts(entry: Item, name: str, kinds: tuple[str, ...], path: str) -> None:
    """Check the parts under `name`, if the item has a list of them."""
    given = entry.get(name)
    for place, part in enumerate(given if isinstance(given, list) else ()):
        where = f"{path}.{name}[{place}]"
        if not isinstance(part, dict):
            raise _wrong_type(part, ("an object",), where)
        _one_of(part.get("type", ""), kinds, where)
        if part["type"].endswith("_text"):
            if "text" not in part:
                raise _missing(f"{where}.text")
            _of_type(part["text"], _STRING, f"{where}.text")


def _one_of(value: object, choices: tuple[str, ...], path: str) -> None:
    if value not in choices:
        quoted = [f"'{choice}'" for choice in choices]
        known = ", ".join(quoted[:-1]) + (", and " if len(quoted) > 2 else " and ") + quoted[-1]
        text = f"Invalid value: '{value}'. Supported values are: {known}."
        raise Refused(400, "invalid_value", text, path)


def _of_type(value: object, types: tuple[str, ...], path: str) -> None:
    if _type(value) not in types:
        raise _wrong_type(value, types, path)


def _of_prefix(value: str, prefix: str, path: str, code: str) -> None:
    if not value.startswith(prefix):
        text = f"Invalid '{path}': '{value}'. Expected an ID that begins with '{prefix}'."
        raise Refused(400, code, text, path)


def _missing(path: str) -> Refused:
    text = f"Missing required parameter: '{path}'."
    return Refused(400, "missing_required_parameter", text, path)


def _wrong_type(value: object, types: tuple[str, ...], path: str) -> Refused:
    wanted = [_ENTRY.get(name, name) for name in types]
    expected = wanted[0] if len(wanted) == 1 else f"one of {' or '.join(wanted)}"
    text = f"Invalid type for '{path}': expected {expected}, but got {_type(value)} instead."
    return Refused(400, "invalid_type", text, path)


def _type(value: object) -> str:
    """Return the JSON type of `value`, with its article."""
    names = {bool: "a boolean", int: "an integer", float: "a decimal", str: "a string"}
    more = {list: "an array", dict: "an object", type(None): "null"}
    return (names | more)[type(value)]
