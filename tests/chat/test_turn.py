"""Turns through the official SDKs against the fake provider: real sockets, sync and async."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import socket
import ssl
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import anthropic
import httpx
import httpx2
import openai
import pytest
from support.sockets import Handler, Serve, answer, read_request, response

from chatlab.chat import TextPart, ToolCallPart
from chatlab.chat.messages.events import (
    Answer,
    MessagePart,
    Status,
    TurnEvent,
    TurnStatus,
    decode,
    encode,
)
from chatlab.chat.stream.attempt import StreamFailed
from chatlab.chat.stream.contracts import Outcome
from chatlab.chat.turn import Turn
from chatlab.corpus import Corpus
from chatlab.errors import ChatStreamRetry, Kind, Verdict, classify
from chatlab.errors.payloads import chat_error
from chatlab.lab import FakeProvider, ToolCall
from chatlab.lab import GoodAnswer as Success
from chatlab.lab import TokenUsage as Usage
from chatlab.retry import (
    Backoff,
    Cancelled,
    Clock,
    Decorrelated,
    NestedRetriesWarning,
    SystemClock,
    VirtualClock,
)

Client: TypeAlias = Any
"""Any of the four clients: their types have nothing in common."""

Option: TypeAlias = Any

SAID = "The answer is 42."
ASKED = [{"role": "user", "content": "What is the answer?"}]
REQUESTS: dict[str, dict[str, Any]] = {
    "responses": {"model": "gpt-5", "input": "What is the answer?"},
    "completions": {
        "model": "gpt-5",
        "messages": ASKED,
        "stream_options": {"include_usage": True},
    },
    "messages": {"model": "claude", "max_tokens": 64, "messages": ASKED},
}


@dataclass
class Played:
    """What one turn gave: the answer or the exception, the events, and the time on its clock."""

    turn: Turn
    clock: Clock
    events: list[TurnEvent] = field(default_factory=list)
    answer: Answer | None = None
    error: BaseException | None = None

    @property
    def story(self) -> list[str]:
        """The events in a word each, without the pieces."""
        told = []
        for event in self.events:
            if isinstance(event, Status):
                told.append(str(event.status))
            elif isinstance(event, ChatStreamRetry):
                told.append(f"retry {event.kind}")
            elif not isinstance(event, MessagePart):
                told.append(str(encode(event)["type"]))
        return told

    @property
    def log(self) -> str:
        """The events as lines of JSON."""
        return "\n".join(json.dumps(encode(event)) for event in self.events)

    @property
    def retries(self) -> list[ChatStreamRetry]:
        """The retries that were announced."""
        return [event for event in self.events if isinstance(event, ChatStreamRetry)]

    def of_attempt(self, number: int) -> str:
        """The text that an attempt showed."""
        parts = [event for event in self.events if isinstance(event, MessagePart)]
        return "".join(part.piece.text for part in parts if part.attempt == number)


@dataclass(frozen=True)
class Way:
    """An endpoint of an SDK, and one of the four ways to run a turn."""

    endpoint: str
    is_async: bool
    iterated: bool = False

    def __str__(self) -> str:
        kind = "async" if self.is_async else "sync"
        return f"{self.endpoint}-{kind}{'-events' if self.iterated else ''}"

    def client(self, url: str, **options: Option) -> Client:
        """A client for a provider at `url`, without retries of its own."""
        base = url if self.endpoint == "messages" else f"{url}/v1"
        options = {"base_url": base, "api_key": "k", "max_retries": 0, **options}
        if self.endpoint == "messages":
            return (anthropic.AsyncAnthropic if self.is_async else anthropic.Anthropic)(**options)
        return (openai.AsyncOpenAI if self.is_async else openai.OpenAI)(**options)

    def play(self, url: str, **options: Option) -> Played:
        """Run one turn to its end against a provider at `url`, on a virtual clock if none is given.

        http: options for an httpx2 client of the SDK's.
        """
        http = options.pop("http", {"trust_env": False, "verify": PLAIN})
        if self.is_async:
            return asyncio.run(self._aplay(url, http, options))
        with self.client(url, http_client=httpx2.Client(timeout=600, **http)) as client:
            played = self.prepare(client, options)
            try:
                if self.iterated:
                    passed = list(played.turn.events())
                    assert passed == played.events
                    played.answer = played.turn.answer
                else:
                    played.answer = played.turn.run()
            except Exception as error:
                played.error = error
        return played

    async def _aplay(self, url: str, http: dict[str, Any], options: dict[str, Any]) -> Played:
        async with self.client(url, http_client=httpx2.AsyncClient(timeout=600, **http)) as client:
            played = self.prepare(client, options)
            try:
                if self.iterated:
                    passed = [event async for event in played.turn.aevents()]
                    assert passed == played.events
                    played.answer = played.turn.answer
                else:
                    played.answer = await played.turn.arun()
            except Exception as error:
                played.error = error
        await _nothing_runs()
        return played

    def prepare(self, client: Client, options: dict[str, Any]) -> Played:
        """A turn that keeps its events."""
        clock = options.pop("clock", None) or VirtualClock()
        events: list[TurnEvent] = []
        options.setdefault("on_event", events.append)
        request = options.pop("request", REQUESTS[self.endpoint])
        turn = Turn(request, client=client, clock=clock, **options)
        return Played(turn, clock, events)


async def _nothing_runs() -> None:
    """Check that no task is left; openai's generators close themselves within some passes."""
    for _ in range(20):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


PLAIN = ssl.create_default_context()
ENDPOINTS = tuple(REQUESTS)
WAYS = [Way(endpoint, is_async) for endpoint in ENDPOINTS for is_async in (False, True)]
BOTH = [Way("messages", False), Way("responses", True)]
ALL_WAYS = [*WAYS, Way("responses", False, True), Way("messages", True, True)]
each_way = pytest.mark.parametrize("way", ALL_WAYS, ids=str)
each_sdk = pytest.mark.parametrize("way", WAYS, ids=str)
both_ways = pytest.mark.parametrize("way", BOTH, ids=str)


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """Let each SDK build its types, which takes longer than the limits of some tests."""
    with FakeProvider(["success"] * len(WAYS)) as provider:
        for way in WAYS:
            assert way.play(provider.base_url).answer is not None


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """After each test no reading thread is left."""
    yield
    assert [thread.name for thread in threading.enumerate() if "chatlab" in thread.name] == []


