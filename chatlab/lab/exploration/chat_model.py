"""A small world for chained turns: a chat, a provider that forgets, and what must hold in it.

The client's side is real (a store, the openai client, HTTP over loopback) and so is the provider's
state (`ResponseMemory`). Every text has a word of its own, so that what a model was shown can be
compared with what was said: word by word, in order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import openai

from chatlab.chat import Answer, ChainedTurn, Message, ToolCallPart, TurnEvent
from chatlab.chat.messages.history import encode, read
from chatlab.chat.storage.store_file import Store
from chatlab.errors import UNMATCHED, classify
from chatlab.errors.payloads import ChatError, ChatStreamRetry
from chatlab.exceptions import ChatlabError
from chatlab.lab.faults.script import Script, Step
from chatlab.lab.faults.vocabulary import CleanEndAfterEvent, CloseAtByte, HttpError, ResponseFailed
from chatlab.lab.memory.response_memory import Exchange, ResponseMemory
from chatlab.lab.protocols.good_answer import Success, ToolCall
from chatlab.lab.provider.server import FakeProvider
from chatlab.retry import Backoff, VirtualClock

INVARIANTS: Final[Mapping[str, str]] = {
    "completed-anchor": "no request continues a response that did not complete",
    "whole-context": "the model sees the whole conversation, every message once and in order",
    "valid-input": "the provider never refuses the input for a call, a result or an item of it",
    "healed-once": "a lost chain is healed by one retry, and fails no turn",
    "one-execution": "no tool call is executed twice",
}
"""What must hold for every policy, by name."""

ANSWERS: Final = ("text", "tool", "two tools", "search", "limit", "refusal")
FAILURES: Final = ("overloaded", "failed", "cut", "closed")
PLANS: Final = (*ANSWERS, *FAILURES)
"""What a request can meet: good answers, answers cut by a limit, failures."""

MODELS: Final = ("gpt-5", "gpt-5-mini")
ACTORS: Final = ("person", "client", "provider", "tool")
CHAT: Final = "chat"
LOST: Final = frozenset({"previous_response_not_found", "unsupported_parameter"})
_WORD: Final = re.compile(r"\bword\d+\b")
_POLICY: Final = Backoff(max_attempts=4)


@dataclass(frozen=True, slots=True)
class Act:
    """One line of a trace: `actor` does `what`, perhaps `to` another; all of them in `ACTORS`."""

    actor: str
    what: str
    to: str | None = None


class Violation(ChatlabError, AssertionError):
    """An invariant does not hold. name: its key in `INVARIANTS`. found: what was seen."""

    def __init__(self, name: str, found: str) -> None:
        super().__init__(f"{name}: {INVARIANTS[name]}; {found}")
        self.name = name
        self.found = found


@dataclass(eq=False)
class Running:
    """A turn that has begun. loaded: the history as the turn has seen it last."""

    turn: ChainedTurn
    loaded: Sequence[object] = ()
    refused: int = 0
    executed_twice: str | None = None

    def said(self, *, answered: bool) -> list[str]:
        """The words that the last request had to know; not those of its own answer."""
        messages = [one for one in read(self.loaded) if isinstance(one, Message)]
        made = self.turn.messages
        return _words(encode([*messages, *(made[:-1] if answered else made)]))


class World:
    """One chat under one policy. trace: what happened. Use it as a context manager.

    provider: started, with `memory`. policy: a `ChainedTurn` or a class like it.
    """

    def __init__(
        self,
        provider: FakeProvider,
        memory: ResponseMemory,
        client: openai.OpenAI,
        policy: type[ChainedTurn],
    ) -> None:
        self.trace: list[Act] = []
        self._provider = provider
        self._memory = memory
        self._client = client
        self._policy = policy
        self._store = Store(":memory:")
        self._executed: set[str] = set()
        self._names: dict[str, str] = {}
        self._count = 0
        self._looked = len(memory.exchanges)

    def close(self) -> None:
        """Let go of the store, and have the provider forget."""
        self._store.close()
        self._memory.zero_retention = False
        self._memory.forget()

    def ask(
        self,
        plans: Iterable[str],
        *,
        model: str = MODELS[0],
        store: bool = True,
        plan_mode: bool = False,
        reload_fails: bool = False,
        lost_in_tool: bool = False,
        leave: bool = False,
        meanwhile: Sequence[str] | None = None,
    ) -> None:
        """A person asks, and the turn meets what `plans` say, then good answers.

        reload_fails: the store cannot be read a second time. lost_in_tool: the provider restarts
        while a tool runs. leave: the person stops the turn at its first content. meanwhile: a
        second turn, with these plans, is begun and ended before the first one ends.
        """
        self._provider.play(Script(tuple(map(self._step, plans)), after="success"))
        running = self._begin(model, store, plan_mode, reload_fails, lost_in_tool)
        with closing(running.turn.events()) as events:
            try:
                for number, event in enumerate(events):
                    self._look(running, event)
                    if number == 1 and meanwhile is not None:
                        self._inspect(running)
                        rest, meanwhile = meanwhile, None
                        self._note("person", "asks again, before the answer is there", "client")
                        self.ask(rest, model=model, store=store)
                        self._provider.play(Script(after="success"))
                    if leave and number > 1:
                        self._note("person", "stops the turn", "client")
                        break
            except Violation:
                raise
            except Exception as error:
                self._check_failure(running, error)
        self._commit(running)

    def forget(self, which: int | None = None) -> None:
        """The provider forgets a response, by its place among all that it knows; None: all."""
        known = list(self._memory.responses)
        if which is None or not known:
            self._memory.forget()
            self._note("provider", "forgets every response")
        else:
            lost = known[which % len(known)]
            self._memory.forget(lost)
            self._note("provider", f"forgets {self._name(lost)}")

    def retain(self, *, nothing: bool) -> None:
        """The account gets zero data retention, or loses it."""
        self._memory.zero_retention = nothing
        self._note("provider", f"{'stores nothing' if nothing else 'stores responses'} from now on")

    def _begin(
        self, model: str, store: bool, plan_mode: bool, reload_fails: bool, lost_in_tool: bool
    ) -> Running:
        loads = iter(range(1_000_000))

        def load() -> Sequence[object]:
            if next(loads) and reload_fails:
                raise OSError("the store cannot be read")
            running.loaded = self._store.history(CHAT)
            return running.loaded

        def run_tool(call: ToolCallPart) -> str:
            self._note("client", f"calls {call.name}", "tool")
            if call.id in self._executed:
                running.executed_twice = call.id
            self._executed.add(call.id)
            if lost_in_tool:
                self.forget()
            return self._word()

        question = self._word()
        self._note("person", f"says {question}" + (" in plan mode" if plan_mode else ""), "client")
        turn = self._policy(
            load,
            question,
            client=self._client,
            model=model,
            store=store,
            plan_mode=plan_mode,
            run_tool=run_tool,
            on_lost=self._store.forget_response,
            policy=_POLICY,
            clock=VirtualClock(),
        )
        running = Running(turn)
        return running

    def _step(self, plan: str) -> Step:
        if plan == "tool" or plan == "two tools":
            many = 1 if plan == "tool" else 2
            return Success(
                tool_calls=tuple(ToolCall("look", {"at": self._word()}) for _ in range(many))
            )
        if plan in ANSWERS:
            finish = {"limit": "length", "refusal": "refusal"}.get(plan, "stop")
            return Success(
                text=self._word(), finish=finish, web_search="news" if plan == "search" else ""
            )
        return _FAULTS[plan]

    def _look(self, running: Running, event: TurnEvent) -> None:
        """Check what an attempt did, as soon as it is over."""
        if isinstance(event, Answer | ChatStreamRetry | ChatError):
            self._inspect(running, answered=isinstance(event, Answer))

    def _inspect(self, running: Running, *, answered: bool = False) -> None:
        if running.executed_twice:
            raise Violation("one-execution", f"{running.executed_twice} was executed again")
        exchanges = self._memory.exchanges
        for exchange in exchanges[self._looked :]:
            self._looked += 1
            self._tell(exchange)
            self._check_anchor(exchange, exchanges)
            if exchange.refused is not None:
                self._check_refusal(running, exchange)
            if exchange.context is not None:
                self._check_context(exchange, running.said(answered=answered))

    def _check_anchor(self, exchange: Exchange, exchanges: Sequence[Exchange]) -> None:
        anchor = exchange.previous_response_id
        if anchor is None:
            return
        outcome = next((one.outcome for one in exchanges if one.response_id == anchor), "unknown")
        if outcome != "completed":
            raise Violation("completed-anchor", f"the outcome of {self._name(anchor)} is {outcome}")

    def _check_refusal(self, running: Running, exchange: Exchange) -> None:
        refused = exchange.refused
        assert refused is not None
        if refused.code not in LOST and not refused.message.startswith("Item with id"):
            raise Violation("valid-input", refused.message)
        running.refused += 1
        if running.refused > 1:
            raise Violation("healed-once", "the provider refused twice in one turn")

    def _check_context(self, exchange: Exchange, said: list[str]) -> None:
        shown = _words(exchange.context)
        if shown != said:
            seen = " ".join(shown) or "nothing"
            raise Violation("whole-context", f"said was {' '.join(said)}, the model saw {seen}")

    def _check_failure(self, running: Running, error: Exception) -> None:
        verdict = classify(error)
        if verdict.chain_broken:
            raise Violation("healed-once", f"the turn failed: {verdict.detail}")
        if verdict.rule == UNMATCHED:
            raise error
        self._note("client", f"gives up: {verdict.kind}", "person")

    def _commit(self, running: Running) -> None:
        self._inspect(running)
        turn = running.turn
        self._store.commit(CHAT, turn.messages, error=turn.error, seen=turn.seen)

    def _tell(self, exchange: Exchange) -> None:
        anchor = exchange.previous_response_id
        said = " ".join(_words(exchange.sent)) or "nothing"
        after = f", after {self._name(anchor)}" if anchor else ""
        self._note("client", f"sends {said}{after}", "provider")
        if exchange.refused is not None:
            answer = f"refuses: {exchange.refused.code or exchange.refused.message}"
        elif exchange.response_id is None:
            answer = "answers with an error"
        else:
            answer = f"{self._name(exchange.response_id)} is {exchange.outcome}"
        self._note("provider", answer, "client")

    def _note(self, actor: str, what: str, to: str | None = None) -> None:
        self.trace.append(Act(actor, what, to))

    def _name(self, response_id: str) -> str:
        return self._names.setdefault(response_id, f"response {len(self._names) + 1}")

    def _word(self) -> str:
        self._count += 1
        return f"word{self._count}"


_FAULTS: Final[Mapping[str, Step]] = {
    "overloaded": HttpError(503),
    "failed": ResponseFailed(),
    "cut": CleanEndAfterEvent(4),
    "closed": CloseAtByte(900),
}


def _words(value: object) -> list[str]:
    return _WORD.findall(json.dumps(value))
