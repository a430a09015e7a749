"""Limits on a turn as a whole, on what is read of an error, and on how far a provider runs ahead."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import openai
import pytest
from support.sockets import Serve, read_request

from chatlab.chat.messages.events import MessagePart, TurnEvent
from chatlab.chat.stream.limits import TurnLimitExceeded
from chatlab.chat.transport.error_bodies import ERROR_BYTES
from chatlab.chat.transport.reader import MOST_WAITING
from chatlab.chat.turn import Turn
from chatlab.errors import classify
from chatlab.errors.payloads import ChatError
from chatlab.lab import FakeProvider
from chatlab.lab import GoodAnswer as Success
from chatlab.retry import Backoff, Clock, SystemClock, VirtualClock

REQUEST = {"model": "gpt-5", "input": "What is the answer?"}
both = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


def play(url: str, is_async: bool, clock: Clock | None = None, **options: Any) -> list[TurnEvent]:  # noqa: ANN401
    """Run a turn to its end; what it raises carries its events as ``events``."""
    events: list[TurnEvent] = []
    options = {"clock": clock or VirtualClock(), "on_event": events.append, **options}
    client: dict[str, Any] = {"base_url": f"{url}/v1", "api_key": "k", "max_retries": 0}

    async def arun() -> None:
        async with openai.AsyncOpenAI(**client) as sdk:
            await Turn(REQUEST, client=sdk, **options).arun()

    try:
        if is_async:
            asyncio.run(arun())
        else:
            with openai.OpenAI(**client) as sdk:
                Turn(REQUEST, client=sdk, **options).run()
    except Exception as error:
        error.events = events  # type: ignore[attr-defined]
        raise
    return events


@both
@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_events": 5}, "max_events is 5."),
        ({"max_chars": 900}, "max_chars is 900."),
    ],
    ids=str,
)
def test_a_stream_above_a_limit_ends_the_turn(
    is_async: bool, limits: dict[str, Any], said: str
) -> None:
    """It is not retried, and viewers are told which limit it was."""
    with FakeProvider(Success(text="The answer is 42, and so on, and so on.")) as provider:
        with pytest.raises(TurnLimitExceeded, match=said) as caught:
            play(provider.base_url, is_async, **limits)
        assert provider.attempts == 1
    errors = [event for event in caught.value.events if isinstance(event, ChatError)]  # type: ignore[attr-defined]
    assert [error.message for error in errors] == [str(caught.value)]
    assert not classify(caught.value).retryable


@both
def test_the_limits_count_over_all_attempts(is_async: bool) -> None:
    """Three streams that break after some events are more than one of them."""
    script = ["clean-end-after-event:4"] * 9
    with FakeProvider(script) as provider:
        with pytest.raises(TurnLimitExceeded):
            play(provider.base_url, is_async, max_events=10)
        assert provider.attempts == 3


@both
def test_no_wait_passes_the_time_of_the_turn(is_async: bool) -> None:
    """1 + 2 + 4 s are within 10, and 8 more are not."""
    clock = VirtualClock()
    with FakeProvider(["http-error:503"] * 9) as provider:
        with pytest.raises(openai.InternalServerError) as caught:
            play(provider.base_url, is_async, clock, total_s=10)
        assert provider.attempts == 4
    assert clock.slept_s == (1, 2, 4)
    assert "total_s limits the turn to 10 s" in caught.value.__notes__[0]


@both
@pytest.mark.parametrize("script", ["stall-before-headers", "silence-after-event:6"])
def test_a_running_attempt_ends_with_the_time_of_the_turn(is_async: bool, script: str) -> None:
    """Also without any guard."""
    options: dict[str, Any] = {"startup_s": None, "silence_s": None, "total_s": 0.4}
    with (
        FakeProvider([script]) as provider,
        pytest.raises(TurnLimitExceeded, match=r"total_s is 0\.4 s"),
    ):
        play(provider.base_url, is_async, SystemClock(), **options)


@pytest.mark.parametrize("name", ["total_s", "max_events", "max_chars"])
@pytest.mark.parametrize("limit", [0, -1, float("nan"), float("inf")])
def test_a_limit_that_is_not_one_is_refused(name: str, limit: float) -> None:
    """With the field's name, and how to switch it off."""
    options: dict[str, Any] = {name: limit}
    with (
        openai.OpenAI(api_key="k", max_retries=0) as client,
        pytest.raises(ValueError, match=f"{name} is .*; give a positive number, or None"),
    ):
        Turn(REQUEST, client=client, **options)