@each_way
def test_a_good_turn_shows_the_answer_and_commits_it(way: Way) -> None:
    """Pieces while it streams, then the message that stands instead of them, then the status."""
    with FakeProvider(["success"]) as provider:
        played = way.play(provider.base_url)
    assert played.story == ["starting", "streaming", "message", "completed"]
    assert played.of_attempt(1) == SAID
    assert played.answer is not None
    assert played.answer == played.turn.answer == played.events[-2]
    assert (played.answer.text, played.answer.outcome) == (SAID, Outcome.COMPLETE)
    assert played.answer.parts == (TextPart(SAID),)
    assert played.answer.usage is not None
    assert played.answer.usage.output_tokens == Usage().output_tokens
    assert played.turn.discarded.attempts == 0
    assert played.turn.gave_up is None


@each_way
def test_a_retry_takes_back_what_was_shown_and_says_how_long_it_waits(way: Way) -> None:
    """Two attempts fail, one of them after it has shown text; the third is the answer."""
    with FakeProvider(["in-band-error:overloaded", "http-error:429", "success"]) as provider:
        played = way.play(provider.base_url)
        assert provider.attempts == 3
    assert played.story == [
        *("starting", "streaming", "retry overloaded", "retrying"),
        *("starting", "retry rate_limit", "retrying"),
        *("starting", "streaming", "message", "completed"),
    ]
    assert (played.of_attempt(1), played.of_attempt(2)) == ("The", "")
    assert played.of_attempt(3) == SAID
    assert [(retry.attempt, retry.delay_ms) for retry in played.retries] == [(1, 1000), (2, 2000)]
    numbers = [event.attempt for event in played.events if isinstance(event, Status)]
    assert numbers == [1, 1, 1, 2, 2, 3, 3, 3]


WAITS = {
    "backoff": (Backoff(initial_s=0.1, factor=1.7), [None, None, None]),
    "odd backoff": (Backoff(initial_s=1 / 3, factor=1.1), [None, None, None]),
    "jitter": (Backoff(jitter=Decorrelated(random.Random(7))), [None, None, None]),
    "hints": (Backoff(), ["34.4", "0.0004", "1.23456"]),
    "nothing": (Backoff(initial_s=0), [None, None, None]),
}


@pytest.mark.parametrize(("policy", "hints"), WAITS.values(), ids=WAITS)
@both_ways
def test_the_announced_wait_is_the_slept_wait_to_the_last_bit(
    way: Way, policy: Backoff, hints: list[str | None]
) -> None:
    """The number in the event, the time of the retry, and what the clock slept agree."""
    hinted = [f",retry_after={hint}" if hint else "" for hint in hints]
    clock = VirtualClock(1_700_000_000)
    with FakeProvider([*(f"http-error:503{hint}" for hint in hinted), "success"]) as provider:
        played = way.play(provider.base_url, clock=clock, policy=policy)
    assert tuple(retry.delay_s for retry in played.retries) == clock.slept_s
    assert len(clock.slept_s) == 3
    assert all(retry.delay_ms == retry.delay_s * 1000 for retry in played.retries)


@both_ways
def test_the_system_clock_sleeps_what_was_announced(way: Way) -> None:
    """Within 20 ms: from the announcement to the start of the next attempt."""
    times: list[tuple[str, float]] = []

    def note(event: TurnEvent) -> None:
        name = str(event.status) if isinstance(event, Status) else str(encode(event)["type"])
        times.append((name, time.monotonic()))

    with FakeProvider(["http-error:503"] * 3 + ["success"]) as provider:
        policy = Backoff(initial_s=0.15, factor=1)
        way.play(provider.base_url, clock=SystemClock(), policy=policy, on_event=note)
    told = [at for name, at in times if name == "retry"]
    started = [at for name, at in times if name == "starting"]
    late_s = [begun - at - 0.15 for at, begun in zip(told, started[1:], strict=True)]
    assert len(late_s) == 3
    assert 0 <= min(late_s) < 0.02
    assert statistics.median(late_s) < 0.02


SAMPLES = {
    "messages": (
        "anthropic/anthropic-overloaded-529-1",
        "anthropic/aisdk-type-validation-overloaded-1",
    ),
    "responses": (
        "anthropic/anthropic-502-cloudflare-html-1",
        "openai/openai-responses-stream-server-error-1",
    ),
}


@pytest.mark.slow
@both_ways
def test_the_same_script_gives_the_same_log_a_hundred_times(way: Way, corpus: Corpus) -> None:
    """Two attempts meet corpus samples, the third succeeds: byte for byte the same events."""
    script = [*(f"sample:{name}" for name in SAMPLES[way.endpoint]), "success"]
    logs: dict[str, int] = {}
    for _ in range(100):
        with FakeProvider(script, samples=corpus) as provider:
            log = way.play(provider.base_url, clock=VirtualClock(1_700_000_000)).log
        logs[log] = logs.get(log, 0) + 1
    assert list(logs.values()) == [100]
    events = [json.loads(line) for line in next(iter(logs)).splitlines()]
    assert [event["type"] for event in events].count("retry") == 2
    assert [encode(decode(event)) for event in events] == events


@both_ways
def test_the_system_clock_tells_the_same_story(way: Way, corpus: Corpus) -> None:
    """The same kinds of events in the same order, whatever the time does."""
    script = [*(f"sample:{name}" for name in SAMPLES[way.endpoint]), "success"]
    stories = []
    for clock in (VirtualClock(), SystemClock()):
        with FakeProvider(script, samples=corpus) as provider:
            played = way.play(provider.base_url, clock=clock, policy=Backoff(initial_s=0.01))
        shape = [(type(event), getattr(event, "attempt", None)) for event in played.events]
        stories.append((played.story, shape))
    assert stories[0] == stories[1]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    """The shipped corpus."""
    return Corpus.load()


