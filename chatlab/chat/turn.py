"""One turn: attempts through an official SDK client until one of them gives the whole answer.

    STARTING --first content--> STREAMING --the contract's end--> message, COMPLETED
       |  (DELAYED_START after 15 s)  |
       +------- the attempt failed ---+--> retry, RETRYING, the announced wait, STARTING
                                      +--> error, FAILED, and the exception is raised

What an attempt shows (`message_part`) is provisional: `retry` takes it back, `message` stands
instead of it. The last event is always a status.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, closing
from functools import partial
from typing import TYPE_CHECKING, Final

from chatlab.chat.messages.events import Answer, TurnEvent, TurnStatus
from chatlab.chat.messages.parts import ToolCallPart
from chatlab.chat.stream.attempt import Attempt, Discarded
from chatlab.chat.stream.turn_state import Course, Request
from chatlab.chat.transport.callbacks import call_back
from chatlab.chat.transport.reader import TaskReader, ThreadReader
from chatlab.chat.transport.sdk import Caller
from chatlab.chat.transport.timeouts import Patience
from chatlab.errors import Verdict
from chatlab.retry import Backoff, Clock, GiveUp, SystemClock
from chatlab.retry.runner import DEFAULT_POLICY

if TYPE_CHECKING:
    from chatlab.chat.accounting.prometheus import Metrics

LINGER_S: Final = 0.1
"""How long a complete stream may take to end, so that its connection can be used again."""


class Turn:
    """One turn of a conversation; it runs once, as one of its four methods is called.

        answer = Turn({"model": "gpt-5", "input": "Hello"}, client=OpenAI()).run()

    request: the arguments of the client's ``create`` method, without ``stream`` and ``timeout``;
    with ``messages`` an OpenAI client speaks Chat Completions, else Responses. Or a function that
    gives them for each attempt, told the verdict on the one before (None at first).
    client: an OpenAI, AsyncOpenAI, Anthropic or AsyncAnthropic. Its own retries are off for the
    turn, and a `NestedRetriesWarning` says so if they were on. provider: who answers, where the
    client's class and address do not tell.
    policy, clock: as in `chatlab.run`; concurrent turns need a `VirtualClock` each (see `waiting`).
    startup_s, silence_s: the limits of `StreamGuard`, for each attempt; None switches one off.
    on_event: is called with every event, before it is yielded; None is silent. on_tool_call: is
    handed each call of a tool that the provider does not run itself, as soon as it is whole; a
    failure of that attempt then ends the turn, so that no call is executed twice. Both are plain
    functions; what they raise is logged, and the turn goes on. judge: has the last word on the
    verdict on a failed attempt. metrics: counts what the turn does.
    """

    def __init__(
        self,
        request: Request,
        *,
        client: object,
        provider: str | None = None,
        policy: Backoff = DEFAULT_POLICY,
        clock: Clock | None = None,
        startup_s: float | None = 60.0,
        silence_s: float | None = 600.0,
        on_event: Callable[[TurnEvent], object] | None = None,
        on_tool_call: Callable[[ToolCallPart], object] | None = None,
        judge: Callable[[Verdict], Verdict] | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self._caller = Caller.of(client, provider)
        self._clock = SystemClock() if clock is None else clock
        self._on_event = on_event
        execute = None if on_tool_call is None else partial(call_back, on_tool_call, "on_tool_call")
        who = self._caller.provider
        self._course = Course(request, policy, who, startup_s, silence_s, execute, judge, metrics)

    @property
    def provider(self) -> str | None:
        """Who answers, as far as the client tells."""
        return self._caller.provider

    @property
    def answer(self) -> Answer | None:
        """The committed answer; None before."""
        return self._course.answer

    @property
    def response_id(self) -> str | None:
        """The id of the last response that began, whatever came of it; a provider's support asks.

        Of an answer that is not complete it is no id to continue from.
        """
        return self._course.response_id

    @property
    def gave_up(self) -> GiveUp | None:
        """Why the turn was not retried any more, and when to come back; None if it was not."""
        return self._course.gave_up

    @property
    def discarded(self) -> Discarded:
        """What the attempts took that gave no answer, each counted once."""
        return self._course.discarded

    def run(self) -> Answer:
        """The answer. Raises the exception of the last attempt, with its verdict attached.

        Where the SDK raised none (a stream that was cut, silent, or failed in band) that is a
        `StreamFailed`. What is no `Exception` (KeyboardInterrupt, `Cancelled`) passes through at
        once. Raises TypeError if the client is asynchronous, RuntimeError if the turn has run.
        """
        with closing(self.events()) as events:
            for _ in events:
                pass
        return self._committed()

    async def arun(self) -> Answer:
        """The answer, from an asynchronous client; everything else is as in `run`.

        Cancelling the task ends the request and raises `asyncio.CancelledError`.
        """
        async with aclosing(self.aevents()) as events:
            async for _ in events:
                pass
        return self._committed()

    def events(self) -> Generator[TurnEvent, None, None]:
        """The events of the turn as they come; raises like `run`, after the last one.

        A loop that is left early ends the turn when its iterator is closed or dropped.
        """
        self._begin(is_async=False)
        course, now = self._course, self._clock.now
        try:
            while course.answer is None:
                yield self._tell(course.reach(TurnStatus.STARTING))
                arguments = course.arguments()
                attempt = course.attempt(now(), self._caller.protocol(arguments), arguments)
                patience = Patience(self._clock)
                limit_s = patience.headers_s(attempt.deadline)
                reader = ThreadReader(partial(self._caller.start, arguments, limit_s))
                try:
                    while not attempt.over:
                        item = patience.hear(reader, attempt.due)
                        for event in attempt.take(now(), item):
                            yield self._tell(event)
                finally:
                    course.leave(now(), attempt)
                    reader.close(_linger_s(attempt))
                if retry := course.settle(now(), attempt):
                    yield self._tell(retry)
                    yield self._tell(course.reach(TurnStatus.RETRYING))
                    self._clock.sleep(retry.delay_s)
                    course.wake(now())
            yield self._tell(course.answer)
            yield self._tell(course.reach(TurnStatus.COMPLETED))
        except Exception as error:
            for event in course.failed(error):
                yield self._tell(event)
            raise
        except BaseException:
            self._cancelled()
            raise

    async def aevents(self) -> AsyncGenerator[TurnEvent, None]:
        """The events of the turn, from an asynchronous client; everything else is as in `events`.

        Use `contextlib.aclosing` around a loop that may be left early.
        """
        self._begin(is_async=True)
        course, now = self._course, self._clock.now
        try:
            while course.answer is None:
                yield self._tell(course.reach(TurnStatus.STARTING))
                arguments = course.arguments()
                attempt = course.attempt(now(), self._caller.protocol(arguments), arguments)
                patience = Patience(self._clock)
                reader = TaskReader(partial(self._caller.astart, arguments))
                try:
                    while not attempt.over:
                        item = await patience.ahear(reader, attempt.due)
                        for event in attempt.take(now(), item):
                            yield self._tell(event)
                finally:
                    course.leave(now(), attempt)
                    await reader.close(_linger_s(attempt))
                if retry := course.settle(now(), attempt):
                    yield self._tell(retry)
                    yield self._tell(course.reach(TurnStatus.RETRYING))
                    await self._clock.asleep(retry.delay_s)
                    course.wake(now())
            yield self._tell(course.answer)
            yield self._tell(course.reach(TurnStatus.COMPLETED))
        except Exception as error:
            for event in course.failed(error):
                yield self._tell(event)
            raise
        except BaseException:
            self._cancelled()
            raise

    def _begin(self, is_async: bool) -> None:
        if is_async is not self._caller.is_async:
            kind, fit = (
                ("synchronous", "run` and `events")
                if is_async
                else ("asynchronous", "arun` and `aevents")
            )
            raise TypeError(f"Turn: the client is {kind}; use `{fit}`")
        self._course.begin(self._clock.now())

    def _cancelled(self) -> None:
        if self._course.answer is None:
            self._tell(self._course.reach(TurnStatus.CANCELLED))

    def _committed(self) -> Answer:
        assert self._course.answer is not None
        return self._course.answer

    def _tell(self, event: TurnEvent) -> TurnEvent:
        if self._on_event is not None:
            call_back(self._on_event, "on_event", event)
        return event


def _linger_s(attempt: Attempt) -> float:
    return 0.0 if attempt.answer is None else LINGER_S
