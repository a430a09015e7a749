"""One turn: attempts through an official SDK client until one gives the complete answer.

    STARTING --first content--> STREAMING --the contract's end--> message, COMPLETED
       |  (DELAYED_START after 15 s)  |
       +------- the attempt failed ---+--> retry, RETRYING, the announced wait, STARTING
                                      +--> error, FAILED, and the exception is raised

What an attempt shows (`message_part`) is provisional: `retry` takes it back, `message` replaces
it. The last event is always a status.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator, Mapping
from functools import partial

from chatlab.chat.messages.events import Answer, TurnEvent, TurnStatus
from chatlab.chat.messages.parts import ToolCallPart
from chatlab.chat.stream.attempt import Attempt, Discarded
from chatlab.chat.stream.limits import MAX_CHARS, MAX_EVENTS, TOTAL_S, TurnLimits
from chatlab.chat.stream.turn_metrics import TurnMetrics
from chatlab.chat.stream.turn_state import Request, TurnState
from chatlab.chat.transport.byte_tap import ByteTap
from chatlab.chat.transport.reader import TaskReader, ThreadReader
from chatlab.chat.transport.sdk import Caller
from chatlab.chat.transport.timeouts import StreamWaiter
from chatlab.errors import Verdict
from chatlab.retry import Backoff, Clock, GiveUp, SystemClock
from chatlab.retry.attempt_loop import DEFAULT_POLICY
from chatlab.retry.callbacks import call_back
from chatlab.retry.driver import Emit, Flow, Sleep, Within, adrive, afinish, drive, finish

Tell = Callable[[TurnEvent], TurnEvent | None]
"""Called with each event before it is emitted; returns what to emit, if anything."""


class Turn:
    """One turn of a conversation; it runs once, when one of its four methods is called.

    Parameters
    ----------
    request:
        The arguments of the client's ``create`` method, without ``stream`` and ``timeout``; with
        ``messages`` an OpenAI client speaks Chat Completions, else Responses. Or a function that
        gives them for each attempt; it is called with the verdict on the one before (None at
        first). A request that continues a response that the provider has lost is not repeated:
        fixed arguments fail at once, and so does a function that gives the lost id again.
    client:
        An OpenAI, AsyncOpenAI, Anthropic or AsyncAnthropic. Its own retries are off for the turn,
        and a `NestedRetriesWarning` says so if they were on.
    provider:
        Who answers, where the client's class and address do not show it.
    policy, clock:
        As in `chatlab.run`; concurrent turns need a `VirtualClock` each.
    startup_s, silence_s:
        The limits of `StreamGuard` in seconds, for each attempt; None switches one off.
    total_s:
        Seconds for the turn as a whole, waits included, by default a day; None for no limit.
    max_events, max_chars:
        How many events, and how many characters (decoded bytes) of streams, the turn takes from
        the provider in all of its attempts; by default a million and a hundred million.
    on_event:
        Called with every event, before it is yielded.
    on_tool_call:
        Called with each call of a tool that the provider does not run itself, as soon as it is
        complete; a failure of that attempt then ends the turn, so that no call is executed twice.
        This and `on_event` are plain functions; what they raise is logged, and the turn goes on.
    judge:
        Has the last word on the verdict on a failed attempt.
    metrics:
        Counts what the turn does, see `chatlab.chat.Metrics`.

    Raises
    ------
    TypeError
        If `client` is not an SDK client.
    ValueError
        For limits and arguments that cannot be used.

    Examples
    --------
    >>> from openai import OpenAI
    >>> from chatlab.lab import FakeProvider
    >>> from chatlab.retry import VirtualClock
    >>> with FakeProvider(["http-error:503", "success"]) as provider:
    ...     client = OpenAI(base_url=provider.openai_base_url, api_key="k", max_retries=0)
    ...     request = {"model": "gpt-5", "input": "What is the answer?"}
    ...     Turn(request, client=client, clock=VirtualClock()).run().text
    ...     client.close()
    'The answer is 42.'
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
        total_s: float | None = TOTAL_S,
        max_events: int | None = MAX_EVENTS,
        max_chars: int | None = MAX_CHARS,
        on_event: Callable[[TurnEvent], object] | None = None,
        on_tool_call: Callable[[ToolCallPart], object] | None = None,
        judge: Callable[[Verdict], Verdict] | None = None,
        metrics: TurnMetrics | None = None,
    ) -> None:
        self._caller = Caller.of(client, provider)
        self._clock = SystemClock() if clock is None else clock
        self._on_event = on_event
        self._state = TurnState(
            request,
            policy,
            self._caller.provider,
            startup_s=startup_s,
            silence_s=silence_s,
            limits=TurnLimits(total_s, max_events, max_chars),
            on_tool_call=on_tool_call and partial(call_back, on_tool_call, "on_tool_call"),
            judge=judge,
            metrics=metrics,
        )

    @property
    def provider(self) -> str | None:
        """Who answers, as far as the client shows it."""
        return self._caller.provider

    @property
    def answer(self) -> Answer | None:
        """The committed answer; None before."""
        return self._state.answer

    @property
    def response_id(self) -> str | None:
        """The id of the last response that began, complete or not, for a provider's support.

        Do not continue from it unless the answer is complete.
        """
        return self._state.response_id

    @property
    def gave_up(self) -> GiveUp | None:
        """Why the turn was not retried any more, and when to come back; None if it did not fail."""
        return self._state.gave_up

    @property
    def discarded(self) -> Discarded:
        """What the attempts without an answer cost, each counted once."""
        return self._state.discarded

    def run(self) -> Answer:
        """Run the turn to its end.

        Returns
        -------
        Answer
            The committed answer.

        Raises
        ------
        Exception
            That of the last attempt, with its verdict attached. Where the SDK raised none (a
            stream that was cut, silent, or failed in band) it is a `StreamFailed`. What is not an
            `Exception` (KeyboardInterrupt, `Cancelled`) passes through at once.
        TurnLimitExceeded
            If the turn reached one of its own limits.
        TypeError
            If the client is asynchronous.
        RuntimeError
            If the turn has run before.
        """
        finish(self.flow(self._tell, is_async=False), self._clock)
        return self._committed()

    async def arun(self) -> Answer:
        """Run the turn with an asynchronous client; everything else is as in `run`.

        Cancelling the task ends the request and raises `asyncio.CancelledError`.
        """
        await afinish(self.flow(self._tell, is_async=True), self._clock)
        return self._committed()

    def events(self) -> Generator[TurnEvent, None, None]:
        """Give the events of the turn as they come; raises like `run`, after the last one.

        A loop that is left early ends the turn when its iterator is closed or dropped.
        """
        return drive(self.flow(self._tell, is_async=False), self._clock)

    def aevents(self) -> AsyncGenerator[TurnEvent, None]:
        """Give the events of the turn with an asynchronous client; otherwise as `events`.

        Use `contextlib.aclosing` around a loop that may be left early.
        """
        return adrive(self.flow(self._tell, is_async=True), self._clock)

    def flow(self, tell: Tell, *, is_async: bool) -> Flow:
        """Give the commands of the turn, for a driver; `ChainedTurn` makes them part of its own.

        Parameters
        ----------
        tell:
            Called with each event before it is emitted; returns what to emit, if anything.
        is_async:
            Whether the driver is `adrive`.
        """
        self._begin(is_async)
        state, now = self._state, self._clock.now
        try:
            while state.answer is None:
                yield from _emit(tell(state.reach(TurnStatus.STARTING)))
                arguments = state.arguments(now())
                attempt = state.attempt(now(), self._caller.protocol(arguments), arguments)
                waiter = StreamWaiter(self._clock, state.limits.deadline)
                reader = self._reader(arguments, waiter.headers_s(attempt.deadline))
                yield Within(reader, partial(self._read, tell, attempt, waiter))
                if retry := state.settle(now(), attempt):
                    yield from _emit(tell(retry))
                    yield from _emit(tell(state.reach(TurnStatus.RETRYING)))
                    yield Sleep(retry.delay_s)
                    state.wake(now())
            yield from _emit(tell(state.answer))
            yield from _emit(tell(state.reach(TurnStatus.COMPLETED)))
        except Exception as error:
            yield from _show(tell, state.failed(error))
            raise
        except BaseException:
            if state.answer is None:
                tell(state.reach(TurnStatus.CANCELLED))
            raise

    def _read(
        self,
        tell: Tell,
        attempt: Attempt,
        waiter: StreamWaiter,
        reader: ThreadReader | TaskReader,
    ) -> Flow:
        """Read the stream of `attempt` until it has its result."""
        limits, now = self._state.limits, self._clock.now
        try:
            while not attempt.over:
                items = yield from waiter.next_items(reader, attempt.due)
                if not items:
                    limits.check(now())
                    yield from _show(tell, attempt.feed(now(), None))
                for item in items:
                    at = now()
                    limits.count_event(at)
                    if (more := attempt.more(at, item)) is not None:
                        shown = tell(more)
                        if shown is not None:
                            yield Emit(shown)
                    elif not attempt.over:
                        yield from _show(tell, attempt.feed(at, item))
            reader.complete = attempt.answer is not None
        finally:
            self._state.leave(now(), attempt)

    def _reader(
        self, arguments: Mapping[str, object], headers_s: float | None
    ) -> ThreadReader | TaskReader:
        tap = ByteTap(self._state.limits.count_chars)
        if self._caller.is_async:
            return TaskReader(partial(self._caller.astart, arguments), tap)
        return ThreadReader(partial(self._caller.start, arguments, headers_s), tap)

    def _begin(self, is_async: bool) -> None:
        if is_async is not self._caller.is_async:
            kind, fit = (
                ("synchronous", "run` and `events")
                if is_async
                else ("asynchronous", "arun` and `aevents")
            )
            raise TypeError(f"Turn: the client is {kind}; use `{fit}`")
        self._state.begin(self._clock.now())

    def _committed(self) -> Answer:
        assert self._state.answer is not None
        return self._state.answer

    def _tell(self, event: TurnEvent) -> TurnEvent:
        if self._on_event is not None:
            call_back(self._on_event, "on_event", event)
        return event


def _show(tell: Tell, events: Iterable[TurnEvent]) -> Iterator[Emit]:
    for event in events:
        yield from _emit(tell(event))


def _emit(event: TurnEvent | None) -> Iterator[Emit]:
    if event is not None:
        yield Emit(event)
