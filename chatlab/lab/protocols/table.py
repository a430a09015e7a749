"""The wire protocols that the fake provider speaks, one row each, and their error shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chatlab.lab.protocols import anthropic_messages as protocol_messages
from chatlab.lab.protocols import chat_completions as protocol_chat
from chatlab.lab.protocols import cohere_chat, gemini, mistral_chat, ollama
from chatlab.lab.protocols import openai_responses as protocol_responses
from chatlab.lab.protocols.exchange import (
    BodyPiece,
    ReceivedRequest,
    Refusal,
    Reply,
    compact,
    event,
    whole,
)
from chatlab.lab.protocols.good_answer import GoodAnswer, Ids
from chatlab.lab.protocols.message_pairing import (
    check_anthropic_messages,
    check_chat_completions,
)

JSON_TYPE = "application/json"
STREAM_TYPE = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Protocol:
    """One endpoint: where it is, what it answers, and how it words an error."""

    path: str
    id_header: str
    body: Callable[[GoodAnswer, ReceivedRequest, Ids], dict[str, Any]]
    events: Callable[[GoodAnswer, ReceivedRequest, Ids], list[BodyPiece]]
    errors: dict[str, tuple[int, dict[str, Any]]]
    error_body: Callable[[dict[str, Any]], dict[str, Any]]
    error_event: Callable[[dict[str, Any], int], BodyPiece]
    stream_type: str = STREAM_TYPE
    check: Callable[[Mapping[str, Any]], None] | None = None
    """Raises `InputRefused` for a request that the API refuses; None: `ResponseMemory` does."""

    def good(self, success: GoodAnswer, request: ReceivedRequest, ids: Ids) -> Reply:
        """Return the reply that says ``success``, as JSON or as events, as the caller asked."""
        if request.stream:
            pieces = self.events(success, request, ids)
            headers = self._headers(ids, self.stream_type, ("cache-control", "no-cache"))
            reply = Reply(200, headers, _paced(pieces, success))
        else:
            content = compact(self.body(success, request, ids))
            reply = whole(200, self._headers(ids, JSON_TYPE), content)
            reply = replace(reply, body=_paced(list(reply.body), success))
        return replace(reply, head_after_s=success.headers_after_s)

    def failing(self, status: int, error: str | None, ids: Ids, *extra: tuple[str, str]) -> Reply:
        """Return an error reply; without a name from `ERRORS` the one that goes with ``status``."""
        usual = (name for name, (code, _) in self.errors.items() if code == status)
        payload = self.errors[error or next(usual, "server_error")][1]
        if isinstance(payload.get("code"), int):
            payload = {**payload, "code": status}
        headers = self._headers(ids, JSON_TYPE, *extra)
        return whole(status, headers, compact(self.error_body(payload)))

    def refused(self, refusal: Refusal, ids: Ids) -> Reply:
        """Return the reply to a request that the API refuses."""
        headers = self._headers(ids, JSON_TYPE)
        return whole(refusal.status, headers, compact(self.error_body(refusal.error)))

    def _headers(
        self, ids: Ids, content_type: str, *extra: tuple[str, str]
    ) -> tuple[tuple[str, str], ...]:
        return (("content-type", content_type), (self.id_header, ids.make("req_")), *extra)


def _paced(pieces: list[BodyPiece], success: GoodAnswer) -> tuple[BodyPiece, ...]:
    """Give the pieces of content the delays that ``success`` asks for."""
    delay_s = success.content_after_s
    paced: list[BodyPiece] = []
    for piece in pieces:
        paced.append(replace(piece, after_s=delay_s) if piece.content else piece)
        delay_s = success.chunk_every_s if piece.content else delay_s
    return tuple(paced)


def _openai_error(message: str, kind: str, code: str | None) -> dict[str, Any]:
    return {"message": message, "type": kind, "param": None, "code": code}


_OPENAI_ERRORS: dict[str, tuple[int, dict[str, Any]]] = {
    "overloaded": (
        503,
        _openai_error(
            "Our servers are overloaded.", "service_unavailable_error", "server_is_overloaded"
        ),
    ),
    "rate_limit": (
        429,
        _openai_error(
            "Rate limit reached on tokens per min (TPM).", "tokens", "rate_limit_exceeded"
        ),
    ),
    "server_error": (
        500,
        _openai_error("The server had an error.", "server_error", "server_error"),
    ),
    "quota": (
        429,
        _openai_error(
            "You exceeded your current quota.", "insufficient_quota", "insufficient_quota"
        ),
    ),
    "auth": (
        401,
        _openai_error("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    ),
}

_ANTHROPIC_ERRORS: dict[str, tuple[int, dict[str, Any]]] = {
    "overloaded": (529, {"type": "overloaded_error", "message": "Overloaded"}),
    "rate_limit": (
        429,
        {"type": "rate_limit_error", "message": "This would exceed your account's rate limit."},
    ),
    "server_error": (500, {"type": "api_error", "message": "Internal server error"}),
    "quota": (
        400,
        {"type": "invalid_request_error", "message": "Your credit balance is too low."},
    ),
    "auth": (401, {"type": "authentication_error", "message": "invalid x-api-key"}),
}


def _openai_body(error: dict[str, Any]) -> dict[str, Any]:
    return {"error": error}


def _anthropic_body(error: dict[str, Any]) -> dict[str, Any]:
    return {"type": "error", "error": {key: error[key] for key in ("type", "message")}}


def _responses_event(error: dict[str, Any], number: int) -> BodyPiece:
    flat = {"code": error["code"], "message": error["message"], "param": error["param"]}
    return event({"type": "error", "sequence_number": number, **flat}, "error")


PROTOCOLS: dict[str, Protocol] = {
    row.path: row
    for row in (
        Protocol(
            path="/v1/responses",
            id_header="x-request-id",
            body=protocol_responses.body,
            events=protocol_responses.events,
            errors=_OPENAI_ERRORS,
            error_body=_openai_body,
            error_event=_responses_event,
        ),
        Protocol(
            path="/v1/chat/completions",
            id_header="x-request-id",
            body=protocol_chat.body,
            events=protocol_chat.events,
            errors=_OPENAI_ERRORS,
            error_body=_openai_body,
            error_event=lambda error, number: event(_openai_body(error)),
            check=check_chat_completions,
        ),
        Protocol(
            path="/v1/messages",
            id_header="request-id",
            body=protocol_messages.body,
            events=protocol_messages.events,
            errors=_ANTHROPIC_ERRORS,
            error_body=_anthropic_body,
            error_event=lambda error, number: event(_anthropic_body(error), "error"),
            check=check_anthropic_messages,
        ),
        Protocol(
            path="/mistral/v1/chat/completions",
            id_header="mistral-correlation-id",
            body=mistral_chat.body,
            events=mistral_chat.events,
            errors=mistral_chat.ERRORS,
            error_body=mistral_chat.error_body,
            error_event=lambda error, number: event(error),
        ),
        Protocol(
            path="/v2/chat",
            id_header="x-debug-trace-id",
            body=cohere_chat.body,
            events=cohere_chat.events,
            errors=cohere_chat.ERRORS,
            error_body=cohere_chat.error_body,
            error_event=cohere_chat.error_event,
        ),
        Protocol(
            path="/api/chat",
            id_header="x-request-id",
            body=ollama.body,
            events=ollama.events,
            errors=ollama.ERRORS,
            error_body=ollama.error_body,
            error_event=lambda error, number: ollama.line(ollama.error_body(error)),
            stream_type=ollama.STREAM_TYPE,
        ),
        Protocol(
            path="/v1beta/models/MODEL:generateContent",
            id_header="x-request-id",
            body=gemini.body,
            events=gemini.events,
            errors=gemini.ERRORS,
            error_body=gemini.error_body,
            error_event=lambda error, number: event(gemini.error_body(error)),
        ),
    )
}
"""The endpoints by path; `protocol_of` finds the one of a request."""


def protocol_of(path: str) -> Protocol | None:
    """Return the protocol of a request's path, None for an unknown path."""
    if gemini.PATH.fullmatch(path):
        return PROTOCOLS["/v1beta/models/MODEL:generateContent"]
    return PROTOCOLS.get(path)
