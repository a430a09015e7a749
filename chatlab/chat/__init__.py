"""One turn of a conversation."""

from chatlab.chat.attempt import Discarded, StreamFailed
from chatlab.chat.events import Answer, TurnEvent
from chatlab.chat.parts import BlockPart, Part, Piece, ReasoningPart, TextPart, ToolCallPart
from chatlab.chat.turn import Turn
from chatlab.chat.usage import Usage

__all__ = [
    "Answer",
    "BlockPart",
    "Discarded",
    "Part",
    "Piece",
    "ReasoningPart",
    "StreamFailed",
    "TextPart",
    "ToolCallPart",
    "Turn",
    "TurnEvent",
    "Usage",
]
