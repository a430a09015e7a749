"""A history as ``input`` of OpenAI's Responses.

An item that carries its id is checked against what the provider knows: reasoning must be followed
by its item, and that item be preceded by its reasoning. So an id is sent in one case only, for a
reasoning item and the call that came directly after it. Reasoning goes by value if its encrypted
content is at hand, by reference if the provider has stored it, and else not at all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from chatlab.chat.messages.content import Content, FilePart, MarkerPart, ToolResultPart
from chatlab.chat.messages.message import Message, Role
from chatlab.chat.messages.parts import BlockPart, ReasoningPart, TextPart, ToolCallPart
from chatlab.chat.render.call_pairing import GONE, Limits, Numbered
from chatlab.chat.render.model_view import (
    PDF,
    PICTURES,
    file_text,
    omissions,
    recovered,
    visible,
    words,
)

LIMITS: Final = Limits(re.compile(r"\S{1,64}"), 128)

RUN_BY_PROVIDER: Final[Mapping[str, tuple[str, ...]]] = {
    "web_search_call": ("id", "status", "action"),
    "file_search_call": ("id", "status", "queries"),
    "code_interpreter_call": ("id", "status", "code", "container_id", "outputs"),
    "image_generation_call": ("id", "status", "result"),
}
"""Items of tools that the provider runs, which may be sent again, with the fields they need."""

_OVER: Final = ("completed", "failed")


def request(
    messages: Sequence[Numbered], model: str | None, references: bool, left_out: list[str]
) -> dict[str, Any]:
    """The ``input`` for `messages`, which are in pairs; see `replay_input`."""
    customs = {call.id for _, message in messages for call in message.local_calls if call.custom}
    replay = _Replay(model, references, left_out)
    for index, message in messages:
        if message.role is Role.ASSISTANT:
            replay.answer(index, message)
        elif message.role is Role.TOOL:
            replay.items += _outputs(message.local_results, customs)
        elif content := [_content(part) for part in message.parts if visible(part)]:
            replay.items.append({"type": "message", "role": str(message.role), "content": content})
    return {"input": replay.items}


def tool_outputs(answer: Message, results: Message) -> list[dict[str, Any]]:
    """Return the items of the `results` of the calls of `answer`, for a request that chains."""
    customs = {call.id for call in answer.local_calls if call.custom}
    return _outputs(map(recovered, results.local_results), customs)


def _outputs(results: Iterable[ToolResultPart], customs: Collection[str]) -> list[dict[str, Any]]:
    return [_output_item(one, custom=one.call_id in customs) for one in results]


def _output_item(result: ToolResultPart, *, custom: bool) -> dict[str, Any]:
    """The item of one tool result, images as images. custom: the call was of a custom tool."""
    images = [_content(image) for image in result.images]
    text = [{"type": "input_text", "text": result.text}] if result.text else []
    return {
        "type": "custom_tool_call_output" if custom else "function_call_output",
        "call_id": result.call_id,
        "output": [*text, *images] if images else result.text,
    }


@dataclass(slots=True, eq=False)
class _Replay:
    model: str | None
    references: bool
    left_out: list[str]
    items: list[dict[str, Any]] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def answer(self, index: int, message: Message) -> None:
        """Add the items of an assistant message."""
        sent: set[int] = set()
        last: tuple[int, Content] | None = None
        for number, part in enumerate(message.parts):
            if isinstance(part, MarkerPart) and part is not GONE:
                continue
            leader = self._reasoning(message, last[1]) if last else None
            items = self._items(part, leader)
            self.items += items
            self.used.update(item["id"] for item in items if "id" in item)
            sent.update([number] if items else [])
            sent.update([last[0]] if last and len(items) == 2 else [])
            last = number, part
        self.left_out += omissions(index, message, sent)

    def _items(self, part: Content, leader: dict[str, Any] | None) -> list[dict[str, Any]]:
        """The item of a part; behind `leader`, its reasoning, where the two belong together."""
        if isinstance(part, TextPart) and part.text.strip():
            return [{"type": "message", "role": "assistant", "content": part.text}]
        if isinstance(part, ToolCallPart) and not part.by_provider:
            if leader and part.item_id:
                return [leader, {**_call(part), "id": part.item_id}]
            return [_call(part)]
        if isinstance(part, BlockPart) and leader and self._can_be_sent(part):
            return [leader, {**part.data, "type": part.kind}]
        return []

    def _reasoning(self, message: Message, part: Content) -> dict[str, Any] | None:
        own = self.model is None or message.model in (None, self.model)
        if not isinstance(part, ReasoningPart) or not own or not part.id or part.id in self.used:
            return None
        if part.encrypted:
            summary = [{"type": "summary_text", "text": text} for text in part.summary]
            item = {"type": "reasoning", "id": part.id, "summary": summary}
            return {**item, "encrypted_content": part.encrypted}
        if message.stored and self.references:
            return {"type": "item_reference", "id": part.id}
        return None

    def _can_be_sent(self, part: BlockPart) -> bool:
        needed = RUN_BY_PROVIDER.get(part.kind)
        whole = needed is not None and all(name in part.data for name in needed)
        item_id = part.data.get("id")
        fresh = isinstance(item_id, str) and bool(item_id) and item_id not in self.used
        return whole and fresh and part.data.get("status") in _OVER


def _call(part: ToolCallPart) -> dict[str, Any]:
    if part.custom:
        head, text = "custom_tool_call", {"input": part.arguments}
    else:
        head, text = "function_call", {"arguments": part.arguments or "{}"}
    return {"type": head, "call_id": part.id, "name": part.name, **text}


def _content(part: Content) -> dict[str, Any]:
    if not isinstance(part, FilePart) or file_text(part) is not None:
        return {"type": "input_text", "text": words(part)}
    inline = f"data:{part.media_type};base64,{part.data}"
    if part.media_type in PICTURES:
        where = {"file_id": part.file_id} if part.file_id else {"image_url": part.url or inline}
        return {"type": "input_image", "detail": "auto", **where}
    if part.is_image:
        return {"type": "input_text", "text": words(part)}
    if part.file_id:
        return {"type": "input_file", "file_id": part.file_id}
    if part.url:
        return {"type": "input_file", "file_url": part.url}
    name = part.name or ("file.pdf" if part.media_type == PDF else "file")
    return {"type": "input_file", "filename": name, "file_data": inline}
