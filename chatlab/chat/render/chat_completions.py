"""A history as ``messages`` of Chat Completions.

A tool message holds text only, so the images of tool results follow in a user message, behind
the last result of the same answer. Reasoning and what the provider ran itself have no form here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from chatlab.chat.messages.content import Content, FilePart
from chatlab.chat.messages.message import Message, Role
from chatlab.chat.messages.parts import TextPart, ToolCallPart
from chatlab.chat.render.call_pairing import Limits, Numbered
from chatlab.chat.render.model_view import PDF, PICTURES, omissions, visible, words

LIMITS: Final = Limits(re.compile(r"\S{1,40}"), 64)


def request(
    messages: Sequence[Numbered], model: str | None, references: bool, left_out: list[str]
) -> dict[str, Any]:
    """The ``messages`` for `messages`, which are in pairs; see `replay_input`."""
    sent: list[dict[str, Any]] = []
    for index, message in messages:
        if message.role is Role.ASSISTANT:
            sent += _answer(index, message, left_out)
        elif message.role is Role.TOOL:
            sent += _results(message)
        elif content := [_content(part) for part in message.parts if visible(part)]:
            sent.append({"role": str(message.role), "content": _plain(content)})
    return {"messages": sent}


def _answer(index: int, message: Message, left_out: list[str]) -> list[dict[str, Any]]:
    texts: dict[int, str] = {}
    calls: dict[int, dict[str, Any]] = {}
    for number, part in enumerate(message.parts):
        if isinstance(part, TextPart) and part.text.strip():
            texts[number] = part.text
        elif isinstance(part, ToolCallPart) and not part.by_provider:
            calls[number] = _call(part)
    left_out += omissions(index, message, {*texts, *calls})
    if not texts and not calls:
        return []
    answer: dict[str, Any] = {"role": "assistant", "content": "\n\n".join(texts.values()) or None}
    return [{**answer, "tool_calls": list(calls.values())} if calls else answer]


def _call(part: ToolCallPart) -> dict[str, Any]:
    if part.custom:
        custom = {"name": part.name, "input": part.arguments}
        return {"id": part.id, "type": "custom", "custom": custom}
    function = {"name": part.name, "arguments": part.arguments or "{}"}
    return {"id": part.id, "type": "function", "function": function}


def _results(message: Message) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    pictures: list[dict[str, Any]] = []
    for result in message.local_results:
        text = result.text
        if result.images:
            text = text or "The result is an image; it follows."
            pictures.append({"type": "text", "text": f"[images of the result {result.call_id}]"})
            pictures += [_content(image) for image in result.images]
        sent.append({"role": "tool", "tool_call_id": result.call_id, "content": text})
    return [*sent, {"role": "user", "content": pictures}] if pictures else sent


def _plain(content: list[dict[str, Any]]) -> str | list[dict[str, Any]]:
    """One string if there is nothing but text: some compatible servers take no list."""
    if any(part["type"] != "text" for part in content):
        return content
    return "\n\n".join(part["text"] for part in content)


def _content(part: Content) -> dict[str, Any]:
    if isinstance(part, FilePart):
        inline = f"data:{part.media_type};base64,{part.data}"
        if part.media_type in PICTURES and not part.file_id:
            return {"type": "image_url", "image_url": {"url": part.url or inline}}
        if part.file_id and not part.is_image:
            return {"type": "file", "file": {"file_id": part.file_id}}
        if part.data and part.media_type == PDF:
            name = part.name or "file.pdf"
            return {"type": "file", "file": {"filename": name, "file_data": inline}}
    return {"type": "text", "text": words(part)}
