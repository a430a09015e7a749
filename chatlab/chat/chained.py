"""One turn of a stored conversation with OpenAI's Responses: chained, with tools, healed.

    resolve -> step -> tools -> step -> ... -> the last answer -> messages to store

Each step is a `Turn`, with its own retries; its attempts are counted on from those before.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import ClassVar, Unpack

from chatlab.chat.chain.resolver import Resolution
from chatlab.chat.chain.steps import Steps, Stored
from chatlab.chat.messages.events import Answer, MessagePart, Status, TurnEvent, TurnStatus
from chatlab.chat.messages.history import History
from chatlab.chat.messages.message import Message, Role
from chatlab.chat.stream.attempt import Discarded
from chatlab.chat.stream.contracts import Outcome
from chatlab.chat.stream.turn_metrics import TurnMetrics
from chatlab.chat.stream.turn_state import error_of
from chatlab.chat.transport.options import TurnOptions, check_options, responses_client
from chatlab.chat.transport.tools import Calls, Results, RunTool, Tools
from chatlab.chat.turn import Turn
from chatlab.errors.payloads import ChatError, ChatStreamRetry
from chatlab.retry import GiveUp, SystemClock
from chatlab.retry.callbacks import call_back
from chatlab.retry.driver import Emit, Flow, adrive, afinish, drive, finish


class ChainedTurn:
    """One turn of a stored conversation; it runs once, when one of its four methods is called.

    Parameters
    ----------
    history:
        The stored messages, as `History.read` takes them, or a plain function that loads them; it
        is called again when the provider has lost the chain.
    question:
        What is new, a text or messages; nothing if the history ends with it.
    client:
        An OpenAI or AsyncOpenAI.
    model:
        The model configuration, and the request's ``model`` unless `request` names another.
    store:
        Whether the provider is to keep the responses.
    chain:
        False always replays.
    plan_mode:
        See `resolve_chain`.
    request:
        Further arguments of ``responses.create``.
    run_tool:
        Runs one call and returns its result; in an asynchronous turn it may be asynchronous. Each
        call is run once, whatever happens to the requests; an `Exception` that it raises is sent to
        the model as the result. With None the turn ends with the calls; so it does if the
        application has to answer a call that is not of a function, such as a shell call.
    on_lost:
        Called with each response id that the provider has lost.
    max_steps:
        How many requests with an answer the turn may take.
    on_event, metrics:
        As in `Turn`.
    options:
        ``provider``, ``policy``, ``clock``, and the limits of `Turn`, which hold for each step.

    Attributes
    ----------
    answer: Answer or None
        Of the last step that gave one.
    error: ChatError or None
        Why the turn has failed.

    Raises
    ------
    TypeError
        If `client` does not speak Responses, or for an unknown option.
    ValueError
        For an argument in `request` that the turn decides itself.

    Examples
    --------
    >>> from openai import OpenAI
    >>> from chatlab.lab import FakeProvider, ResponseMemory, Script
    >>> script = Script(after="success")
    >>> with FakeProvider(script, memory=ResponseMemory()) as provider:
    ...     client = OpenAI(base_url=provider.openai_base_url, api_key="k", max_retries=0)
    ...     turn = ChainedTurn([], "What is the answer?", client=client, model="gpt-5")
    ...     turn.run().text
    ...     client.close()
    'The answer is 42.'
    >>> [str(message.role) for message in turn.messages], str(turn.resolution.mode)
    (['user', 'assistant'], 'replay')
    """

    steps: ClassVar[type[Steps]] = Steps
    """The class that decides on each request."""

    def __init__(
        self,
        history: Stored,
        question: str | Message | Iterable[object] = (),
        *,
        client: object,
        model: str,
        store: bool = True,
        chain: bool = True,
        plan_mode: bool = False,
        request: Mapping[str, object] | None = None,
        run_tool: RunTool | None = None,
        on_lost: Callable[[str], object] | None = None,
        max_steps: int = 100,
        on_event: Callable[[TurnEvent], object] | None = None,
        metrics: TurnMetrics | None = None,
        **options: Unpack[TurnOptions],
    ) -> None:
        check_options(options, "ChainedTurn")
        if max_steps < 1:
            raise ValueError(f"ChainedTurn: max_steps is {max_steps}; give at least 1")
        client = responses_client(client, "ChainedTurn")
        if isinstance(question, str):
            question = Message(Role.USER, question)
        asked = [question] if isinstance(question, Message | Mapping) else question
        self.answer: Answer | None = None
        self.error: ChatError | None = None
        self.model = model
        self._steps = steps = self.steps(
            history,
            History.read(asked).whole(),
            model=model,
            store=store,
            chain=chain,
            plan_mode=plan_mode,
            request=request or {},
            on_lost=on_lost,
        )
        self._on_event = on_event
        self._max_steps = max_steps
        self._taken = 0
        self._completed = False
        self._calls: Calls = ()
        self._discarded = Discarded()
        self._response_id: str | None = None
        self._before = self._latest = 0
        decided = partial(Turn, lambda _: steps.request(), client=client, judge=steps.judge)
        self._clock = options.setdefault("clock", SystemClock())
        self._step = partial(decided, metrics=metrics, **options)
        self._turn = self._step()
        who = self._turn.provider, str((request or {}).get("model", model))
        self._tools = None if run_tool is None else Tools(run_tool, metrics, *who)

    @property
    def resolution(self) -> Resolution | None:
        """Chain or replay, and why; None before the first request."""
        return self._steps.resolution

    @property
    def lost(self) -> str | None:
        """The response id that the provider no longer knew, if the turn was healed."""
        return self._steps.lost

    @property
    def response_id(self) -> str | None:
        """As in `Turn`; of all steps."""
        return self._turn.response_id or self._response_id

    @property
    def provider(self) -> str | None:
        """As in `Turn`."""
        return self._turn.provider

    @property
    def gave_up(self) -> GiveUp | None:
        """As in `Turn`."""
        return self._turn.gave_up

    @property
    def discarded(self) -> Discarded:
        """As in `Turn`; of all steps."""
        running = self._turn.answer is None
        return self._discarded + self._turn.discarded if running else self._discarded

    @property
    def seen(self) -> int:
        """How many messages of the history the turn started from, for `Store.commit`.

        It counts what `history` gave, so pass a store's messages as they are: a system prompt
        belongs into `request`, as ``instructions``, and not before them.
        """
        return self._steps.seen

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages to store, the question first: of a failed turn, what was made before.

        They have response ids only if the turn has completed.
        """
        return self._steps.messages(self._completed)

    def run(self) -> Answer:
        """Run the turn to its end and return the last answer.

        Raises as `Turn.run` does, and RuntimeError for too many steps.
        """
        finish(self._flow(is_async=False), self._clock)
        assert self.answer is not None
        return self.answer

    async def arun(self) -> Answer:
        """Run the turn with an asynchronous client; everything else is as in `run`."""
        await afinish(self._flow(is_async=True), self._clock)
        assert self.answer is not None
        return self.answer

    def events(self) -> Generator[TurnEvent, None, None]:
        """Give the events as they come, a `message` for each step; raises like `run` at the end."""
        return drive(self._flow(is_async=False), self._clock)

    def aevents(self) -> AsyncGenerator[TurnEvent, None]:
        """Give the events, with an asynchronous client; everything else is as in `events`."""
        return adrive(self._flow(is_async=True), self._clock)

    def _flow(self, *, is_async: bool) -> Flow:
        going = True
        while going:
            yield from self._turn.flow(self._pass_on, is_async=is_async)
            try:
                with self._step_taken() as results:
                    if self._tools is not None:
                        yield from self._tools.flow(self._calls, results)
            except Exception as error:
                yield Emit(self._tell(error_of(error)))
                yield Emit(self._tell(Status(TurnStatus.FAILED, self._latest)))
                raise
            except BaseException:
                self._tell(Status(TurnStatus.CANCELLED, self._latest))
                raise
            going = self._goes_on()
        yield Emit(self._tell(Status(TurnStatus.COMPLETED, self._latest)))

    def _take(self, answer: Answer) -> None:
        """Take in the answer of the step, before it is announced."""
        self.answer = answer
        self._taken += 1
        self._discarded += self._turn.discarded
        calls = self._steps.answered(answer)
        self._calls = () if self._tools is None else calls
        self._completed = not self._calls and answer.outcome is Outcome.COMPLETE

    @contextmanager
    def _step_taken(self) -> Iterator[Results]:
        """Gather the results of the calls; those that have arrived are kept, whatever happens."""
        results: Results = []
        if self._calls and self._taken == self._max_steps:
            raise RuntimeError(
                f"ChainedTurn: the model still calls tools after {self._taken} steps; "
                "raise max_steps if that is intended"
            )
        try:
            yield results
        finally:
            if results:
                self._steps.results(results)

    def _goes_on(self) -> bool:
        if not self._calls:
            return False
        self._calls = ()
        self._before = self._latest
        self._response_id = self.response_id
        self._turn = self._step()
        return True

    def _pass_on(self, event: TurnEvent) -> TurnEvent | None:
        """Tell `event` of a step, and return what to emit for it."""
        if isinstance(event, Status) and event.status is TurnStatus.COMPLETED:
            return None
        if isinstance(event, Answer):
            self._take(event)
        return self._tell(self._counted_on(event))

    def _counted_on(self, event: TurnEvent) -> TurnEvent:
        """`event` of a step with the attempts counted on from the steps before."""
        if not isinstance(event, Status | MessagePart | ChatStreamRetry):
            return event
        self._latest = self._before + event.attempt
        return replace(event, attempt=self._latest) if self._before else event

    def _tell(self, event: TurnEvent) -> TurnEvent:
        if isinstance(event, ChatError):
            self.error = event
        if self._on_event is not None:
            call_back(self._on_event, "on_event", event)
        return event
