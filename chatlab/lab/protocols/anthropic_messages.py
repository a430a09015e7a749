"""Anthropic Messages: the good answer as one JSON object and as events."""

from __future__ import annotations

from typing import Any

from chatlab.lab.protocols.exchange import BodyPiece, ReceivedRequest, event
from chatlab.lab.protocols.good_answer import GoodAnswer, Ids, words

_STOP_REASON = {"stop": "end_turn", "length": "max_tokens", "refusal": "refusal"}


def body(success: GoodAnswer, request: ReceivedRequest, ids: Ids) -> dict[str, Any]:
    """Return the ``message`` object."""
    message = _message(success, request, ids)
    content: list[dict[str, Any]] = []
    if success.reasoning:
        signature = ids.make("")
        content.append({"type": "thinking", "thinking": success.reasoning, "signature": signature})
    if success.said:
        content.append({"type": "text", "text": success.said})
    for call in success.tool_calls:
        block = {"type": "tool_use", "id": call.id or ids.make("toolu_"), "name": call.name}
        content.append({**block, "input": dict(call.arguments)})
    usage = {**message["usage"], "output_tokens": success.usage.output_tokens}
    return {**message, "content": content, "stop_reason": _stop_reason(success), "usage": usage}


def events(success: GoodAnswer, request: ReceivedRequest, ids: Ids) -> list[BodyPiece]:
    """Return the events from ``message_start`` to ``message_stop``, with one ping."""
    pieces = [_event("message_start", message=_message(success, request, ids))]
    blocks: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    if success.reasoning:
        steps = [_delta("thinking", text) for text in words(success.reasoning)]
        signature = {"type": "signature_delta", "signature": ids.make("")}
        blocks.append(({"type": "thinking", "thinking": "", "signature": ""}, [*steps, signature]))
    if success.said:
        steps = [_delta("text", text) for text in success.pieces()]
        blocks.append(({"type": "text", "text": ""}, steps))
    for call in success.tool_calls:
        head = {"type": "tool_use", "id": call.id or ids.make("toolu_"), "name": call.name}
        steps = [{"type": "input_json_delta", "partial_json": text} for text in call.pieces()]
        blocks.append(({**head, "input": {}}, steps))
    for index, (block, deltas) in enumerate(blocks):
        pieces.append(_event("content_block_start", index=index, content_block=block))
        if index == 0:
            pieces.append(_event("ping"))
        pieces += [_event("content_block_delta", index=index, delta=delta) for delta in deltas]
        pieces.append(_event("content_block_stop", index=index))
    delta = {"stop_reason": _stop_reason(success), "stop_sequence": None}
    usage = {"output_tokens": success.usage.output_tokens}
    return [*pieces, _event("message_delta", delta=delta, usage=usage), _event("message_stop")]


def _event(kind: str, **fields: object) -> BodyPiece:
    return event({"type": kind, **fields}, kind, content=kind == "content_block_delta")


def _delta(kind: str, text: str) -> dict[str, Any]:
    return {"type": f"{kind}_delta", kind: text}


def _stop_reason(success: GoodAnswer) -> str:
    if success.tool_calls and success.finish == "stop":
        return "tool_use"
    return _STOP_REASON[success.finish]


def _message(success: GoodAnswer, request: ReceivedRequest, ids: Ids) -> dict[str, Any]:
    """Return the message of ``message_start``."""
    return {
        "id": ids.make("msg_"),
        "type": "message",
        "role": "assistant",
        "model": request.body.get("model", "fake-model"),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": success.usage.input_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 1,
            "service_tier": "standard",
        },
    }
