"""EXPERIMENTS: a fake provider, scripted faults, recordings, comparisons.

Every name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from chatlab.exceptions import MissingExtra

if TYPE_CHECKING:
    from chatlab.lab.cassettes.cassette import Cassette
    from chatlab.lab.cassettes.recorder import RecordingTransport
    from chatlab.lab.exploration.invariants import INVARIANTS, TraceLine
    from chatlab.lab.exploration.model_check import Exploration, explore
    from chatlab.lab.faults.cassette_playback import CassetteStep
    from chatlab.lab.faults.recorded_exchange import RecordedExchange
    from chatlab.lab.faults.script import SampleStep, Script, parse_step
    from chatlab.lab.faults.vocabulary import FAULTS, Fault, parse_fault
    from chatlab.lab.memory.records import MemoryExchange, StoredResponse
    from chatlab.lab.memory.response_memory import ResponseMemory
    from chatlab.lab.protocols.exchange import ReceivedRequest, Refusal
    from chatlab.lab.protocols.good_answer import GoodAnswer, TokenUsage, ToolCall
    from chatlab.lab.protocols.notation import ScriptError
    from chatlab.lab.provider.server import FakeProvider
    from chatlab.lab.replaying.driver import areplay, replay
    from chatlab.lab.replaying.result import LogLine, Replay

_MODULES = {
    "FAULTS": "faults.vocabulary",
    "INVARIANTS": "exploration.invariants",
    "Cassette": "cassettes.cassette",
    "CassetteStep": "faults.cassette_playback",
    "Exploration": "exploration.model_check",
    "FakeProvider": "provider.server",
    "Fault": "faults.vocabulary",
    "GoodAnswer": "protocols.good_answer",
    "LogLine": "replaying.result",
    "MemoryExchange": "memory.records",
    "ReceivedRequest": "protocols.exchange",
    "RecordedExchange": "faults.recorded_exchange",
    "RecordingTransport": "cassettes.recorder",
    "Refusal": "protocols.exchange",
    "Replay": "replaying.result",
    "ResponseMemory": "memory.response_memory",
    "SampleStep": "faults.script",
    "Script": "faults.script",
    "ScriptError": "protocols.notation",
    "StoredResponse": "memory.records",
    "TokenUsage": "protocols.good_answer",
    "ToolCall": "protocols.good_answer",
    "TraceLine": "exploration.invariants",
    "areplay": "replaying.driver",
    "explore": "exploration.model_check",
    "parse_fault": "faults.vocabulary",
    "parse_step": "faults.script",
    "replay": "replaying.driver",
}
_EXTRA = frozenset({"h11", "h2", "cryptography", "openai"})

__all__ = [
    "FAULTS",
    "INVARIANTS",
    "Cassette",
    "CassetteStep",
    "Exploration",
    "FakeProvider",
    "Fault",
    "GoodAnswer",
    "LogLine",
    "MemoryExchange",
    "ReceivedRequest",
    "RecordedExchange",
    "RecordingTransport",
    "Refusal",
    "Replay",
    "ResponseMemory",
    "SampleStep",
    "Script",
    "ScriptError",
    "StoredResponse",
    "TokenUsage",
    "ToolCall",
    "TraceLine",
    "areplay",
    "explore",
    "parse_fault",
    "parse_step",
    "replay",
]


def __getattr__(name: str) -> object:
    """Load a public name; `MissingExtra` names the extra that is missing."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f"{__name__}.{_MODULES[name]}")
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] not in _EXTRA:
            raise
        raise MissingExtra(f"chatlab.lab.{name}", missing.name) from missing
    found: object = getattr(module, name)
    return found


def __dir__() -> list[str]:
    """Return the public names, for completion."""
    return list(__all__)
