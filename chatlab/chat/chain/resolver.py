"""Continue from the provider's copy of the conversation, or send all of it again, and why.

The decision is a list of conditions. The first that fails decides for the replay; the chain needs
all of them. Nothing here asks the provider, so an id that it has forgotten is not noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from chatlab.chat.messages.history import History
from chatlab.chat.messages.message import Message, Role
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
    """How a request tells the provider what was said so far.

    Examples
    --------
    >>> Mode("chain")
    <Mode.CHAIN: 'chain'>
    """

    CHAIN = "chain"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a chain, and what was found.

    Parameters
    ----------
    name:
        One of `QUESTIONS`.
    holds:
        None if there was nothing to look at.
    because:
        What was found.
    decided:
        Whether it is the first that fails, and so the reason for the replay.

    Examples
    --------
    >>> Condition("store-on", holds=False, because="store is off", decided=True).outcome
    'fails and decides'
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
    """What the next request sends.

    Parameters
    ----------
    mode:
        Chain or replay.
    previous_response_id:
        The response to continue; None in a replay.
    messages:
        What is sent.
    because:
        The reason in a sentence.
    conditions:
        All of them, in the order of `QUESTIONS`.

    Examples
    --------
    >>> found = resolve_chain([Message("user", "Hi")], model="gpt-5")
    >>> found.because
    'send all 1 messages, because no assistant message is before them'
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
    *,
    model: str,
    store: bool = True,
    plan_mode: bool = False,
) -> Resolution:
    """Decide whether the next request of a conversation chains, and which messages it sends.

    A chain sends the system messages and the trailing user messages that hold anything; a replay
    sends every message that can be read. It never raises, except what the iterable itself raises.

    Parameters
    ----------
    messages:
        The stored history, oldest first, as `History.read` takes it, with the question at its end.
    model:
        The model configuration that will answer.
    store:
        Whether the request asks the provider to store its response.
    plan_mode:
        Whether the turn only plans; such a turn never chains.

    Returns
    -------
    Resolution
        The decision, with each condition and what was found for it.

    Examples
    --------
    >>> kept = {"response_id": "resp_1", "model": "gpt-5", "stored": True}
    >>> history = [Message("user", "Hi"), Message("assistant", "Hello.", **kept)]
    >>> found = resolve_chain([*history, Message("user", "And in Paris?")], model="gpt-5")
    >>> found.previous_response_id, [message.text for message in found.messages]
    ('resp_1', ['And in Paris?'])
    """
    history = History([f"{type(messages).__name__} is no list of messages"], [None])
    if isinstance(messages, Iterable) and not isinstance(messages, str | bytes | Mapping):
        history = History.read(messages)
    found = _Found.in_history(history)
    conditions = found.conditions(store=store, model=model, plan_mode=plan_mode)
    decided = next((one for one in conditions if not one.holds), None)
    if decided is not None:
        readable = history.messages
        which = "all" if len(readable) == len(history) else f"the readable {len(readable)} of"
        because = f"send {which} {len(history)} messages, because {decided.because}"
        shown = tuple(replace(one, decided=one is decided) for one in conditions)
        return Resolution(Mode.REPLAY, None, readable, because, shown)
    systems = [at for at, role in enumerate(history.roles) if role is Role.SYSTEM]
    sent = (*map(history.message, systems), *(message for _, message in found.contributing))
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
    def in_history(cls, history: History) -> _Found:
        anchor: Place | None = None
        ended = "no assistant message is before them"
        users: list[Place] = []
        behind: list[Place] = []
        for index in range(len(history) - 1, -1, -1):
            role = history.roles[index]
            if role is None:
                ended = f"messages[{index}] is before them and cannot be read"
            elif role is Role.SYSTEM:
                ended = f"messages[{index}] is before them, a system message"
            elif role is Role.USER:
                users.append((index, history.message(index)))
                continue
            else:
                behind.append((index, history.message(index)))
                if role is Role.TOOL:
                    continue
                anchor = behind[-1]
            break
        contributing = tuple(at for at in reversed(users) if any(map(visible, at[1].parts)))
        results = tuple((i, r.call_id) for i, one in reversed(behind) for r in one.local_results)
        return cls(anchor, ended, contributing, len(users), results, history.problems)

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
