"""Continue from the provider's copy of the conversation, or send all of it again, and why.

The decision is a list of conditions. The first that fails decides for the replay; the chain needs
all of them. Nothing here asks the provider, so an id that it has forgotten is not noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from chatlab.chat.messages.history import Message, Role, read
from chatlab.chat.messages.parts import ToolCallPart
from chatlab.chat.render.model_view import visible
from chatlab.text.markup import BOXED, MUTED, shortened, table, tag
from chatlab.text.markup import visible as spelled_out
from chatlab.text.palette import RETRY, STOP, SUCCEEDED

_COLOURS: Final = {"chain": SUCCEEDED, "replay": RETRY}
_DECIDED: Final = f"color:{STOP}"
_MOST_CHARS: Final = 300

QUESTIONS: Final[Mapping[str, str]] = {
    "store-on": "the request asks the provider to store it",
    "no-plan-mode": "the turn is no plan-mode turn",
    "readable": "every message can be read",
    "new-content": "a trailing user message holds what a model can see",
    "response-id": "the last assistant message before them has a response id",
    "stored-turn": "that id is from a completed, stored turn",
    "same-model": "the same model configuration made it",
    "calls-resolved": "none of its local tool calls is without a result",
    "results-sent": "the provider was sent every local tool result",
}
"""The conditions of the chain by name, in the order in which they decide."""


class Mode(StrEnum):
    """How a request tells the provider what was said so far."""

    CHAIN = "chain"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. holds: None if there was nothing to look at. because: what was found.

    decided: it is the first that fails, and so the reason for the replay.
    """

    name: str
    holds: bool | None
    because: str
    decided: bool = False

    @property
    def outcome(self) -> str:
        """``holds``, ``fails``, ``fails and decides`` or ``not looked at``."""
        if self.holds is None:
            return "not looked at"
        return "holds" if self.holds else "fails and decides" if self.decided else "fails"


@dataclass(frozen=True, slots=True, repr=False)
class Resolution:
    """What the next request sends: `messages`, and `previous_response_id` if it chains.

    because: the reason in a sentence. conditions: all of them, in the order of `QUESTIONS`.
    """

    mode: Mode
    previous_response_id: str | None
    messages: tuple[Message, ...]
    because: str
    conditions: tuple[Condition, ...]

    def __repr__(self) -> str:
        lines = [f"{self.mode}: {self.because}"]
        lines += [f"  {c.outcome}: {QUESTIONS[c.name]} ({c.because})" for c in self.conditions]
        return "\n".join(map(spelled_out, lines))

    __str__ = __repr__

    def _repr_html_(self) -> str:
        head = tag("b", str(self.mode), style=f"color:{_COLOURS[self.mode]}")
        rows: list[list[str]] = []
        for one in self.conditions:
            mark = {True: "✓ ", False: "✗ ", None: "– "}[one.holds]
            style = _DECIDED if one.decided else MUTED if one.holds is None else ""
            cells = [f"{mark}{one.outcome}", QUESTIONS[one.name], one.because]
            rows.append([tag("b" if one.decided else "span", cell, style=style) for cell in cells])
        found = table(["", "condition", "what was found"], rows)
        return tag("div", tag("div", head, ": ", self.because), found, style=BOXED)


def resolve_chain(
    messages: Iterable[object],
    store: bool = True,
    model: str = "gpt-5",
    plan_mode: bool = False,
) -> Resolution:
    """Whether the next request of a conversation chains, and the messages that it sends.

    messages: the stored history, oldest first, as `history.read` takes it. store: of the request
    to be made. model: the model configuration that will answer it. The chain sends the system
    messages and the trailing user messages that hold anything; the replay, every message that can
    be read. Never raises; an error of the iterable itself is passed on.
    """
    history: list[Message | str] = [f"{type(messages).__name__} is no list of messages"]
    if isinstance(messages, Iterable) and not isinstance(messages, str | bytes | Mapping):
        history = read(messages)
    found = _Found.in_history(history)
    conditions = found.conditions(store=store, model=model, plan_mode=plan_mode)
    readable = tuple(one for one in history if isinstance(one, Message))
    decided = next((one for one in conditions if not one.holds), None)
    if decided is not None:
        which = "all" if len(readable) == len(history) else f"the readable {len(readable)} of"
        because = f"send {which} {len(history)} messages, because {decided.because}"
        shown = tuple(replace(one, decided=one is decided) for one in conditions)
        return Resolution(Mode.REPLAY, None, readable, because, shown)
    systems = tuple(one for one in readable if one.role is Role.SYSTEM)
    sent = systems + tuple(message for _, message in found.contributing)
    anchor = found.anchor[1].response_id if found.anchor else None
    because = f"continue {anchor!r}, every condition holds; {len(sent)} of {len(history)} are sent"
    return Resolution(Mode.CHAIN, anchor, sent, because, conditions)


