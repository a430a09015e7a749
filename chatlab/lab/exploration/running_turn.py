"""A simulated turn that has begun, and what is stored of it when its client dies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from chatlab.chat import ChainedTurn, Message, ToolResultPart
from chatlab.chat.messages.history import History
from chatlab.chat.messages.message import encode
from chatlab.lab.exploration.invariants import LOST, Violation
from chatlab.lab.memory.records import MemoryExchange
from chatlab.lab.protocols.exchange import Refusal


class ClientCrash(BaseException):
    """The client dies."""


@dataclass(eq=False)
class RunningTurn:
    """A turn that has begun.

    loaded: the history as the turn has seen it last. chains: whether it may continue a response.
    answered: the response of the last step that was answered. results: of the tools that ran.
    """

    turn: ChainedTurn
    model: str
    store: bool
    chains: bool
    crash: str | None
    loaded: Sequence[object] = ()
    refused: int = 0
    executed_twice: str | None = None
    answered: str | None = None
    results: list[ToolResultPart] = field(default_factory=list)

    def said(self, *, answered: bool) -> list[dict[str, Any]]:
        """What the last request had to say; not its own answer."""
        messages = History.read(self.loaded).messages
        made = self.turn.messages
        return encode([*messages, *(made[:-1] if answered else made)])

    def stored(self) -> tuple[Message, ...]:
        """The messages that a client has stored when it dies: every step that was completed."""
        made = list(self.turn.messages)
        places = [place for place, one in enumerate(made) if one.role == "assistant"]
        if places and self.answered and self.store:
            made[places[-1]] = replace(
                made[places[-1]], response_id=self.answered, model=self.model, stored=True
            )
        calls = {call.id for call in made[-1].local_calls}
        if given := [one for one in self.results if one.call_id in calls]:
            made.append(Message("tool", given))
        return tuple(made)

    def check_anchor(
        self,
        exchange: MemoryExchange,
        exchanges: Sequence[MemoryExchange],
        models: Mapping[str, str],
        name: str,
    ) -> None:
        """Raise `Violation` for a request that may not continue the response called `name`."""
        if not self.chains:
            raise Violation("chain-off", f"{name} is continued")
        anchor = exchange.previous_response_id
        outcome = next((one.outcome for one in exchanges if one.response_id == anchor), "unknown")
        if outcome != "completed":
            raise Violation("completed-anchor", f"the outcome of {name} is {outcome}")
        made = models.get(str(anchor), self.model)
        if made != self.model:
            raise Violation("same-model", f"{made} made {name}, this turn is {self.model}")

    def check_refusal(self, refused: Refusal) -> None:
        """Raise `Violation` unless the turn is refused once, because a response was lost."""
        if refused.code not in LOST and not refused.message.startswith("Item with id"):
            raise Violation("valid-input", refused.message)
        self.refused += 1
        if self.refused > 1:
            raise Violation("healed-once", "the provider refused twice in one turn")
