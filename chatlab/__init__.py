"""Classify, retry and replay the ways in which LLM providers fail.

Everything here is loaded on first use, so that importing chatlab costs a service next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatlab.chat import Message, resolve_chain
    from chatlab.corpus import Corpus
    from chatlab.errors import RULES, Failure, Kind, Verdict, classify, with_verdict
    from chatlab.jupyter.magics import load_ipython_extension
    from chatlab.retry import Backoff, VirtualClock, arun, run

__version__ = "0.1.0"

__all__ = [
    "RULES",
    "Backoff",
    "Corpus",
    "Failure",
    "Kind",
    "Message",
    "Verdict",
    "VirtualClock",
    "arun",
    "classify",
    "load_ipython_extension",
    "resolve_chain",
    "run",
    "with_verdict",
]

_HOMES = {
    **dict.fromkeys(("Kind", "Failure", "Verdict", "classify", "with_verdict", "RULES"), "errors"),
    **dict.fromkeys(("Backoff", "VirtualClock", "run", "arun"), "retry"),
    **dict.fromkeys(("Message", "resolve_chain"), "chat"),
    "Corpus": "corpus",
    "load_ipython_extension": "jupyter.magics",
}
_ROOMS = frozenset({"errors", "retry", "corpus", "chat", "lab", "views"})


def __getattr__(name: str) -> object:
    if name in _ROOMS:
        return import_module(f"chatlab.{name}")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'chatlab' has no attribute {name!r}")
    return getattr(import_module(f"chatlab.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
