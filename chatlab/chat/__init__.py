"""One conversation: a turn, its stream, what is stored of it, and who watches it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from chatlab.chat.chain.resolver import Condition, Mode, Resolution, resolve_chain
from chatlab.chat.chained import ChainedTurn
from chatlab.chat.conversation import Chat
from chatlab.chat.messages.content import (
    ContextPart,
    FilePart,
    FileReferencePart,
    MarkerPart,
    ToolResultPart,
)
from chatlab.chat.messages.events import Answer, MessagePart, Status, TurnEvent, TurnStatus
from chatlab.chat.messages.history import History
from chatlab.chat.messages.message import Message, Role
from chatlab.chat.messages.parts import (
    BlockPart,
    Part,
    Piece,
    ReasoningPart,
    TextPart,
    ToolCallPart,
)
from chatlab.chat.messages.usage import Usage
from chatlab.chat.render.full_history import ReplayInput, replay_input
from chatlab.chat.stream.attempt import Discarded, StreamFailed
from chatlab.chat.stream.contracts import Outcome
from chatlab.chat.stream.limits import TurnLimitExceeded
from chatlab.chat.turn import Turn
from chatlab.errors.payloads import ChatError, ChatStreamRetry

if TYPE_CHECKING:
    from chatlab.chat.accounting.prometheus import Metrics
    from chatlab.chat.hub.channel import Stream
    from chatlab.chat.hub.hub_api import Hub, HubLoad
    from chatlab.chat.hub.relay import TurnLost
    from chatlab.chat.hub.subscription import Subscription
    from chatlab.chat.hub.view import LiveEvent, Snapshot, View
    from chatlab.chat.storage.database import StoreError
    from chatlab.chat.storage.store_file import Store, StoredChat

_HOMES = {
    "Hub": "hub.hub_api",
    "HubLoad": "hub.hub_api",
    "LiveEvent": "hub.view",
    "Metrics": "accounting.prometheus",
    "Snapshot": "hub.view",
    "Store": "storage.store_file",
    "StoreError": "storage.database",
    "StoredChat": "storage.store_file",
    "Stream": "hub.channel",
    "Subscription": "hub.subscription",
    "TurnLost": "hub.relay",
    "View": "hub.view",
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
    "History",
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
    "StoredChat",
    "Stream",
    "StreamFailed",
    "Subscription",
    "TextPart",
    "ToolCallPart",
    "ToolResultPart",
    "Turn",
    "TurnEvent",
    "TurnLimitExceeded",
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


def __dir__() -> list[str]:
    return __all__
