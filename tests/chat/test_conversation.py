"""A chat owns its turns: what is asked is stored once, however the turn ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing, closing
from typing import Any

import httpx2
import openai
import pytest

import chatlab
from chatlab.chat import Chat, Mode, Store, StoreError, TextPart, ToolCallPart, TurnStatus
from chatlab.chat.messages.events import Answer, MessagePart, Status
from chatlab.lab import FakeProvider, GoodAnswer, ResponseMemory, Script, ToolCall
from chatlab.retry import NestedRetriesWarning, VirtualClock

LOOK = GoodAnswer(tool_calls=(ToolCall("look_up", {"city": "Ulm"}, "call_1"),))


class Desk:
    """A provider with a memory, a store, and the chat that they hold."""

    def __init__(self, provider: FakeProvider, memory: ResponseMemory, store: Store) -> None:
        self.provider = provider
        self.memory = memory
        self.store = store
        self.ran: list[str] = []

    def meets(self, *steps: object) -> None:
        """Let the next requests meet `steps`, and then good answers."""
        self.provider.play(Script.parse({"steps": list(steps), "after": "success"}))

    def tool(self, call: ToolCallPart) -> str:
        """Run a call, and note it."""
        self.ran.append(call.id)
        return "rain"

    def chat(self, client: object, **options: Any) -> Chat:  # noqa: ANN401
        """A chat about the weather."""
        options = {"model": "gpt-5", "clock": VirtualClock(), "tools": self.tool, **options}
        return Chat(self.store, "chat-7", client=client, **options)

    @property
    def told(self) -> list[tuple[str, str]]:
        """What is stored, message by message."""
        return [(str(one.role), one.text) for one in self.store.history("chat-7").messages]

    @property
    def continued(self) -> list[bool]:
        """Of each request, whether it continues a response."""
        return [one.previous_response_id is not None for one in self.memory.exchanges]


@pytest.fixture
def desk() -> Iterator[Desk]:
    """All of it, for one test."""
    memory = ResponseMemory()
    with (
        FakeProvider(Script(after="success"), memory=memory) as provider,
        Store(":memory:") as store,
    ):
        yield Desk(provider, memory, store)


@pytest.fixture
def client(desk: Desk) -> Iterator[openai.OpenAI]:
    """The official client."""
    with httpx2.Client(trust_env=False) as http:
        url = desk.provider.openai_base_url
        yield openai.OpenAI(base_url=url, api_key="k", max_retries=0, http_client=http)


async def with_async_client(desk: Desk, act: Any) -> Any:  # noqa: ANN401
    """Let `act` use a chat with the official asynchronous client."""
    async with httpx2.AsyncClient(trust_env=False) as http:
        url = desk.provider.openai_base_url
        return await act(
            openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0, http_client=http)
        )


ASKED = [("user", "How far is the moon?"), ("assistant", "The answer is 42.")]


def test_one_line_asks_and_the_next_question_is_chained(desk: Desk, client: openai.OpenAI) -> None:
    """The turn is stored, and so is the id that the next one continues."""
    chat = desk.chat(client)
    assert chat.last is None
    assert chat.ask("How far is the moon?").text == "The answer is 42."
    assert desk.told == ASKED
    chat.ask("And in Paris?")
    assert desk.continued == [False, True]
    assert chat.last is not None
    assert chat.last.resolution is not None
    assert chat.last.resolution.mode is Mode.CHAIN
    assert [message.text for message in chat.messages][2:] == ["And in Paris?", "The answer is 42."]
    assert "chat-7" in repr(chat)


def test_a_lost_response_is_healed_and_forgotten(desk: Desk, client: openai.OpenAI) -> None:
    """All is sent again, once, and the next question is chained to the new response."""
    chat = desk.chat(client)
    chat.ask("How far is the moon?")
    desk.memory.forget()
    chat.ask("And the sun?")
    chat.ask("And Mars?")
    assert desk.continued == [False, True, False, True]
    ids = [one.response_id for one in chat.messages if one.role == "assistant"]
    assert [one is None for one in ids] == [True, False, False]


def test_another_model_replays(desk: Desk, client: openai.OpenAI) -> None:
    """The same conversation is continued by a chat of another model, from its whole history."""
    desk.chat(client).ask("How far is the moon?")
    other = desk.chat(client, model="gpt-5-mini")
    other.ask("And the sun?")
    other.ask("And Mars?")
    assert desk.continued == [False, False, True]
    assert [one.body["model"] for one in desk.provider.requests][1:] == ["gpt-5-mini"] * 2
    assert other.messages[-1].model == "gpt-5-mini"


def test_tools_run_once_whatever_happens_to_the_requests(desk: Desk, client: openai.OpenAI) -> None:
    """The request behind the call fails twice; the call, its result and the answer are stored."""
    desk.meets(LOOK, "http-error:503", "http-error:503", "success")
    answer = desk.chat(client).ask("Does it rain?")
    assert (answer.text, desk.ran) == ("The answer is 42.", ["call_1"])
    assert [role for role, _ in desk.told] == ["user", "assistant", "tool", "assistant"]


def test_a_failed_turn_is_stored_with_its_error(desk: Desk, client: openai.OpenAI) -> None:
    """Then an empty question asks again, and the stored one is not asked twice."""
    chat = desk.chat(client)
    desk.meets("http-error:400")
    with pytest.raises(openai.BadRequestError):
        chat.ask("How far is the moon?")
    assert chat.last is not None
    assert chat.last.error is not None
    assert desk.store.last_error("chat-7") is not None
    assert desk.told == ASKED[:1]
    desk.meets()
    chat.ask()
    assert desk.told == ASKED
    assert desk.store.last_error("chat-7") is None


def test_a_failure_behind_a_call_keeps_what_the_tool_gave(
    desk: Desk, client: openai.OpenAI
) -> None:
    """The next turn sends the result; the tool is not run again."""
    chat = desk.chat(client)
    desk.meets(LOOK, "http-error:400")
    with pytest.raises(openai.BadRequestError):
        chat.ask("Does it rain?")
    assert [role for role, _ in desk.told] == ["user", "assistant", "tool"]
    desk.meets()
    chat.ask("Well?")
    assert desk.ran == ["call_1"]
    kinds = [item["type"] for item in desk.provider.requests[-1].body["input"]]
    assert kinds.count("function_call_output") == kinds.count("function_call") == 1


def test_what_the_tool_raises_through_is_stored_too(desk: Desk, client: openai.OpenAI) -> None:
    """The stop button in the middle of a tool: the call stays, and gets a result when replayed."""

    def stopped(call: ToolCallPart) -> str:
        raise KeyboardInterrupt

    desk.meets(LOOK)
    with pytest.raises(KeyboardInterrupt):
        desk.chat(client, tools=stopped).ask("Does it rain?")
    assert [role for role, _ in desk.told] == ["user", "assistant"]
    desk.meets()
    desk.chat(client).ask("Well?")
    assert desk.ran == []


def test_a_stream_gives_the_events_and_commits(desk: Desk, client: openai.OpenAI) -> None:
    """Nothing is sent before the first event is asked for."""
    stream = desk.chat(client).stream("How far is the moon?")
    assert desk.memory.exchanges == ()
    events = list(stream)
    assert events[0] == Status(TurnStatus.STARTING)
    assert events[-1] == Status(TurnStatus.COMPLETED)
    assert [event.text for event in events if isinstance(event, Answer)] == ["The answer is 42."]
    assert desk.told == ASKED


def test_a_stream_that_is_left_early_is_stored_once(desk: Desk, client: openai.OpenAI) -> None:
    """The question stays; the pieces of an answer that never ended do not."""
    chat = desk.chat(client)
    with closing(chat.stream("How far is the moon?")) as events:
        next(event for event in events if isinstance(event, MessagePart))
    assert desk.told == ASKED[:1]
    chat.ask()
    assert desk.told == ASKED


def test_a_stream_that_is_left_behind_a_call_keeps_the_step(
    desk: Desk, client: openai.OpenAI
) -> None:
    """The answer of the first step is complete, so it is stored."""
    desk.meets(LOOK)
    with closing(desk.chat(client).stream("Does it rain?")) as events:
        next(event for event in events if isinstance(event, Answer))
    assert [role for role, _ in desk.told] == ["user", "assistant"]


def test_an_asynchronous_client_asks_and_streams(desk: Desk) -> None:
    """With `aask` and `astream`, the second question is chained."""

    async def act(client: object) -> list[object]:
        chat = desk.chat(client)
        assert (await chat.aask("How far is the moon?")).text == "The answer is 42."
        return [event async for event in chat.astream("And the sun?")]

    events = asyncio.run(with_async_client(desk, act))
    assert events[-1] == Status(TurnStatus.COMPLETED)
    assert desk.continued == [False, True]
    assert len(desk.told) == 4


def test_an_asynchronous_stream_that_is_left_early_is_stored_once(desk: Desk) -> None:
    """As the synchronous one."""

    async def act(client: object) -> None:
        async with aclosing(desk.chat(client).astream("How far is the moon?")) as events:
            async for event in events:
                if isinstance(event, MessagePart):
                    break

    asyncio.run(with_async_client(desk, act))
    assert desk.told == ASKED[:1]


def test_a_cancelled_task_commits_what_was_made(desk: Desk) -> None:
    """The call and the results that had arrived."""
    desk.meets(LOOK)

    async def act(client: object) -> None:
        waiting = asyncio.Event()

        async def slow(call: ToolCallPart) -> str:
            waiting.set()
            await asyncio.Event().wait()
            return "never"

        task = asyncio.create_task(desk.chat(client, tools=slow).aask("Does it rain?"))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(with_async_client(desk, act))
    assert [role for role, _ in desk.told] == ["user", "assistant"]


def test_two_turns_at_once_are_both_stored_and_not_chained(
    desk: Desk, client: openai.OpenAI
) -> None:
    """The provider's copy of neither has the other, so the third turn replays both."""
    chat = desk.chat(client)
    with closing(chat.stream("How far is the moon?")) as first:
        next(first)
        next(event for event in first if isinstance(event, MessagePart))
        chat.ask("And the sun?")
        list(first)
    assert len(desk.told) == 4
    chat.ask("And Mars?")
    assert desk.continued == [False, False, False]


