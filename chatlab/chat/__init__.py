"""One turn of a conversation."""

from chatlab.chat.chain import Mode, Resolution, resolve_chain
from chatlab.chat.history import Message
from chatlab.chat.parts import BlockPart, Part, Piece, ReasoningPart, TextPart, ToolCallPart
from chatlab.chat.replay_input import ReplayInput, replay_input
from chatlab.chat.usage import Usage

__all__ = [
    "BlockPart",
    "Message",
    "Mode",
    "Part",
    "Piece",
    "ReasoningPart",
    "ReplayInput",
    "Resolution",
    "TextPart",
    "ToolCallPart",
    "Usage",
    "replay_input",
    "resolve_chain",
]
