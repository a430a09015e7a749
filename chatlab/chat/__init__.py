"""One turn of a conversation."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from chatlab.chat.attempt import Discarded, StreamFailed
from chatlab.chat.chain import Condition, Mode, Resolution, resolve_chain
from chatlab.chat.chained import ChainedTurn
from chatlab.chat.contracts import Outcome
from chatlab.chat.events import Answer, MessagePart, Status, TurnEvent, TurnStatus
from chatlab.chat.history import (
    ContextPart,
    FilePart,
    FileReferencePart,
    MarkerPart,
    Message,
    Role,
    ToolResultPart,
)
from chatlab.chat.parts import BlockPart, Part, Piece, ReasoningPart, TextPart, ToolCallPart
from chatlab.chat.replay_input import ReplayInput, replay_input
from chatlab.chat.turn import Turn
from chatlab.chat.usage import Usage
from chatlab.errors.payloads import ChatError, ChatStreamRetry

if TYPE_CHECKING:
    from chatlab.chat.database import StoreError
    from chatlab.chat.hub import Hub, HubLoad
    from chatlab.chat.metrics import Metrics
    from chatlab.chat.relay import TurnLost
    from chatlab.chat.store import Chat, Store
    from chatlab.chat.stream import Stream
    from chatlab.chat.subscription import Subscription
    from chatlab.chat.view import LiveEvent, Snapshot, View

_HOMES = {
    "Chat": "store",
    "Hub": "hub",
    "HubLoad": "hub",
    "LiveEvent": "view",
    "Metrics": "metrics",
    "Snapshot": "view",
    "Store": "store",
    "StoreError": "database",
    "Stream": "stream",
    "Subscription": "subscription",
    "TurnLost": "relay",
    "View": "view",
}

__all__ = [
    "Answer",
    "BlockPart",
    "ChainedTurn",
    "Chat",
    "ChatError",
    "ChatStreamRetry",
    "Condition",
    "ContextPart",
    "Discarded",
    "FilePart",
    "FileReferencePart",
    "Hub",
    "HubLoad",
    "LiveEvent",
    "MarkerPart",
    "Message",
    "MessagePart",
    "Metrics",
    "Mode",
    "Outcome",
    "Part",
    "Piece",
    "ReasoningPart",
    "ReplayInput",
    "Resolution",
    "Role",
    "Snapshot",
    "Status",
    "Store",
    "StoreError",
    "Stream",
    "StreamFailed",
    "Subscription",
    "TextPart",
    "ToolCallPart",
    "ToolResultPart",
    "Turn",
    "TurnEvent",
    "TurnLost",
    "TurnStatus",
    "Usage",
    "View",
    "replay_input",
    "resolve_chain",
]


def __getattr__(name: str) -> object:
    """Load what needs a database or an event loop when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
