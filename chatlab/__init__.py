"""Classify, retry and replay the ways in which LLM providers fail.

Everything is loaded on first use, so that importing chatlab costs a service next to nothing.

>>> import chatlab
>>> chatlab.classify("HTTP 529", provider="anthropic").kind
<Kind.OVERLOADED: 'overloaded'>
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatlab.chat import Chat, Message, resolve_chain
    from chatlab.corpus import Corpus
    from chatlab.errors import RULES, Failure, Kind, Verdict, classify, with_verdict
    from chatlab.exceptions import ChatlabError, MissingExtra
    from chatlab.retry import Backoff, VirtualClock, arun, attempts, retrying, run

__version__ = "0.1.0"

__all__ = [
    "RULES",
    "Backoff",
    "Chat",
    "ChatlabError",
    "Corpus",
    "Failure",
    "Kind",
    "Message",
    "MissingExtra",
    "Verdict",
    "VirtualClock",
    "arun",
    "attempts",
    "classify",
    "resolve_chain",
    "retrying",
    "run",
    "with_verdict",
]

_HOMES = {
    **dict.fromkeys(("ChatlabError", "MissingExtra"), "exceptions"),
    **dict.fromkeys(("Kind", "Failure", "Verdict", "classify", "with_verdict", "RULES"), "errors"),
    **dict.fromkeys(("Backoff", "VirtualClock", "run", "arun", "retrying", "attempts"), "retry"),
    **dict.fromkeys(("Chat", "Message", "resolve_chain"), "chat"),
    "Corpus": "corpus",
    "load_ipython_extension": "jupyter",
}
_ROOMS = ("errors", "retry", "corpus", "chat", "lab", "views")


def __getattr__(name: str) -> object:
    """Load a public name or a room when it is first used."""
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted((*__all__, *_ROOMS, "__version__"))
