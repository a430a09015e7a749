"""One turn of a conversation."""

from chatlab.chat.attempt import Discarded, StreamFailed
from chatlab.chat.chain import Mode, Resolution, resolve_chain
from chatlab.chat.chained import ChainedTurn
from chatlab.chat.events import Answer, TurnEvent
from chatlab.chat.history import Message
from chatlab.chat.parts import BlockPart, Part, Piece, ReasoningPart, TextPart, ToolCallPart
from chatlab.chat.replay_input import ReplayInput, replay_input
from chatlab.chat.turn import Turn
from chatlab.chat.usage import Usage

__all__ = [
    "Answer",
    "BlockPart",
    "ChainedTurn",
    "Discarded",
    "Message",
    "Mode",
    "Part",
    "Piece",
    "ReasoningPart",
    "ReplayInput",
    "Resolution",
    "StreamFailed",
    "TextPart",
    "ToolCallPart",
    "Turn",
    "TurnEvent",
    "Usage",
    "replay_input",
    "resolve_chain",
]
