"""What can happen in a simulated chat, and what each request can meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from chatlab.lab.exploration.invariants import MODELS, Operations, Several
from chatlab.lab.faults.script import Step
from chatlab.lab.faults.vocabulary import CleanEndAfterEvent, CloseAtByte, HttpError, ResponseFailed
from chatlab.lab.protocols.good_answer import GoodAnswer, ToolCall

ANSWERS: Final = ("text", "tool", "two tools", "search", "limit", "refusal")
FAILURES: Final = ("overloaded", "failed", "cut", "closed")
PLANS: Final = (*ANSWERS, *FAILURES)
"""Every plan by name."""

OPERATIONS: Final[Operations] = {
    "ask": (
        6,
        {
            "plans": Several(PLANS, 3),
            "model": (*MODELS[:1] * 4, *MODELS[1:]),
            "store": (True, True, True, False),
            "chain": (True, True, True, True, True, False),
            "plan_mode": (False, False, False, True),
            "reload_fails": (False, False, True),
            "lost_in_tool": (False, False, True),
            "leave": (False, False, False, True),
            "crash": (None, None, None, "calls", "one result", "results"),
            "meanwhile": (None, None, None, *((plan,) for plan in PLANS)),
        },
    ),
    "forget": (3, {"which": (*(None,) * 6, *range(6))}),
    "retain": (1, {"nothing": (False, False, True)}),
    "instruct": (1, {}),
}
"""What can happen in a chat: its weight, and the values of each option, the plainest first."""

_FAULTS: Final[Mapping[str, Step]] = {
    "overloaded": HttpError(503),
    "failed": ResponseFailed(),
    "cut": CleanEndAfterEvent(4),
    "closed": CloseAtByte(900),
}


def planned_step(plan: str, word: Callable[[], str]) -> Step:
    """Return the step of a script for a plan; `word` gives the next marked word."""
    if plan == "tool" or plan == "two tools":
        many = 1 if plan == "tool" else 2
        return GoodAnswer(tool_calls=tuple(ToolCall("look", {"at": word()}) for _ in range(many)))
    if plan in ANSWERS:
        finish = {"limit": "length", "refusal": "refusal"}.get(plan, "stop")
        return GoodAnswer(text=word(), finish=finish, web_search="news" if plan == "search" else "")
    return _FAULTS[plan]