@each_way
def test_a_terminal_failure_raises_the_sdks_own_exception_with_its_verdict(way: Way) -> None:
    """One attempt, an error event with the payload of the verdict, a note that says why."""
    with FakeProvider(["http-error:401", "success"]) as provider:
        played = way.play(provider.base_url)
        assert provider.attempts == 1
    error = played.error
    assert isinstance(error, openai.AuthenticationError | anthropic.AuthenticationError)
    verdict = classify(error)
    assert (verdict.kind, verdict.retryable, verdict.status_code) == (Kind.AUTH, False, 401)
    assert played.story == ["starting", "error", "failed"]
    assert encode(played.events[-2]) == {"type": "error", "error": chat_error(verdict)}
    assert error.__notes__ == [
        "chatlab gave up after 1 attempt in 0 s: Authentication: trying again cannot help"
    ]
    assert played.turn.gave_up is not None
    assert played.turn.answer is None


@both_ways
def test_a_turn_that_uses_up_its_attempts_raises_the_last_failure(way: Way) -> None:
    """The error event follows the last attempt at once: nobody waits for nothing."""
    clock = VirtualClock()
    with FakeProvider(["http-error:500", "http-error:529"]) as provider:
        played = way.play(provider.base_url, clock=clock, policy=Backoff(max_attempts=2))
    verdict = classify(played.error)
    assert (verdict.kind, verdict.status_code) == (Kind.OVERLOADED, 529)
    assert played.story[-3:] == ["starting", "error", "failed"]
    assert clock.slept_s == (1.0,)
    assert played.turn.gave_up is not None
    assert played.turn.gave_up.because == "the limit is 2 attempts"


@both_ways
def test_a_hint_above_the_ceiling_ends_the_turn_and_says_when_to_come_back(way: Way) -> None:
    """An hour is not slept; the number is there for whoever wants to come back."""
    clock = VirtualClock()
    with FakeProvider(["http-error:429,retry_after=3600"]) as provider:
        played = way.play(provider.base_url, clock=clock)
    assert clock.slept_s == ()
    assert played.turn.gave_up is not None
    assert played.turn.gave_up.resets_in_s == 3600
    assert "come back in 1 h" in played.error.__notes__[0]  # type: ignore[union-attr]


IN_BAND = {
    "responses": ("response-failed:rate_limit", "in-band-error:overloaded"),
    "completions": ("in-band-error:rate_limit", "in-band-error:overloaded"),
    "messages": ("in-band-error:rate_limit", "in-band-error:overloaded"),
}


@each_sdk
def test_a_failure_inside_the_stream_is_judged_by_its_payload(way: Way) -> None:
    """Raised by the SDK or yielded as data: the same kinds, and the last one is raised."""
    with FakeProvider(IN_BAND[way.endpoint]) as provider:
        played = way.play(provider.base_url, policy=Backoff(max_attempts=2))
    assert [retry.kind for retry in played.retries] == [Kind.RATE_LIMIT]
    verdict = classify(played.error)
    assert (verdict.kind, verdict.status_code) == (Kind.OVERLOADED, None)
    assert isinstance(played.error, StreamFailed) == (way.endpoint == "responses")


@each_sdk
@pytest.mark.parametrize(
    "fault",
    [
        *("clean-end-after-event:2", "close-at-byte:300", "reset-at-byte:300", "malformed-json"),
        *("malformed-sse:joined-events", "malformed-sse:bad-utf8", "close-before-headers"),
        *("reset-before-headers", "refuse-connection", "html-page:200", "html-page:502"),
    ],
)
def test_a_broken_stream_is_a_timeout_that_is_retried(way: Way, fault: str) -> None:
    """Also where the SDK raises no more than what its decoder said, or nothing at all."""
    with FakeProvider([fault, "success"]) as provider:
        played = way.play(provider.base_url)
    assert [retry.kind for retry in played.retries] == [Kind.TIMEOUT]
    assert played.answer is not None
    assert played.answer is not None
    assert played.answer.text == SAID


@each_sdk
def test_an_error_in_a_body_that_is_no_stream_is_read(way: Way) -> None:
    """Under status 200, where the SDKs see an empty stream: spent money is not retried."""
    with FakeProvider(["ok-with-error-body:overloaded", "ok-with-error-body:quota"]) as provider:
        played = way.play(provider.base_url)
        assert provider.attempts == 2
    assert [retry.kind for retry in played.retries] == [Kind.OVERLOADED]
    verdict = classify(played.error)
    assert (verdict.kind, verdict.retryable, verdict.status_code) == (Kind.USAGE_LIMIT, False, None)


@each_sdk
def test_a_stream_under_another_content_type_is_a_stream(way: Way) -> None:
    """The events count, not the header; and a cut of it is still a cut."""
    with FakeProvider(["wrong-content-type"]) as provider:
        played = way.play(provider.base_url)
    assert played.answer is not None
    assert played.answer.text == SAID


STALLS = {
    "stall-before-headers": (["starting", "delayed_start", "retry startup_timeout"], 60.0),
    "stall-before-content": (["starting", "delayed_start", "retry startup_timeout"], 60.0),
    "silence-after-event:6": (["starting", "streaming", "retry stream_silence_timeout"], 600.0),
}


@pytest.mark.parametrize(("fault", "told"), STALLS.items(), ids=STALLS)
@pytest.mark.parametrize("way", [Way("responses", False), Way("messages", True)], ids=str)
def test_a_stream_that_stalls_is_ended_by_its_guard(
    way: Way, fault: str, told: tuple[list[str], float]
) -> None:
    """After 60 or 600 seconds of the turn's clock, of which nobody has to wait one."""
    story, spent_s = told
    with FakeProvider([fault, "success"]) as provider:
        began = time.monotonic()
        played = way.play(provider.base_url)
        assert time.monotonic() - began < 5
    assert played.story == [*story, "retrying", "starting", "streaming", "message", "completed"]
    assert played.turn.discarded.spent_s == spent_s


def _in_pieces(pieces: list[bytes], every_s: float, gone: threading.Event) -> Handler:
    """Handle a connection: send a stream piece by piece, then wait until the client has gone."""

    def handle(connection: socket.socket, over: threading.Event) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n\r\n")
        try:
            for piece in pieces:
                connection.sendall(piece)
                over.wait(every_s)
            if connection.recv(1) == b"":
                gone.set()
        except OSError:
            gone.set()

    return handle


