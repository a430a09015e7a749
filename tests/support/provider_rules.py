"""What the three APIs refuse, written from their error messages, and the SDKs' types as shapes.

Nothing in here knows how chatlab makes its input. Each check returns the complaints.
"""

from __future__ import annotations

import base64
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import typing_extensions
from anthropic.types import MessageParam, TextBlockParam
from openai.types.chat import ChatCompletionMessageParam
from openai.types.responses import ResponseInputItemParam

PICTURES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
NEEDED: Final[tuple[object, ...]] = (typing_extensions.Required,)
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]+")


def fits(hint: object, value: object) -> bool:
    """Whether `value` has the shape of an SDK's type: no field missing, none unknown."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing_extensions.Required, typing_extensions.NotRequired, typing.Annotated):
        return fits(args[0], value)
    if origin in (typing.Union, types.UnionType):
        return any(fits(one, value) for one in args)
    if origin in (typing.Literal, typing_extensions.Literal):
        return value in args
    if typing_extensions.is_typeddict(hint):
        return isinstance(value, dict) and _fits_fields(hint, value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(args[1], one) for one in value.values())
    if origin is not None and issubclass(origin, Iterable):
        return isinstance(value, list) and all(fits(args[0], one) for one in value)
    if getattr(origin or hint, "__name__", "") == "SequenceNotStr":
        return isinstance(value, list) and all(fits(args[0], one) for one in value)
    if hint in (object, Any):
        return True
    if hint in (str, int, float, bool, types.NoneType, None):
        return isinstance(value, hint or types.NoneType)
    return False


def _fits_fields(hint: object, value: Mapping[str, object]) -> bool:
    fields = typing_extensions.get_type_hints(hint, include_extras=True)
    needed = {k for k, v in fields.items() if typing.get_origin(v) in NEEDED}
    return needed <= set(value) <= set(fields) and all(fits(fields[k], v) for k, v in value.items())


def shape_complaints(request: Mapping[str, Any]) -> list[str]:
    """What of a request's conversation is not of the SDK's own types."""
    if "input" in request:
        hint: Any = ResponseInputItemParam
    elif all(isinstance(m.get("content"), list) for m in request["messages"]) and all(
        "type" in part and part["type"] not in ("image_url", "file")
        for message in request["messages"]
        for part in message["content"]
    ):
        hint = MessageParam
    else:
        hint = ChatCompletionMessageParam
    items = request.get("input") or request["messages"]
    wrong = [f"not of the SDK's type: {item}" for item in items if not fits(hint, item)]
    return wrong + (
        [] if fits(str | list[TextBlockParam], request.get("system", "")) else ["system"]
    )


def _picture(url: str) -> bool:
    head, comma, data = url.partition(",")
    if not comma:
        return url.startswith("https://")
    good = head in [f"data:{kind};base64" for kind in PICTURES]
    return good and bool(base64.b64decode(data, validate=True))


def responses_complaints(
    items: Sequence[Mapping[str, Any]],
    held: Mapping[str, frozenset[str]],
    known: frozenset[str],
) -> Iterator[str]:
    """What the Responses API answers with a 400 or 404.

    held: for each item id that the provider has given, the reasoning items that stood directly
    before it. known: the ids that it can look up.
    """
    if not items:
        yield "input is empty"
    ids = [item["id"] for item in items if "id" in item]
    yield from (f"Duplicate item found with id {one}" for one in ids if ids.count(one) > 1)
    calls: dict[str, str] = {}
    answered: set[str] = set()
    for place, item in enumerate(items):
        kind = item["type"]
        before = items[place - 1] if place else {}
        after = items[place + 1] if place + 1 < len(items) else {}
        if kind == "message" and not item["content"]:
            yield "a message without content"
        if kind == "item_reference" and item["id"] not in known:
            yield f"Item with id {item['id']!r} not found"
        if kind == "reasoning" and not item["id"]:
            yield "Invalid id: ''"
        if kind in ("reasoning", "item_reference") and item["id"] not in held.get(
            after.get("id", ""), frozenset()
        ):
            yield f"reasoning {item['id']} was provided without its required following item"
        needs = held.get(item.get("id", ""), frozenset())
        if kind not in ("reasoning", "item_reference") and needs and before.get("id") not in needs:
            yield f"{kind} {item['id']} was provided without its required 'reasoning' item"
        if kind.endswith("_call") and kind not in ("function_call", "custom_tool_call"):
            if before.get("type") not in ("reasoning", "item_reference"):
                yield f"{kind} is not directly after its reasoning"
            if item["status"] not in ("completed", "failed"):
                yield f"{kind} has not ended"
        elif kind.endswith("_call"):
            if not 1 <= len(item["call_id"]) <= 64:
                yield "Invalid call_id"
            if not _NAME.fullmatch(item["name"]) or len(item["name"]) > 128:
                yield f"Invalid name {item['name']!r}"
            if item["call_id"] in calls:
                yield f"duplicate call {item['call_id']}"
            calls[item["call_id"]] = f"{kind}_output"
        elif kind.endswith("_output"):
            if calls.get(item["call_id"]) != kind:
                yield f"No tool call found for function call output with call_id {item['call_id']}"
            if item["call_id"] in answered:
                yield f"duplicate output {item['call_id']}"
            if item["output"] == []:
                yield "empty output"
            answered.add(item["call_id"])
    yield from (f"No tool output found for function call {one}" for one in set(calls) - answered)
    for item in items:
        for part in [*_list(item.get("content")), *_list(item.get("output"))]:
            if part["type"] == "input_image" and not (
                part.get("file_id") or _picture(part["image_url"])
            ):
                yield "unsupported image"


def chat_complaints(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What Chat Completions answers with a 400."""
    if not messages:
        yield "messages is empty"
    due: list[str] = []
    for message in messages:
        role, calls = message["role"], message.get("tool_calls", [])
        if role == "tool":
            if message["tool_call_id"] not in due:
                yield "messages with role 'tool' must be a response to a preceding 'tool_calls'"
            else:
                due.remove(message["tool_call_id"])
            continue
        if due:
            yield f"tool_call_ids did not have response messages: {due}"
        due = [call["id"] for call in calls]
        if len(set(due)) < len(due) or any(not 1 <= len(one) <= 40 for one in due):
            yield f"ids {due}"
        for call in calls:
            name = call[call["type"]]["name"]
            if not _NAME.fullmatch(name) or len(name) > 64:
                yield f"Invalid name {name!r}"
        if role == "assistant" and "tool_calls" in message and not calls:
            yield "tool_calls is empty"
        if not message["content"] and not calls:
            yield f"a {role} message without content"
        for part in _list(message["content"]):
            if part["type"] == "image_url" and not _picture(part["image_url"]["url"]):
                yield "unsupported image"
    if due:
        yield f"tool_call_ids did not have response messages: {due}"


