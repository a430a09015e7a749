"""Gemini generateContent: the good answer as one JSON object and as a stream of them."""

from __future__ import annotations

import re
from typing import Any, Final

from chatlab.lab.protocols.exchange import BodyPiece, ReceivedRequest, event
from chatlab.lab.protocols.good_answer import GoodAnswer, Ids, words

PATH: Final = re.compile(r"/v1(?:alpha|beta)?/models/([^/:]+):(?:streamG|g)enerateContent")
"""The path of a request; the model is in it."""

_FINISH: Final = {"stop": "STOP", "length": "MAX_TOKENS", "refusal": "SAFETY"}

Status = tuple[int, dict[str, Any]]


def _error(code: int, status: str, message: str, *details: dict[str, Any]) -> Status:
    error: dict[str, Any] = {"code": code, "message": message, "status": status}
    return code, {**error, "details": list(details)} if details else error


_KEY_REASON: Final = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "API_KEY_INVALID",
    "domain": "googleapis.com",
}
ERRORS: Final[dict[str, Status]] = {
    "overloaded": _error(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "rate_limit": _error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted."),
    "server_error": _error(500, "INTERNAL", "An internal error has occurred."),
    "quota": _error(
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "auth": _error(
        400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", _KEY_REASON
    ),
}
"""Errors by the names of `faults.ERRORS`: status and the object under ``error``."""


def body(success: GoodAnswer, request: ReceivedRequest, ids: Ids) -> dict[str, Any]:
    """Return the ``GenerateContentResponse``."""
    parts: list[dict[str, Any]] = []
    if success.reasoning:
        parts.append({"text": success.reasoning, "thought": True})
    if success.said:
        parts.append({"text": success.said})
    return _response(success, request, ids, [*parts, *_calls(success, ids)], ends=True)


def events(success: GoodAnswer, request: ReceivedRequest, ids: Ids) -> list[BodyPiece]:
    """Return the responses of the stream; the last one has the ``finishReason``."""
    parts: list[dict[str, Any]] = []
    if success.reasoning:
        parts += [{"text": text, "thought": True} for text in words(success.reasoning)]
    if success.said:
        parts += [{"text": text} for text in success.pieces()]
    parts += _calls(success, ids)
    response_id = ids.make("")
    responses = [_response(success, request, ids, [part], ends=part is parts[-1]) for part in parts]
    return [event({**one, "responseId": response_id}, content=True) for one in responses]


def error_body(error: dict[str, Any]) -> dict[str, Any]:
    """Return the error's envelope."""
    if "status" not in error:
        error = {"code": 400, "message": error["message"], "status": "INVALID_ARGUMENT"}
    return {"error": error}


def _calls(success: GoodAnswer, ids: Ids) -> list[dict[str, Any]]:
    return [
        {
            "functionCall": {
                "id": call.id or ids.make("call_"),
                "name": call.name,
                "args": dict(call.arguments),
            }
        }
        for call in success.tool_calls
    ]


def _response(
    success: GoodAnswer,
    request: ReceivedRequest,
    ids: Ids,
    parts: list[dict[str, Any]],
    *,
    ends: bool,
) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    spent = success.usage
    usage = {"promptTokenCount": spent.input_tokens, "totalTokenCount": spent.input_tokens}
    if ends:
        candidate["finishReason"] = _FINISH[success.finish]
        usage["candidatesTokenCount"] = spent.output_tokens
        usage["totalTokenCount"] += spent.output_tokens
    named = PATH.fullmatch(request.path)
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": named[1] if named else "fake-model",
        "responseId": ids.make(""),
    }