Place = tuple[int, Message]


@dataclass(frozen=True, slots=True)
class _Found:
    """What a scan from the end of a history finds. ended: why there is no anchor, if so."""

    anchor: Place | None
    ended: str
    contributing: tuple[Place, ...]
    trailing: int
    results: tuple[tuple[int, str], ...]
    unreadable: tuple[str, ...]

    @classmethod
    def in_history(cls, history: list[Message | str]) -> _Found:
        anchor: Place | None = None
        ended = "no assistant message is before them"
        users: list[Place] = []
        behind: list[Place] = []
        for index in range(len(history) - 1, -1, -1):
            one = history[index]
            if isinstance(one, str):
                ended = f"messages[{index}] is before them and cannot be read"
            elif one.role is Role.SYSTEM:
                ended = f"messages[{index}] is before them, a system message"
            elif one.role is Role.USER:
                users.append((index, one))
                continue
            else:
                behind.append((index, one))
                if one.role is Role.TOOL:
                    continue
                anchor = (index, one)
            break
        contributing = tuple(at for at in reversed(users) if any(map(visible, at[1].parts)))
        results = tuple((i, r.call_id) for i, one in reversed(behind) for r in one.local_results)
        unreadable = tuple(one for one in history if isinstance(one, str))
        return cls(anchor, ended, contributing, len(users), results, unreadable)

    def conditions(self, *, store: bool, model: str, plan_mode: bool) -> tuple[Condition, ...]:
        """Every condition with its outcome, in the order of `QUESTIONS`."""
        bad = self.unreadable[0] if self.unreadable else ""
        here = ", ".join(f"messages[{index}]" for index, _ in self.contributing)
        none = "no user message is at the end"
        blank = f"{self.trailing} trailing, with nothing that a model can see"
        findings: dict[str, tuple[bool | None, str]] = {
            "store-on": (bool(store), f"store is {'on' if store else 'off'}"),
            "no-plan-mode": (not plan_mode, f"plan mode is {'on' if plan_mode else 'off'}"),
            "readable": (not bad, bad or "all can be read"),
            "new-content": (bool(here), here or (blank if self.trailing else none)),
            **self._of_anchor(model),
        }
        return tuple(
            Condition(name, holds, shortened(because, _MOST_CHARS))
            for name, (holds, because) in findings.items()
        )

    def _of_anchor(self, model: str) -> dict[str, tuple[bool | None, str]]:
        if self.anchor is None:
            rest = ("stored-turn", "same-model", "calls-resolved", "results-sent")
            nothing = dict.fromkeys(rest, (None, "there is no such message"))
            return {"response-id": (False, self.ended), **nothing}
        index, message = self.anchor
        where, response_id = f"messages[{index}]", message.response_id
        given = {call_id for _, call_id in self.results}
        calls = [
            (call.name, call.id)
            if isinstance(call, ToolCallPart)
            else (call.kind, str(call.data["call_id"]))
            for call in message.open_calls
        ]
        pending = [f"{name} ({call_id})" for name, call_id in calls if call_id not in given]
        unsent = [f"the result of {call_id} in messages[{at}]" for at, call_id in self.results]
        made = f"made with {message.model!r}" if message.model else "silent about its model"
        kept = f"the turn of {where} is {'' if message.stored else 'not '}a completed, stored one"
        return {
            "response-id": (
                bool(response_id),
                f"{where} has {repr(response_id) if response_id else 'no response id'}",
            ),
            "stored-turn": (message.stored, kept),
            "same-model": (
                message.model is not None and message.model == model,
                f"{where} is {made}, this turn is with {model!r}",
            ),
            "calls-resolved": (
                not pending,
                f"{where} waits for {', '.join(pending)}" if pending else f"{where} waits for none",
            ),
            "results-sent": (
                not unsent,
                f"no answer came after {', '.join(unsent)}" if unsent else "none is unsent",
            ),
        }