@both_ways
def test_signs_of_life_without_content_do_not_hold_the_guard(way: Way, serve: Serve) -> None:
    """Pings come in all the time; the first content does not, and the request is cancelled."""
    gone = threading.Event()
    ping = b'event: ping\ndata: {"type": "ping"}\n\n: still here\n\n'
    server = serve(_in_pieces([ping] * 60, 0.05, gone))
    began = time.monotonic()
    played = way.play(
        server.url, clock=SystemClock(), startup_s=0.4, policy=Backoff(max_attempts=1)
    )
    took_s = time.monotonic() - began
    assert gone.wait(1)
    verdict = classify(played.error)
    assert (verdict.kind, verdict.retryable) == (Kind.STARTUP_TIMEOUT, True)
    assert isinstance(played.error, StreamFailed)
    assert 0.4 <= took_s < 0.9


@pytest.mark.parametrize("then", ["headers", "nothing"])
@both_ways
def test_a_guard_cancels_the_request_whatever_it_waits_for(
    way: Way, then: str, serve: Serve
) -> None:
    """Before the headers too: the provider sees the connection end, and nobody waits for it."""
    gone = threading.Event()

    def handle(connection: socket.socket, over: threading.Event) -> None:
        read_request(connection)
        if then == "headers":
            connection.sendall(b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n\r\n")
        if connection.recv(1) == b"":
            gone.set()

    began = time.monotonic()
    played = way.play(
        serve(handle).url, clock=SystemClock(), startup_s=0.3, policy=Backoff(max_attempts=1)
    )
    assert 0.3 <= time.monotonic() - began < 0.8
    assert gone.wait(1)
    assert classify(played.error).kind is Kind.STARTUP_TIMEOUT


@both_ways
def test_headers_that_never_end_are_no_content(way: Way, serve: Serve) -> None:
    """A server that drips its headers keeps every read alive, and the guard ends it in time."""

    def handle(connection: socket.socket, over: threading.Event) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 X\r\n")
        for number in range(100):
            connection.sendall(b"X-%d: y\r\n" % number)
            over.wait(0.05)

    began = time.monotonic()
    played = way.play(
        serve(handle).url, clock=SystemClock(), startup_s=0.3, policy=Backoff(max_attempts=1)
    )
    assert 0.3 <= time.monotonic() - began < 0.8
    assert classify(played.error).kind is Kind.STARTUP_TIMEOUT


@both_ways
def test_without_guards_a_slow_answer_may_take_its_time(way: Way) -> None:
    """None switches a guard off; nothing else limits the wait."""
    slow = Success(headers_after_s=0.3, content_after_s=0.3)
    with FakeProvider(slow) as provider:
        played = way.play(provider.base_url, clock=SystemClock(), startup_s=None, silence_s=None)
    assert played.story == ["starting", "streaming", "message", "completed"]


@both_ways
def test_once_content_has_come_only_silence_counts(way: Way) -> None:
    """The limit for the start, which also bounds the wait for the headers, is over then."""
    slow = Success(chunks=("The answer ", "is 42."), chunk_every_s=0.9)
    with FakeProvider(slow) as provider:
        played = way.play(provider.base_url, clock=SystemClock(), startup_s=0.4)
    assert played.story == ["starting", "streaming", "message", "completed"]


@both_ways
def test_a_late_start_is_told_before_the_first_content(way: Way) -> None:
    """A provider that sleeps on the turn's own virtual clock takes 20 of its seconds."""
    clock = VirtualClock()

    async def sleep(delay_s: float) -> None:
        clock.sleep(delay_s)

    with FakeProvider(Success(content_after_s=20), sleep=sleep) as provider:
        played = way.play(provider.base_url, clock=clock)
    assert played.story == ["starting", "delayed_start", "streaming", "message", "completed"]


def test_a_thread_that_cannot_be_woken_ends_by_its_own_limit() -> None:
    """It waits for headers on a connection that was used before; the turn does not wait for it."""
    way = Way("messages", False)
    script = ["success", "stall-before-headers"]
    with FakeProvider(script) as provider, way.client(provider.base_url) as client:
        Turn(REQUESTS["messages"], client=client).run()
        once = Backoff(max_attempts=1)
        turn = Turn(REQUESTS["messages"], client=client, startup_s=0.3, policy=once)
        began = time.monotonic()
        with pytest.raises(StreamFailed) as failed:
            turn.run()
        assert time.monotonic() - began < 0.6
        for thread in threading.enumerate():
            if "chatlab" in thread.name:
                thread.join(1)
    assert classify(failed.value).kind is Kind.STARTUP_TIMEOUT


@pytest.mark.parametrize("endpoint", ["responses", "completions"])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_client_on_the_older_httpx_is_watched_as_well(endpoint: str, is_async: bool) -> None:
    """openai still takes a client of httpx: guards, cuts and the end are the same."""
    script = ["stall-before-content", "close-at-byte:300", "html-page:200", "success"]
    way = Way(endpoint, is_async)
    with FakeProvider(script) as provider:
        if is_async:

            async def scene() -> Played:
                http = httpx.AsyncClient(trust_env=False, verify=PLAIN)
                async with way.client(provider.base_url, http_client=http) as client:
                    played = way.prepare(client, {})
                    played.answer = await played.turn.arun()
                return played

            played = asyncio.run(scene())
        else:
            http = httpx.Client(trust_env=False, verify=PLAIN)
            with way.client(provider.base_url, http_client=http) as client:
                played = way.prepare(client, {})
                played.answer = played.turn.run()
    assert [retry.kind for retry in played.retries] == [
        Kind.STARTUP_TIMEOUT,
        Kind.TIMEOUT,
        Kind.TIMEOUT,
    ]
    assert played.answer is not None
    assert played.answer.text == SAID


@pytest.mark.parametrize("way", [Way("messages", False), Way("messages", True)], ids=str)
def test_a_guard_ends_a_stream_over_tls_and_http2(way: Way) -> None:
    """The connection that is ended from outside is an encrypted one, with frames."""
    script = ["stall-before-content", "rst-stream:INTERNAL_ERROR,after_event=3", "success"]
    with FakeProvider(script, tls=True) as provider:
        http = {"http2": True, "verify": provider.ssl_context, "trust_env": False}
        played = way.play(provider.base_url, http=http)
        assert {request.http_version for request in provider.requests} == {"2"}
    assert [retry.kind for retry in played.retries] == [Kind.STARTUP_TIMEOUT, Kind.TIMEOUT]
    assert played.answer is not None
    assert played.answer.text == SAID


def _cancelling(script: list[str], when: str, policy: Backoff) -> tuple[float, Played, int]:
    """Cancel an asynchronous turn 50 ms after it has reached `when`; the lag, and requests."""

    async def scene(provider: FakeProvider) -> tuple[float, Played]:
        reached = asyncio.Event()
        events: list[TurnEvent] = []

        def note(event: TurnEvent) -> None:
            events.append(event)
            if isinstance(event, Status) and event.status == when:
                reached.set()

        async with Way("responses", True).client(provider.base_url) as client:
            turn = Turn(
                REQUESTS["responses"],
                client=client,
                clock=SystemClock(),
                on_event=note,
                policy=policy,
            )
            task = asyncio.create_task(turn.arun())
            await reached.wait()
            await asyncio.sleep(0.05)
            cancelled_at = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            lag_s = time.monotonic() - cancelled_at
            assert asyncio.all_tasks() == {asyncio.current_task()}
        return lag_s, Played(turn, SystemClock(), events)

    with FakeProvider(script) as provider:
        lag_s, played = asyncio.run(scene(provider))
        return lag_s, played, provider.attempts


@pytest.mark.parametrize(
    ("script", "when"),
    [
        (["stall-before-headers"], "starting"),
        (["silence-after-event:6"], "streaming"),
        (["http-error:503"], "retrying"),
    ],
)
def test_cancelling_the_task_ends_the_turn_at_once_and_leaves_nothing(
    script: list[str], when: str
) -> None:
    """At any await: in less than 50 ms, as itself, and told to the viewers as the last event."""
    scenes = [_cancelling(script, when, Backoff(initial_s=60)) for _ in range(3)]
    assert statistics.median(lag_s for lag_s, _, _ in scenes) < 0.05
    for _, played, attempts in scenes:
        assert attempts == 1
        assert played.story[-1] == "cancelled"
        assert "error" not in played.story
        assert played.turn.discarded.attempts == 1


@pytest.mark.parametrize(
    ("script", "when"),
    [
        (["stall-before-headers"], "starting"),
        (["silence-after-event:6"], "streaming"),
        (["http-error:503"], "retrying"),
    ],
)
def test_an_interrupt_ends_a_synchronous_turn_at_once_and_leaves_nothing(
    script: list[str], when: str
) -> None:
    """Ctrl-C while it waits for headers, for content, and for the next attempt."""
    events: list[TurnEvent] = []

    def note(event: TurnEvent) -> None:
        events.append(event)
        if isinstance(event, Status) and event.status == when:
            threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT]).start()

    way = Way("responses", False)
    with FakeProvider(script) as provider, way.client(provider.base_url) as client:
        turn = Turn(
            REQUESTS["responses"],
            client=client,
            clock=SystemClock(),
            policy=Backoff(initial_s=60),
            on_event=note,
        )
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            turn.run()
        assert time.monotonic() - began < 1
        assert [one for one in threading.enumerate() if "chatlab" in one.name] == []
    assert events[-1] == Status(TurnStatus.CANCELLED, 1)


