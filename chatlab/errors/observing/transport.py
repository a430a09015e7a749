"""What the libraries of the transport type: resets, close codes, bodies that are too short."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chatlab.errors.observation import StreamReset
from chatlab.errors.observing.attributes import attribute, text_of

_CLOSED: Final = range(1_000, 5_000)
_HEAD_CHARS: Final = 400


def reset_in(arguments: tuple[object, ...]) -> StreamReset | None:
    """The HTTP/2 reset among the arguments of an exception of httpcore or httpx."""
    for event in arguments:
        code, by_peer = attribute(event, "error_code"), attribute(event, "remote_reset")
        if code is not None and isinstance(by_peer, bool):
            name = attribute(code, "name")
            return StreamReset(name if isinstance(name, str) else text_of(code), by_peer)
    return None


def code_of(class_name: str, told: Mapping[str, object]) -> str | None:
    """``websocket_1011`` for a close code that the peer sent, ``body_cut`` for JSON that ends."""
    if "doc" in told:
        return "body_cut" if is_cut(told) else None
    if class_name.startswith("websockets."):
        number = attribute(told.get("rcvd"), "code")
    elif class_name.startswith("google.genai."):
        number = told.get("code")  # of a live session
    else:
        return None
    closed = isinstance(number, int) and number in _CLOSED
    return f"websocket_{int(number)}" if closed else None  # type: ignore[call-overload]


def close_reason(told: Mapping[str, object]) -> str | None:
    """The words of the peer's close frame, None when it sent none."""
    reason = attribute(told.get("rcvd"), "reason")
    return reason if isinstance(reason, str) else None


def is_cut(told: Mapping[str, object]) -> bool:
    """Whether what a decoder of JSON could not read ends too soon, and holds no error."""
    doc, pos = told.get("doc"), told.get("pos")
    if not isinstance(doc, str) or not isinstance(pos, int):
        return False
    return pos >= len(doc.rstrip()) and '"error"' not in doc[:_HEAD_CHARS]
