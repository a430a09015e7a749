"""Chained turns through the official client against a provider that remembers, and forgets."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, TypeAlias

import anthropic
import httpx2
import openai
import pytest
from prometheus_client import CollectorRegistry

from chatlab.chat import ChainedTurn, Message, ToolCallPart, Turn, TurnEvent
from chatlab.chat.accounting.prometheus import Metrics
from chatlab.chat.hub.view import View
from chatlab.chat.messages.content import FilePart, ToolResultPart
from chatlab.chat.messages.events import Answer, MessagePart, Status, TurnStatus
from chatlab.chat.messages.history import History
from chatlab.chat.messages.parts import BlockPart
from chatlab.chat.storage.store_file import Store
from chatlab.errors import Verdict, classify
from chatlab.errors.payloads import ChatError, ChatStreamRetry
from chatlab.lab import FakeProvider, ResponseMemory, Script, ToolCall
from chatlab.lab import GoodAnswer as Success
from chatlab.retry import Backoff, Cancelled, NestedRetriesWarning, VirtualClock, arun, run

Option: TypeAlias = Any
"""Anything that a turn, or an SDK's client, takes: their types have nothing in common."""

CHAT = "chat"
LOOK = Success(tool_calls=(ToolCall("look_up", {"city": "Ulm"}, "call_1"),))
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@dataclass
class Talk:
    """A chat with a provider: the turns that it takes, and what the provider got."""

    provider: FakeProvider
    memory: ResponseMemory
    store: Store
    is_async: bool = False
    loads: int = 0
    ran: list[ToolCallPart] = field(default_factory=list)
    events: list[TurnEvent] = field(default_factory=list)
    turn: Any = None

    def load(self) -> list[object]:
        """The stored history."""
        self.loads += 1
        return list(self.store.history(CHAT))

    def run_tool(self, call: ToolCallPart) -> str:
        """Run a call, and note it."""
        self.ran.append(call)
        return "rain"

    def ask(self, question: Option = "And now?", *steps: Option, **options: Option) -> Option:
        """Take a turn that meets `steps`, then good answers, and commit it; the answer."""
        self.provider.play(Script.parse({"steps": list(steps), "after": "success"}))
        self.events.clear()
        options = {
            "model": "gpt-5",
            "run_tool": self.run_tool,
            "on_lost": self.store.forget_response,
            "clock": VirtualClock(),
            "on_event": self.events.append,
            **options,
        }
        history = options.pop("history", self.load)
        try:
            if self.is_async:
                return asyncio.run(self._aask(history, question, options))
            with httpx2.Client(trust_env=False) as http:
                self.turn = ChainedTurn(history, question, client=self.client(http), **options)
                return self.turn.run()
        finally:
            turn = self.turn
            self.store.commit(CHAT, turn.messages, error=turn.error, seen=turn.seen)

    def client(self, http: Option) -> Option:
        """The official client, without retries of its own."""
        kind = openai.AsyncOpenAI if self.is_async else openai.OpenAI
        url = self.provider.openai_base_url
        return kind(base_url=url, api_key="k", max_retries=0, http_client=http)

    async def _aask(self, history: Option, question: Option, options: dict[str, Any]) -> Option:
        async with httpx2.AsyncClient(trust_env=False) as http:
            self.turn = ChainedTurn(history, question, client=self.client(http), **options)
            return await self.turn.arun()

    @property
    def bodies(self) -> list[Any]:
        """The requests of the last turn, as they arrived."""
        return [request.body for request in self.provider.requests[self.begun :]]

    @property
    def begun(self) -> int:
        """Where the requests of the last turn begin."""
        count = sum(
            isinstance(event, Status) and event.status is TurnStatus.STARTING
            for event in self.events
        )
        return len(self.provider.requests) - count

    @property
    def ids(self) -> list[str | None]:
        """The response id that each request of the last turn continues."""
        return [body.get("previous_response_id") for body in self.bodies]

    @property
    def story(self) -> list[str]:
        """The events in a word each, without the pieces."""
        return [
            str(event.status) if isinstance(event, Status) else type(event).__name__
            for event in self.events
            if not isinstance(event, MessagePart)
        ]

    @property
    def last(self) -> Message:
        """The message that was stored last."""
        return History.read(self.store.history(CHAT)).whole()[-1]