def test_wrong_use_sends_and_stores_nothing(desk: Desk, client: openai.OpenAI) -> None:
    """It is named where it is made."""
    with pytest.raises(TypeError, match=r"^Chat: client is .*Responses"):
        Chat(desk.store, "chat-7", client=object(), model="gpt-5")
    with pytest.raises(TypeError, match="Chat: there is no option 'clok'; did you mean 'clock'"):
        desk.chat(client, clok=VirtualClock())
    with pytest.raises(TypeError, match="the client is synchronous"):
        asyncio.run(desk.chat(client).aask("Hi"))
    assert (desk.told, desk.memory.exchanges) == ([], ())


def test_a_client_with_retries_of_its_own_is_warned_about_once(desk: Desk) -> None:
    """Where the chat is made, not at each question."""
    with httpx2.Client(trust_env=False) as http:
        url = desk.provider.openai_base_url
        client = openai.OpenAI(base_url=url, api_key="k", http_client=http)
        with pytest.warns(NestedRetriesWarning) as warned:
            chat = desk.chat(client)
        assert warned[0].filename == __file__
        chat.ask("How far is the moon?")
    assert desk.told == ASKED


def test_a_store_that_cannot_be_read_asks_nothing(desk: Desk, client: openai.OpenAI) -> None:
    """The error is the store's own."""
    chat = desk.chat(client)
    desk.store.close()
    with pytest.raises(StoreError, match="is closed"):
        chat.ask("Hi")
    assert desk.memory.exchanges == ()


def test_a_system_prompt_goes_into_the_request(desk: Desk, client: openai.OpenAI) -> None:
    """As ``instructions``; a question may be parts as well."""
    chat = desk.chat(client, request={"instructions": "Be brief."}, keep_responses=False)
    chat.ask(chatlab.Message("user", [TextPart("How far is the moon?")]))
    body = desk.provider.requests[0].body
    assert (body["instructions"], body["store"]) == ("Be brief.", False)
    assert [one.stored for one in chat.messages] == [False, False]