def test_a_clock_that_is_cancelled_ends_the_wait_of_a_turn() -> None:
    """`SystemClock.cancel` from another thread; it comes out as itself."""
    clock = SystemClock()

    def note(event: TurnEvent) -> None:
        if isinstance(event, ChatStreamRetry):
            clock.cancel()

    with FakeProvider(["http-error:503"]) as provider, pytest.raises(Cancelled):
        Way("messages", False).play(
            provider.base_url, clock=clock, policy=Backoff(initial_s=60), on_event=note
        )


def test_a_loop_that_is_left_early_ends_the_turn() -> None:
    """The request is cancelled when the iterator is closed, and the viewers are told."""
    told: list[TurnEvent] = []
    with FakeProvider(["silence-after-event:6"]) as provider:
        with Way("messages", False).client(provider.base_url) as client:
            turn = Turn(REQUESTS["messages"], client=client, on_event=told.append)
            events = turn.events()
            for event in events:
                if isinstance(event, MessagePart):
                    break
            events.close()
        assert [one for one in threading.enumerate() if "chatlab" in one.name] == []
    assert told[-1] == Status(TurnStatus.CANCELLED, 1)
    assert turn.answer is None


def test_leaving_the_loop_after_the_message_takes_nothing_back() -> None:
    """The answer is committed; there is nothing left to cancel."""
    told: list[TurnEvent] = []
    way = Way("messages", False)
    with FakeProvider(["success"]) as provider, way.client(provider.base_url) as client:
        turn = Turn(REQUESTS["messages"], client=client, on_event=told.append)
        events = turn.events()
        assert any(isinstance(event, Answer) for event in events)
        events.close()
    assert isinstance(told[-1], Answer)
    assert turn.answer is told[-1]