class Raw:
    """A Responses server that gives written replies: status, headers, and JSON or events."""

    def __init__(self, *replies: tuple[int, dict[str, str], Option]) -> None:
        self.bodies: list[Option] = []
        waiting = list(replies)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                outer.bodies.append(json.loads(self.rfile.read(length)))
                status, headers, said_ = waiting.pop(0)
                kind = "text/event-stream" if isinstance(said_, list) else "application/json"
                events = said_ if isinstance(said_, list) else []
                told = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
                body = (told or json.dumps(said_)).encode()
                self.send_response(status)
                told_headers = {"content-type": kind, "content-length": str(len(body)), **headers}
                for name, value in told_headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._http = httpx2.Client(trust_env=False)
        url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self.client = openai.OpenAI(
            base_url=url, api_key="k", max_retries=0, http_client=self._http
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._http.close()
        self._thread.join()


def responded(response_id: str, items: list[Option]) -> tuple[int, dict[str, str], Option]:
    """The reply that streams these output items."""
    shell = {"id": response_id, "object": "response", "model": "gpt-5", "output": []}
    events: list[Option] = [
        {"type": "response.created", "response": {**shell, "status": "in_progress"}}
    ]
    for index, item in enumerate(items):
        events.append({"type": "response.output_item.added", "output_index": index, "item": item})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    done = {**shell, "status": "completed", "output": items}
    events.append({"type": "response.completed", "response": done})
    return 200, {}, [{**one, "sequence_number": n} for n, one in enumerate(events)]


def spoken(text: str) -> dict[str, Option]:
    """The output item of a text."""
    part = {"type": "output_text", "text": text, "annotations": []}
    head = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
    return {**head, "content": [part]}


@pytest.fixture(params=["sync", "async"])
def talk(request: pytest.FixtureRequest) -> Iterator[Talk]:
    """A new chat."""
    memory = ResponseMemory()
    script = Script(after="success")
    with FakeProvider(script, memory=memory) as provider, Store(":memory:") as store:
        yield Talk(provider, memory, store, request.param == "async")


def words(value: object) -> list[str]:
    """The questions and answers in a request's input or in messages."""
    return re.findall(r"question \d|answer \d|rain", json.dumps(value))


def said(text: str) -> Success:
    """A good answer."""
    return Success(text)


# --- the chain -----------------------------------------------------------------------------------


def test_a_turn_continues_the_one_before(talk: Talk) -> None:
    """The first replays, each later one sends what is new, with the id of the last response."""
    talk.ask("question 1", said("answer 1"))
    assert talk.ids == [None]
    first = talk.last.response_id
    talk.ask("question 2", said("answer 2"))
    assert talk.ids == [first]
    assert words(talk.bodies[0]["input"]) == ["question 2"]
    assert words(talk.memory.exchanges[-1].context) == ["question 1", "answer 1", "question 2"]
    talk.ask("question 3")
    assert talk.ids == [talk.memory.exchanges[1].response_id]
    assert str(talk.turn.resolution.mode) == "chain"


def test_a_tool_step_sends_the_results_alone(talk: Talk) -> None:
    """It continues the step that called; the call is run once, the turn is one to its viewers."""
    talk.ask("question 1", LOOK, said("answer 1"))
    called, answered = talk.memory.exchanges
    assert talk.ids == [None, called.response_id]
    output = {"type": "function_call_output", "call_id": "call_1", "output": "rain"}
    assert talk.bodies[1]["input"] == [output]
    assert [call.id for call in talk.ran] == ["call_1"]
    stored = History.read(talk.store.history(CHAT)).whole()
    assert [str(message.role) for message in stored] == ["user", "assistant", "tool", "assistant"]
    assert stored[-1].response_id == answered.response_id
    step = ["starting", "streaming", "Answer"]
    assert talk.story == [*step, *step, "completed"]
    view = View()
    for event in talk.events:
        view.show(event)
    assert [answer.text for answer in view.answers] == ["", "answer 1"]


def test_the_next_turn_continues_the_last_step(talk: Talk) -> None:
    """The provider has seen every result, so that the chain is not broken by tools."""
    talk.ask("question 1", LOOK, said("answer 1"))
    talk.ask("question 2", said("answer 2"))
    assert talk.ids == [talk.memory.exchanges[1].response_id]
    assert words(talk.memory.exchanges[-1].context) == [
        "question 1",
        "rain",
        "answer 1",
        "question 2",
    ]


@pytest.mark.parametrize(
    "why",
    [{"store": False}, {"chain": False}, {"plan_mode": True}, {"model": "gpt-5-mini"}],
    ids=lambda why: next(iter(why)),
)
def test_without_the_conditions_everything_is_replayed(talk: Talk, why: dict[str, Any]) -> None:
    """In the first step; in later ones too, unless the model alone was another one before."""
    talk.ask("question 1", said("answer 1"))
    talk.ask("question 2", LOOK, said("answer 2"), **why)
    called = talk.memory.exchanges[1]
    assert talk.ids == [None, called.response_id if "model" in why else None]
    assert words(talk.bodies[0]["input"]) == ["question 1", "answer 1", "question 2"]
    assert talk.memory.exchanges[-1].refused is None
    kept = talk.last.response_id
    assert (kept is None) == (why.get("store") is False)


# --- healing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404])
def test_a_lost_chain_is_healed_by_one_replay(status: int) -> None:
    """Chained, refused, replayed: without the id, with every message once; and so the tool step."""
    for is_async in (False, True):
        memory = ResponseMemory(not_found=status)
        script = Script(after="success")
        with FakeProvider(script, memory=memory) as provider, Store(":memory:") as store:
            talk = Talk(provider, memory, store, is_async)
            talk.ask("question 1", said("answer 1"))
            talk.ask("question 2", said("answer 2"))
            lost = talk.last.response_id
            memory.forget()
            talk.ask("question 3", LOOK, said("answer 3"))
            assert talk.ids == [lost, None, None]
            whole = ["question 1", "answer 1", "question 2", "answer 2", "question 3"]
            assert [words(body["input"]) for body in talk.bodies] == [
                ["question 3"],
                whole,
                [*whole, "rain"],
            ]
            assert talk.turn.lost == lost
            assert len(talk.ran) == 1
            assert talk.story[:5] == [
                "starting",
                "ChatStreamRetry",
                "retrying",
                "starting",
                "streaming",
            ]
            assert not any("resp_" in json.dumps(body["input"]) for body in talk.bodies)
            talk.ask("question 4")
            assert talk.ids == [memory.exchanges[-2].response_id]


def test_a_chain_lost_between_two_steps_is_healed_there(talk: Talk) -> None:
    """The calls that were made are replayed with their results; none is run again."""

    def restart(call: ToolCallPart) -> str:
        talk.ran.append(call)
        talk.memory.forget()
        return "rain"

    talk.ask("question 1", LOOK, LOOK_AGAIN, said("answer 1"), run_tool=restart)
    assert talk.ids == [None, talk.memory.exchanges[0].response_id, None, None]
    assert [call.id for call in talk.ran] == ["call_1", "call_2"]
    assert words(talk.bodies[-1]["input"]) == ["question 1", "rain", "rain"]
    assert talk.turn.answer.text == "answer 1"


LOOK_AGAIN = Success(tool_calls=(ToolCall("look_up", {"city": "Bonn"}, "call_2"),))


def test_healing_reloads_the_history(talk: Talk) -> None:
    """What another turn has stored in the meantime is replayed too."""
    talk.ask("question 1", said("answer 1"))
    talk.memory.forget()
    loads = talk.loads

    def load() -> list[object]:
        if talk.loads == loads + 1:
            talk.store.commit(
                CHAT, [Message("user", "question 2"), Message("assistant", "answer 2")]
            )
        return talk.load()

    talk.ask("question 3", said("answer 3"), history=load)
    assert talk.loads == loads + 2
    assert words(talk.bodies[1]["input"]) == [
        "question 1",
        "answer 1",
        "question 2",
        "answer 2",
        "question 3",
    ]
    assert talk.turn.seen == 4
    assert talk.last.response_id


def test_a_history_that_can_be_read_once_is_replayed_whole(talk: Talk) -> None:
    """What was given and not loaded is not read again."""
    talk.ask("question 1", said("answer 1"))
    talk.memory.forget()
    talk.ask("question 2", said("answer 2"), history=iter(talk.store.history(CHAT)))
    assert words(talk.bodies[1]["input"]) == ["question 1", "answer 1", "question 2"]


def test_when_reloading_fails_the_id_is_dropped_all_the_same(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    """The history that was loaded first is replayed, and the failure is in the log."""
    talk.ask("question 1", said("answer 1"))
    talk.memory.forget()
    loads = talk.loads

    def load() -> list[object]:
        if talk.loads > loads:
            raise OSError("the disk is gone")
        return talk.load()

    talk.ask("question 2", said("answer 2"), history=load)
    assert talk.ids[1:] == [None]
    assert words(talk.bodies[1]["input"]) == ["question 1", "answer 1", "question 2"]
    assert "could not be reloaded" in caplog.text


def test_fixed_arguments_that_continue_a_lost_response_fail_at_once(talk: Talk) -> None:
    """One request, no wait, the SDK's own exception, and a note that says what to do."""
    request = {"model": "gpt-5", "input": "question 1", "previous_response_id": "resp_gone"}
    clock = VirtualClock()
    turns: list[Turn] = []

    async def arun() -> None:
        async with httpx2.AsyncClient(trust_env=False) as http:
            turns.append(Turn(request, client=talk.client(http), clock=clock))
            await turns[0].arun()

    def run() -> None:
        with httpx2.Client(trust_env=False) as http:
            turns.append(Turn(request, client=talk.client(http), clock=clock))
            turns[0].run()

    with pytest.raises(openai.BadRequestError) as caught:
        asyncio.run(arun()) if talk.is_async else run()
    assert classify(caught.value).chain_broken
    assert [one.body for one in talk.provider.requests] == [{**request, "stream": True}]
    assert clock.now() == 0
    (note,) = caught.value.__notes__
    assert "send the whole history without its id, as chatlab.chat.ChainedTurn does" in note
    assert turns[0].gave_up is not None
    assert turns[0].gave_up.because in note


def test_a_function_that_gives_the_lost_id_again_sends_it_once(talk: Talk) -> None:
    """It was told the verdict; the same id again fails before a second request is sent."""
    request = {"model": "gpt-5", "input": "question 1", "previous_response_id": "resp_gone"}
    told: list[Verdict | None] = []

    def again(verdict: Verdict | None) -> dict[str, Any]:
        told.append(verdict)
        return dict(request)

    async def arun() -> None:
        async with httpx2.AsyncClient(trust_env=False) as http:
            await Turn(again, client=talk.client(http), clock=VirtualClock()).arun()

    def run() -> None:
        with httpx2.Client(trust_env=False) as http:
            Turn(again, client=talk.client(http), clock=VirtualClock()).run()

    with pytest.raises(openai.BadRequestError) as caught:
        asyncio.run(arun()) if talk.is_async else run()
    assert len(talk.provider.requests) == 1
    assert [None if one is None else one.chain_broken for one in told] == [None, True]
    assert "send the whole history without its id" in caught.value.__notes__[0]


@pytest.mark.parametrize("is_async", [False, True])
def test_run_and_arun_send_a_lost_id_once(is_async: bool) -> None:
    """They cannot change the request, so they fail at once and say what to do."""
    request: dict[str, Any] = {"model": "gpt-5", "input": "q", "previous_response_id": "resp_gone"}
    clock = VirtualClock()

    async def asynchronously(url: str) -> None:
        async with openai.AsyncOpenAI(base_url=url, api_key="k", max_retries=0) as client:
            await arun(partial(client.responses.create, **request), clock=clock)

    def ask(url: str) -> None:
        if is_async:
            asyncio.run(asynchronously(url))
            return
        with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
            run(partial(client.responses.create, **request), clock=clock)

    with FakeProvider(Script(after="success"), memory=ResponseMemory()) as provider:
        with pytest.raises(openai.BadRequestError) as caught:
            ask(provider.openai_base_url)
        assert provider.attempts == 1
    assert clock.now() == 0
    assert "send the whole history without its id" in caught.value.__notes__[0]


def test_any_other_retry_keeps_the_chain_and_its_id(talk: Talk) -> None:
    """A 503, a cut stream and a rate limit say nothing about the response before."""
    talk.ask("question 1", said("answer 1"))
    kept = talk.last.response_id
    steps = ["http-error:503", "clean-end-after-event:4", "http-error:429", said("answer 2")]
    talk.ask("question 2", *steps)
    assert talk.ids == [kept] * 4
    assert talk.turn.lost is None
    assert {json.dumps(body) for body in talk.bodies} == {json.dumps(talk.bodies[0])}


def test_a_lost_item_is_replayed_by_value(talk: Talk) -> None:
    """A replay that refers to stored reasoning is refused once the provider has lost it."""
    talk.ask("question 1", Success("answer 1", web_search="news"))
    talk.memory.forget()
    talk.ask("question 2", said("answer 2"), plan_mode=True)
    assert "item_reference" in json.dumps(talk.bodies[0])
    assert "item_reference" not in json.dumps(talk.bodies[1])
    assert words(talk.bodies[1]["input"]) == ["question 1", "answer 1", "question 2"]
    assert talk.turn.lost is None
    assert len(talk.bodies) == 2


def test_what_was_lost_is_not_asked_for_again(talk: Talk) -> None:
    """Also if the turn gave up there: the store has dropped the id, and those before it."""
    talk.ask("question 1", Success("answer 1", web_search="news"))
    talk.ask("question 2", said("answer 2"))
    talk.memory.forget()
    with pytest.raises(openai.BadRequestError):
        talk.ask("question 3", policy=Backoff(max_attempts=1))
    talk.ask("question 4", said("answer 4"), plan_mode=True)
    assert talk.ids == [None]
    assert "item_reference" not in json.dumps(talk.bodies)


def test_a_refused_id_is_healed_whatever_the_words(talk: Talk) -> None:
    """An id that the provider takes for no id is as good as lost."""
    history = [Message("user", "question 1"), _answered("answer 1", "rs_wrong")]
    talk.ask("question 2", said("answer 2"), history=history)
    assert talk.ids == ["rs_wrong", None]
    assert words(talk.bodies[1]["input"]) == ["question 1", "answer 1", "question 2"]


def _answered(text: str, response_id: str) -> Message:
    return Message("assistant", text, response_id=response_id, model="gpt-5", stored=True)


# --- what is kept --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ends", ["clean-end-after-event:5", "close-at-byte:900", "response-failed", "in-band-error"]
)
def test_a_failed_turn_keeps_no_id(talk: Talk, ends: str) -> None:
    """The question is stored with the error, and the next turn replays."""
    with pytest.raises(Exception, match=r"\w"):
        talk.ask("question 1", ends, policy=Backoff(max_attempts=1))
    assert talk.turn.response_id.startswith("resp_")
    assert [str(message.role) for message in talk.turn.messages] == ["user"]
    error = talk.store.last_error(CHAT)
    assert error is not None
    assert error["kind"] == str(talk.turn.error.kind)
    talk.ask("question 2", said("answer 2"))
    assert talk.ids == [None]
    assert words(talk.bodies[0]["input"]) == ["question 1", "question 2"]
    assert talk.store.last_error(CHAT) is None


def test_an_answer_cut_by_a_limit_keeps_no_id(talk: Talk) -> None:
    """Its text is stored; calls in it are not run, since their arguments may be cut."""
    cut = Success("answer 1", tool_calls=(ToolCall("look_up", {}, "call_1"),), finish="length")
    talk.ask("question 1", cut)
    assert talk.last.text == "answer 1"
    assert talk.last.response_id is None
    assert not talk.ran
    talk.ask("question 2")
    assert talk.ids == [None]
    assert words(talk.bodies[0]["input"]) == ["question 1", "answer 1", "question 2"]
    assert talk.memory.exchanges[-1].refused is None


def test_a_turn_that_fails_in_a_later_step_keeps_what_its_tools_did(talk: Talk) -> None:
    """The calls and their results are stored without an id, and are not run again."""
    with pytest.raises(openai.AuthenticationError):
        talk.ask("question 1", LOOK, "http-error:401")
    assert [str(message.role) for message in talk.turn.messages] == ["user", "assistant", "tool"]
    assert not any(message.response_id for message in talk.turn.messages)
    talk.ask("question 2", said("answer 2"))
    assert talk.ids == [None]
    assert words(talk.bodies[0]["input"]) == ["question 1", "rain", "question 2"]
    assert len(talk.ran) == 1


def test_a_cancelled_turn_keeps_no_id(talk: Talk) -> None:
    """Whether it is left while it streams or while a tool runs."""

    def interrupt(call: ToolCallPart) -> str:
        raise Cancelled

    with pytest.raises(Cancelled):
        talk.ask("question 1", LOOK, run_tool=interrupt)
    assert talk.story[-1] == "cancelled"
    assert talk.turn.error is None
    assert not any(message.response_id for message in talk.turn.messages)
    talk.ask("question 2", said("answer 2"))
    assert talk.ids == [None]
    assert talk.memory.exchanges[-1].refused is None


def test_a_turn_that_is_left_early_ends_and_keeps_no_id(talk: Talk) -> None:
    """Its last event says so, to those that listen."""
    events: list[TurnEvent] = []
    options: dict[str, Any] = {"model": "gpt-5", "on_event": events.append}
    if talk.is_async:

        async def leave() -> ChainedTurn:
            async with httpx2.AsyncClient(trust_env=False) as http:
                turn = ChainedTurn([], "question 1", client=talk.client(http), **options)
                async with aclosing(turn.aevents()) as heard:
                    async for event in heard:
                        if isinstance(event, MessagePart):
                            break
                return turn

        turn = asyncio.run(leave())
    else:
        with httpx2.Client(trust_env=False) as http:
            turn = ChainedTurn([], "question 1", client=talk.client(http), **options)
            with closing(turn.events()) as heard:
                next(event for event in heard if isinstance(event, MessagePart))
    assert events[-1] == Status(TurnStatus.CANCELLED, 1)
    assert turn.messages == (Message("user", "question 1"),)


def test_of_two_turns_at_once_the_later_one_keeps_no_id(talk: Talk) -> None:
    """The provider's copy of it knows nothing of the other one; the next turn replays both."""
    talk.ask("question 1", said("answer 1"))
    history = talk.store.history(CHAT)
    talk.ask("question 2", said("answer 2"))
    talk.ask("question 3", said("answer 3"), history=history)
    assert talk.last.text == "answer 3"
    assert talk.last.response_id is None
    talk.ask("question 4")
    assert talk.ids == [None]
    everything = [f"{what} {number}" for number in (1, 2, 3) for what in ("question", "answer")]
    assert words(talk.bodies[0]["input"]) == [*everything, "question 4"]


# --- tools ---------------------------------------------------------------------------------------


def test_what_a_tool_raises_is_told_to_the_model(talk: Talk) -> None:
    """The turn goes on; the result is marked as an error."""

    def fail(call: ToolCallPart) -> str:
        raise LookupError("no such city")

    talk.ask("question 1", LOOK, said("answer 1"), run_tool=fail)
    assert talk.bodies[1]["input"][0]["output"] == "LookupError: no such city"
    result = talk.turn.messages[2].local_results[0]
    assert result.is_error


def test_a_tool_may_give_pictures(talk: Talk) -> None:
    """They are sent as pictures, chained and replayed."""

    def draw(call: ToolCallPart) -> ToolResultPart:
        return ToolResultPart(call.id, "a map", (FilePart("image/png", PIXEL),))

    talk.ask("question 1", LOOK, said("answer 1"), run_tool=draw)
    kinds = [part["type"] for part in talk.bodies[1]["input"][0]["output"]]
    assert kinds == ["input_text", "input_image"]
    talk.ask("question 2", said("answer 2"), chain=False)
    assert "input_image" in json.dumps(talk.bodies[0])


def test_a_retry_of_a_later_step_runs_no_tool_again(talk: Talk) -> None:
    """The results are at hand; the attempts are counted on."""
    talk.ask("question 1", LOOK, "http-error:503", "clean-end-after-event:5", said("answer 1"))
    assert len(talk.ran) == 1
    retries = [event.attempt for event in talk.events if isinstance(event, ChatStreamRetry)]
    assert retries == [2, 3]
    parts = {event.attempt for event in talk.events if isinstance(event, MessagePart)}
    assert parts == {1, 3, 4}


def test_without_run_tool_the_turn_ends_with_the_calls(talk: Talk) -> None:
    """The application runs them, and goes on with a turn of its own, which replays."""
    answer = talk.ask("question 1", LOOK, run_tool=None)
    assert [part.name for part in answer.parts] == ["look_up"]
    talk.ask(Message("tool", ToolResultPart("call_1", "rain")), said("answer 1"), run_tool=None)
    assert talk.ids == [None]
    assert words(talk.bodies[0]["input"]) == ["question 1", "rain"]


def test_a_model_that_never_stops_calling_is_stopped(talk: Talk) -> None:
    """After max_steps answers, with an error that says so."""
    steps = [Success(tool_calls=(ToolCall("look_up", {}, f"call_{n}"),)) for n in range(5)]
    with pytest.raises(RuntimeError, match="still calls tools after 3 steps; raise max_steps"):
        talk.ask("question 1", *steps, max_steps=3)
    assert len(talk.ran) == 2
    assert talk.story[-2:] == ["ChatError", "failed"]
    talk.ask("question 2", said("answer 2"))
    assert talk.memory.exchanges[-1].refused is None


def test_a_wrong_result_is_refused_with_the_right_id(talk: Talk) -> None:
    """A result must be of the call that was handed over."""
    with pytest.raises(ValueError, match="a result for 'call_9' when it was handed the call"):
        talk.ask("question 1", LOOK, run_tool=lambda call: ToolResultPart("call_9", "rain"))
    assert isinstance(talk.turn.error, ChatError)


def test_an_asynchronous_tool_needs_an_asynchronous_turn(talk: Talk) -> None:
    """There it is awaited; else the error says which method to use."""

    async def look_up(call: ToolCallPart) -> str:
        await asyncio.sleep(0)
        return "rain"

    if talk.is_async:
        talk.ask("question 1", LOOK, said("answer 1"), run_tool=look_up)
        assert talk.bodies[1]["input"][0]["output"] == "rain"
    else:
        with pytest.raises(TypeError, match="run_tool is asynchronous; use `arun`"):
            talk.ask("question 1", LOOK, run_tool=look_up)


def test_results_that_are_there_are_kept_when_a_later_call_is_interrupted(talk: Talk) -> None:
    """The model is not told that the first call was lost; it was paid for."""

    def interrupt(call: ToolCallPart) -> str:
        if call.id == "call_2":
            raise Cancelled
        return "paid"

    both = Success(tool_calls=(ToolCall("pay", {}, "call_1"), ToolCall("pay", {"n": 2}, "call_2")))
    with pytest.raises(Cancelled):
        talk.ask("question 1", both, run_tool=interrupt)
    assert [result.call_id for result in talk.turn.messages[2].local_results] == ["call_1"]
    talk.ask("question 2", said("answer 2"))
    outputs = [one for one in talk.bodies[0]["input"] if one["type"] == "function_call_output"]
    assert outputs[0]["output"] == "paid"
    assert "was lost" in outputs[1]["output"]


@pytest.mark.parametrize("ids", [("call_1", "call_1"), ("", "")], ids=repr)
def test_calls_with_one_id_are_each_run_and_told_apart(ids: tuple[str, str]) -> None:
    """A compatible server numbers badly; a replay gives each call an id of its own."""
    calls = [
        {"type": "function_call", "id": f"fc_{n}", "call_id": call_id, "name": "pay",
         "arguments": json.dumps({"to": who}), "status": "completed"}
        for n, (call_id, who) in enumerate(zip(ids, ("Ann", "Bob"), strict=True))
    ]  # fmt: skip
    with Raw(responded("resp_1", calls), responded("resp_2", [spoken("answer 1")])) as raw:
        turn = ChainedTurn(
            [],
            "question 1",
            client=raw.client,
            model="gpt-5",
            run_tool=lambda call: f"paid {json.loads(call.arguments)['to']}",
            clock=VirtualClock(),
        )
        turn.run()
    sent = raw.bodies[1]
    assert "previous_response_id" not in sent
    paid = {one["call_id"]: one["output"] for one in sent["input"] if "output" in one}
    asked = {one["call_id"]: one["arguments"] for one in sent["input"] if "arguments" in one}
    assert len(paid) == 2
    assert all(json.loads(asked[name])["to"] in paid[name] for name in paid)


def test_a_call_that_is_no_functions_blocks_the_chain(talk: Talk) -> None:
    """The application has to answer a shell call; until then the turn ends, and the next replays."""
    shell = {
        "type": "local_shell_call",
        "id": "lsh_1",
        "call_id": "call_s",
        "status": "completed",
        "action": {"type": "exec", "command": ["ls"], "env": {}},
    }
    with Raw(responded("resp_1", [shell]), responded("resp_2", [spoken("answer 2")])) as raw:
        options: dict[str, Option] = {"client": raw.client, "model": "gpt-5"}
        first = ChainedTurn([], "question 1", run_tool=talk.run_tool, **options)
        first.run()
        second = ChainedTurn(first.messages, "question 2", **options)
        second.run()
    assert not talk.ran
    assert "waits for local_shell_call (call_s)" in second.resolution.because  # type: ignore[union-attr]
    assert "previous_response_id" not in raw.bodies[1]
    answered = {"type": "local_shell_call_output", "call_id": "call_s", "output": "file"}
    hosted = Message(
        "assistant",
        [BlockPart("local_shell_call", shell), BlockPart("local_shell_call_output", answered)],
    )
    assert not hosted.open_calls


@pytest.mark.parametrize("ran", [None, 7, b"rain", ["rain"], {"text": "rain"}], ids=repr)
def test_what_is_no_result_is_refused_with_words(talk: Talk, ran: Option) -> None:
    """A tool that forgets its return is the commonest mistake."""
    with pytest.raises(
        TypeError, match=r"run_tool gave .* for the call 'call_1' of look_up; give a"
    ):
        talk.ask("question 1", LOOK, run_tool=lambda call: ran)
    assert talk.turn.error.message == "The turn failed in the application, not at the AI provider."


# --- what viewers and stores get ------------------------------------------------------------------


def test_who_stops_at_the_message_has_it(talk: Talk) -> None:
    """What viewers were shown as committed can be stored, id and all."""
    options: dict[str, Option] = {"model": "gpt-5", "clock": VirtualClock()}
    if talk.is_async:

        async def stop() -> ChainedTurn:
            async with httpx2.AsyncClient(trust_env=False) as http:
                turn = ChainedTurn([], "question 1", client=talk.client(http), **options)
                async with aclosing(turn.aevents()) as events:
                    async for event in events:
                        if isinstance(event, Answer):
                            break
                return turn

        turn = asyncio.run(stop())
    else:
        with httpx2.Client(trust_env=False) as http:
            turn = ChainedTurn([], "question 1", client=talk.client(http), **options)
            with closing(turn.events()) as events:
                next(event for event in events if isinstance(event, Answer))
    assert turn.answer is not None
    assert [str(message.role) for message in turn.messages] == ["user", "assistant"]
    assert turn.messages[-1].response_id == turn.response_id


def test_the_resolution_says_what_the_turn_did(talk: Talk) -> None:
    """Also when chain mode is off, and when the provider has lost the chain."""
    talk.ask("question 1", said("answer 1"))
    lost = talk.last.response_id
    talk.ask("question 2", said("answer 2"), chain=False)
    assert (str(talk.turn.resolution.mode), talk.turn.resolution.because) == (
        "replay",
        "chain mode is off",
    )
    lost = talk.last.response_id
    talk.memory.forget()
    talk.ask("question 3", said("answer 3"))
    assert talk.turn.resolution.because == f"the provider has lost {lost!r}"
    assert talk.turn.resolution.previous_response_id is None


def test_a_step_whose_response_is_lost_later_keeps_no_id(talk: Talk) -> None:
    """The id of the first step, which the second one asked for in vain."""

    def restart(call: ToolCallPart) -> str:
        talk.memory.forget()
        return "rain"

    lost: list[str] = []
    talk.ask("question 0", said("answer 0"))
    before = talk.last.response_id
    talk.ask("question 1", LOOK, said("answer 1"), run_tool=restart, on_lost=lost.append)
    first, *_, last = talk.turn.messages[1:]
    assert (first.response_id, first.stored) == (None, False)
    assert last.response_id
    assert lost == [talk.turn.lost, before]


def test_a_lost_item_is_asked_for_once(talk: Talk) -> None:
    """The response that it came from is dropped too, so that the next replay does not name it."""
    talk.ask("question 1", Success("answer 1", web_search="news"))
    talk.memory.forget()
    talk.ask("question 2", said("answer 2"), plan_mode=True)
    assert len(talk.bodies) == 2
    talk.ask("question 3", said("answer 3"), plan_mode=True)
    assert len(talk.bodies) == 1


def test_a_provider_that_keeps_nothing_is_asked_once(talk: Talk) -> None:
    """After its refusal no id is kept, so that the next turn does not pay for a second one."""
    talk.memory.zero_retention = True
    talk.ask("question 1", said("answer 1"))
    talk.ask("question 2", said("answer 2"))
    assert len(talk.bodies) == 2
    talk.ask("question 3", said("answer 3"))
    assert talk.ids == [None]


def test_an_asynchronous_on_lost_is_said_not_to_run(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is lost in silence."""

    async def forget(response_id: str) -> None:
        raise AssertionError(response_id)

    talk.ask("question 1", said("answer 1"))
    talk.memory.forget()
    talk.ask("question 2", said("answer 2"), on_lost=forget)
    assert "on_lost is asynchronous and was not run" in caplog.text


def test_a_refusal_that_names_the_parameter_alone_is_healed() -> None:
    """Some servers say no more than which field they did not like, or forbid the retry."""
    param = {
        "message": "Not found",
        "type": "invalid_request_error",
        "param": "previous_response_id",
    }
    lost = {"message": "gone", "code": "previous_response_not_found", "type": "x", "param": None}
    refusals = [
        (404, {}, {"error": param}),
        (400, {"x-should-retry": "false"}, {"error": lost}),
    ]
    for refusal in refusals:
        with Raw(refusal, responded("resp_2", [spoken("answer 2")])) as raw:
            history = [Message("user", "question 1"), _answered("answer 1", "resp_1")]
            turn = ChainedTurn(
                history, "question 2", client=raw.client, model="gpt-5", clock=VirtualClock()
            )
            turn.run()
        assert [body.get("previous_response_id") for body in raw.bodies] == ["resp_1", None]
        assert turn.lost == "resp_1"


def test_a_history_that_the_provider_calls_broken_is_replayed_next_time() -> None:
    """Its own copy may be what is broken; the id is dropped, and the turn fails."""
    words_ = "No tool output found for function call call_9."
    broken: tuple[int, dict[str, str], object] = (
        400,
        {},
        {"error": {"message": words_, "type": "invalid_request_error"}},
    )
    lost: list[str] = []
    with Raw(broken) as raw:
        history = [Message("user", "question 1"), _answered("answer 1", "resp_1")]
        options: dict[str, Option] = {"client": raw.client, "model": "gpt-5"}
        turn = ChainedTurn(history, "question 2", on_lost=lost.append, **options)
        with pytest.raises(openai.BadRequestError):
            turn.run()
    assert len(raw.bodies) == 1
    assert lost == ["resp_1"]


# --- what is counted -----------------------------------------------------------------------------


def test_exactly_the_healed_retries_are_counted_as_such(talk: Talk) -> None:
    """Among other retries, steps, sizes and waits for the first content."""
    registry = CollectorRegistry()
    metrics = Metrics(registry=registry)
    talk.ask("question 1", said("answer 1"), metrics=metrics)
    talk.ask("question 2", "http-error:503", said("answer 2"), metrics=metrics)
    talk.memory.forget()
    talk.ask("question 3", "http-error:503", said("answer 3"), metrics=metrics)
    talk.ask("question 4", LOOK, said("answer 4"), metrics=metrics)
    talk.memory.forget()
    talk.ask("question 5", said("answer 5"), metrics=metrics, chain=False)

    def count(name: str, **labels: str) -> float | None:
        who = {"provider": "unknown", "model": "gpt-5", **labels}
        return registry.get_sample_value(f"chatlab_{name}", who)

    assert count("stream_retries_total", kind="generic", chain_broken="true") == 1
    assert count("stream_retries_total", kind="overloaded", chain_broken="false") == 2
    assert count("stream_retries_total", kind="generic", chain_broken="false") is None
    assert count("steps_total") == 6
    assert count("message_count_count") == 9
    assert count("ttft_seconds_count") == 6
    assert count("tool_result_size_bytes_sum", tool_name="look_up") == 4


def test_a_retry_is_counted_before_anybody_is_told(talk: Talk) -> None:
    """A viewer that reads the metrics at the retry finds it there."""
    registry = CollectorRegistry()
    seen: list[float | None] = []

    def look(event: TurnEvent) -> None:
        if isinstance(event, ChatStreamRetry):
            labels = {"provider": "unknown", "model": "gpt-5"}
            labels |= {"kind": "overloaded", "chain_broken": "false"}
            seen.append(registry.get_sample_value("chatlab_stream_retries_total", labels))

    metrics = Metrics(registry=registry)
    talk.ask("question 1", "http-error:503", metrics=metrics, on_event=look)
    assert seen == [1]


def test_a_function_that_drops_the_lost_id_is_counted_as_healed() -> None:
    """The label is true whenever the verdict says that the chain is broken."""
    registry = CollectorRegistry()
    fixed: dict[str, Any] = {"model": "gpt-5", "input": "q"}

    def request(verdict: Verdict | None) -> dict[str, Any]:
        return fixed if verdict else {**fixed, "previous_response_id": "resp_gone"}

    with FakeProvider(Script(after="success"), memory=ResponseMemory()) as provider:
        url = provider.openai_base_url
        with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
            metrics = Metrics(registry=registry)
            Turn(request, client=client, metrics=metrics, clock=VirtualClock()).run()
        assert provider.attempts == 2
    labels = {"provider": "unknown", "model": "gpt-5", "kind": "generic"}
    name = "chatlab_stream_retries_total"
    assert registry.get_sample_value(name, {**labels, "chain_broken": "true"}) == 1
    assert registry.get_sample_value(name, {**labels, "chain_broken": "false"}) is None


# --- wrong use -----------------------------------------------------------------------------------


def test_another_kind_of_client_is_refused() -> None:
    """The error says what to use instead."""
    with anthropic.Anthropic(api_key="k") as client, pytest.raises(TypeError, match="replay_input"):
        ChainedTurn([], "question 1", client=client, model="claude")


@pytest.mark.parametrize("name", ["input", "previous_response_id", "store", "conversation"])
def test_an_argument_that_the_turn_decides_is_refused(name: str) -> None:
    """With the reason."""
    wrong = f"request has '{name}'; leave it out, "
    with (
        openai.OpenAI(api_key="k", max_retries=0) as client,
        pytest.raises(ValueError, match=wrong),
    ):
        ChainedTurn([], "question 1", client=client, model="gpt-5", request={name: "x"})


@pytest.mark.parametrize(
    ("wrong", "said_"),
    [
        ({"judge": None}, "there is no option 'judge'; there are provider"),
        ({"polcy": None}, "there is no option 'polcy'; did you mean 'policy'"),
        ({"max_steps": 0}, "max_steps is 0; give at least 1"),
        ({"request": {"extra_body": {"store": False}}}, "request has 'store'"),
    ],
    ids=repr,
)
def test_an_option_that_is_none_is_refused(wrong: dict[str, Option], said_: str) -> None:
    """With the near name, or what there is."""
    with (
        openai.OpenAI(api_key="k", max_retries=0) as client,
        pytest.raises((TypeError, ValueError), match=said_),
    ):
        ChainedTurn([], "question 1", client=client, model="gpt-5", **wrong)


def test_a_client_that_retries_by_itself_is_said_where_the_turn_is_made() -> None:
    """Once, however many steps there are."""
    script = Script((LOOK,), after="success")
    with (
        FakeProvider(script, memory=ResponseMemory()) as provider,
        openai.OpenAI(base_url=provider.openai_base_url, api_key="k") as client,
        pytest.warns(NestedRetriesWarning) as warned,
    ):
        ChainedTurn([], "q", client=client, model="gpt-5", run_tool=lambda call: "rain").run()
    assert [one.filename for one in warned] == [__file__]


@pytest.mark.parametrize(
    "question",
    [{"role": "user", "content": "question 1"}, [{"role": "user", "content": "question 1"}]],
    ids=["an object", "a list"],
)
def test_a_question_may_be_json(talk: Talk, question: Option) -> None:
    """As a history may."""
    talk.ask(question, said("answer 1"))
    assert talk.turn.messages[0] == Message("user", "question 1")


def test_a_history_that_cannot_be_read_is_replayed_without_what_is_unreadable(talk: Talk) -> None:
    """The resolution says which message it is."""
    history = [Message("user", "question 1"), {"role": "assistant", "parts": [{"type": "txt"}]}]
    talk.ask("question 2", said("answer 2"), history=history)
    assert words(talk.bodies[0]["input"]) == ["question 1", "question 2"]
    assert "messages[1].parts[0].type: 'txt' is not known" in talk.turn.resolution.because


def test_a_history_that_is_none_is_refused(talk: Talk) -> None:
    """An asynchronous function gives no messages; the error says what does."""

    async def load() -> list[Message]:
        return []

    for wrong in (load, None, "question 1", {"role": "user"}):
        with pytest.raises(TypeError, match=r"history gives .* give messages, or a plain function"):
            talk.ask("question 1", history=wrong)
    assert not talk.provider.requests


def test_a_turn_with_nothing_to_say_fails_before_it_sends(talk: Talk) -> None:
    """The error says what is missing, as an event too."""
    sent = len(talk.provider.requests)
    with pytest.raises(ValueError, match="the history holds nothing to send"):
        talk.ask((), history=[])
    assert len(talk.provider.requests) == sent
    assert talk.story == ["starting", "ChatError", "failed"]


def test_a_turn_runs_once(talk: Talk) -> None:
    """Again it says so, and sends nothing."""
    talk.ask("question 1", said("answer 1"))
    sent = len(talk.provider.requests)
    with pytest.raises(RuntimeError, match="it runs once"):
        asyncio.run(talk.turn.arun()) if talk.is_async else talk.turn.run()
    assert len(talk.provider.requests) == sent
