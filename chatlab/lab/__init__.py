"""EXPERIMENTS: a fake provider, scripted faults, recordings, comparisons."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatlab.lab.cassette import Cassette
    from chatlab.lab.exchange import Request
    from chatlab.lab.exploration import Explored, explore
    from chatlab.lab.faults import FAULTS, Fault, parse_fault
    from chatlab.lab.input_items import Refusal
    from chatlab.lab.memory import Exchange, Remembered, ResponseMemory
    from chatlab.lab.playback import CassetteStep
    from chatlab.lab.recorder import RecordingTransport
    from chatlab.lab.replayed import LogLine, Replay
    from chatlab.lab.replaying import areplay, replay
    from chatlab.lab.script import SampleStep, Script, parse_step
    from chatlab.lab.server import FakeProvider
    from chatlab.lab.spec import ScriptError
    from chatlab.lab.success import Success, ToolCall, Usage

_HOMES = {
    "FAULTS": "faults",
    "Cassette": "cassette",
    "CassetteStep": "playback",
    "Exchange": "memory",
    "Explored": "exploration",
    "FakeProvider": "server",
    "Fault": "faults",
    "LogLine": "replayed",
    "RecordingTransport": "recorder",
    "Refusal": "input_items",
    "Remembered": "memory",
    "Replay": "replayed",
    "Request": "exchange",
    "ResponseMemory": "memory",
    "SampleStep": "script",
    "Script": "script",
    "ScriptError": "spec",
    "Success": "success",
    "ToolCall": "success",
    "Usage": "success",
    "areplay": "replaying",
    "explore": "exploration",
    "parse_fault": "faults",
    "parse_step": "script",
    "replay": "replaying",
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
    """Load a name when it is first used; `ImportError` says which extra is missing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        home = import_module(f"{__name__}.{_HOMES[name]}")
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] not in _EXTRA:
            raise
        raise ImportError(
            f"chatlab.lab.{name} needs {missing.name}; install it with pip install 'chatlab[lab]'"
        ) from missing
    found: object = getattr(home, name)
    return found