@each_way
def test_a_viewer_that_raises_does_not_lose_the_answer(
    way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, with its traceback, and the turn goes on."""

    def raises(event: TurnEvent) -> None:
        raise RuntimeError("the viewer broke")

    with FakeProvider(["http-error:503", "success"]) as provider:
        options = {} if way.iterated else {"on_event": raises}
        played = Way(way.endpoint, way.is_async).play(provider.base_url, **options)
    assert played.answer is not None
    assert played.answer.text == SAID
    broke = [record for record in caplog.records if record.exc_info]
    assert bool(broke) is not way.iterated


@both_ways
def test_a_viewer_that_raises_does_not_hide_the_failure(
    way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    """What comes out is the provider's failure, not the viewer's."""

    def raises(event: TurnEvent) -> None:
        raise RuntimeError("the viewer broke")

    with FakeProvider(["http-error:401"]) as provider:
        played = way.play(provider.base_url, on_event=raises)
    assert classify(played.error).kind is Kind.AUTH
    assert "on_event raised" in caplog.text


@both_ways
def test_an_asynchronous_viewer_is_reported(way: Way, caplog: pytest.LogCaptureFixture) -> None:
    """It is closed, so that no coroutine is left that was never awaited."""

    async def late(event: TurnEvent) -> None:
        raise AssertionError("never run")

    with FakeProvider(["success"]) as provider:
        assert way.play(provider.base_url, on_event=late).answer is not None
    assert "on_event is asynchronous and was not run" in caplog.text


def test_an_interrupt_in_a_viewer_is_the_persons() -> None:
    """What is no Exception goes through, and the request with it."""

    def stops(event: TurnEvent) -> None:
        if isinstance(event, MessagePart):
            raise KeyboardInterrupt

    for way in BOTH:
        with FakeProvider(["success"]) as provider, pytest.raises(KeyboardInterrupt):
            way.play(provider.base_url, on_event=stops)


@both_ways
def test_a_best_effort_call_is_silent(
    way: Way, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Without a viewer it retries all the same, and says nothing to anybody."""
    caplog.set_level(logging.WARNING, "chatlab")
    with FakeProvider(["http-error:503", "success"]) as provider:
        assert way.play(provider.base_url, on_event=None).answer is not None
        assert provider.attempts == 2
    assert capfd.readouterr() == ("", "")
    assert [record.name for record in caplog.records if "chatlab" in record.name] == []


CALLING = Success(
    text="I will ask.",
    tool_calls=(ToolCall("ask", {"city": "Graz", "days": 3}), ToolCall("stop", {})),
)


@each_sdk
def test_tool_calls_are_handed_out_once_and_whole(way: Way) -> None:
    """In their order, with arguments that are JSON; an attempt that failed before handed none."""
    called: list[ToolCallPart] = []
    script = {"steps": ["in-band-error", CALLING]}
    with FakeProvider(script) as provider:
        played = way.play(provider.base_url, on_tool_call=called.append)
    assert played.answer is not None
    assert tuple(called) == tuple(
        part for part in played.answer.parts if isinstance(part, ToolCallPart)
    )
    assert [call.name for call in called] == ["ask", "stop"]
    assert [json.loads(call.arguments) for call in called] == [{"city": "Graz", "days": 3}, {}]


@pytest.mark.parametrize("endpoint", ["responses", "messages"])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_turn_whose_tool_has_run_fails_instead_of_retrying(endpoint: str, is_async: bool) -> None:
    """The stream breaks after a call was executed: it is never executed twice."""
    called: list[ToolCallPart] = []
    whole = {"responses": "response.output_item.done", "messages": "content_block_stop"}[endpoint]
    way = Way(endpoint, is_async)
    after = _events_until(way, whole, 2, CALLING)
    script = {"steps": [f"clean-end-after-event:{after}", "success"], "success": CALLING}
    with FakeProvider(script) as provider:
        played = way.play(provider.base_url, on_tool_call=called.append)
        assert provider.attempts == 1
    assert [call.name for call in called] == ["ask"]
    verdict = classify(played.error)
    assert (verdict.kind, verdict.retryable) == (Kind.TIMEOUT, False)
    assert played.story[-2:] == ["error", "failed"]
    assert played.turn.gave_up is not None
    assert "must not be executed twice" in played.turn.gave_up.because


def _events_until(way: Way, kind: str, count: int, success: Success) -> int:
    """How many events a good stream has up to and with the `count`-th of a `kind`."""
    with FakeProvider([success]) as provider:
        path = "/v1/messages" if way.endpoint == "messages" else "/v1/responses"
        body = {**REQUESTS[way.endpoint], "stream": True}
        text = httpx2.post(provider.base_url + path, json=body, trust_env=False, verify=PLAIN).text
    frames = text.split("\n\n")
    places = [n for n, frame in enumerate(frames, 1) if f"event: {kind}\n" in frame + "\n"]
    return places[count - 1]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_call_that_a_token_limit_cut_is_not_handed_out(is_async: bool, serve: Serve) -> None:
    """Its block ends in order and its arguments do not: nobody may act on half of them."""
    block = {"type": "tool_use", "id": "t", "name": "wipe", "input": {}}
    half = {"type": "input_json_delta", "partial_json": '{"path": "/tm'}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"id": "a"}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": half},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}},
        {"type": "message_stop"},
    ]
    body = "".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events)
    server = serve(answer(response(200, body.encode())))
    called: list[ToolCallPart] = []
    played = Way("messages", is_async).play(server.url, on_tool_call=called.append)
    assert played.answer is not None
    assert played.answer.outcome is Outcome.INCOMPLETE
    assert called == []


