"""A chat simulated in memory under one resolver: stored histories of all kinds, one decision each.

The provider's state is real (`ResponseMemory`); there is no HTTP and no `ChainedTurn`, so a
question takes about a millisecond. The client does what a resolver's caller has to do: it stores
every step, and after a crash it continues with what is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from chatlab.chat import Message, TextPart, ToolCallPart
from chatlab.chat.messages.content import ToolResultPart
from chatlab.chat.messages.history import History
from chatlab.chat.messages.message import encode
from chatlab.chat.render.full_history import replay_input
from chatlab.chat.stream.contracts import RESPONSES
from chatlab.lab.exploration.invariants import (
    MODELS,
    Counts,
    Operations,
    TraceLine,
    Violation,
    check_context,
    check_system,
    words,
)
from chatlab.lab.memory.records import RequestContext
from chatlab.lab.memory.response_memory import ResponseMemory
from chatlab.lab.protocols.exchange import ReceivedRequest
from chatlab.lab.protocols.good_answer import GoodAnswer, Ids, ToolCall
from chatlab.lab.protocols.openai_responses import body as response_body


class Decision(Protocol):
    """What a resolver returns; `chatlab.chat.Resolution` is one."""

    @property
    def previous_response_id(self) -> str | None:
        """The response to continue; None to send the whole history."""

    @property
    def messages(self) -> Iterable[Message]:
        """The messages to send."""


class Resolver(Protocol):
    """A function with the signature of `chatlab.resolve_chain`."""

    def __call__(
        self, messages: Iterable[object], /, *, model: str, store: bool, plan_mode: bool
    ) -> Decision:
        """Decide what the next request of the conversation sends."""


@dataclass(frozen=True, slots=True)
class _Response:
    """A response that the provider began: how it ended, and what it could be continued with."""

    name: str
    model: str
    outcome: str
    stored: bool


class ResolverSimulation:
    """One chat under one resolver. trace: what happened."""

    operations: Final[Operations] = {
        "ask": (
            8,
            {
                "answer": (*("text",) * 4, "tool", "two tools", "limit", "cut", "error"),
                "model": (MODELS[0], MODELS[0], MODELS[0], MODELS[1]),
                "store": (True, True, True, True, True, True, False),
                "plan_mode": (*(False,) * 7, True),
                "blank": (*(False,) * 7, True),
                "crash": (None, None, "calls", "one result", "results"),
            },
        ),
        "instruct": (1, {}),
        "import_turn": (1, {}),
        "spoil": (1, {}),
    }
    """What can happen: its weight, and the values of each option, the plainest first."""

    def __init__(self, resolver: Resolver) -> None:
        self.trace: list[TraceLine] = []
        self.counts = Counts()
        self._memory = ResponseMemory()
        self._resolver = resolver
        self._history: list[object] = []
        self._made: dict[str, _Response] = {}
        self._count = self._attempts = 0

    def close(self) -> None:
        """Nothing is open: the simulation is in memory."""

    def ask(
        self,
        *,
        answer: str = "text",
        model: str = MODELS[0],
        store: bool = True,
        plan_mode: bool = False,
        blank: bool = False,
        crash: str | None = None,
    ) -> None:
        """A person asks, and the request that the resolver decides on meets `answer`.

        Parameters
        ----------
        answer : str
            ``text``, ``tool`` or ``two tools`` (calls, then a text), ``limit`` (an incomplete
            answer), ``cut`` (the stream ends early), ``error`` (no response begins).
        model : str
            The model configuration of this turn.
        store, plan_mode : bool
            As in `resolve_chain`.
        blank : bool
            The question holds nothing that a model can see.
        crash : str or None
            When the client dies in a turn with tools: after the ``calls``, after ``one result``
            or after all ``results`` are stored.
        """
        question = " " if blank else self._word()
        said = "nothing" if blank else question
        self._note("person", f"says {said}" + (" in plan mode" if plan_mode else ""), "client")
        self._history.append(Message("user", question))
        decision = self._resolver(
            tuple(self._history), model=model, store=store, plan_mode=plan_mode
        )
        self._check(decision, model=model, store=store, plan_mode=plan_mode)
        calls = {"tool": 1, "two tools": 2}.get(answer, 0)
        made = self._send(decision.messages, decision.previous_response_id, answer, model, store)
        if made is None or not calls:
            return
        if self._run_tools(made, crash):
            self._send(self._readable(), None, "text", model, store)

    def instruct(self) -> None:
        """The application adds a system message."""
        word = self._word()
        self._note("client", f"adds the system message {word}")
        self._history.append(Message("system", word))

    def import_turn(self) -> None:
        """A question and its answer come from another client: no response id, no model."""
        question, answer = self._word(), self._word()
        self._note("client", f"imports {question} and its answer {answer}")
        self._history += [Message("user", question), Message("assistant", answer)]

    def spoil(self) -> None:
        """The store gives a record that cannot be read."""
        self._note("client", "loads a record that cannot be read")
        self._history.append({"role": "assistant", "parts": [{"type": "unknown"}]})

    def _check(self, decision: Decision, *, model: str, store: bool, plan_mode: bool) -> None:
        """Raise `Violation` for a decision that may not be taken, whatever the provider says."""
        anchor = decision.previous_response_id
        readable = self._readable()
        if anchor is None:
            last = readable[-2] if len(readable) > 1 else None
            keeps = store and not plan_mode and len(readable) == len(self._history)
            if (
                keeps
                and last is not None
                and last.role == "assistant"
                and last.stored
                and last.model == model
                and not last.local_calls
                and words(encode(readable[-1:]))
            ):
                raise Violation("chain-kept", "the whole history is sent")
            return
        if not store or plan_mode:
            off = "plan mode is on" if plan_mode else "store is off"
            raise Violation("chain-off", f"{off}, and {self._name(anchor)} is continued")
        if len(readable) < len(self._history):
            raise Violation("readable-history", f"{self._name(anchor)} is continued")
        made = self._made.get(anchor)
        if made is None or made.outcome != "completed" or not made.stored:
            state = "unknown" if made is None else made.outcome if made.stored else "not stored"
            raise Violation("completed-anchor", f"{self._name(anchor)} is {state}")
        if made.model != model:
            raise Violation("same-model", f"{made.model} made {made.name}, this turn is {model}")
        trailing = [one for one in decision.messages if one.role == "user"]
        if not words(encode(trailing)):
            raise Violation("new-content", f"{made.name} is continued with nothing")

    def _send(
        self,
        messages: Iterable[Message],
        anchor: str | None,
        answer: str,
        model: str,
        store: bool,
    ) -> Message | None:
        """Send a request, check what the model sees, and store the answer; None without one."""
        body: dict[str, Any] = {"model": model, "store": store, "previous_response_id": anchor}
        try:
            body |= replay_input(RESPONSES, tuple(messages), model=model).request
        except ValueError:
            self._note("client", "has nothing to send", "person")
            return None
        asked = self._memory.ask(body)
        self.counts.requests += 1
        self.counts.chained += anchor is not None
        said = " ".join(words(list(asked.sent))) or "nothing"
        after = f", after {self._name(anchor)}" if anchor else ""
        self._note("client", f"sends {said}{after}", "provider")
        if asked.refused is not None:
            self._note("provider", f"refuses: {asked.refused.message}", "client")
            raise Violation("valid-input", asked.refused.message)
        history = encode(self._readable())
        check_system(asked.sent, history)
        check_context(asked.context or (), history)
        return self._answer(asked, body, answer)

    def _answer(
        self, asked: RequestContext, body: Mapping[str, Any], answer: str
    ) -> Message | None:
        self._attempts += 1
        attempt = self._attempts
        if answer == "error":
            self._memory.note(asked, attempt, 0)
            self._note("provider", "answers with an error", "client")
            return None
        outcome = {"limit": "incomplete", "cut": "cut"}.get(answer, "completed")
        calls = {"tool": 1, "two tools": 2}.get(answer, 0)
        good = GoodAnswer(
            text=None if calls else self._word(),
            tool_calls=tuple(ToolCall("look", {"at": self._word()}) for _ in range(calls)),
            finish="length" if answer == "limit" else "stop",
        )
        request = ReceivedRequest("POST", "/v1/responses", {}, body, 0, "1.1")
        response = response_body(good, request, Ids(0, attempt))
        self._memory.note(asked, attempt, 0, outcome, response)
        stored = body["store"] and outcome == "completed"
        name = f"response {len(self._made) + 1}"
        self._made[response["id"]] = _Response(name, body["model"], outcome, stored)
        self._note(
            "provider", f"{name} is {outcome}" + ("" if stored else ", not stored"), "client"
        )
        made = Message(
            "assistant",
            [part for item in response["output"] for part in _parts(item)],
            response_id=response["id"],
            model=body["model"],
            stored=stored,
        )
        self._history.append(made)
        return made

    def _run_tools(self, made: Message, crash: str | None) -> bool:
        """Run the calls of an answer and store the results; False if the client dies on the way."""
        results = []
        for call in made.local_calls if crash != "calls" else ():
            self._note("client", f"calls {call.name}", "tool")
            results.append(ToolResultPart(call.id, self._word()))
            if crash == "one result":
                break
        if results:
            self._history.append(Message("tool", results))
        if crash is not None:
            self._note("client", f"crashes with {len(results)} results stored")
        return crash is None

    def _readable(self) -> list[Message]:
        return list(History.read(self._history).messages)

    def _name(self, response_id: str) -> str:
        made = self._made.get(response_id)
        return "an unknown response" if made is None else made.name

    def _note(self, actor: str, what: str, to: str | None = None) -> None:
        self.trace.append(TraceLine(actor, what, to))

    def _word(self) -> str:
        self._count += 1
        return f"word{self._count}"


def _parts(item: Mapping[str, Any]) -> list[TextPart | ToolCallPart]:
    if item["type"] == "function_call":
        return [ToolCallPart(item["call_id"], item["name"], item["arguments"], item_id=item["id"])]
    return [TextPart(part["text"]) for part in item["content"]]
