"""What an answer is made of: its finished parts, and the pieces in which they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text of the answer. refusal: it says no. annotations: citations, as sent."""

    text: str
    refusal: bool = False
    annotations: tuple[Mapping[str, object], ...] = ()
    choice: int = 0


@dataclass(frozen=True, slots=True)
class ReasoningPart:
    """Reasoning. text: all that may be shown; summary: the sections of it that are a summary.

    id: the item's, for replay by reference. signature, encrypted: opaque, for replay by value.
    """

    text: str = ""
    summary: tuple[str, ...] = ()
    id: str | None = None
    signature: str | None = None
    encrypted: str | None = None
    choice: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """A call of a tool. arguments: the text as sent, JSON unless the tool is a custom one.

    id: what the tool's output refers to. item_id: the Responses item. index: its place among the
    calls of the answer, from 0. by_provider: the provider runs the tool itself.
    """

    id: str
    name: str
    arguments: str = ""
    index: int = 0
    item_id: str | None = None
    custom: bool = False
    by_provider: bool = False
    choice: int = 0


@dataclass(frozen=True, slots=True)
class BlockPart:
    """Anything else that the provider made (a search, its result, an image), whole, as sent."""

    kind: str
    data: Mapping[str, object]
    choice: int = 0


Part = TextPart | ReasoningPart | ToolCallPart | BlockPart


@dataclass(frozen=True, slots=True)
class Piece:
    """What one event adds to a part: the texts of all its pieces are the part's text.

    Two exceptions, which the message makes good: a call's input that came whole with its block,
    and a finished text that contradicts its deltas.

    index: the part's place in the attempt, from 0. part: ``text``, ``refusal``, ``reasoning``,
    ``tool_call`` or ``block``. id, name: of a tool call; name: the kind of a block.
    """

    index: int
    part: str
    text: str = ""
    id: str | None = None
    name: str | None = None
    choice: int = 0
