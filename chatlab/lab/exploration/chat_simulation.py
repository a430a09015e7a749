"""A chat simulated end to end under one policy, with a provider that forgets.

The client's side is real (a store, the openai client, HTTP over loopback) and so is the provider's
state (`ResponseMemory`). Every text has a marked word of its own, so that what a model was shown
can be compared with what was said: word by word, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Final

import openai

from chatlab.chat import (
    Answer,
    ChainedTurn,
    Message,
    Status,
    ToolCallPart,
    ToolResultPart,
    TurnEvent,
    TurnStatus,
)
from chatlab.chat.storage.store_file import Store
from chatlab.errors import NO_RULE, classify
from chatlab.errors.payloads import ChatError, ChatStreamRetry
from chatlab.lab.exploration.answer_plans import OPERATIONS, planned_step
from chatlab.lab.exploration.invariants import (
    MODELS,
    Counts,
    TraceLine,
    Violation,
    check_context,
    check_system,
    words,
)
from chatlab.lab.exploration.running_turn import ClientCrash, RunningTurn
from chatlab.lab.faults.script import Script
from chatlab.lab.memory.records import MemoryExchange
from chatlab.lab.memory.response_memory import ResponseMemory
from chatlab.lab.provider.server import FakeProvider
from chatlab.retry import Backoff, VirtualClock

CHAT: Final = "chat"
_POLICY: Final = Backoff(max_attempts=4)


class ChatSimulation:
    """One chat under one policy. trace: what happened.

    provider: started, with `memory`. policy: a `ChainedTurn` or a class like it.
    """

    operations = OPERATIONS

    def __init__(
        self,
        provider: FakeProvider,
        memory: ResponseMemory,
        client: openai.OpenAI,
        policy: type[ChainedTurn],
    ) -> None:
        self.trace: list[TraceLine] = []
        self.counts = Counts()
        self._provider = provider
        self._memory = memory
        self._client = client
        self._policy = policy
        self._store = Store(":memory:")
        self._executed: set[str] = set()
        self._names: dict[str, str] = {}
        self._count = 0
        self._models: dict[str, str] = {}
        self._looked = 0

    def close(self) -> None:
        """Close the store, and have the provider forget everything."""
        self._store.close()
        self._memory.reset()

    def ask(
        self,
        plans: Iterable[str],
        *,
        model: str = MODELS[0],
        store: bool = True,
        chain: bool = True,
        plan_mode: bool = False,
        reload_fails: bool = False,
        lost_in_tool: bool = False,
        leave: bool = False,
        crash: str | None = None,
        meanwhile: Sequence[str] | None = None,
    ) -> None:
        """A person asks, and the turn meets what `plans` say, then good answers.

        Parameters
        ----------
        plans : iterable of str
            What the requests meet, of `PLANS`.
        model, store, chain, plan_mode
            As in `ChainedTurn`.
        reload_fails : bool
            The store cannot be read a second time.
        lost_in_tool : bool
            The provider restarts while a tool runs.
        leave : bool
            The person stops the turn at its first content.
        crash : str or None
            When the client dies in a turn with tools: after the ``calls``, after ``one result``
            or after all ``results`` are stored.
        meanwhile : sequence of str or None
            A second turn, with these plans, begins and ends before the first one ends.
        """
        self._provider.play(
            Script(tuple(planned_step(plan, self._word) for plan in plans), after="success")
        )
        running = self._begin(model, store, chain, plan_mode, reload_fails, lost_in_tool, crash)
        crashed = False
        with closing(running.turn.events()) as events:
            try:
                for number, event in enumerate(events):
                    self._look(running, event)
                    starts = isinstance(event, Status) and event.status is TurnStatus.STARTING
                    if starts and crash == "results" and running.results:
                        raise ClientCrash
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
            except ClientCrash:
                crashed = True
            except Exception as error:
                self._check_failure(running, error)
        self._commit(running, crashed=crashed)

    def instruct(self) -> None:
        """The application adds a system message."""
        word = self._word()
        self._note("client", f"adds the system message {word}")
        self._store.commit(CHAT, [Message("system", word)])

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

    def retain(self, *, nothing: bool = False) -> None:
        """The account gets zero data retention, or loses it."""
        self._memory.zero_retention = nothing
        self._note("provider", f"{'stores nothing' if nothing else 'stores responses'} from now on")

    def _begin(
        self,
        model: str,
        store: bool,
        chain: bool,
        plan_mode: bool,
        reload_fails: bool,
        lost_in_tool: bool,
        crash: str | None,
    ) -> RunningTurn:
        loads = iter(range(1_000_000))

        def load() -> Sequence[object]:
            if next(loads) and reload_fails:
                raise OSError("the store cannot be read")
            running.loaded = self._store.history(CHAT)
            return running.loaded

        def run_tool(call: ToolCallPart) -> str:
            self._inspect(running, answered=True)
            if crash == "calls" or (crash == "one result" and running.results):
                raise ClientCrash
            self._note("client", f"calls {call.name}", "tool")
            if call.id in self._executed:
                running.executed_twice = call.id
            self._executed.add(call.id)
            if lost_in_tool:
                self.forget()
            running.results.append(ToolResultPart(call.id, self._word()))
            return running.results[-1].text

        question = self._word()
        self._note("person", f"says {question}" + (" in plan mode" if plan_mode else ""), "client")
        turn = self._policy(
            load,
            question,
            client=self._client,
            model=model,
            store=store,
            chain=chain,
            plan_mode=plan_mode,
            run_tool=run_tool,
            on_lost=self._store.forget_response,
            policy=_POLICY,
            clock=VirtualClock(),
        )
        running = RunningTurn(turn, model, store, store and chain and not plan_mode, crash)
        return running

    def _look(self, running: RunningTurn, event: TurnEvent) -> None:
        """Check what an attempt did, as soon as it is over."""
        if isinstance(event, Answer | ChatStreamRetry | ChatError):
            self._inspect(running, answered=isinstance(event, Answer))

    def _inspect(self, running: RunningTurn, *, answered: bool = False) -> None:
        if running.executed_twice:
            raise Violation("one-execution", f"{running.executed_twice} was executed again")
        exchanges = self._memory.exchanges
        for exchange in exchanges[self._looked :]:
            self._looked += 1
            self._count_request(exchange)
            self._tell(exchange)
            if exchange.previous_response_id is not None:
                name = self._name(exchange.previous_response_id)
                running.check_anchor(exchange, exchanges, self._models, name)
            if exchange.response_id is not None:
                self._models[exchange.response_id] = running.model
                running.answered = exchange.response_id
            if exchange.refused is not None:
                running.check_refusal(exchange.refused)
            if exchange.context is not None:
                said = running.said(answered=answered)
                check_context(exchange.context, said)
                asks = any(item.get("role") == "user" for item in exchange.sent)
                if asks or exchange.previous_response_id is None:
                    check_system(exchange.sent, said)

    def _count_request(self, exchange: MemoryExchange) -> None:
        self.counts.requests += 1
        if exchange.previous_response_id is not None:
            self.counts.lost += exchange.refused is not None
            self.counts.chained += exchange.refused is None

    def _check_failure(self, running: RunningTurn, error: Exception) -> None:
        verdict = classify(error)
        if verdict.chain_broken:
            raise Violation("healed-once", f"the turn failed: {verdict.detail}")
        if verdict.rule in NO_RULE:
            raise error
        self._note("client", f"gives up: {verdict.kind}", "person")

    def _commit(self, running: RunningTurn, *, crashed: bool) -> None:
        self._inspect(running)
        turn = running.turn
        if crashed:
            self._note("client", f"crashes with {len(running.results)} results stored")
            self._store.commit(CHAT, running.stored(), seen=turn.seen)
            return
        self._store.commit(CHAT, turn.messages, error=turn.error, seen=turn.seen)

    def _tell(self, exchange: MemoryExchange) -> None:
        anchor = exchange.previous_response_id
        said = " ".join(words(list(exchange.sent))) or "nothing"
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
        self.trace.append(TraceLine(actor, what, to))

    def _name(self, response_id: str) -> str:
        return self._names.setdefault(response_id, f"response {len(self._names) + 1}")

    def _word(self) -> str:
        self._count += 1
        return f"word{self._count}"