@both
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_only_the_beginning_of_a_large_error_body_is_read(
    is_async: bool, encoding: str, serve: Serve
) -> None:
    """50 MB, or 50 kB that become 50 MB; the verdict is by the status."""
    body = b'{"error": {"message": "' + b"x" * 50_000_000
    sent = gzip.compress(body, 1) if encoding == "gzip" else body

    def handle(connection: socket.socket, over: threading.Event) -> None:
        read_request(connection)
        head = (
            f"HTTP/1.1 503 X\r\nContent-Length: {len(sent)}\r\nContent-Encoding: {encoding}\r\n\r\n"
        )
        with suppress(OSError):
            connection.sendall(head.encode() + sent)

    with pytest.raises(openai.InternalServerError) as caught:
        play(serve(handle).url, is_async, policy=Backoff(max_attempts=1))
    assert len(caught.value.response.content) == ERROR_BYTES
    assert classify(caught.value).status_code == 503


@pytest.mark.slow
@both
def test_a_slow_consumer_slows_the_provider(is_async: bool, serve: Serve) -> None:
    """While nobody takes events, what the provider can send is bounded; then all of it arrives."""
    place = {"item_id": "m", "output_index": 0, "content_index": 0}
    delta = {"type": "response.output_text.delta", **place, "delta": "x" * 2_000}
    frame = f"data: {json.dumps(delta)}\n\n".encode()
    end = {"type": "response.completed", "response": {"id": "r", "status": "completed"}}
    count, sent = 20_000, [0]

    def handle(connection: socket.socket, over: threading.Event) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 X\r\nContent-Type: text/event-stream\r\n\r\n")
        for _ in range(count):
            connection.sendall(frame)
            sent[0] += 1
        connection.sendall(f"data: {json.dumps(end)}\n\n".encode())

    pieces, ahead = 0, 0

    def on_event(event: TurnEvent) -> None:
        nonlocal pieces, ahead
        if isinstance(event, MessagePart):
            pieces += 1
            if pieces == 1 and not is_async:
                before = -1
                while before != sent[0]:
                    before = sent[0]
                    time.sleep(0.3)
                ahead = sent[0]
            elif is_async:
                ahead = max(ahead, sent[0] - pieces)

    url = serve(handle).url
    client: dict[str, Any] = {"base_url": f"{url}/v1", "api_key": "k", "max_retries": 0}

    async def slowly() -> None:
        async with openai.AsyncOpenAI(**client) as sdk:
            async for event in Turn(REQUEST, client=sdk, on_event=on_event).aevents():
                if isinstance(event, MessagePart) and pieces < 20:
                    await asyncio.sleep(0.05)

    if is_async:
        asyncio.run(slowly())
    else:
        with openai.OpenAI(**client) as sdk:
            Turn(REQUEST, client=sdk, on_event=on_event).run()
    assert pieces == count
    assert MOST_WAITING < ahead < count / 2


@both
def test_the_log_says_each_retry_of_a_turn_without_the_providers_words(
    is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Also when a viewer raises while the failure is announced."""
    caplog.set_level(logging.INFO, "chatlab")

    def broken(event: TurnEvent) -> None:
        if isinstance(event, ChatError):
            raise RuntimeError("the screen is gone")

    script = [f"http-error:{status}" for status in (503, 401)]
    with FakeProvider(script) as provider, pytest.raises(openai.AuthenticationError):
        play(provider.base_url, is_async, on_event=broken)
    lines = [record.message for record in caplog.records if record.name == "chatlab.retry"]
    assert lines == [
        "attempt 1 failed: Overloaded, status 503; the next one is in 1 s (the backoff after "
        "attempt 1 is 1 s)"
    ]
    assert "the screen is gone" in caplog.text
    assert "During handling" not in caplog.text
    assert "AuthenticationError" not in caplog.text
