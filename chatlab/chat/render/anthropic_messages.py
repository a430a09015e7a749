"""A history as ``system`` and ``messages`` of Anthropic's Messages.

Roles alternate and the first is the user's, so neighbours of one role become one message. The
results of an answer's calls open the user message behind it. Thinking goes back only with the
signature that proves it, and never as the end of an answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from chatlab.chat.messages.content import Content, FilePart, ToolResultPart
from chatlab.chat.messages.message import Message, Role
from chatlab.chat.messages.parts import BlockPart, ReasoningPart, TextPart, ToolCallPart
from chatlab.chat.render.call_pairing import Limits, Numbered, block_call_id
from chatlab.chat.render.model_view import PDF, PICTURES, omissions, visible, words

LIMITS: Final = Limits(re.compile("[A-Za-z0-9_-]{1,64}"), 128)
OPENING: Final = "(The conversation begins with an answer.)"

RESULT_OF: Final = {
    "web_search": "web_search_tool_result",
    "web_fetch": "web_fetch_tool_result",
    "code_execution": "code_execution_tool_result",
    "bash_code_execution": "bash_code_execution_tool_result",
    "text_editor_code_execution": "text_editor_code_execution_tool_result",
    "tool_search_tool_regex": "tool_search_tool_result",
    "tool_search_tool_bm25": "tool_search_tool_result",
}
"""The tools that the provider runs, and the kind of block in which each gives its result."""

_THINKING: Final = ("thinking", "redacted_thinking")
_SERVER_ID: Final = re.compile("srvtoolu_[A-Za-z0-9_]+")


def request(
    messages: Sequence[Numbered], model: str | None, references: bool, left_out: list[str]
) -> dict[str, Any]:
    """The ``messages``, and ``system`` if any, for `messages`, which are in pairs."""
    system: list[str] = []
    sent: list[dict[str, Any]] = []
    for index, message in messages:
        if message.role is Role.SYSTEM:
            system += [words(part) for part in message.parts if visible(part)]
            continue
        if message.role is Role.ASSISTANT:
            own = model is None or message.model in (None, model)
            role, blocks = "assistant", _answer(index, message, own, left_out)
        elif message.role is Role.TOOL:
            role, blocks = "user", [_result(part) for part in message.local_results]
        else:
            role, blocks = "user", [_block(part) for part in message.parts if visible(part)]
        if blocks and sent and sent[-1]["role"] == role:
            sent[-1]["content"] += blocks
        elif blocks:
            sent.append({"role": role, "content": blocks})
    if sent and sent[0]["role"] == "assistant":
        sent.insert(0, {"role": "user", "content": [{"type": "text", "text": OPENING}]})
    if sent and sent[-1]["role"] == "assistant" and "text" in sent[-1]["content"][-1]:
        sent[-1]["content"][-1]["text"] = sent[-1]["content"][-1]["text"].rstrip()
    conversation = {"messages": sent}
    return {"system": "\n\n".join(system), **conversation} if system and sent else conversation


def _answer(index: int, message: Message, own: bool, left_out: list[str]) -> list[dict[str, Any]]:
    results = {call_id: part for part in message.parts if (call_id := block_call_id(part))}
    blocks: dict[int, dict[str, Any]] = {}
    running: set[str | None] = set()
    for number, part in enumerate(message.parts):
        if isinstance(part, ReasoningPart):
            if own and (thinking := _thinking(part)):
                blocks[number] = thinking
        elif isinstance(part, TextPart) and part.text.strip():
            blocks[number] = {"type": "text", "text": part.text}
        elif isinstance(part, ToolCallPart) and not part.by_provider:
            blocks[number] = _call("tool_use", part)
        elif isinstance(part, ToolCallPart) and _replayable(part, results.get(part.id)):
            blocks[number] = _call("server_tool_use", part)
            running.add(part.id)
        elif isinstance(part, BlockPart) and block_call_id(part) in running:
            blocks[number] = {**part.data, "type": part.kind}
    while blocks and blocks[max(blocks)]["type"] in _THINKING:
        del blocks[max(blocks)]
    left_out += omissions(index, message, blocks)
    return list(blocks.values())


def _call(kind: str, part: ToolCallPart) -> dict[str, Any]:
    return {"type": kind, "id": part.id, "name": part.name, "input": _input(part)}


def _thinking(part: ReasoningPart) -> dict[str, Any] | None:
    if part.signature:
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    if part.encrypted and not part.id:
        return {"type": "redacted_thinking", "data": part.encrypted}
    return None


def _replayable(call: ToolCallPart, result: Content | None) -> bool:
    if not isinstance(result, BlockPart) or RESULT_OF.get(call.name) != result.kind:
        return False
    return "content" in result.data and bool(_SERVER_ID.fullmatch(call.id))


def _input(part: ToolCallPart) -> dict[str, Any]:
    """The arguments as the object that the API demands; what is none is wrapped in one."""
    if not part.custom:
        try:
            arguments = json.loads(part.arguments or "{}")
        except (ValueError, RecursionError):
            arguments = None
        if isinstance(arguments, dict):
            return arguments
    return {"input": part.arguments}


def _result(result: ToolResultPart) -> dict[str, Any]:
    content = [{"type": "text", "text": result.text}] if result.text.strip() else []
    content += [_block(image) for image in result.images]
    if result.is_error and not content:
        content = [{"type": "text", "text": "The tool failed and said nothing."}]
    head = {"type": "tool_result", "tool_use_id": result.call_id}
    told = {**head, "content": content} if content else head
    return {**told, "is_error": True} if result.is_error else told


def _block(part: Content) -> dict[str, Any]:
    if isinstance(part, FilePart):
        source = {"type": "file", "file_id": part.file_id} if part.file_id else None
        if part.media_type in (*PICTURES, PDF):
            if part.url:
                source = {"type": "url", "url": part.url}
            elif part.data:
                source = {"type": "base64", "media_type": part.media_type, "data": part.data}
        if source and (part.media_type in PICTURES or not part.is_image):
            return {"type": "image" if part.is_image else "document", "source": source}
    return {"type": "text", "text": words(part)}
