"""One attempt of a turn, without I/O and clock: it is fed items and times, and gives events.

Everything that it shows is provisional; `Attempt.over` says that it has its result, which is
either an answer or a verdict.
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
from chatlab.chat.stream.contract import contract_for
from chatlab.chat.stream.contracts import Ending, Outcome
from chatlab.chat.stream.guards import DONE, StreamGuard, at, is_content
from chatlab.chat.stream.stream_end import Item, StreamEnd
from chatlab.errors import NO_RULE, Verdict, classify
from chatlab.exceptions import ChatlabError

DELAYED_START_S: Final = 15.0
"""Seconds without content after which viewers see that the start is delayed."""

OnToolCall = Callable[[ToolCallPart], object]


class StreamFailed(ChatlabError):
    """A stream that failed without an exception of its SDK: cut, silent, or failed in band.

    Carries its verdict, like every exception that a turn raises: `classify` gives it back.

    Examples
    --------
    >>> str(StreamFailed("The connection was lost."))
    'The connection was lost.'
    """


@dataclass(frozen=True, slots=True)
class Discarded:
    """What the attempts without an answer cost.

    Parameters
    ----------
    attempts:
        How many there were.
    tokens:
        As far as the provider reported them.
    spent_s:
        Seconds.

    Examples
    --------
    >>> (Discarded(1, spent_s=2.0) + Discarded(2, spent_s=0.5)).spent_s
    2.5
    """

    attempts: int = 0
    tokens: Usage = field(default_factory=Usage)
    spent_s: float = 0.0

    def __add__(self, other: Discarded) -> Discarded:
        """Add both up."""
        attempts, spent_s = self.attempts + other.attempts, self.spent_s + other.spent_s
        return Discarded(attempts, self.tokens + other.tokens, spent_s)


class Attempt:
    """One attempt of a turn.

    Parameters
    ----------
    number:
        Counted from 1.
    now:
        When it was sent, in seconds of the turn's clock.
    guard:
        Started at `now`; it names the provider.
    protocol, choices:
        See `contract_for`.
    on_tool_call:
        Called with each tool call as soon as it is complete; it must not raise.

    Attributes
    ----------
    answer: Answer or None
        Once it is committed.
    verdict: Verdict or None
        On the failure.
    error: BaseException or None
        What the SDK raised, if it did.
    ttft_s: float or None
        Seconds to the first content, once there is any.
    """

    def __init__(
        self,
        number: int,
        now: float,
        guard: StreamGuard,
        protocol: str,
        choices: int = 1,
        on_tool_call: OnToolCall | None = None,
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
        self._on_tool_call = on_tool_call
        self._executed: set[int] = set()

    @property
    def over(self) -> bool:
        """Whether there is a result."""
        return self.answer is not None or self.verdict is not None

    @property
    def tool_called(self) -> bool:
        """Whether a tool call was executed."""
        return bool(self._executed)

    @property
    def due(self) -> float | None:
        """When to `feed` None, should nothing arrive before that; None: never."""
        starting = self._status is TurnStatus.STARTING
        late = self.began_at + DELAYED_START_S if starting else None
        return min((at for at in (late, self.deadline) if at is not None), default=None)

    @property
    def deadline(self) -> float | None:
        """When the guard ends the attempt; None: never."""
        return self._guard.deadline

    @property
    def response_id(self) -> str | None:
        """The id of the response, once the provider has sent it."""
        return self._parts.response_id

    def discarded(self, now: float) -> Discarded:
        """What the attempt has taken by `now`: to be counted unless it gave the answer."""
        return Discarded(1, self._parts.usage or Usage(), now - self.began_at)

    def more(self, now: float, item: Item) -> MessagePart | None:
        """Take in `item` if it only continues a text, as almost all do; else return None."""
        if self._status is not TurnStatus.STREAMING or not self._contract.streaming:
            return None
        piece = self._parts.more(item) if type(item) is dict else None
        if piece is None:
            return None
        self._guard.note(now, content=True)
        return MessagePart(self.number, piece)

    def feed(self, now: float, item: Item | None) -> Iterator[TurnEvent]:
        """Take in `item`, or None: nothing has arrived by `now`. Gives the events to show.

        An interruption in the SDK's code (not an `Exception`) and a limit of the turn are raised
        as they are.
        """
        status = self._status
        if status is TurnStatus.STARTING and now >= self.began_at + DELAYED_START_S:
            yield self._reach(TurnStatus.DELAYED_START)
        if item is None:
            self._check(self._guard.check(now))
        elif isinstance(item, StreamEnd):
            self._close(item)
        else:
            self._heard = True
            content = is_content(item)
            self._check(self._guard.note(now, content))
            if self.over:
                return
            if status is not TurnStatus.STREAMING and self._guard.started:
                self.ttft_s = now - self.began_at
                yield self._reach(TurnStatus.STREAMING)
            for piece in self._parts.feed(item):
                yield MessagePart(self.number, piece)
            self._contract.feed(item, content)
            if self._on_tool_call is not None:
                self._hand_out(self._ended_by(item))
            if self._contract.over:
                self._close(StreamEnd(None, opened=True, saw_done=False, other_body=None))

    def _reach(self, status: TurnStatus) -> Status:
        self._status = status
        return Status(status, self.number)

    def _check(self, fired: Verdict | None) -> None:
        if fired is not None and not self._commit(self._contract.end(clean=False)):
            self.verdict = fired

    def _close(self, end: StreamEnd) -> None:
        if isinstance(end.error, StreamFailed) or not isinstance(end.error, Exception | None):
            raise end.error
        if end.saw_done:
            self._contract.feed(DONE)
        ending = self._contract.end(clean=end.error is None)
        if not self._commit(ending):
            self.error = end.error
            self.verdict = self._judge(ending, end)

    def _judge(self, ending: Ending, end: StreamEnd) -> Verdict:
        """Return the verdict on a failure.

        An exception that no rule knows, such as a decoder's, means that the stream was cut, unless
        it comes from the provider itself: then it has a body.
        """
        provider, error = self._guard.provider, end.error
        if error is not None and not end.opened:
            return classify(error, provider)
        cut = ending.verdict or classify(ending.error, provider)
        seen = error or (None if self._heard else end.other_body)
        if seen is None:
            return cut
        verdict = classify(seen, provider)
        unknown = verdict.rule in NO_RULE and getattr(error, "body", None) is None
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
        """Give the tool calls that `event` completes."""
        kind, item = event.get("type"), event.get("item")
        if kind == "content_block_stop":
            yield from (call for call in self._calls() if _is_json(call.arguments))
        elif kind == "response.output_item.done" and at(item, "status") in (None, "completed"):
            yield from (call for call in self._calls() if call.id == at(item, "call_id"))

    def _hand_out(self, calls: Iterable[ToolCallPart]) -> None:
        for call in calls if self._on_tool_call else ():
            if self._on_tool_call and not call.by_provider and call.index not in self._executed:
                self._executed.add(call.index)
                self._on_tool_call(call)


def _is_json(arguments: str) -> bool:
    """Whether the arguments are complete: a token limit can end their block anywhere."""
    try:
        json.loads(arguments)
    except (ValueError, RecursionError):
        return False
    return True
