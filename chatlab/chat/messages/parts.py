"""What an answer is made of: its finished parts, and the pieces in which they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text of the answer.

    Parameters
    ----------
    text:
        The text.
    refusal:
        Whether the model refuses with it.
    annotations:
        Citations, as sent.
    choice:
        Which of several choices it belongs to, from 0.

    Examples
    --------
    >>> TextPart("Hello.").refusal
    False
    """

    text: str
    refusal: bool = False
    annotations: tuple[Mapping[str, object], ...] = ()
    choice: int = 0


@dataclass(frozen=True, slots=True)
class ReasoningPart:
    """Reasoning of a model.

    Parameters
    ----------
    text:
        All of it that may be shown.
    summary:
        The sections of the text that are a summary.
    id:
        The item's, for a replay by reference.
    signature, encrypted:
        Opaque, for a replay by value.
    choice:
        As in `TextPart`.

    Examples
    --------
    >>> ReasoningPart("It is far.", id="rs_1").id
    'rs_1'
    """

    text: str = ""
    summary: tuple[str, ...] = ()
    id: str | None = None
    signature: str | None = None
    encrypted: str | None = None
    choice: int = 0


@dataclass(frozen=True, slots=True)
class ToolCallPart:
    """A call of a tool.

    Parameters
    ----------
    id:
        What the tool's output refers to.
    name:
        The tool's.
    arguments:
        The text as sent, JSON unless the tool is a custom one.
    index:
        Its place among the calls of the answer, from 0.
    item_id:
        The id of the Responses item.
    custom:
        Whether the tool takes a plain text.
    by_provider:
        Whether the provider runs the tool itself.
    choice:
        As in `TextPart`.

    Examples
    --------
    >>> ToolCallPart("call_1", "look_up", '{"city": "Ulm"}').by_provider
    False
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
    """Anything else that the provider made (a search, its result, an image), whole, as sent.

    Parameters
    ----------
    kind:
        The provider's ``type``.
    data:
        All of its fields.
    choice:
        As in `TextPart`.

    Examples
    --------
    >>> BlockPart("web_search_call", {"id": "ws_1"}).kind
    'web_search_call'
    """

    kind: str
    data: Mapping[str, object]
    choice: int = 0


Part = TextPart | ReasoningPart | ToolCallPart | BlockPart


@dataclass(frozen=True, slots=True)
class Piece:
    """What one event adds to a part: the texts of all its pieces are the part's text.

    Two exceptions, which the message makes good: a call's input that came whole with its block,
    and a finished text that contradicts its deltas.

    Parameters
    ----------
    index:
        The part's place in the attempt, from 0.
    part:
        ``text``, ``refusal``, ``reasoning``, ``tool_call`` or ``block``.
    text:
        What is added.
    id, name:
        Of a tool call; `name` is also the kind of a block.
    choice:
        As in `TextPart`.

    Examples
    --------
    >>> Piece(0, "text", "Hel").text + Piece(0, "text", "lo").text
    'Hello'
    """

    index: int
    part: str
    text: str = ""
    id: str | None = None
    name: str | None = None
    choice: int = 0
