"""Chat Completions: the good answer as one JSON object and as chunks."""

from __future__ import annotations

from typing import Any

from chatlab.lab.protocols.exchange import BodyPiece, ReceivedRequest, event
from chatlab.lab.protocols.good_answer import GoodAnswer, Ids

_FINISH = {"stop": "stop", "length": "length", "refusal": "stop"}


def body(success: GoodAnswer, request: ReceivedRequest, ids: Ids) -> dict[str, Any]:
    """Return the ``chat.completion`` object."""
    refused = success.finish == "refusal"
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if refused or not success.said else success.said,
        "refusal": success.said if refused else None,
        "annotations": [],
    }
    if success.reasoning:
        message["reasoning_content"] = success.reasoning
    identity = _identity(request, ids, "chat.completion")
    if success.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id or ids.make("call_"),
                "type": "function",
                "function": {"name": call.name, "arguments": "".join(call.pieces())},
            }
            for call in success.tool_calls
        ]
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": _finish_reason(success),
    }
    return {**identity, "choices": [choice], "usage": _usage(success)}


def events(success: GoodAnswer, request: ReceivedRequest, ids: Ids) -> list[BodyPiece]:
    """Return the chunks, the usage chunk when the caller asked for it, and ``[DONE]``."""
    identity = _identity(request, ids, "chat.completion.chunk")
    options = request.body.get("stream_options")
    with_usage = isinstance(options, dict) and options.get("include_usage") is True
    trailer: dict[str, Any] = {"usage": None} if with_usage else {}

    def chunk(
        delta: dict[str, Any], finish: str | None = None, *, content: bool = True
    ) -> BodyPiece:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return event({**identity, "choices": [choice], **trailer}, content=content)

    pieces = [chunk({"role": "assistant", "content": ""}, content=False)]
    if success.reasoning:
        pieces.append(chunk({"reasoning_content": success.reasoning}))
    said = "refusal" if success.finish == "refusal" else "content"
    pieces += [chunk({said: text}) for text in success.pieces()]
    for index, call in enumerate(success.tool_calls):
        head = {"id": call.id or ids.make("call_"), "type": "function"}
        function = {"name": call.name, "arguments": ""}
        pieces.append(chunk({"tool_calls": [{"index": index, **head, "function": function}]}))
        for text in call.pieces():
            step = {"index": index, "function": {"arguments": text}}
            pieces.append(chunk({"tool_calls": [step]}))
    pieces.append(chunk({}, _finish_reason(success), content=False))
    if with_usage:
        pieces.append(event({**identity, "choices": [], "usage": _usage(success)}))
    return [*pieces, event("[DONE]")]


def _identity(request: ReceivedRequest, ids: Ids, kind: str) -> dict[str, Any]:
    return {
        "id": ids.make("chatcmpl-"),
        "object": kind,
        "created": ids.created,
        "model": request.body.get("model", "fake-model"),
        "service_tier": "default",
        "system_fingerprint": ids.make("fp_"),
    }


def _finish_reason(success: GoodAnswer) -> str:
    if success.tool_calls and success.finish == "stop":
        return "tool_calls"
    return _FINISH[success.finish]


def _usage(success: GoodAnswer) -> dict[str, Any]:
    spent = success.usage
    return {
        "prompt_tokens": spent.input_tokens,
        "completion_tokens": spent.output_tokens,
        "total_tokens": spent.input_tokens + spent.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
