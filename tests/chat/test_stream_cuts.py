"""A good stream, cut after every event and at every byte, read through the official SDKs.

A cut stream is served first and the whole one to the attempt after it, over real sockets. What
a viewer sees of such a turn is followed event by event.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import anthropic
import httpx2
import openai
import pytest

from chatlab.chat.messages.events import Answer, MessagePart, TurnEvent
from chatlab.chat.stream.contracts import ANTHROPIC, CHAT, PROTOCOLS, RESPONSES, Outcome
from chatlab.chat.turn import Turn
from chatlab.errors import ChatStreamRetry, Kind
from chatlab.lab import FakeProvider
from chatlab.lab import GoodAnswer as Success
from chatlab.retry import Backoff

pytestmark = pytest.mark.slow

Client: TypeAlias = Any
"""Any of the four clients: their types have nothing in common."""

TEXTS: Final = ("Grü", "ße 🦉")
WHOLE: Final = "".join(TEXTS)
AT_ONCE: Final = Backoff(initial_s=0, max_attempts=2)
ENDINGS: Final = ("clean", "abrupt")
CONCURRENT: Final = 4


def _chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _delta(text: str) -> dict[str, Any]:
    delta = {"type": "text_delta", "text": text}
    return {"type": "content_block_delta", "index": 0, "delta": delta}


ITEM: Final[dict[str, Any]] = {"id": "m", "type": "message"}
EVENTS: Final[dict[str, list[dict[str, Any]]]] = {
    ANTHROPIC: [
        {"type": "message_start", "message": {"id": "a"}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *(_delta(text) for text in TEXTS),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ],
    RESPONSES: [
        {"type": "response.created", "response": {"id": "r"}},
        {"type": "response.output_item.added", "item": ITEM},
        *({"type": "response.output_text.delta", "item_id": "m", "delta": text} for text in TEXTS),
        {"type": "response.output_text.done", "item_id": "m", "text": WHOLE},
        {"type": "response.completed", "response": {"id": "r"}},
    ],
    CHAT: [
        _chunk({"role": "assistant", "content": ""}),
        *(_chunk({"content": text}) for text in TEXTS),
        _chunk({}, "stop"),
        {"choices": [], "usage": {"completion_tokens": 5}},
    ],
}
TERMINAL: Final = {ANTHROPIC: -1, RESPONSES: -1, CHAT: -2}
"""Where among the events the one stands that ends the answer."""

PATHS: Final = {"/messages": ANTHROPIC, "/responses": RESPONSES, "/completions": CHAT}
REQUESTS: Final[dict[str, dict[str, Any]]] = {
    ANTHROPIC: {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "?"}]},
    RESPONSES: {"model": "m", "input": "?"},
    CHAT: {"model": "m", "messages": [{"role": "user", "content": "?"}]},
}


def _frames(protocol: str) -> list[bytes]:
    frames = []
    for event in EVENTS[protocol]:
        name = f"event: {event['type']}\n" if "type" in event else ""
        data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        frames.append(f"{name}data: {data}\n\n".encode())
    return frames + ([b"data: [DONE]\n\n"] if protocol == CHAT else [])


FRAMES: Final = {protocol: _frames(protocol) for protocol in PROTOCOLS}
BODIES: Final = {protocol: b"".join(frames) for protocol, frames in FRAMES.items()}
ENDS: Final = {
    protocol: len(b"".join(frames[: len(EVENTS[protocol]) + TERMINAL[protocol] + 1]))
    for protocol, frames in FRAMES.items()
}
"""How many bytes it takes until the terminal event is whole, its blank line included."""


@dataclass(frozen=True)
class Cut:
    """Where the first attempt's stream ends, and how."""

    protocol: str
    byte: int
    ending: str

    @property
    def request(self) -> dict[str, Any]:
        """The arguments of a request that meets this cut first, and the whole stream next."""
        headers = {"x-cut": f"{self.byte} {self.ending}"}
        return {**REQUESTS[self.protocol], "extra_headers": headers}

    @property
    def is_whole(self) -> bool:
        """Whether the terminal event arrives in full."""
        return self.byte >= ENDS[self.protocol]


