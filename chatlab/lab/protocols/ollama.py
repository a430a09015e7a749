"""Ollama's chat: the good answer as one JSON object and as lines of JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from chatlab.lab.protocols.exchange import BodyPiece, ReceivedRequest, compact
from chatlab.lab.protocols.good_answer import GoodAnswer, Ids, words

STREAM_TYPE: Final = "application/x-ndjson"

ERRORS: Final[dict[str, tuple[int, dict[str, Any]]]] = {
    "overloaded": (
        503,
        {"error": "server busy, please try again.  maximum pending requests exceeded"},
    ),
    "rate_limit": (429, {"error": "too many requests"}),
    "server_error": (500, {"error": "model runner has unexpectedly stopped"}),
    "quota": (429, {"error": "you have reached your weekly usage limit, upgrade to continue"}),
    "auth": (401, {"error": "unauthorized"}),
}
"""Errors by the names of `faults.ERRORS`: status and body. The first as in ollama/ollama 4159."""

_FINISH: Final = {"stop": "stop", "length": "length", "refusal": "stop"}


def body(success: GoodAnswer, request: ReceivedRequest, ids: Ids) -> dict[str, Any]:
    """Return the finished response."""
    message: dict[str, Any] = {"role": "assistant", "content": success.said}
    if success.reasoning:
        message["thinking"] = success.reasoning
    if success.tool_calls:
        message["tool_calls"] = _calls(success)
    return {**_head(request, ids), "message": message, **_end(success)}


def events(success: GoodAnswer, request: ReceivedRequest, ids: Ids) -> list[BodyPiece]:
    """Return the lines; the last one says ``done``."""
    head = _head(request, ids)
    messages: list[dict[str, Any]] = []
    if success.reasoning:
        messages += [{"content": "", "thinking": text} for text in words(success.reasoning)]
    if success.said:
        messages += [{"content": text} for text in success.pieces()]
    if success.tool_calls:
        messages.append({"content": "", "tool_calls": _calls(success)})
    pieces = [
        line({**head, "message": {"role": "assistant", **one}, "done": False}, content=True)
        for one in messages
    ]
    last = {**head, "message": {"role": "assistant", "content": ""}, **_end(success)}
    return [*pieces, line(last)]


def line(data: object, *, content: bool = False) -> BodyPiece:
    """Return one line of JSON."""
    return BodyPiece(compact(data) + b"\n", content=content)


def error_body(error: dict[str, Any]) -> dict[str, Any]:
    """Return the error's body, a sentence under ``error``."""
    return {"error": error.get("error") or error["message"]}


def _head(request: ReceivedRequest, ids: Ids) -> dict[str, Any]:
    created = datetime.fromtimestamp(ids.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    return {"model": request.body.get("model", "fake-model"), "created_at": created}


def _end(success: GoodAnswer) -> dict[str, Any]:
    return {
        "done": True,
        "done_reason": _FINISH[success.finish],
        "total_duration": 1_000_000,
        "load_duration": 1_000,
        "prompt_eval_count": success.usage.input_tokens,
        "prompt_eval_duration": 1_000,
        "eval_count": success.usage.output_tokens,
        "eval_duration": 1_000,
    }


def _calls(success: GoodAnswer) -> list[dict[str, Any]]:
    return [
        {"function": {"name": call.name, "arguments": dict(call.arguments)}}
        for call in success.tool_calls
    ]