def test_a_tool_that_raises_is_logged_and_counts_as_executed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody knows how far it came, so the attempt is not repeated."""

    def raises(call: ToolCallPart) -> None:
        raise RuntimeError("half done")

    after = _events_until(BOTH[0], "content_block_stop", 2, CALLING)
    script = {"steps": [f"clean-end-after-event:{after}"], "success": CALLING}
    with FakeProvider(script) as provider:
        played = BOTH[0].play(provider.base_url, on_tool_call=raises)
        assert provider.attempts == 1
    assert "on_tool_call raised" in caplog.text
    assert classify(played.error).kind is Kind.TIMEOUT


@pytest.mark.slow
@each_way
def test_what_was_thrown_away_is_counted_once(way: Way) -> None:
    """Tokens as far as the provider told them, seconds of the attempts and not of the waits."""
    script = {
        "steps": ["in-band-error", "http-error:503", "stall-before-content"],
        "after": "success",
        "success": {"usage": {"input_tokens": 100, "output_tokens": 40}},
    }
    with FakeProvider(script) as provider:
        played = way.play(provider.base_url)
    thrown = played.turn.discarded
    assert (thrown.attempts, thrown.spent_s) == (3, 60.0)
    # Only Anthropic tells the tokens before the answer is complete.
    assert thrown.tokens.input_tokens == (200 if way.endpoint == "messages" else 0)
    assert played.answer is not None
    assert played.answer.usage is not None
    assert (played.answer.usage.input_tokens, played.answer.usage.output_tokens) == (100, 40)


def _chunks(*finishes: str | None) -> bytes:
    """A Chat Completions stream, one chunk for each finish_reason, without its end."""
    lines = []
    for number, finish in enumerate(finishes):
        choice = {"index": 0, "delta": {"content": f"{number} "}, "finish_reason": finish}
        lines.append(f"data: {json.dumps({'id': 'c', 'choices': [choice]})}\n\n")
    return "".join(lines).encode()


DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("together", [False, True])
def test_done_ends_an_answer_whose_finish_reason_was_null(
    is_async: bool, together: bool, serve: Serve
) -> None:
    """openai keeps the last line back, and a server such as Ollama says no more than it."""
    gone = threading.Event()
    body = _chunks(None, None)
    pieces = [body + DONE] if together else [body, DONE[:9], DONE[9:]]
    server = serve(_in_pieces(pieces, 0.01, gone))
    played = Way("completions", is_async).play(server.url)
    assert played.story == ["starting", "streaming", "message", "completed"]
    assert played.answer is not None
    assert (played.answer.text, played.answer.stop_reason) == ("0 1 ", None)


@pytest.mark.parametrize("is_async", [False, True])
def test_without_done_a_null_finish_reason_is_a_cut_unless_the_provider_is_known_for_it(
    is_async: bool, serve: Serve
) -> None:
    """The strict contract retries; the one of a compatible server says that it does not know."""
    server = serve(answer(response(200, _chunks(None, None))))
    way = Way("completions", is_async)
    strict = way.play(server.url, policy=Backoff(max_attempts=2))
    assert classify(strict.error).rule == "stream-cut"
    assert [retry.kind for retry in strict.retries] == [Kind.TIMEOUT]
    lenient = way.play(server.url, provider="openai compatible")
    assert lenient.answer is not None
    assert lenient.answer.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize("is_async", [False, True])
def test_every_choice_that_was_asked_for_must_end(is_async: bool, serve: Serve) -> None:
    """With n=2, one finish_reason is half an answer."""
    server = serve(answer(response(200, _chunks(None, "stop"))))
    request = {**REQUESTS["completions"], "n": 2}
    played = Way("completions", is_async).play(
        server.url, request=request, policy=Backoff(max_attempts=1)
    )
    assert classify(played.error).rule == "stream-cut"


@both_ways
def test_the_sdks_own_retries_are_off_and_it_is_said(way: Way) -> None:
    """Each attempt is one request, on a client that would make three; the client stays as it is."""
    events: list[TurnEvent] = []
    options = {"clock": VirtualClock(), "on_event": events.append}

    async def scene() -> None:
        async with way.client(provider.base_url, max_retries=2) as client:
            with pytest.warns(NestedRetriesWarning, match="make the client with max_retries=0"):
                turn = Turn(REQUESTS[way.endpoint], client=client, **options)
            await turn.arun()
            assert client.max_retries == 2

    with FakeProvider(["http-error:503", "http-error:503", "success"]) as provider:
        if way.is_async:
            asyncio.run(scene())
        else:
            with way.client(provider.base_url, max_retries=2) as client:
                with pytest.warns(NestedRetriesWarning, match="retries 2 times by its") as warned:
                    turn = Turn(REQUESTS[way.endpoint], client=client, **options)
                assert warned[0].filename == __file__
                turn.run()
                assert client.max_retries == 2
        assert provider.attempts == 3
    assert sum(isinstance(event, ChatStreamRetry) for event in events) == 2


@both_ways
def test_a_request_can_change_between_attempts(way: Way) -> None:
    """A function is told the verdict on the attempt before, None at first."""
    told: list[Verdict | None] = []

    def request(verdict: Verdict | None) -> dict[str, Any]:
        told.append(verdict)
        return {**REQUESTS[way.endpoint], "model": f"model-{len(told)}"}

    with FakeProvider(["http-error:500", "http-error:429", "success"]) as provider:
        played = way.play(provider.base_url, request=request)
        assert [one.body["model"] for one in provider.requests] == [
            "model-1",
            "model-2",
            "model-3",
        ]
    assert [None if one is None else one.kind for one in told] == [
        None,
        Kind.GENERIC,
        Kind.RATE_LIMIT,
    ]
    assert played.answer is not None
    assert played.answer.model == "model-3"


@both_ways
def test_a_request_function_that_raises_fails_the_turn(way: Way) -> None:
    """The viewers are told, and the function's own exception comes out."""

    def request(verdict: Verdict | None) -> dict[str, Any]:
        raise LookupError("no history")

    with FakeProvider(["success"]) as provider:
        played = way.play(provider.base_url, request=request)
        assert provider.attempts == 0
    assert isinstance(played.error, LookupError)
    assert played.story == ["starting", "error", "failed"]


@both_ways
def test_arguments_that_the_sdk_refuses_are_not_retried(way: Way) -> None:
    """A mistake in the request is the caller's to see, in the SDK's own words."""
    with FakeProvider(["success"]) as provider:
        played = way.play(provider.base_url, request={"model": "m", "no_such_thing": 1})
        assert provider.attempts == 0
    assert isinstance(played.error, TypeError)
    assert played.story == ["starting", "error", "failed"]


def test_the_provider_is_read_from_the_client_unless_it_is_named() -> None:
    """The class or the address of the client says who answers; the user's word beats it."""
    with FakeProvider(["clean-end-after-event:1"] * 4) as provider:
        one = {"policy": Backoff(max_attempts=1)}
        messages, responses = Way("messages", False), Way("responses", False)
        named = responses.play(provider.base_url, provider="Azure OpenAI", **one)
        found = [
            classify(messages.play(provider.base_url, **one).error).provider,
            classify(responses.play(provider.base_url, **one).error).provider,
        ]
    assert classify(named.error).provider == "azure"
    assert "Azure OpenAI" in str(named.error)
    assert found == ["anthropic", None]


def test_misuse_is_told_at_once() -> None:
    """What is wrong, and what to do instead."""
    client = Way("responses", False).client("http://127.0.0.1:1")
    request = REQUESTS["responses"]
    with pytest.raises(TypeError, match="is not an SDK client; give an OpenAI"):
        Turn(request, client="gpt-5")
    with pytest.raises(ValueError, match="request has 'timeout'; leave it out, startup_s"):
        Turn({**request, "timeout": 3}, client=client)
    with pytest.raises(ValueError, match="request has 'stream'; leave it out"):
        Turn({**request, "stream": True}, client=client)
    with pytest.raises(ValueError, match="startup_s is 0; give"):
        Turn(request, client=client, startup_s=0)
    with pytest.raises(TypeError, match="the client is synchronous; use `run` and `events`"):
        asyncio.run(Turn(request, client=client).arun())
    client.close()
    other = Way("responses", True).client("http://127.0.0.1:1")
    with pytest.raises(TypeError, match="the client is asynchronous; use `arun` and `aevents`"):
        Turn(request, client=other).run()
    asyncio.run(other.close())