class Cutter(asyncio.Protocol):
    """Serves one connection: the cut stream to the first request that names it, then the whole."""

    def __init__(self, met: dict[str, int]) -> None:
        self.met = met
        self.seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        plug: socket.socket = transport.get_extra_info("socket")
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self.seen += data
        head, found, content = self.seen.partition(b"\r\n\r\n")
        fields = [line.partition(b":") for line in head.split(b"\r\n")]
        headers = {name.lower(): value.strip().decode() for name, _, value in fields}
        if found and len(content) >= int(headers[b"content-length"]):
            self.seen = b""
            self.answer(head.split()[1].decode(), headers[b"x-cut"])

    def answer(self, path: str, cut: str) -> None:
        protocol = next(name for end, name in PATHS.items() if path.endswith(end))
        key = f"{protocol} {cut}"
        self.met[key] = self.met.get(key, 0) + 1
        byte, ending = (int(cut.split()[0]), cut.split()[1])
        if self.met[key] > 1:
            byte, ending = len(BODIES[protocol]), "clean"
        left, chunks = byte, []
        for frame in FRAMES[protocol]:
            if part := frame[:left]:
                chunks.append(b"%x\r\n%s\r\n" % (len(part), part))
            left -= len(part)
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
        start = head + b"transfer-encoding: chunked\r\n\r\n"
        last = b"0\r\n\r\n" if ending == "clean" else b""
        self.transport.write(start + b"".join(chunks) + last)
        if ending == "abrupt":
            self.transport.close()
        elif ending == "reset":
            plug = self.transport.get_extra_info("socket")
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()