def anthropic_complaints(request: Mapping[str, Any]) -> Iterator[str]:
    """What the Messages API answers with a 400."""
    messages = request["messages"]
    roles = [message["role"] for message in messages]
    if roles[:1] != ["user"]:
        yield "first message must use the user role"
    if any(one == other for one, other in pairwise(roles)):
        yield "roles must alternate"
    if "system" in request and not request["system"].strip():
        yield "system is blank"
    used: list[str] = []
    due: list[str] = []
    for message in messages:
        blocks = message["content"]
        kinds = [block["type"] for block in blocks]
        if not blocks:
            yield "content is empty"
        results = [b["tool_use_id"] for b in blocks[: len(due)] if b["type"] == "tool_result"]
        if sorted(results) != sorted(due) or kinds.count("tool_result") != len(due):
            yield "`tool_use` ids were found without `tool_result` blocks immediately after"
        due = [block["id"] for block in blocks if block["type"] == "tool_use"]
        used += [b["id"] for b in blocks if b["type"] in ("tool_use", "server_tool_use")]
        if message["role"] == "assistant" and kinds[-1:] in (["thinking"], ["redacted_thinking"]):
            yield "The final block in an assistant message cannot be `thinking`"
        if message["role"] == "user" and {"tool_use", "thinking", "server_tool_use"} & set(kinds):
            yield "a block of the assistant in a message of the user"
        yield from _server_tools(blocks)
        for block in blocks:
            yield from _block_complaints(block)
    if due:
        yield "`tool_use` ids were found without `tool_result` blocks immediately after"
    if len(set(used)) < len(used):
        yield "`tool_use` ids must be unique"
    if roles[-1:] == ["assistant"] and messages[-1]["content"][-1].get("text", "")[-1:].isspace():
        yield "final assistant content cannot end with trailing whitespace"


def _server_tools(blocks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    running: set[str] = set()
    for block in blocks:
        if block["type"] == "server_tool_use":
            running.add(block["id"])
            if not re.fullmatch("srvtoolu_[a-zA-Z0-9_]+", block["id"]):
                yield "server_tool_use.id: String should match pattern"
        elif block["type"].endswith("_tool_result"):
            if block["tool_use_id"] not in running:
                yield f"{block['type']} without its server_tool_use"
            running.discard(block["tool_use_id"])
    if running:
        yield "server_tool_use without its result"


def _block_complaints(block: Mapping[str, Any]) -> Iterator[str]:
    kind = block["type"]
    if kind == "text" and not block["text"].strip():
        yield "text content blocks must contain non-whitespace text"
    if kind == "tool_use" and not re.fullmatch("[a-zA-Z0-9_-]+", block["id"]):
        yield "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
    if kind == "tool_use" and not re.fullmatch("[a-zA-Z0-9_-]{1,128}", block["name"]):
        yield f"Invalid name {block['name']!r}"
    if kind == "thinking" and not block["signature"]:
        yield "Invalid `signature` in `thinking` block"
    if kind == "tool_result":
        if block.get("is_error") and not block.get("content"):
            yield "content cannot be empty if `is_error` is true"
        for inner in _list(block.get("content")):
            yield from _block_complaints(inner)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
