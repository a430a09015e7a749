"""Cohere's chat, version 2: the good answer as one JSON object and as events."""

from __future__ import annotations

from typing import Any, Final

from chatlab.lab.protocols.exchange import BodyPiece, ReceivedRequest, event
from chatlab.lab.protocols.good_answer import GoodAnswer, Ids, words

ERRORS: Final[dict[str, tuple[int, dict[str, Any]]]] = {
    "overloaded": (503, {"message": "service unavailable"}),
    "rate_limit": (429, {"message": "Please wait and try again later"}),
    "server_error": (500, {"message": "internal server error"}),
    "quota": (402, {"message": "Please add or update your payment method to continue"}),
    "auth": (401, {"message": "invalid api token"}),
}
"""Errors by the names of `faults.ERRORS`: status and body."""

_FINISH: Final = {"stop": "COMPLETE", "length": "MAX_TOKENS", "refusal": "COMPLETE"}


def body(success: GoodAnswer, request: ReceivedRequest, ids: Ids) -> dict[str, Any]:
    """Return the finished response."""
    content: list[dict[str, Any]] = []
    if success.reasoning:
        content.append({"type": "thinking", "thinking": success.reasoning})
    if success.said:
        content.append({"type": "text", "text": success.said})
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if success.tool_calls:
        message["tool_calls"] = [
            _call(call.id or ids.make("call_"), call.name, "".join(call.pieces()))
            for call in success.tool_calls
        ]
    head = {"id": ids.make(""), "finish_reason": _finish_reason(success)}
    return {**head, "message": message, "usage": _usage(success)}


def events(success: GoodAnswer, request: ReceivedRequest, ids: Ids) -> list[BodyPiece]:
    """Return the events from ``message-start`` to ``message-end``."""
    start = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}
    pieces = [_event("message-start", id=ids.make(""), delta={"message": start})]
    blocks: list[tuple[str, list[str]]] = []
    if success.reasoning:
        blocks.append(("thinking", words(success.reasoning)))
    if success.said:
        blocks.append(("text", success.pieces()))
    for index, (kind, texts) in enumerate(blocks):
        opened = {"type": kind, kind: ""}
        pieces.append(_block("content-start", index, {"content": opened}))
        pieces += [_block("content-delta", index, {"content": {kind: text}}) for text in texts]
        pieces.append(_event("content-end", index=index))
    for index, call in enumerate(success.tool_calls):
        opened = _call(call.id or ids.make("call_"), call.name, "")
        pieces.append(_block("tool-call-start", index, {"tool_calls": opened}))
        for text in call.pieces():
            step = {"function": {"arguments": text}}
            pieces.append(_block("tool-call-delta", index, {"tool_calls": step}))
        pieces.append(_event("tool-call-end", index=index))
    end = {"finish_reason": _finish_reason(success), "usage": _usage(success)}
    return [*pieces, _event("message-end", delta=end)]


def error_body(error: dict[str, Any]) -> dict[str, Any]:
    """Return the error's body, a sentence under ``message``."""
    return {"message": error["message"]}


def error_event(error: dict[str, Any], number: int) -> BodyPiece:
    """Return the end of a stream that has failed."""
    return _event("message-end", delta={"finish_reason": "ERROR", "error": error["message"]})


def _event(kind: str, **fields: object) -> BodyPiece:
    return event({"type": kind, **fields}, kind, content=kind.endswith("-delta"))


def _block(kind: str, index: int, message: dict[str, Any]) -> BodyPiece:
    return _event(kind, index=index, delta={"message": message})


def _call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def _finish_reason(success: GoodAnswer) -> str:
    if success.tool_calls and success.finish == "stop":
        return "TOOL_CALL"
    return _FINISH[success.finish]


def _usage(success: GoodAnswer) -> dict[str, Any]:
    spent = {"input_tokens": success.usage.input_tokens}
    spent["output_tokens"] = success.usage.output_tokens
    return {"billed_units": spent, "tokens": spent}
