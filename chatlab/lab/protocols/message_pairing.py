"""Which messages belong together: tool calls and their results in the two stateless protocols.

The words are the APIs' own. OpenAI's Chat Completions wants every ``tool_calls`` of an assistant
followed at once by a ``tool`` message for each call; Anthropic's Messages wants the results of all
``tool_use`` blocks in the next message. Malformed messages are left to the SDKs and not checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chatlab.lab.protocols.exchange import InputRefused


def check_chat_completions(body: Mapping[str, Any]) -> None:
    """Raise `InputRefused` for a tool call without its result, and for the reverse."""
    messages = _messages(body)
    if not messages:
        text = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got"
        raise InputRefused(400, "empty_array", f"{text} an empty array instead.", "messages")
    open_calls: dict[str, None] = {}
    for place, message in enumerate(messages):
        if message.get("role") == "tool":
            call_id = str(message.get("tool_call_id"))
            if call_id not in open_calls:
                text = (
                    "Invalid parameter: messages with role 'tool' must be a response to a"
                    " preceeding message with 'tool_calls'."
                )
                raise InputRefused(400, None, text, f"messages.[{place}].role")
            del open_calls[call_id]
            continue
        _refuse_open(open_calls, place)
        calls = message.get("tool_calls") if message.get("role") == "assistant" else None
        open_calls = dict.fromkeys(_ids(calls, "id"))
    _refuse_open(open_calls, len(messages))


def check_anthropic_messages(body: Mapping[str, Any]) -> None:
    """Raise `InputRefused` for a ``tool_use`` without its result, and for the reverse."""
    messages = _messages(body)
    if not messages:
        text = "messages: at least one message is required"
        raise InputRefused(400, None, text, None)
    used: list[str] = []
    for place, message in enumerate(messages):
        given = list(_ids(_blocks(message, "tool_result"), "tool_use_id"))
        for call_id in given:
            if call_id not in used:
                text = (
                    f"messages.{place}.content.0: unexpected `tool_use_id` found in `tool_result`"
                    f" blocks: {call_id}. Each `tool_result` block must have a corresponding"
                    " `tool_use` block in the previous message."
                )
                raise InputRefused(400, None, text, None)
        _refuse_unanswered([call_id for call_id in used if call_id not in given], place - 1)
        used = list(_ids(_blocks(message, "tool_use"), "id"))
    _refuse_unanswered(used, len(messages) - 1)


def _messages(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    given = body.get("messages")
    if given is None:
        text = "Missing required parameter: 'messages'."
        raise InputRefused(400, "missing_required_parameter", text, "messages")
    return [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else [{}]


def _blocks(message: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    return [one for one in blocks if isinstance(one, Mapping) and one.get("type") == kind]


def _ids(entries: object, key: str) -> Iterator[str]:
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping):
            yield str(entry.get(key))


def _refuse_open(calls: Mapping[str, None], place: int) -> None:
    if calls:
        text = (
            "An assistant message with 'tool_calls' must be followed by tool messages responding"
            " to each 'tool_call_id'. The following tool_call_ids did not have response messages:"
            f" {', '.join(calls)}"
        )
        raise InputRefused(400, None, text, f"messages.[{place}].role")


def _refuse_unanswered(calls: list[str], place: int) -> None:
    if calls:
        text = (
            f"messages.{place}: `tool_use` ids were found without `tool_result` blocks immediately"
            f" after: {', '.join(calls)}. Each `tool_use` block must have a corresponding"
            " `tool_result` block in the next message."
        )
        raise InputRefused(400, None, text, None)