@both_ways
def test_a_turn_runs_once(way: Way) -> None:
    """Its answer and its counts are of one run; a second one is refused and changes nothing."""
    with FakeProvider(["success"]) as provider:
        played = way.play(provider.base_url)
    with pytest.raises(RuntimeError, match="it runs once; make a new one"):
        asyncio.run(played.turn.arun()) if way.is_async else played.turn.run()
    assert played.turn.answer is played.answer


@pytest.mark.parametrize("endpoint", ["responses", "messages"])
@pytest.mark.parametrize("is_async", [False, True])
def test_a_connection_that_can_be_used_again_is(endpoint: str, is_async: bool) -> None:
    """After an error status, and after a complete stream: no handshake for the next request."""
    way = Way(endpoint, is_async)
    options: dict[str, Any] = {"trust_env": False, "verify": PLAIN, "timeout": 600}
    http: Any = httpx2.AsyncClient(**options) if is_async else httpx2.Client(**options)
    idle: list[Any] = []

    def note(event: TurnEvent) -> None:
        if isinstance(event, ChatStreamRetry | Answer):
            idle.extend(http._transport._pool.connections)

    settings = {"on_event": note, "clock": VirtualClock()}

    async def scene() -> None:
        async with way.client(provider.base_url, http_client=http) as client:
            for _ in range(2):
                await Turn(REQUESTS[endpoint], client=client, **settings).arun()

    with FakeProvider(
        [*["http-error:503"] * 4, "success", "http-error:503", "success"]
    ) as provider:
        if is_async:
            asyncio.run(scene())
        else:
            with way.client(provider.base_url, http_client=http) as client:
                for _ in range(2):
                    Turn(REQUESTS[endpoint], client=client, **settings).run()
    assert len(idle) == 7
    assert len({id(connection) for connection in idle}) == 1


@pytest.mark.parametrize("is_async", [False, True])
def test_an_error_in_band_that_no_rule_knows_is_the_providers_word(
    is_async: bool, serve: Serve
) -> None:
    """It is shown and not retried; only what nobody has said is taken for a cut stream."""
    error = {"type": "flux_error", "message": "The flux is gone."}
    body = f"event: error\ndata: {json.dumps({'type': 'error', 'error': error})}\n\n".encode()
    played = Way("messages", is_async).play(serve(answer(response(200, body))).url)
    assert played.story == ["starting", "error", "failed"]
    payload = encode(played.events[-2])["error"]
    assert payload["detail"] == "The flux is gone."  # type: ignore[index]
    assert payload["kind"] == "generic"  # type: ignore[index]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_chat_answer_is_complete_with_its_last_finish_reason(
    is_async: bool, serve: Serve
) -> None:
    """A server that then never closes costs time, and not the answer."""
    pieces = [_chunks(None, "stop")]
    server = serve(_in_pieces(pieces, 0.0, threading.Event()))
    clock = VirtualClock()
    played = Way("completions", is_async).play(server.url, clock=clock)
    assert played.story == ["starting", "streaming", "message", "completed"]
    assert clock.now() == 600


def test_content_that_a_busy_loop_had_no_time_to_read_is_in_time() -> None:
    """The answer came while something else held the loop until after the guard's limit."""

    async def scene(provider: FakeProvider) -> Played:
        way = Way("responses", True)
        async with way.client(provider.base_url) as client:
            played = way.prepare(client, {"clock": SystemClock(), "startup_s": 0.6})
            asyncio.get_running_loop().call_later(0.2, time.sleep, 0.8)
            played.answer = await played.turn.arun()
        return played

    with FakeProvider(Success(content_after_s=0.4)) as provider:
        played = asyncio.run(scene(provider))
    assert played.story == ["starting", "streaming", "message", "completed"]


@both_ways
def test_an_interruption_that_meets_the_sdk_comes_out_as_itself(way: Way) -> None:
    """Raised where the request is read, in another thread or task; it is no failure to retry."""

    def interrupt(request: httpx2.Request) -> None:
        raise Cancelled("connection reset by peer")

    async def ainterrupt(request: httpx2.Request) -> None:
        interrupt(request)

    told: list[TurnEvent] = []
    hooks = {"request": [ainterrupt if way.is_async else interrupt]}
    with FakeProvider(["success"]) as provider, pytest.raises(Cancelled, match="reset by peer"):
        way.play(provider.base_url, http={"event_hooks": hooks}, on_event=told.append)
    assert [encode(event)["status"]["status"] for event in told] == ["starting", "cancelled"]  # type: ignore[index]


@pytest.mark.slow
def test_two_hundred_turns_at_once_all_finish_and_lose_no_event() -> None:
    """Each meets one failure and one broken stream, on one client and one provider."""
    turns, steps = 200, ["http-error:503", "in-band-error:overloaded", "success"]

    async def scene(provider: FakeProvider) -> list[list[TurnEvent]]:
        logs: list[list[TurnEvent]] = [[] for _ in range(turns)]
        way = Way("messages", True)
        limits = httpx2.Limits(max_connections=turns)
        http = httpx2.AsyncClient(trust_env=False, verify=PLAIN, limits=limits, timeout=600)
        async with way.client(provider.base_url, http_client=http) as client:

            async def one(log: list[TurnEvent]) -> Answer:
                request, policy = REQUESTS["messages"], Backoff(initial_s=0.01)
                return await Turn(request, client=client, policy=policy, on_event=log.append).arun()

            answers = await asyncio.gather(*(one(log) for log in logs))
            assert {answer.text for answer in answers} == {SAID}
            await _nothing_runs()
        return logs

    script = {"steps": [step for step in steps for _ in range(turns)]}
    with FakeProvider(script) as provider:
        logs = asyncio.run(scene(provider))
        assert provider.attempts == turns * len(steps)
    for log in logs:
        shown = ""
        for event in log:
            if isinstance(event, MessagePart):
                shown += event.piece.text
            elif isinstance(event, ChatStreamRetry):
                shown = ""
            elif isinstance(event, Answer):
                assert shown == event.text == SAID
        assert log[-1] == Status(TurnStatus.COMPLETED, log[-1].attempt)  # type: ignore[union-attr]
    retries = sum(isinstance(event, ChatStreamRetry) for log in logs for event in log)
    assert retries == turns * 2
