"""Mistral's chat: the form of Chat Completions, but for whole tool calls and its errors."""

from __future__ import annotations

from typing import Any, Final

from chatlab.lab.protocols import chat_completions
from chatlab.lab.protocols.exchange import BodyPiece, ReceivedRequest, event
from chatlab.lab.protocols.good_answer import GoodAnswer, Ids


def _error(message: str, kind: str, code: str | None) -> dict[str, Any]:
    return {"object": "error", "message": message, "type": kind, "param": None, "code": code}


ERRORS: Final[dict[str, tuple[int, dict[str, Any]]]] = {
    "rate_limit": (429, _error("Rate limit exceeded", "rate_limited", "1300")),
    "overloaded": (
        429,
        _error("Service tier capacity exceeded for this model.", "invalid_request_error", None),
    ),
    "server_error": (500, _error("Service unavailable.", "internal_server_error", "1000")),
    "quota": (402, {"detail": "Payment required"}),
    "auth": (401, {"detail": "Unauthorized"}),
}
"""Errors by the names of `faults.ERRORS`: status and body.

The first two as reported in cline/cline 9085 and continuedev/continue 6185.
"""


def body(success: GoodAnswer, request: ReceivedRequest, ids: Ids) -> dict[str, Any]:
    """Return the ``chat.completion`` object."""
    whole = chat_completions.body(success, request, ids)
    return {key: whole[key] for key in ("id", "object", "created", "model", "choices", "usage")}


def events(success: GoodAnswer, request: ReceivedRequest, ids: Ids) -> list[BodyPiece]:
    """Return the chunks and ``[DONE]``; each tool call is whole, and the usage is in the last."""
    whole = body(success, request, ids)
    choice = whole["choices"][0]
    head = {key: whole[key] for key in ("id", "created", "model")}

    def chunk(delta: dict[str, Any], finish: str | None = None, **more: object) -> BodyPiece:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        data = {**head, "object": "chat.completion.chunk", "choices": choices, **more}
        return event(data, content=bool(delta.get("content") or delta.get("tool_calls")))

    pieces = [chunk({"role": "assistant", "content": ""})]
    pieces += [chunk({"content": text}) for text in success.pieces()]
    last: dict[str, Any] = {"content": ""}
    if calls := choice["message"].get("tool_calls"):
        last["tool_calls"] = [{**call, "index": index} for index, call in enumerate(calls)]
    pieces.append(chunk(last, choice["finish_reason"], usage=whole["usage"]))
    return [*pieces, event("[DONE]")]


def error_body(error: dict[str, Any]) -> dict[str, Any]:
    """Return the error's body, which is the error itself."""
    return error
