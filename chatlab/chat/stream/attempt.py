"""One attempt of a turn, without I/O and clock: fed with items and times, it gives events.

Everything that it shows is provisional; `Attempt.over` says that it has come to its result,
which is either an answer or a verdict.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from chatlab.chat.messages.events import Answer, MessagePart, Status, TurnEvent, TurnStatus
from chatlab.chat.messages.parts import ToolCallPart
from chatlab.chat.messages.usage import Usage
from chatlab.chat.stream.accumulator import Accumulator
from chatlab.chat.stream.contracts import Ending, Outcome, contract_for
from chatlab.chat.stream.guards import DONE, StreamGuard, at
from chatlab.chat.transport.reader import Item
from chatlab.chat.transport.sdk import Closed
from chatlab.errors import UNMATCHED, Verdict, classify

DELAYED_START_S: Final = 15.0
"""How long people are told that a turn is starting, before they are told that it is late."""

Execute = Callable[[ToolCallPart], object]


class StreamFailed(Exception):
    """A stream that failed without an exception of its SDK: cut, silent, or failed in band.

    Carries its verdict, like every exception that a turn raises: `classify` gives it back.
    """


@dataclass(frozen=True, slots=True)
class Discarded:
    """What the attempts took that gave no answer. tokens: as far as told. spent_s: seconds."""

    attempts: int = 0
    tokens: Usage = field(default_factory=Usage)
    spent_s: float = 0.0

    def __add__(self, other: Discarded) -> Discarded:
        """What both took."""
        attempts, spent_s = self.attempts + other.attempts, self.spent_s + other.spent_s
        return Discarded(attempts, self.tokens + other.tokens, spent_s)


class Attempt:
    """Attempt `number` (from 1) of a turn, sent at `now`.

    guard: started at `now`; it names the provider. protocol, choices: see `contract_for`.
    execute: is handed each tool call as soon as it is whole; it must not raise. answer: once it
    is committed. verdict: on its failure; error: the exception that the SDK raised, if it did.
    ttft_s: seconds to the first content, once there is any.
    """

    def __init__(
        self,
        number: int,
        now: float,
        guard: StreamGuard,
        protocol: str,
        choices: int = 1,
        execute: Execute | None = None,
    ) -> None:
        self.number = number
        self.began_at = now
        self.answer: Answer | None = None
        self.verdict: Verdict | None = None
        self.error: BaseException | None = None
        self.ttft_s: float | None = None
        self._status = TurnStatus.STARTING
        self._heard = False
        self._guard = guard
        self._contract = contract_for(protocol, guard.provider, expected_choices=choices)
        self._parts = Accumulator()
        self._execute = execute
        self._executed: set[int] = set()

    @property
    def over(self) -> bool:
        """Whether there is a result."""
        return self.answer is not None or self.verdict is not None

    @property
    def handed_out(self) -> bool:
        """Whether a tool call was executed."""
        return bool(self._executed)

    @property
    def due(self) -> float | None:
        """When to `take` None, should nothing come before that; None: never."""
        starting = self._status is TurnStatus.STARTING
        late = self.began_at + DELAYED_START_S if starting else None
        return min((at for at in (late, self.deadline) if at is not None), default=None)

    @property
    def deadline(self) -> float | None:
        """When the guard ends the attempt; None: never."""
        return self._guard.deadline

    @property
    def response_id(self) -> str | None:
        """The id that the provider has told."""
        return self._parts.response_id

    def discarded(self, now: float) -> Discarded:
        """What the attempt has taken by `now`: to be counted unless it gave the answer."""
        return Discarded(1, self._parts.usage or Usage(), now - self.began_at)

    def take(self, now: float, item: Item | None) -> Iterator[TurnEvent]:
        """Take in what has come, or at `now` None: nothing has. Gives the events to show.

        An interruption that the SDK's code met (no `Exception`) is raised as it is.
        """
        if self._status is TurnStatus.STARTING and now >= self.began_at + DELAYED_START_S:
            yield self._reach(TurnStatus.DELAYED_START)
        if item is None:
            self._check(self._guard.check(now))
        elif isinstance(item, Closed):
            self._close(item)
        else:
            yield from self._event(now, item)

    def _reach(self, status: TurnStatus) -> Status:
        self._status = status
        return Status(status, self.number)

    def _event(self, now: float, event: Mapping[str, object]) -> Iterator[TurnEvent]:
        self._heard = True
        self._check(self._guard.feed(now, event))
        if self.over:
            return
        if self._guard.started and self._status is not TurnStatus.STREAMING:
            self.ttft_s = now - self.began_at
            yield self._reach(TurnStatus.STREAMING)
        for piece in self._parts.feed(event):
            yield MessagePart(self.number, piece)
        self._contract.feed(event)
        self._hand_out(self._ended_by(event))
        if self._contract.over:
            self._close(Closed(None, opened=True, done=False, unread=None))

    def _check(self, fired: Verdict | None) -> None:
        if fired is not None and not self._commit(self._contract.end(clean=False)):
            self.verdict = fired

    def _close(self, closed: Closed) -> None:
        if not isinstance(closed.error, Exception | None):
            raise closed.error
        if closed.done:
            self._contract.feed(DONE)
        ending = self._contract.end(clean=closed.error is None)
        if not self._commit(ending):
            self.error = closed.error
            self.verdict = self._judge(ending, closed)

    def _judge(self, ending: Ending, closed: Closed) -> Verdict:
        """The verdict on a failure.

        What no rule knows, such as the complaint of a decoder, is a stream that was cut, unless
        it is the provider's own word: then the exception has a body.
        """
        provider, error = self._guard.provider, closed.error
        if error is not None and not closed.opened:
            return classify(error, provider)
        cut = ending.verdict or classify(ending.error, provider)
        seen = error or (None if self._heard else closed.unread)
        if seen is None:
            return cut
        verdict = classify(seen, provider)
        unknown = verdict.rule == UNMATCHED and getattr(error, "body", None) is None
        return cut if unknown else verdict

    def _commit(self, ending: Ending) -> bool:
        if ending.outcome is Outcome.FAILED:
            return False
        self.answer = self._parts.commit(ending)
        if ending.outcome is Outcome.COMPLETE:
            self._hand_out(self._calls())
        return True

    def _calls(self) -> Iterator[ToolCallPart]:
        return (part for part in self._parts.parts if isinstance(part, ToolCallPart))

    def _ended_by(self, event: Mapping[str, object]) -> Iterator[ToolCallPart]:
        """The tool calls that are whole, now that `event` has come."""
        kind, item = event.get("type"), event.get("item")
        if kind == "content_block_stop":
            yield from (call for call in self._calls() if _is_json(call.arguments))
        elif kind == "response.output_item.done" and at(item, "status") in (None, "completed"):
            yield from (call for call in self._calls() if call.id == at(item, "call_id"))

    def _hand_out(self, calls: Iterable[ToolCallPart]) -> None:
        for call in calls if self._execute else ():
            if self._execute and not call.by_provider and call.index not in self._executed:
                self._executed.add(call.index)
                self._execute(call)


def _is_json(arguments: str) -> bool:
    """Whether the arguments have their end: a token limit ends their block wherever it strikes."""
    try:
        json.loads(arguments)
    except (ValueError, RecursionError):
        return False
    return True
