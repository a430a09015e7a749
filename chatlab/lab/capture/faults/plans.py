"""What the origin does on one connection once the request is in: bytes, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from http.client import responses
from typing import Final

from chatlab.lab.faults.vocabulary import H2_CODES

COMPLETION: Final = json.dumps(
    {
        "id": "1",
        "object": "chat.completion",
        "created": 1767225600,
        "model": "example",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "It rains in Bergen today."},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": 6, "total_tokens": 15},
    }
)
"""A good Chat Completions answer, to be cut, garbled or held back."""

PAGE: Final = (
    "<!DOCTYPE html>\n<html>\n<head><title>Sign in</title></head>\n"
    "<body><h1>Sign in to the network</h1></body>\n</html>\n"
)
"""What a captive portal or a wrong base URL gives where JSON was due."""


class Act(Enum):
    """What a plan can do besides sending bytes; `CLOSE` is what follows every plan."""

    CLOSE = "close"
    RESET = "reset"
    STALL = "stall"


Plan = tuple[bytes | Act, ...]


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """The status line and headers of an HTTP/1.1 response."""
    lines = [f"HTTP/1.1 {status} {responses.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def answer(
    status: int, body: str | bytes = "", *, content_type: str = "application/json", **headers: str
) -> Plan:
    """A whole response; ``retry_after="7"`` becomes the header ``retry-after: 7``."""
    raw = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sized = {"content-type": content_type, "content-length": str(len(raw)), **named}
    return (head(status, {**sized, "connection": "close"}) + raw,)


def part(length: int, claimed: int | None = None) -> bytes:
    """A good answer of which only the first `length` bytes come."""
    raw = COMPLETION.encode()
    size = str(len(raw) if claimed is None else claimed)
    return head(200, {"content-type": "application/json", "content-length": size}) + raw[:length]


def chunk(data: str) -> bytes:
    """One chunk of a chunked body."""
    raw = data.encode()
    return f"{len(raw):x}\r\n".encode() + raw + b"\r\n"


def chunked(content_type: str = "application/json") -> bytes:
    """The head of a chunked answer."""
    return head(200, {"content-type": content_type, "transfer-encoding": "chunked"})


def event(data: object, name: str | None = None) -> str:
    """One server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "") + f"data: {text}\n\n"


CHAT_EVENT: Final = event(
    {
        "id": "1",
        "object": "chat.completion.chunk",
        "created": 1767225600,
        "model": "example",
        "choices": [{"index": 0, "delta": {"content": "It"}, "finish_reason": None}],
    }
)
MESSAGE_EVENT: Final = event(
    {
        "type": "message_start",
        "message": {
            "id": "1",
            "type": "message",
            "role": "assistant",
            "model": "example",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 9, "output_tokens": 1},
        },
    },
    "message_start",
)
STREAM_TYPE: Final = "text/event-stream"


def frame(kind: int, stream: int, payload: bytes = b"", flags: int = 0) -> bytes:
    """One HTTP/2 frame (RFC 9113, 4.1)."""
    return (
        len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload
    )


SETTINGS: Final = frame(4, 0) + frame(4, 0, flags=1)
"""The server's opening of an HTTP/2 connection, and its thanks for the client's."""


def rst_stream(code: str) -> Plan:
    """The peer resets the first stream with `code`."""
    return (frame(3, 1, H2_CODES.index(code).to_bytes(4, "big")), Act.STALL)


def goaway(code: str, last_stream: int = 0, debug: bytes = b"") -> Plan:
    """The peer says that it takes no more streams, and closes."""
    payload = last_stream.to_bytes(4, "big") + H2_CODES.index(code).to_bytes(4, "big") + debug
    return (frame(7, 0, payload), Act.CLOSE)
