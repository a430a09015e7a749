"""What a reader hands over: decoded events, and last of all how the stream ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chatlab.errors import Failure


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """A stream has ended, or never began.

    Attributes
    ----------
    error: BaseException or None
        What the SDK raised; None if the stream ended in order.
    opened: bool
        The headers had arrived.
    saw_done: bool
        The SDK stopped by itself before the bytes ended, which it does at ``[DONE]``.
    other_body: Failure or None
        The response, if its body was not an event stream: the SDKs pass over such a body.
    """

    error: BaseException | None
    opened: bool
    saw_done: bool
    other_body: Failure | None


Item = Mapping[str, object] | StreamEnd
"""A decoded event, or the end, which comes once and last."""
