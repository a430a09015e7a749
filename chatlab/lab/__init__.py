"""EXPERIMENTS: a fake provider, scripted faults, recordings, comparisons."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from chatlab.exceptions import MissingExtra

if TYPE_CHECKING:
    from chatlab.lab.cassettes.cassette import Cassette
    from chatlab.lab.cassettes.playback import CassetteStep
    from chatlab.lab.cassettes.recorder import RecordingTransport
    from chatlab.lab.exploration.model_check import Explored, explore
    from chatlab.lab.faults.notation import ScriptError
    from chatlab.lab.faults.script import SampleStep, Script, parse_step
    from chatlab.lab.faults.vocabulary import FAULTS, Fault, parse_fault
    from chatlab.lab.memory.input_items import Refusal
    from chatlab.lab.memory.response_memory import Exchange, Remembered, ResponseMemory
    from chatlab.lab.protocols.good_answer import Success, ToolCall, Usage
    from chatlab.lab.provider.exchange import Request
    from chatlab.lab.provider.server import FakeProvider
    from chatlab.lab.replaying.driver import areplay, replay
    from chatlab.lab.replaying.result import LogLine, Replay

_HOMES = {
    "FAULTS": "faults.vocabulary",
    "Cassette": "cassettes.cassette",
    "CassetteStep": "cassettes.playback",
    "Exchange": "memory.response_memory",
    "Explored": "exploration.model_check",
    "FakeProvider": "provider.server",
    "Fault": "faults.vocabulary",
    "LogLine": "replaying.result",
    "RecordingTransport": "cassettes.recorder",
    "Refusal": "memory.input_items",
    "Remembered": "memory.response_memory",
    "Replay": "replaying.result",
    "Request": "provider.exchange",
    "ResponseMemory": "memory.response_memory",
    "SampleStep": "faults.script",
    "Script": "faults.script",
    "ScriptError": "faults.notation",
    "Success": "protocols.good_answer",
    "ToolCall": "protocols.good_answer",
    "Usage": "protocols.good_answer",
    "areplay": "replaying.driver",
    "explore": "exploration.model_check",
    "parse_fault": "faults.vocabulary",
    "parse_step": "faults.script",
    "replay": "replaying.driver",
}
_EXTRA = frozenset({"h11", "h2", "cryptography", "hypothesis", "openai"})

__all__ = [
    "FAULTS",
    "Cassette",
    "CassetteStep",
    "Exchange",
    "Explored",
    "FakeProvider",
    "Fault",
    "LogLine",
    "RecordingTransport",
    "Refusal",
    "Remembered",
    "Replay",
    "Request",
    "ResponseMemory",
    "SampleStep",
    "Script",
    "ScriptError",
    "Success",
    "ToolCall",
    "Usage",
    "areplay",
    "explore",
    "parse_fault",
    "parse_step",
    "replay",
]


def __getattr__(name: str) -> object:
    """Load a name when it is first used; `MissingExtra` says which extra is missing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        home = import_module(f"{__name__}.{_HOMES[name]}")
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] not in _EXTRA:
            raise
        raise MissingExtra(f"chatlab.lab.{name}", missing.name) from missing
    found: object = getattr(home, name)
    return found


def __dir__() -> list[str]:
    return __all__
