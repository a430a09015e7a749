"""What the libraries of the transport type: resets, close codes, bodies that are too short."""

from __future__ import annotations

from chatlab.errors.observation import StreamReset
from chatlab.errors.observing.attributes import attribute, text_of


def reset_in(arguments: tuple[object, ...]) -> StreamReset | None:
    """The HTTP/2 reset among the arguments of an exception of httpcore or httpx."""
    for event in arguments:
        if type(event) is str:
            continue
        code, by_peer = attribute(event, "error_code"), attribute(event, "remote_reset")
        if code is not None and isinstance(by_peer, bool):
            name = attribute(code, "name")
            return StreamReset(name if isinstance(name, str) else text_of(code), by_peer)
    return None
