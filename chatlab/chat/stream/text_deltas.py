"""The deltas that are nothing but text: almost all events of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chatlab.chat.stream.guards import number

RESPONSE_TEXTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "response.output_text": ("text", "text", "content_index"),
    "response.refusal": ("refusal", "refusal", "content_index"),
    "response.reasoning_text": ("reasoning", "text", "content_index"),
    "response.reasoning_summary_text": ("reasoning", "text", "summary_index"),
    "response.function_call_arguments": ("tool_call", "arguments", ""),
    "response.custom_tool_call_input": ("tool_call", "input", ""),
}
"""Texts that come as ``.delta`` and again in ``.done``: the part, the field with the
complete text, the index."""

BLOCK_TEXTS: Final = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("reasoning", "thinking"),
    "input_json_delta": ("tool_call", "partial_json"),
}
NOT_ONLY_TEXT: Final = frozenset({"usage", "message", "response", "x_groq", "error"})
"""An event, or a choice, with one of these keys is more than a further piece of text."""


Place = tuple[object, ...] | None

_INDEX_OF_DELTA: Final = {f"{stem}.delta": row[2] for stem, row in RESPONSE_TEXTS.items()}


_NONE: Final[Mapping[str, object]] = {}


def text_at(event: Mapping[str, object]) -> tuple[Place, str | None]:
    """Return where `event` has a delta that is nothing but text, as a key, and the text."""
    kind, text = event.get("type"), None
    place: Place = None
    if kind == "content_block_delta":
        added = mapping(event.get("delta"))
        form = added.get("type")
        if isinstance(form, str) and form in BLOCK_TEXTS:
            place, text = (kind, event.get("index"), form), added.get(BLOCK_TEXTS[form][1])
    elif isinstance(kind, str):
        if kind in _INDEX_OF_DELTA:
            index = event.get(_INDEX_OF_DELTA[kind])
            place = (kind, event.get("item_id"), event.get("output_index"), index)
            text = event.get("delta")
    else:
        listed = event.get("choices")
        choice = mapping(listed[0]) if isinstance(listed, list) and len(listed) == 1 else _NONE
        added = mapping(choice.get("delta"))
        alone = len(added) == 1 + ("role" in added) and NOT_ONLY_TEXT.isdisjoint(choice)
        if alone and "content" in added and not choice.get("finish_reason"):
            place, text = (number(choice.get("index")),), added["content"]
    return place, text if isinstance(text, str) else None


def mapping(value: object) -> Mapping[str, object]:
    """Return `value` if it is a mapping, else an empty one."""
    return value if type(value) is dict or isinstance(value, Mapping) else _NONE