@dataclass(frozen=True)
class Server:
    """Where the cutter listens, and how many requests each cut has met."""

    url: str
    met: dict[str, int]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A cutter on a free port of the loopback interface."""
    loop, met = asyncio.new_event_loop(), dict[str, int]()
    listening = loop.run_until_complete(loop.create_server(lambda: Cutter(met), "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield Server(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", met)
    loop.call_soon_threadsafe(listening.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    with suppress(RuntimeError):
        loop.close()


class Viewer:
    """What a person sees of a turn: pieces, dropped at a retry, and the message in their place.

    A turn does not let its viewers fail it, so what they saw is judged afterwards.
    """

    def __init__(self) -> None:
        self.events: list[TurnEvent] = []
        self.see = self.events.append

    def judge(self, whole: str, retries: int) -> None:
        """Nothing but beginnings of the text, timeouts, and in the end the text, once."""
        shown, messages, kinds = "", [], []
        for event in self.events:
            if isinstance(event, MessagePart) and event.piece.part == "text":
                shown += event.piece.text
            elif isinstance(event, ChatStreamRetry):
                shown = ""
                kinds.append(event.kind)
            elif isinstance(event, Answer):
                assert shown == event.text, "shown twice, or lost"
                messages.append((event.text, event.outcome))
            assert whole.startswith(shown), shown
        assert messages == [(whole, Outcome.COMPLETE)]
        assert kinds == [Kind.TIMEOUT] * retries


def _cuts(protocol: str, ending: str) -> list[Cut]:
    return [Cut(protocol, byte, ending) for byte in range(len(BODIES[protocol]) + 1)]


def _check_requests(server: Server, cuts: list[Cut]) -> None:
    for cut in cuts:
        met = server.met.pop(f"{cut.protocol} {cut.byte} {cut.ending}")
        assert met == (1 if cut.is_whole else 2), cut


def _client(protocol: str, url: str, is_async: bool) -> Client:
    if protocol == ANTHROPIC:
        kind: Any = anthropic.AsyncAnthropic if is_async else anthropic.Anthropic
        return kind(api_key="k", base_url=url, max_retries=0)
    kind = openai.AsyncOpenAI if is_async else openai.OpenAI
    return kind(api_key="k", base_url=f"{url}/v1", max_retries=0)


def _play(server: Server, protocol: str, cuts: list[Cut]) -> None:
    with _client(protocol, server.url, False) as client:
        for cut in cuts:
            viewer = Viewer()
            Turn(cut.request, client=client, policy=AT_ONCE, on_event=viewer.see).run()
            viewer.judge(WHOLE, retries=0 if cut.is_whole else 1)


async def _aplay(server: Server, protocol: str, cuts: list[Cut]) -> None:
    waiting = iter(cuts)

    async def work() -> None:
        for cut in waiting:
            viewer = Viewer()
            await Turn(cut.request, client=client, policy=AT_ONCE, on_event=viewer.see).arun()
            viewer.judge(WHOLE, retries=0 if cut.is_whole else 1)

    async with _client(protocol, server.url, True) as client:
        await asyncio.gather(*(work() for _ in range(CONCURRENT)))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_cut_at_any_byte_is_retried_and_nothing_is_shown_twice(
    server: Server, protocol: str, ending: str
) -> None:
    """Read synchronously: complete if the terminal event is whole, else a timeout and a retry."""
    cuts = _cuts(protocol, ending)
    _play(server, protocol, cuts)
    _check_requests(server, cuts)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_cut_at_any_byte_is_retried_by_an_asynchronous_turn(
    server: Server, protocol: str, ending: str
) -> None:
    """Read asynchronously, many at once, each turn for itself."""
    cuts = _cuts(protocol, ending)
    asyncio.run(_aplay(server, protocol, cuts))
    _check_requests(server, cuts)


GOOD: Final = Success(text="Grün, grün.", reasoning="Say it twice.")
LAB: Final = {ANTHROPIC: "/v1/messages", RESPONSES: "/v1/responses", CHAT: "/v1/chat/completions"}


def _recorded(protocol: str) -> list[bytes]:
    """The events of a provider's good stream, as they stand on the wire."""
    with FakeProvider([GOOD]) as provider:
        body = {**REQUESTS[protocol], "stream": True}
        url = provider.base_url + LAB[protocol]
        content = httpx2.post(url, json=body, trust_env=False).content
    return [frame + b"\n\n" for frame in content.split(b"\n\n")[:-1]]


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_providers_stream_cut_after_any_event_is_retried(protocol: str, is_async: bool) -> None:
    """At full length, with reasoning before the text: ended in order, closed, and reset."""
    frames = _recorded(protocol)
    last = len(frames) - (2 if protocol == CHAT else 1)
    script: list[object] = []
    for count in range(last + 1):
        byte = len(b"".join(frames[:count]))
        script += [f"clean-end-after-event:{count}", GOOD]
        script += [f"close-at-byte:{byte}", GOOD, f"reset-at-byte:{byte}", GOOD]
    turns = len(script) // 2

    async def scene() -> list[Viewer]:
        viewers = [Viewer() for _ in range(turns)]
        async with _client(protocol, provider.base_url, True) as client:
            for viewer in viewers:
                request = REQUESTS[protocol]
                await Turn(request, client=client, policy=AT_ONCE, on_event=viewer.see).arun()
        return viewers

    with FakeProvider({"steps": script, "success": GOOD}) as provider:
        if is_async:
            viewers = asyncio.run(scene())
        else:
            viewers = [Viewer() for _ in range(turns)]
            with _client(protocol, provider.base_url, False) as client:
                for viewer in viewers:
                    request = REQUESTS[protocol]
                    Turn(request, client=client, policy=AT_ONCE, on_event=viewer.see).run()
        assert provider.attempts == len(script)
    for viewer in viewers:
        viewer.judge(GOOD.said, retries=1)
