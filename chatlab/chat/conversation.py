"""A conversation kept in a store: ask, and the rest is done.

load -> one `ChainedTurn` -> commit, however the turn ends
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Unpack

from chatlab.chat.chained import ChainedTurn
from chatlab.chat.messages.events import Answer, TurnEvent
from chatlab.chat.messages.message import Message
from chatlab.chat.stream.turn_metrics import TurnMetrics
from chatlab.chat.transport.options import TurnOptions, check_options, responses_client
from chatlab.chat.transport.tools import RunTool

if TYPE_CHECKING:
    from chatlab.chat.storage.store_file import Store

Question = str | Message | Iterable[object]


class Chat:
    """A conversation in a store, continued turn by turn with OpenAI's Responses.

    Each turn loads the history, runs, and commits its messages with its error: those of a turn
    that failed, was cancelled or left early too. When the provider has lost a response, the store
    forgets its id. Two chats of the same name, in any process, may share a store.

    Parameters
    ----------
    store:
        Where the conversation is kept.
    name:
        The name of the conversation in the store; a new one is empty.
    client:
        An OpenAI for `ask` and `stream`, an AsyncOpenAI for `aask` and `astream`.
    model:
        The model configuration, as in `ChainedTurn`.
    tools:
        Runs one call of a tool, as ``run_tool`` of `ChainedTurn`; what tools there are belongs into
        ``request["tools"]``.
    request:
        Further arguments of ``responses.create``.
    keep_responses:
        Whether the provider is to store the responses.
    chain, plan_mode, max_steps, on_event, metrics:
        As in `ChainedTurn`.
    options:
        As in `ChainedTurn`, for each turn.

    Attributes
    ----------
    last: ChainedTurn or None
        The turn that ended last, with its ``resolution``, ``answer`` and ``error``.

    Raises
    ------
    TypeError
        If `client` does not speak Responses, or for an unknown option.

    Examples
    --------
    >>> from openai import OpenAI
    >>> from chatlab.chat import Store
    >>> with OpenAI(api_key="k", max_retries=0) as client, Store(":memory:") as store:
    ...     chat = Chat(store, "chat-7", client=client, model="gpt-5")
    ...     store.commit("chat-7", [Message("user", "Hi"), Message("assistant", "Hello.")])
    ...     [message.text for message in chat.messages]
    ['Hi', 'Hello.']
    """

    def __init__(
        self,
        store: Store,
        name: str,
        *,
        client: object,
        model: str,
        tools: RunTool | None = None,
        request: Mapping[str, object] | None = None,
        keep_responses: bool = True,
        chain: bool = True,
        plan_mode: bool = False,
        max_steps: int = 100,
        on_event: Callable[[TurnEvent], object] | None = None,
        metrics: TurnMetrics | None = None,
        **options: Unpack[TurnOptions],
    ) -> None:
        check_options(options, "Chat")
        self.store = store
        self.name = name
        self.model = model
        self.last: ChainedTurn | None = None
        self._turn = partial(
            ChainedTurn,
            partial(store.history, name),
            client=responses_client(client, "Chat"),
            model=model,
            store=keep_responses,
            chain=chain,
            plan_mode=plan_mode,
            request=request,
            run_tool=tools,
            on_lost=store.forget_response,
            max_steps=max_steps,
            on_event=on_event,
            metrics=metrics,
            **options,
        )

    def __repr__(self) -> str:
        return f"<Chat {self.name!r} with {self.model!r} in {self.store!r}>"

    @property
    def messages(self) -> tuple[Message, ...]:
        """The stored messages that can be read, oldest first."""
        return self.store.history(self.name).messages

    def ask(self, question: Question = ()) -> Answer:
        """Ask, wait for the answer, and commit the turn.

        Parameters
        ----------
        question:
            A text or messages; nothing if the stored history ends with the question.

        Returns
        -------
        Answer
            The last answer of the turn.

        Raises
        ------
        Exception
            What `ChainedTurn.run` raises; the turn is committed before.
        StoreError
            If the history cannot be loaded, or the turn not be committed; then `last` has it.
        """
        turn = self._turn(question)
        with self._committing(turn):
            return turn.run()

    async def aask(self, question: Question = ()) -> Answer:
        """Ask with an asynchronous client; everything else is as in `ask`.

        Cancelling the task ends the request, and commits what was made.
        """
        turn = self._turn(question)
        with self._committing(turn):
            return await turn.arun()

    def stream(self, question: Question = ()) -> Generator[TurnEvent, None, None]:
        """Give the events of a turn as they come, and commit the turn; raises like `ask`.

        The turn begins with the first event that is asked for. A loop that is left early ends the
        turn, and commits what was made, when its iterator is closed or dropped.
        """
        return self._events(self._turn(question))

    def astream(self, question: Question = ()) -> AsyncGenerator[TurnEvent, None]:
        """Give the events, with an asynchronous client; everything else is as in `stream`.

        Use `contextlib.aclosing` around a loop that may be left early.
        """
        return self._aevents(self._turn(question))

    def _events(self, turn: ChainedTurn) -> Generator[TurnEvent, None, None]:
        with self._committing(turn):
            yield from turn.events()

    async def _aevents(self, turn: ChainedTurn) -> AsyncGenerator[TurnEvent, None]:
        with self._committing(turn):
            async with aclosing(turn.aevents()) as events:
                async for event in events:
                    yield event

    @contextmanager
    def _committing(self, turn: ChainedTurn) -> Iterator[None]:
        """Commit `turn` when it has ended; nothing if it has not even loaded the history."""
        try:
            yield
        finally:
            self.last = turn
            if turn.resolution is not None:
                self.store.commit(self.name, turn.messages, error=turn.error, seen=turn.seen)
